//! `challenge why|list`: what each attempt saw, and what is being tried now.

use acme_core::{Challenge as CoreChallenge, ChallengeState, ProcessingChallenge, Store};
use acme_types::{AuthorizationId, ChallengeId, Identifier, OrderId, Timestamp};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::beside::with_store;
use super::{collect, id_of, more};
use crate::cli::ConfigArgs;
use crate::config::duration::roughly;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report, columns};
use crate::story::Story;

/// Why challenges are not met yet, and which are being tried
#[derive(Debug, Subcommand)]
pub(crate) enum Challenge {
    Why(Why),
    List(List),
}

/// Tells every attempt of a challenge, what it saw, and what to mend
#[derive(Args, Debug)]
#[command(after_help = "\
CHALLENGE is a challenge's id or URL, as clients log it. The id of an authorization or an order \
tells of all its challenges that were asked for; a name, an address or the beginning of an id (4 \
characters or more) of those that are being tried now.

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
                    tell(&*store, id_of(&why.id), now).await
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
async fn tell(store: &dyn Store, wanted: &str, now: Timestamp) -> Result<Told, Failure> {
    if let Ok(id) = wanted.parse()
        && let Some(story) = story(store, &id, now).await?
    {
        return Ok(Told::One(Box::new(story)));
    }
    let mut stories = Vec::new();
    for id in belonging(store, wanted).await? {
        stories.extend(story(store, &id, now).await?);
    }
    if stories.is_empty() {
        return Err(Failure::failed(format!(
            "nothing is known of a challenge {wanted:?}: no challenge, authorization or order has \
             that id, and nothing that is being tried now has that name; `challenge list` shows \
             what is"
        )));
    }
    Ok(Told::Several(stories))
}

async fn story(
    store: &dyn Store,
    id: &ChallengeId,
    now: Timestamp,
) -> Result<Option<Story>, Failure> {
    let Some((authorization, attempts)) = store.find_attempts(id).await? else {
        return Ok(None);
    };
    let challenge = authorization
        .challenges
        .iter()
        .find(|challenge| challenge.id == *id);
    Ok(challenge.map(|challenge| Story::new(&authorization, challenge, &attempts, now)))
}

/// The challenges of the authorization or order of this id, or that are being tried for this name.
async fn belonging(store: &dyn Store, wanted: &str) -> Result<Vec<ChallengeId>, Failure> {
    if let Ok(id) = wanted.parse::<AuthorizationId>()
        && let Some((authorization, _)) = store.find_authorization(&id).await?
    {
        return Ok(asked_for(&authorization.challenges));
    }
    if let Ok(id) = wanted.parse::<OrderId>()
        && let Some(view) = store.find_order(&id).await?
    {
        let mut challenges = Vec::new();
        for id in &view.order.authorizations {
            if let Some((authorization, _)) = store.find_authorization(id).await? {
                challenges.extend(asked_for(&authorization.challenges));
            }
        }
        return Ok(challenges);
    }
    let page =
        async |after: Option<String>, size| store.list_processing(after.as_deref(), size).await;
    let (processing, _) = collect(0, page).await?;
    let name = wanted.trim_start_matches("*.").to_ascii_lowercase();
    let means = |one: &ProcessingChallenge| {
        let begins =
            wanted.len() >= SHORTEST_BEGINNING && one.challenge.id.as_str().starts_with(wanted);
        begins || one.identifier.value() == name
    };
    let meant = processing.into_iter().filter(means);
    Ok(meant.map(|one| one.challenge.id).collect())
}

/// Of an authorization's challenges those that a client has asked for; all, when it has asked for
/// none.
fn asked_for(challenges: &[CoreChallenge]) -> Vec<ChallengeId> {
    let ids = |wanted: &dyn Fn(&&CoreChallenge) -> bool| -> Vec<ChallengeId> {
        let wanted = challenges.iter().filter(wanted);
        wanted.map(|challenge| challenge.id.clone()).collect()
    };
    let asked = ids(&|challenge| challenge.state != ChallengeState::Pending);
    if asked.is_empty() {
        ids(&|_| true)
    } else {
        asked
    }
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

/// A shorter beginning of an id would be taken for a name by mistake, or match by accident.
const SHORTEST_BEGINNING: usize = 4;
