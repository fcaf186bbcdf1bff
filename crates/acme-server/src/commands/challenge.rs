//! `challenge why|list`: what each attempt saw, and what is being tried now.

use acme_core::{AdminStore, ProcessingChallenge, Story, Subject, roughly};
use acme_types::{Identifier, Timestamp};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::beside::with_store;
use super::{collect, more};
use crate::cli::ConfigArgs;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report, columns};

/// Why challenges are not met yet, and which are being tried
#[derive(Debug, Subcommand)]
pub(crate) enum Challenge {
    Why(Why),
    List(List),
}

/// Tells every attempt of a challenge, what it saw, and what to mend
#[derive(Args, Debug)]
#[command(after_help = "\
CHALLENGE is a challenge's id or URL, as clients log it. The id of an authorization, an order or a \
certificate, or a serial number, tells of all its challenges that were asked for; a name or an \
address of those that are being tried now, or of its last; the beginning of an id (4 characters or \
more) of those that are being tried now.

Examples:
  acme-server challenge why https://ca.internal/acme/default/challenge/Zk3pV0...
  acme-server challenge why www.example.internal
  acme-server challenge why --output json Zk3pV0...")]
pub(crate) struct Why {
    /// The challenge, or what it belongs to
    #[arg(value_name = "CHALLENGE")]
    id: String,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Lists the challenges that are being tried, the next due first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only those that are processing: the ones that are listed anyway
    #[arg(long)]
    processing: bool,
    /// Show at most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Challenge {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the configuration or the store cannot be read, or there is no such
    /// challenge.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        match self {
            Self::Why(why) => {
                let told = with_store(&why.config, async |store, now| {
                    told(&*store, &why.id, now).await
                })?;
                output.print(&told)
            }
            Self::List(list) => output.print(&list.challenges()?),
        }
    }
}

impl List {
    fn challenges(self) -> Result<Processing, Failure> {
        with_store(&self.config, async |store, now| {
            let page = async |after: Option<String>, size| {
                store.list_processing(after.as_deref(), size).await
            };
            let (challenges, are_more) = collect(self.limit, page).await?;
            let shown = challenges.iter().map(|one| ShownProcessing::new(one, now));
            Ok(Processing {
                challenges: shown.collect(),
                are_more,
            })
        })
    }
}

/// Finds what `wanted` names, and tells of it.
async fn told(store: &dyn AdminStore, wanted: &str, now: Timestamp) -> Result<Told, Failure> {
    let found = acme_core::tell(store, wanted, now).await?;
    let mut found = found.unwrap_or(acme_core::Told {
        subject: Subject::Beginning,
        stories: Vec::new(),
    });
    if matches!(found.subject, Subject::Challenge)
        && let Some(story) = found.stories.pop()
    {
        return Ok(Told::One(Box::new(story)));
    }
    if found.stories.is_empty() {
        return Err(Failure::failed(format!(
            "nothing is known of a challenge {wanted:?}: no challenge, authorization, order or \
             certificate has that id, and nothing was ever tried for that name; `challenge list` \
             shows what is being tried"
        )));
    }
    Ok(Told::Several(found.stories))
}

/// A challenge's own id gives one story, anything else a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Told {
    One(Box<Story>),
    Several(Vec<Story>),
}

impl Report for Told {
    fn text(&self) -> String {
        match self {
            Self::One(story) => story.text(),
            Self::Several(stories) => {
                let texts: Vec<_> = stories.iter().map(Story::text).collect();
                texts.join(&format!("\n{}\n\n", "-".repeat(96)))
            }
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Processing {
    challenges: Vec<ShownProcessing>,
    #[serde(skip)]
    are_more: bool,
}

#[derive(Serialize)]
struct ShownProcessing {
    challenge: String,
    kind: &'static str,
    identifier: Identifier,
    slot: u8,
    provisioner: String,
    attempts_made: u32,
    attempts_in_window: u32,
    next_attempt_at: Option<Timestamp>,
    last: Option<ShownLast>,
    #[serde(skip)]
    now: Timestamp,
}

#[derive(Serialize)]
struct ShownLast {
    number: u32,
    at: Timestamp,
    finding: &'static str,
    detail: String,
}

impl ShownProcessing {
    fn new(one: &ProcessingChallenge, now: Timestamp) -> Self {
        Self {
            challenge: one.challenge.id.to_string(),
            kind: one.challenge.kind.as_str(),
            identifier: one.identifier.clone(),
            slot: one.retry.owner.number(),
            provisioner: one.retry.provisioner_id.to_string(),
            attempts_made: one.retry.num_attempts,
            attempts_in_window: one.retry.max_attempts,
            next_attempt_at: one.retry.next_attempt,
            last: one.last.as_ref().map(|attempt| ShownLast {
                number: attempt.number,
                at: attempt.started_at,
                finding: attempt.observation.finding.as_str(),
                detail: attempt.observation.detail.clone(),
            }),
            now,
        }
    }
}

impl Report for Processing {
    fn text(&self) -> String {
        if self.challenges.is_empty() {
            return "No challenge is being tried.\n".to_owned();
        }
        let row = |one: &ShownProcessing| {
            let next = match one.next_attempt_at {
                None => "when asked".to_owned(),
                Some(next) if next > one.now => format!("in {}", roughly(next.since(one.now))),
                Some(_) => "now".to_owned(),
            };
            let last = one.last.as_ref();
            [
                one.challenge.clone(),
                one.kind.to_owned(),
                one.identifier.value(),
                format!("{}/{}", one.attempts_made, one.attempts_in_window),
                next,
                one.slot.to_string(),
                last.map_or_else(String::new, |last| shortened(&last.detail)),
            ]
        };
        let rows: Vec<_> = self.challenges.iter().map(row).collect();
        let headings = [
            "CHALLENGE",
            "TYPE",
            "IDENTIFIER",
            "TRIED",
            "NEXT",
            "SLOT",
            "LAST SEEN",
        ];
        columns(headings, &rows) + &more(rows.len(), self.are_more)
    }
}

/// The beginning of a detail, so that a line of the list stays a line.
fn shortened(detail: &str) -> String {
    let mut chars = detail.chars();
    let mut text: String = chars.by_ref().take(60).collect();
    if chars.next().is_some() {
        text.push('…');
    }
    text
}
