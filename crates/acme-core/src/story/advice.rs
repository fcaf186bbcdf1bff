//! What to mend, for each thing that a probe may find.

use crate::Finding;

/// In words for the person who waits for the certificate: what this finding means, and what to do.
#[must_use]
pub const fn advice(finding: Finding) -> &'static str {
    match finding {
        Finding::Proof => "The proof was there; nothing is to be done.",
        Finding::DnsFailure => {
            "The DNS server gave no usable answer. Check that the name's DNS servers are up and that \
             this server's resolvers (validation.resolvers) reach them."
        }
        Finding::DnsNoAddress => {
            "The name has no address as this server sees it. Create its A or AAAA record, or point \
             validation.resolvers to DNS servers that know it."
        }
        Finding::DnsNoTxt => {
            "There is no TXT record at _acme-challenge yet. If the client has just created it, it is \
             spreading: wait. Otherwise check that the client writes to the zone that is asked here."
        }
        Finding::DnsTxtMismatch => {
            "There are TXT records, but none is the one of this challenge. Often an old record is \
             still cached: wait for its TTL. Otherwise another client or another order wrote it."
        }
        Finding::ConnectRefused => {
            "Nothing listens at this address and port. Start the client's web server (or the proxy \
             in front of it), or send the port to where it listens; check that the name points to the \
             right machine."
        }
        Finding::ConnectTimeout => {
            "The address does not answer. A firewall may drop what comes from this server, the \
             machine may be down, or the name may point to an address that is not used any more."
        }
        Finding::ConnectFailed => {
            "The connection could not be made. Check the route from this server to that address \
             (an IPv6 record without IPv6 connectivity is a frequent cause)."
        }
        Finding::HttpBroken => {
            "The connection was made, and no full answer came. The web server or the proxy in front \
             of it is starting, overloaded, or does not speak HTTP on this port."
        }
        Finding::HttpStatus => {
            "The web server answers, but not with the challenge's file. Make it serve \
             /.well-known/acme-challenge/ from where the client writes (or pass the path on to the \
             client), without login or rewriting."
        }
        Finding::HttpRedirect => {
            "The web server redirects to a place that does not lead to the file. Leave \
             /.well-known/acme-challenge/ out of the redirection, or let it end at the file on a \
             port that is allowed."
        }
        Finding::HttpMismatch => {
            "Another file's content is served under this challenge's name: the answer belongs to \
             another account or order. Check that only one client answers for the name, then open a \
             new order."
        }
        Finding::TlsFailed => {
            "The TLS handshake failed. Check that the client answers the handshake itself on this \
             port, and that a proxy in front of it passes TLS on instead of ending it."
        }
        Finding::TlsNoAlpn => {
            "The server there does not know the protocol acme-tls/1: the client's own responder is \
             not the one that answers. Let the proxy in front of it pass TLS through by ALPN, or use \
             http-01."
        }
        Finding::TlsWrongCertificate => {
            "The server shows an ordinary certificate, not the challenge's. The client has not put it \
             in place yet, or something else answers for this name."
        }
        Finding::TlsMismatch => {
            "The certificate shown belongs to another challenge. Check that only one client answers \
             for the name, then open a new order."
        }
        Finding::DeniedNetwork => {
            "The name points into a network that this server must not reach. Correct the name's \
             address, or take the network out of validation.deny_networks (or into allow_networks)."
        }
        Finding::CaaFailure => {
            "The proof is there, but the name's CAA records cannot be looked up. Mend the name server \
             of the zone named here, or name the zone in this provisioner's caa_private_suffixes."
        }
        Finding::CaaRefused => {
            "The name's CAA records permit other authorities only. Add a CAA record for one of this \
             provisioner's caa_identities."
        }
        Finding::AttestationRefused => {
            "The device's statement was not believed, and a statement is not asked for twice. Compare \
             what is said above with the device and with the roots in [provisioner.attestation], then \
             open a new order."
        }
        Finding::Internal => {
            "The fault lies with this server, not with the client; it goes on trying. Its log tells \
             more."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_advice_of_its_own() {
        let mut texts: Vec<_> = Finding::ALL
            .iter()
            .map(|finding| advice(*finding))
            .collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Finding::ALL.len());
        for text in texts {
            assert!(text.ends_with('.') && !text.contains("  "), "{text}");
        }
    }
}
