//! `admin create|list|revoke|link`: operators, who may use the admin API.

use std::time::Duration;

use acme_admin::link_url;
use acme_core::{
    CreateOperatorVerdict, EntropyRng, Operator, OperatorName, Origin, Proof, ProofKind,
    ProofSecret, Role, roughly,
};
use acme_types::Timestamp;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::beside::with_store;
use crate::cli::{ConfigArgs, NAME};
use crate::config::duration::parse;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report, columns, facts};
use crate::serve::admin_url;
use crate::system::SystemEntropy;

/// Makes, lists and revokes operators, who may use the admin API
#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    Create(Create),
    List(List),
    Revoke(Revoke),
    Link(Link),
}

/// Makes an operator and shows the token that proves it, this once
#[derive(Args, Debug)]
#[command(after_help = "\
A viewer looks at everything that is no secret; an operator also revokes, deactivates, tries again
and hands out external account keys; an admin also drains the server and sees its configuration.

Examples:
  acme-server admin create alice --role admin
  acme-server admin create ci --role viewer --expires 30d")]
pub(crate) struct Create {
    /// The name: letters, digits and . _ @ -
    #[arg(value_name = "NAME")]
    name: OperatorName,
    /// What they may do: viewer, operator or admin
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// When the token ends, and the operator with it, counted from now, as 12h or 90d
    #[arg(long, value_name = "DURATION", value_parser = parse, default_value = "90d")]
    expires: Duration,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Lists operators
#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Revokes an operator at once, with all their tokens, links, sessions and certificates
#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// The operator's name
    #[arg(value_name = "NAME")]
    name: OperatorName,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Prints a link that begins a session in a browser, once
#[derive(Args, Debug)]
pub(crate) struct Link {
    /// The operator's name
    #[arg(value_name = "NAME")]
    name: OperatorName,
    /// How long the link is good, as 10m
    #[arg(long, value_name = "DURATION", value_parser = parse, default_value = "10m")]
    expires: Duration,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Admin {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the configuration or the store cannot be read, or there is no such operator,
    /// or there is one already.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        match self {
            Self::Create(create) => output.print(&create.run()?),
            Self::List(list) => {
                let operators = with_store(&list.config, async |store, now| {
                    let all = store.list_operators().await?;
                    let shown = all.iter().map(|one| ShownOperator::new(one, now));
                    Ok(shown.collect())
                })?;
                output.print(&Operators(operators))
            }
            Self::Revoke(revoke) => {
                let operator = with_store(&revoke.config, async |store, now| {
                    let revoked = store
                        .revoke_operator(&revoke.name, now, &Origin::of_command(now))
                        .await?;
                    let operator = revoked.ok_or_else(|| missing(&revoke.name))?;
                    Ok(ShownOperator::new(&operator, now))
                })?;
                output.print(&operator)
            }
            Self::Link(link) => output.print(&link.run()?),
        }
    }
}

fn missing(name: &OperatorName) -> Failure {
    Failure::failed(format!(
        "there is no operator {name} who may act; `{NAME} admin list` shows all"
    ))
}

impl Create {
    fn run(self) -> Result<NewOperator, Failure> {
        with_store(&self.config, async |store, now| {
            let secret = ProofSecret::random(&mut EntropyRng(&SystemEntropy));
            let end = now.plus(self.expires);
            let operator = Operator {
                name: self.name.clone(),
                role: self.role,
                created_at: now,
                expires_at: Some(end),
                revoked_at: None,
            };
            let token = Proof {
                digest: secret.digest(),
                kind: ProofKind::Token,
                operator: self.name.clone(),
                created_at: now,
                expires_at: end,
            };
            match store
                .create_operator(operator.clone(), vec![token], &Origin::of_command(now))
                .await?
            {
                CreateOperatorVerdict::Created => Ok(NewOperator {
                    operator: ShownOperator::new(&operator, now),
                    token: secret.to_token(),
                }),
                CreateOperatorVerdict::Exists => Err(Failure::failed(format!(
                    "there is an operator {} already; `{NAME} admin revoke {}` ends them first",
                    self.name, self.name
                ))),
            }
        })
    }
}

