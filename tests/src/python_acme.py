"""Drives the Python library `acme`: an account, a certificate by http-01, and what else is asked.

Arguments: directory URL, webroot, names parted by commas, then any of
`update`, `revoke`, `deactivate`. Prints the chain.
"""

import pathlib
import sys

import josepy
from acme import challenges, client, crypto_util, messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

url, webroot, names, *more = sys.argv[1:]
names = names.split(",")
key = josepy.JWKRSA(key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
net = client.ClientNetwork(key, user_agent="acme-tests")
acme = client.ClientV2(client.ClientV2.get_directory(url, net), net)
account = acme.new_account(
    messages.NewRegistration.from_data(email="operator@example.test", terms_of_service_agreed=True)
)
pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
order = acme.new_order(crypto_util.make_csr(pem, names))
for authorization in order.authorizations:
    for body in authorization.body.challenges:
        if isinstance(body.chall, challenges.HTTP01):
            response, validation = body.response_and_validation(key)
            path = pathlib.Path(webroot) / body.chall.path.lstrip("/")
            path.write_text(validation)
            acme.answer_challenge(body, response)
order = acme.poll_and_finalize(order)
chain = order.fullchain_pem
if "update" in more:
    body = messages.Registration.from_data(email="other@example.test")
    account = acme.update_registration(account, body)
    assert account.body.contact == ("mailto:other@example.test",), account
if "revoke" in more:
    acme.revoke(x509.load_pem_x509_certificate(chain.encode()), 4)
if "deactivate" in more:
    account = acme.deactivate_registration(account)
    assert account.body.status == "deactivated", account
print(chain)
