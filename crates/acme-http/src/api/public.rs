//! What anyone may read: the authority's certificates, health and version.

use acme_core::{IssuerId, pem};
use serde::Serialize;

use super::Api;
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::urls::Target;

#[derive(Serialize)]
struct Root {
    ca: String,
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

#[derive(Serialize)]
struct Version<'a> {
    version: &'a str,
}

impl Api {
    pub(super) async fn public(&self, target: &Target) -> Outcome {
        let authority = &self.services.authority;
        let answer = match target {
            Target::Roots => pem_file(&authority.roots()),
            Target::Intermediates => {
                let issuers = authority.issuers();
                let chains: Vec<_> = issuers.iter().flat_map(|issuer| &issuer.chain).collect();
                pem_file(&chains)
            }
            Target::Root(fingerprint) => {
                let roots = authority.roots();
                let root = roots
                    .iter()
                    .find(|der| IssuerId::of_certificate(der).0 == *fingerprint)
                    .ok_or_else(|| Failure::not_found("there is no root of this fingerprint"))?;
                Answer::json(&Root {
                    ca: pem::certificates_to_pem(&[root]),
                })
            }
            Target::Health => {
                self.services.store.ping().await?;
                Answer::json(&Health { status: "ok" })
            }
            Target::Version => Answer::json(&Version {
                version: &self.version,
            }),
            Target::Acme(..) | Target::Crl(_) | Target::Ocsp(_) => {
                return Err(Failure::Bug("a resource of its own is no public file"));
            }
        };
        Ok(answer.cache("no-cache"))
    }
}

fn pem_file<C: AsRef<[u8]>>(certificates: &[C]) -> Answer {
    Answer::text(
        "application/x-pem-file",
        pem::certificates_to_pem(certificates),
    )
}