impl Link {
    fn run(self) -> Result<NewLink, Failure> {
        let config = self.config.load(&[])?;
        let Some(address) = config.listen.admin else {
            return Err(Failure::failed(
                "listen.admin is \"\": this server has no admin listener",
            ));
        };
        with_store(&self.config, async |store, now| {
            let secret = ProofSecret::random(&mut EntropyRng(&SystemEntropy));
            let proof = Proof {
                digest: secret.digest(),
                kind: ProofKind::Link,
                operator: self.name.clone(),
                created_at: now,
                expires_at: now.plus(self.expires),
            };
            let expires_at = proof.expires_at;
            if !store.add_proof(proof, &Origin::of_command(now)).await? {
                return Err(missing(&self.name));
            }
            Ok(NewLink {
                link: link_url(&admin_url(&config, address), &secret),
                expires_at,
                now,
            })
        })
    }
}

#[derive(Serialize)]
struct NewOperator {
    #[serde(flatten)]
    operator: ShownOperator,
    token: String,
}

#[derive(Serialize)]
struct NewLink {
    link: String,
    expires_at: Timestamp,
    #[serde(skip)]
    now: Timestamp,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Operators(Vec<ShownOperator>);

#[derive(Serialize)]
struct ShownOperator {
    name: String,
    role: Role,
    status: &'static str,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    #[serde(skip)]
    now: Timestamp,
}

impl ShownOperator {
    fn new(operator: &Operator, now: Timestamp) -> Self {
        let status = if operator.revoked_at.is_some() {
            "revoked"
        } else if operator.may_act(now) {
            "active"
        } else {
            "expired"
        };
        Self {
            name: operator.name.to_string(),
            role: operator.role,
            status,
            created_at: operator.created_at,
            expires_at: operator.expires_at,
            revoked_at: operator.revoked_at,
            now,
        }
    }

    fn shown_end(&self) -> String {
        match self.expires_at {
            None => "never".to_owned(),
            Some(end) if end > self.now => {
                format!("{end} (in {})", roughly(end.since(self.now)))
            }
            Some(end) => end.to_string(),
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let revoked = self.revoked_at.map(|at| at.to_string());
        vec![
            ("Operator", self.name.clone()),
            ("Role", self.role.to_string()),
            ("Status", self.status.to_owned()),
            ("Expires", self.shown_end()),
            ("Revoked", revoked.unwrap_or_default()),
        ]
    }
}

impl Report for ShownOperator {
    fn text(&self) -> String {
        facts(&self.facts())
    }
}

impl Report for NewOperator {
    fn text(&self) -> String {
        let mut pairs = self.operator.facts();
        pairs.insert(1, ("Token", self.token.clone()));
        facts(&pairs)
            + "\nThe token is shown this once. A program sends it with each request, as\n  \
               Authorization: Bearer TOKEN\nA person begins a session in a browser with `"
            + &format!("{NAME} admin link {}`.\n", self.operator.name)
    }
}

impl Report for NewLink {
    fn text(&self) -> String {
        format!(
            "{}\n\nGood once, for {}.\n",
            self.link,
            roughly(self.expires_at.since(self.now))
        )
    }
}

impl Report for Operators {
    fn text(&self) -> String {
        if self.0.is_empty() {
            return format!(
                "There are no operators; `{NAME} admin create NAME --role ROLE` makes one.\n"
            );
        }
        let row = |operator: &ShownOperator| {
            [
                operator.name.clone(),
                operator.role.to_string(),
                operator.status.to_owned(),
                operator.shown_end(),
            ]
        };
        let rows: Vec<_> = self.0.iter().map(row).collect();
        columns(["OPERATOR", "ROLE", "STATUS", "EXPIRES"], &rows)
    }
}
