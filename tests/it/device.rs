//! Devices that their maker attests, by the client's own API for it.

use acme_tests::{Certificate, Settings, client, shown};
use instant_acme::{
    ChallengeStatus, ChallengeType, DeviceAttestation, Error, Identifier, NewOrder, Order,
    OrderStatus,
};

use crate::devices::{DeviceKey, Maker, Tpm, hardware_module, packed, permanent_identifier};

/// Sends the statement that is made of the challenge's key authorization.
async fn attest(
    order: &mut Order,
    statement: impl FnOnce(&str) -> Vec<u8>,
) -> Result<ChallengeStatus, Error> {
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await.unwrap().unwrap();
    let mut challenge = authorization
        .challenge(ChallengeType::DeviceAttest01)
        .unwrap();
    let statement = statement(challenge.key_authorization().as_str());
    let payload = DeviceAttestation {
        att_obj: statement.into(),
    };
    challenge.send_device_attestation(&payload).await
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_attests_devices() {
    let maker = Maker::new("Maker of devices");
    let dir = tempfile::tempdir().unwrap();
    let roots = dir.path().join("roots.pem");
    std::fs::write(
        &roots,
        acme_core::pem::certificates_to_pem(&[&maker.certificate]),
    )
    .unwrap();
    let of = |format: &str| {
        format!(
            "provisioner.default.attestation.{format}_roots={}",
            roots.display()
        )
    };
    let (tpms, packers) = (of("tpm"), of("packed"));
    let settings = [
        "provisioner.default.challenges=device-attest-01",
        &tpms,
        &packers,
    ];
    let server = Settings::new().set(&settings).start().await;
    let account = client::account(&server).await;
    let key = DeviceKey::p256();

    let device = Identifier::PermanentIdentifier("C02X/1.2.3.4".to_owned());
    let module = Identifier::HardwareModule("SN1/2.23.133.1.2".to_owned());
    for (identifier, name) in [
        (device, permanent_identifier("C02X", Some("1.2.3.4"))),
        (module, hardware_module("SN1", "2.23.133.1.2")),
    ] {
        let is_tpm = matches!(identifier, Identifier::HardwareModule(_));
        let identifiers = [identifier];
        let names = [name];
        let statement = |key_authorization: &str| {
            let object = if is_tpm {
                Tpm::new(&maker, &DeviceKey::rsa(), &names).certify(&key, key_authorization)
            } else {
                packed(&maker, &key, &names, key_authorization)
            };
            object.encode()
        };
        let mut order = account
            .new_order(&NewOrder::new(&identifiers))
            .await
            .unwrap();
        let status = attest(&mut order, statement).await.unwrap();
        assert_eq!(status, ChallengeStatus::Valid);
        client::wait_until_ready(&mut order).await;

        let stranger = DeviceKey::p256().csr(None, &names);
        match order.finalize_csr(&stranger).await {
            Err(Error::Api(problem)) => {
                let kind = problem.r#type.unwrap();
                assert!(kind.ends_with("badCSR"), "{kind}");
            }
            other => panic!("{other:?}"),
        }
        order.finalize_csr(&key.csr(None, &names)).await.unwrap();
        let pem = order.poll_certificate(&client::PATIENCE).await.unwrap();
        let certificate = Certificate::from_pem(&pem);
        let leaf: &[u8] = certificate.leaf();
        let has = |part: &[u8]| leaf.windows(part.len()).any(|window| window == part);
        assert!(has(&names[0]) && has(&acme_core::spki_of(&key.jwk())));
        // OpenSSL reads it.
        assert!(!certificate.serial().await.is_empty());

        // A statement about another challenge.
        let mut order = account
            .new_order(&NewOrder::new(&identifiers))
            .await
            .unwrap();
        let stale = attest(&mut order, |_| statement("another")).await;
        match stale {
            Err(Error::Api(problem)) => {
                let kind = problem.r#type.unwrap();
                assert!(kind.ends_with("badAttestationStatement"), "{kind}");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(order.refresh().await.unwrap().status, OrderStatus::Invalid);
    }
    shown("instant-acme", "device-attest-01");
}
