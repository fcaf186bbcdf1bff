//! `cert list|show|revoke|renew-early|export`: what was issued.

mod renew_early;
mod shown;

use std::path::PathBuf;

use acme_core::{
    Certificate as CoreCertificate, CertificateFilter, Issuer, Origin, RevocationReason,
    RevokeVerdict, Serial, Store,
};
use acme_types::{AccountId, CertificateId, DnsName, Identifier};
use aws_lc_rs::digest;
use clap::{Args, Subcommand, ValueEnum};

use super::beside::with_store;
use super::{collect, id_of, io_failure};
use crate::cli::ConfigArgs;
use crate::config::duration;
use crate::exit::Failure;
use crate::output::{OutputFormat, write_out};
use shown::{Certificates, Revoked, ShownCertificate};

/// Lists, shows, revokes, renews early and exports certificates
#[derive(Debug, Subcommand)]
pub(crate) enum Certificate {
    List(List),
    Show(Show),
    Revoke(Revoke),
    RenewEarly(renew_early::RenewEarly),
    Export(Export),
}

/// Lists certificates, the newest first
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server cert list --identifier www.example.internal
  acme-server cert list --expiring-within 7d --limit 0")]
pub(crate) struct List {
    /// Only those for this name or address
    #[arg(long, value_name = "NAME", value_parser = identifier)]
    identifier: Option<Identifier>,
    /// Only those of this account (id or URL)
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    account: Option<AccountId>,
    /// Only those that end within this time from now, such as 7d
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    expiring_within: Option<std::time::Duration>,
    /// Only those that are revoked
    #[arg(long, conflicts_with = "not_revoked")]
    revoked: bool,
    /// Only those that are not revoked
    #[arg(long)]
    not_revoked: bool,
    /// Show at most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Shows one certificate
#[derive(Args, Debug)]
pub(crate) struct Show {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Revokes a certificate; this cannot be undone
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server cert revoke 00a4...1f --reason keyCompromise")]
pub(crate) struct Revoke {
    #[command(flatten)]
    which: Which,
    /// Why (RFC 5280, section 5.3.1)
    #[arg(long, value_name = "REASON", default_value = "unspecified", value_parser = reasons())]
    reason: String,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Writes a certificate with its chain, to standard output unless --out names a file
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server cert export 00a4...1f > www.pem
  acme-server cert export 00a4...1f --format der --out www.der")]
pub(crate) struct Export {
    #[command(flatten)]
    which: Which,
    /// PEM with the chain, or DER of the certificate alone
    #[arg(long, value_enum, default_value_t)]
    format: ExportFormat,
    /// Leave the issuers out
    #[arg(long)]
    no_chain: bool,
    /// The file to write; it must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Which certificate.
#[derive(Args, Debug)]
struct Which {
    /// The certificate's serial number, its id, or its URL
    #[arg(value_name = "SERIAL")]
    certificate: String,
}

/// What a certificate is written as.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum ExportFormat {
    /// Text, the certificate first and its issuers after it.
    #[default]
    Pem,
    /// The certificate's bytes.
    Der,
}

impl Certificate {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the configuration or the store cannot be read, or there is no such
    /// certificate.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        match self {
            Self::List(list) => output.print(&list.certificates()?),
            Self::Show(show) => {
                let shown = with_store(&show.config, async |store, now| {
                    let (certificate, _) = show.which.find(&*store).await?;
                    Ok(ShownCertificate::new(&certificate, now))
                })?;
                output.print(&shown)
            }
            Self::Revoke(revoke) => output.print(&revoke.revoke()?),
            Self::RenewEarly(renew) => output.print(&renew.mark()?),
            Self::Export(export) => export.export(),
        }
    }
}

impl Which {
    async fn find(&self, store: &dyn Store) -> Result<(CoreCertificate, Issuer), Failure> {
        let wanted = id_of(&self.certificate);
        let missing = || Failure::failed(format!("there is no certificate {wanted}"));
        if let Ok(id) = wanted.parse::<CertificateId>()
            && let Some(found) = store.find_certificate(&id).await?
        {
            return Ok(found);
        }
        let serial: Serial = wanted.parse().map_err(|_| missing())?;
        let found = store.find_certificate_by_serial(&serial).await?;
        let found = found.ok_or_else(missing)?;
        store.find_certificate(&found.id).await?.ok_or_else(missing)
    }
}

impl List {
    fn certificates(self) -> Result<Certificates, Failure> {
        with_store(&self.config, async |store, now| {
            let filter = CertificateFilter {
                identifier: self.identifier,
                account_id: self.account,
                expires_before: self.expiring_within.map(|span| now.plus(span)),
                revoked: (self.revoked || self.not_revoked).then_some(self.revoked),
            };
            let page = async |after: Option<String>, size| {
                store
                    .list_certificates(&filter, after.as_deref(), size)
                    .await
            };
            let (found, are_more) = collect(self.limit, page).await?;
            let certificates = found.iter().map(|one| ShownCertificate::new(one, now));
            Ok(Certificates {
                certificates: certificates.collect(),
                are_more,
            })
        })
    }
}

impl Revoke {
    fn revoke(self) -> Result<Revoked, Failure> {
        let reason = RevocationReason::ALL
            .iter()
            .find(|reason| reason.as_str() == self.reason)
            .copied()
            .unwrap_or_default();
        with_store(&self.config, async |store, now| {
            let (certificate, _) = self.which.find(&*store).await?;
            let serial = certificate.serial;
            let (revocation, before) = match store
                .revoke_certificate(&serial, reason, now, &Origin::of_command(now))
                .await?
            {
                RevokeVerdict::Revoked(certificate) => (certificate.revocation, false),
                RevokeVerdict::AlreadyRevoked(revocation) => (Some(revocation), true),
                RevokeVerdict::NotFound => {
                    return Err(Failure::failed(format!(
                        "the certificate {serial} is not signed yet; there is nothing to revoke"
                    )));
                }
            };
            Ok(Revoked {
                serial: serial.to_string(),
                revoked_at: revocation.map_or(now, |revocation| revocation.at),
                reason: revocation
                    .map_or(reason, |revocation| revocation.reason)
                    .as_str(),
                was_revoked_before: before,
            })
        })
    }
}

impl Export {
    fn export(self) -> Result<(), Failure> {
        let (certificate, issuer) = with_store(&self.config, async |store, _| {
            self.which.find(&*store).await
        })?;
        let serial = certificate.serial;
        let der = certificate.der.ok_or_else(|| {
            Failure::failed(format!("the certificate {serial} is not signed yet"))
        })?;
        let bytes = match self.format {
            ExportFormat::Der => der,
            ExportFormat::Pem => {
                let mut chain = vec![der];
                if !self.no_chain {
                    chain.extend(issuer.chain);
                }
                acme_core::pem::certificates_to_pem(&chain).into_bytes()
            }
        };
        match self.out {
            None => write_out(&bytes),
            Some(path) => std::fs::File::create_new(&path)
                .and_then(|mut file| std::io::Write::write_all(&mut file, &bytes))
                .map_err(|error| io_failure("write", &path, &error)),
        }
    }
}

/// SHA-256 of a certificate, 64 hexadecimal digits.
pub(super) fn sha256_hex(der: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, der);
    digest
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// An identifier as people give it: an address or a name.
fn identifier(text: &str) -> Result<Identifier, String> {
    if let Ok(address) = text.parse() {
        return Ok(Identifier::Ip(address));
    }
    let name = text.to_ascii_lowercase().parse::<DnsName>();
    name.map(Identifier::Dns).map_err(|error| error.to_string())
}

fn account(text: &str) -> Result<AccountId, String> {
    id_of(text)
        .parse()
        .map_err(|error: acme_types::InvalidId| error.to_string())
}

fn reasons() -> clap::builder::PossibleValuesParser {
    RevocationReason::ALL
        .iter()
        .map(|reason| reason.as_str())
        .collect::<Vec<_>>()
        .into()
}
