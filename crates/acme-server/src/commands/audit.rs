//! `audit list|verify|export`: who did what, and whether the trail is whole.

use acme_core::{AdminStore, AuditBody, AuditEntry, AuditFilter, ChainCheck, hexadecimal};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::beside::with_store;
use super::{collect, more};
use crate::cli::ConfigArgs;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report, columns, write_out};

/// Shows, checks and exports the audit trail
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    List(List),
    Verify(Verify),
    Export(Export),
}

/// Lists entries, the newest first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only those of this act, as certificate.revoke
    #[arg(long, value_name = "ACT")]
    act: Option<String>,
    /// Only those of this actor, as account:ID or operator:NAME
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Only those about this object, as certificate:ID
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,
    /// Show at most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Checks every chain: an entry that was removed, changed or moved is named, and the status is 1
///
/// The heads that it prints tell how far each chain has come. Keep them elsewhere: who can write to
/// the database can write a whole new trail, but none that ends in the heads that you have kept.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Writes every entry as a line of JSON, chain by chain, with its digest
#[derive(Args, Debug)]
pub(crate) struct Export {
    #[command(flatten)]
    config: ConfigArgs,
}

impl Audit {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the configuration or the store cannot be read, or the trail is not whole.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        match self {
            Self::List(list) => output.print(&list.run()?),
            Self::Verify(verify) => verify.run(output),
            Self::Export(export) => with_store(&export.config, async |store, _| {
                each_entry(&*store, |entry| write_out(line(entry).as_bytes())).await
            }),
        }
    }
}

/// An entry as the line that is exported: its body, with the digest as the last member.
fn line(entry: &AuditEntry) -> String {
    let body = entry.body.strip_suffix('}').unwrap_or(&entry.body);
    format!("{body},\"hash\":\"{}\"}}\n", hexadecimal(&entry.hash))
}

/// Entries that are read at a time.
const STEP: u32 = 500;

async fn each_entry(
    store: &dyn AdminStore,
    mut see: impl FnMut(&AuditEntry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for head in store.audit_heads().await? {
        let mut after = 0;
        loop {
            let entries = store.audit_chain(&head.chain, after, STEP).await?;
            for entry in &entries {
                see(entry)?;
                after = entry.number;
            }
            if entries.len() < STEP as usize {
                break;
            }
        }
    }
    Ok(())
}

impl Verify {
    fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let verified = with_store(&self.config, async |store, _| verify(&*store).await)?;
        let flaws = verified.findings.len();
        output.print(&verified)?;
        if flaws == 0 {
            Ok(())
        } else {
            Err(Failure::failed(format!(
                "the audit trail is not what was written: {flaws} findings"
            )))
        }
    }
}

async fn verify(store: &dyn AdminStore) -> Result<Verified, Failure> {
    let mut verified = Verified {
        entries: 0,
        heads: Vec::new(),
        findings: Vec::new(),
    };
    for head in store.audit_heads().await? {
        let shown = ShownHead {
            chain: head.chain.clone(),
            first: head.anchor_number + 1,
            last: head.number,
            hash: hexadecimal(&head.hash),
        };
        let (chain, mut after, end) = (head.chain.clone(), 0, head.number);
        let mut check = ChainCheck::new(head);
        loop {
            let entries = store.audit_chain(&chain, after, STEP).await?;
            for entry in &entries {
                after = entry.number;
                // What a running server has written since the head was read is checked next time.
                if after <= end {
                    check.push(entry);
                    verified.entries += 1;
                }
            }
            if entries.len() < STEP as usize || after > end {
                break;
            }
        }
        let findings = check.finish();
        verified
            .findings
            .extend(findings.iter().map(ToString::to_string));
        if shown.last > 0 {
            verified.heads.push(shown);
        }
    }
    Ok(verified)
}

impl List {
    fn run(self) -> Result<Entries, Failure> {
        let filter = AuditFilter {
            act: self.act,
            actor: self.actor,
            object: self.object,
        };
        with_store(&self.config, async |store, _| {
            let page = async |after: Option<String>, size| {
                store.list_audit(&filter, after.as_deref(), size).await
            };
            let (found, are_more) = collect(self.limit, page).await?;
            let mut entries = Vec::with_capacity(found.len());
            for entry in found {
                let body = serde_json::from_str(&entry.body).map_err(|error| {
                    Failure::failed(format!(
                        "entry {} {} cannot be read: {error}; see `audit verify`",
                        entry.chain, entry.number
                    ))
                })?;
                entries.push(body);
            }
            Ok(Entries { entries, are_more })
        })
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Entries {
    entries: Vec<AuditBody>,
    #[serde(skip)]
    are_more: bool,
}

#[derive(Serialize)]
struct Verified {
    entries: u64,
    heads: Vec<ShownHead>,
    findings: Vec<String>,
}

#[derive(Serialize)]
struct ShownHead {
    chain: String,
    first: u64,
    last: u64,
    hash: String,
}

impl Report for Entries {
    fn text(&self) -> String {
        if self.entries.is_empty() {
            return "There are no such entries.\n".to_owned();
        }
        let row = |entry: &AuditBody| {
            let detail = entry.detail.iter();
            let detail: Vec<_> = detail
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            [
                entry.at.to_string(),
                entry.act.clone(),
                entry.result.clone(),
                entry.actor.clone(),
                entry.object.clone(),
                detail.join(" "),
            ]
        };
        let rows: Vec<_> = self.entries.iter().map(row).collect();
        columns(
            ["TIME", "ACT", "RESULT", "ACTOR", "OBJECT", "DETAIL"],
            &rows,
        ) + &more(rows.len(), self.are_more)
    }
}

impl Report for Verified {
    fn text(&self) -> String {
        let row = |head: &ShownHead| {
            [
                head.chain.clone(),
                head.first.to_string(),
                head.last.to_string(),
                head.hash.clone(),
            ]
        };
        let rows: Vec<_> = self.heads.iter().map(row).collect();
        let mut text = columns(["CHAIN", "FIRST", "LAST", "HEAD (SHA-256)"], &rows);
        for finding in &self.findings {
            text += &format!("FOUND: {finding}\n");
        }
        if self.findings.is_empty() {
            text += &format!("{} entries, all as they were written.\n", self.entries);
        }
        text
    }
}
