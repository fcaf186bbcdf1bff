//! The certificate that the server itself shows: from files, or issued and renewed by the CA.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use acme_ca::{ServerCertificateRequest, issue_server_certificate};
use acme_core::{Clock, Entropy, SignAuthority};
use acme_types::{Identifier, Slot, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use super::ServeError;
use super::stage::base_host;
use crate::chain::Chain;
use crate::config::Config;
use crate::tls::{self, OwnCertificate};

/// Life of the certificate that the CA issues to the server: it is renewed after two thirds of it.
const VALIDITY: Duration = Duration::from_secs(7 * 86_400);
/// How far before the present it begins.
const BACKDATE: Duration = Duration::from_secs(60);
/// Pause after a renewal that failed.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// The certificate in use, and when to replace it.
#[derive(Clone)]
pub(super) struct Own {
    shown: Arc<OwnCertificate>,
    /// None when it comes from files, which SIGHUP reads again.
    renew_at: Option<Timestamp>,
}

impl Own {
    pub(super) fn shown(&self) -> Arc<OwnCertificate> {
        Arc::clone(&self.shown)
    }

    /// Reads the files again, if it comes from files.
    pub(super) fn reload(&self, config: &Config) {
        let Some(files) = &config.tls else {
            info!("SIGHUP: the CA renews the server's certificate by itself");
            return;
        };
        match tls::from_files(&files.cert, &files.key) {
            Ok(certificate) => {
                self.shown.replace(certificate);
                info!("SIGHUP: the server's certificate was read again");
            }
            Err(error) => {
                warn!(error = %Chain(&error), "SIGHUP: the server keeps the certificate it has");
            }
        }
    }
}

/// The certificate to start with.
pub(super) async fn first(
    config: &Config,
    authority: &dyn SignAuthority,
    slot: Slot,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<Own, ServeError> {
    if let Some(files) = &config.tls {
        let certificate = tls::from_files(&files.cert, &files.key)?;
        return Ok(Own {
            shown: Arc::new(OwnCertificate::new(certificate)),
            renew_at: None,
        });
    }
    let (certificate, not_after) = issue(config, authority, slot, entropy, now).await?;
    Ok(Own {
        shown: Arc::new(OwnCertificate::new(certificate)),
        renew_at: Some(tls::renew_at(now, not_after)),
    })
}

/// Renews the certificate in time, until `stop` turns true.
pub(super) async fn keep(
    config: Config,
    own: Own,
    slot: Slot,
    authority: Arc<dyn SignAuthority>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    let Some(mut renew_at) = own.renew_at else {
        return;
    };
    while !*stop.borrow() {
        // Short steps: the wall clock may jump while a long sleep would not notice.
        let pause = renew_at
            .since(clock.now())
            .min(TRY_AGAIN)
            .max(Duration::from_secs(1));
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.changed() => return,
        }
        let now = clock.now();
        if now < renew_at {
            continue;
        }
        match issue(&config, &*authority, slot, &*entropy, now).await {
            Ok((certificate, not_after)) => {
                own.shown.replace(certificate);
                renew_at = tls::renew_at(now, not_after);
                info!(until = %not_after, "the server's own certificate was renewed");
            }
            Err(error) => {
                warn!(error = %Chain(&error), "the server's own certificate cannot be renewed");
                renew_at = now.plus(TRY_AGAIN);
            }
        }
    }
}

async fn issue(
    config: &Config,
    authority: &dyn SignAuthority,
    slot: Slot,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<(rustls::sign::CertifiedKey, Timestamp), ServeError> {
    let provisioner = config
        .provisioners
        .first()
        .map(|first| first.provisioner.name.clone())
        .ok_or_else(|| ServeError::Authority("no provisioner is configured".to_owned()))?;
    let request = ServerCertificateRequest {
        provisioner,
        identifiers: names(config),
        slot,
        // A little earlier, for clients whose clocks are slow.
        not_before: now.minus(BACKDATE),
        not_after: now.plus(VALIDITY),
    };
    let issued = issue_server_certificate(authority, &request, entropy)
        .await
        .map_err(|error| ServeError::Authority(Chain(&error).to_string()))?;
    let certificate = tls::certified_key(issued.chain_der, &issued.key_pkcs8)?;
    Ok((certificate, issued.not_after))
}

/// The hosts of the base URLs, the addresses listened on, and loopback when that is where it listens.
fn names(config: &Config) -> Vec<Identifier> {
    let mut names = vec![];
    for url in std::iter::once(&config.base_url).chain(&config.accepted_base_urls) {
        let host = base_host(url);
        match host.parse::<IpAddr>() {
            Ok(ip) => names.push(Identifier::Ip(ip)),
            Err(_) => names.extend(host.parse().map(Identifier::Dns)),
        }
    }
    let ip = config.listen.acme.ip();
    if !ip.is_unspecified() {
        names.push(Identifier::Ip(ip));
    }
    if ip.is_loopback() {
        names.extend("localhost".parse().map(Identifier::Dns));
    }
    names.sort();
    names.dedup();
    names
}
