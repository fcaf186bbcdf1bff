//! `eab create|list|revoke`: keys that new accounts are bound to.

use acme_core::{EntropyRng, ExternalAccountKey, MacSecret, NamePattern, Origin, roughly};
use acme_types::{ExternalAccountKeyId, ProfileName, ProvisionerName, Timestamp};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::beside::with_store;
use super::{collect, more};
use crate::cli::ConfigArgs;
use crate::config::duration::parse;
use crate::exit::Failure;
use crate::output::{OutputFormat, Report, columns, facts};
use crate::system::SystemEntropy;

/// Makes, lists and revokes keys for external account binding
#[derive(Debug, Subcommand)]
pub(crate) enum Eab {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Makes a key and shows its secret, this once
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// The provisioner at which it is good
    #[arg(long, value_name = "NAME", default_value = "default")]
    provisioner: String,
    /// How many accounts it may make; 0 for any number
    #[arg(long, value_name = "N", default_value_t = 1)]
    uses: u32,
    /// When it ends, counted from now, as 24h or 30d; without it, never
    #[arg(long, value_name = "DURATION", value_parser = parse)]
    expires: Option<std::time::Duration>,
    /// For what its accounts may order: a name, *.NAME for all below it, or a network as
    /// 10.1.0.0/16; may be repeated; without it, all that the provisioner allows
    #[arg(long, value_name = "PATTERN")]
    names: Vec<NamePattern>,
    /// A profile that its accounts may order; may be repeated; without it, all that the provisioner
    /// offers. The first is that of orders that name none, unless the provisioner's default is among
    /// them
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<ProfileName>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Lists keys, the newest first, without their secrets
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Show at most so many; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Revokes a key: it makes no more accounts, those that it has made go on
#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// The key's id
    #[arg(value_name = "KEY")]
    id: String,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Eab {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when the configuration or the store cannot be read, or there is no such
    /// provisioner or key.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        match self {
            Self::Create(create) => output.print(&create.run()?),
            Self::List(list) => {
                let keys = with_store(&list.config, async |store, now| {
                    let page = async |after: Option<String>, size| {
                        store
                            .list_external_account_keys(after.as_deref(), size)
                            .await
                    };
                    let (keys, are_more) = collect(list.limit, page).await?;
                    let keys = keys.iter().map(|key| ShownKey::new(key, now)).collect();
                    Ok(Keys { keys, are_more })
                })?;
                output.print(&keys)
            }
            Self::Revoke(revoke) => {
                let key = with_store(&revoke.config, async |store, now| {
                    let missing = || {
                        Failure::failed(format!("there is no external account key {}", revoke.id))
                    };
                    let id: ExternalAccountKeyId =
                        revoke.id.trim().parse().map_err(|_| missing())?;
                    let key = store
                        .revoke_external_account_key(&id, now, &Origin::of_command(now))
                        .await?;
                    Ok(ShownKey::new(&key.ok_or_else(missing)?, now))
                })?;
                output.print(&key)
            }
        }
    }
}

impl Create {
    fn run(self) -> Result<NewKey, Failure> {
        let provisioner = self.provisioner()?;
        with_store(&self.config, async |store, now| {
            let mut rng = EntropyRng(&SystemEntropy);
            let key = ExternalAccountKey {
                id: ExternalAccountKeyId::random(&mut rng),
                provisioner,
                secret: MacSecret::random(&mut rng),
                names: self.names.clone(),
                profiles: self.profile.clone(),
                max_uses: (self.uses > 0).then_some(self.uses),
                uses: 0,
                created_at: now,
                expires_at: self.expires.map(|life| now.plus(life)),
                revoked_at: None,
            };
            store
                .create_external_account_key(key.clone(), &Origin::of_command(now))
                .await?;
            Ok(NewKey {
                hmac_key: key.secret.to_base64url(),
                key: ShownKey::new(&key, now),
            })
        })
    }

    /// The provisioner, which must be one of the configuration's, and have the profiles.
    fn provisioner(&self) -> Result<ProvisionerName, Failure> {
        let config = self.config.load(&[])?;
        let all = || config.provisioners.iter().map(|one| &one.provisioner);
        let Some(found) = all().find(|one| one.name.as_str() == self.provisioner) else {
            let known: Vec<_> = all().map(|one| one.name.as_str()).collect();
            return Err(Failure::failed(format!(
                "there is no provisioner {:?}; the configuration has {}",
                self.provisioner,
                known.join(", ")
            )));
        };
        let offered = || found.profiles.iter().map(|profile| &profile.name);
        match self
            .profile
            .iter()
            .find(|name| !offered().any(|one| one == *name))
        {
            None => Ok(found.name.clone()),
            Some(unknown) => {
                let known: Vec<_> = offered().map(ProfileName::as_str).collect();
                let known = match known.as_slice() {
                    [] => "none; write a table [provisioner.profile.NAME] first".to_owned(),
                    known => known.join(", "),
                };
                Err(Failure::failed(format!(
                    "there is no profile {:?} at the provisioner {:?}, which has {known}",
                    unknown.as_str(),
                    self.provisioner
                )))
            }
        }
    }
}

#[derive(Serialize)]
struct NewKey {
    #[serde(flatten)]
    key: ShownKey,
    hmac_key: String,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Keys {
    keys: Vec<ShownKey>,
    #[serde(skip)]
    are_more: bool,
}

#[derive(Serialize)]
struct ShownKey {
    id: String,
    provisioner: String,
    status: String,
    uses: u32,
    max_uses: Option<u32>,
    names: Vec<String>,
    profiles: Vec<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    #[serde(skip)]
    now: Timestamp,
}

impl ShownKey {
    fn new(key: &ExternalAccountKey, now: Timestamp) -> Self {
        let status = match key.clone().used(now) {
            Ok(_) => "good",
            Err(acme_core::ExternalKeyRefusal::Revoked(_)) => "revoked",
            Err(acme_core::ExternalKeyRefusal::Expired(_)) => "expired",
            Err(_) => "used up",
        };
        Self {
            id: key.id.to_string(),
            provisioner: key.provisioner.to_string(),
            status: status.to_owned(),
            uses: key.uses,
            max_uses: key.max_uses,
            names: key.names.iter().map(NamePattern::to_string).collect(),
            profiles: key.profiles.iter().map(ProfileName::to_string).collect(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            now,
        }
    }

    fn shown_uses(&self) -> String {
        match self.max_uses {
            Some(most) => format!("{} of {most}", self.uses),
            None => format!("{} of any number", self.uses),
        }
    }

    fn shown_names(&self) -> String {
        if self.names.is_empty() {
            "all that the provisioner allows".to_owned()
        } else {
            self.names.join(" ")
        }
    }

    fn shown_profiles(&self) -> String {
        if self.profiles.is_empty() {
            "all that the provisioner offers".to_owned()
        } else {
            self.profiles.join(" ")
        }
    }

    fn shown_end(&self) -> String {
        self.expires_at.map_or_else(
            || "never".to_owned(),
            |end| {
                if end > self.now {
                    format!("{end} (in {})", roughly(end.since(self.now)))
                } else {
                    end.to_string()
                }
            },
        )
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("Key id (kid)", self.id.clone()),
            ("Status", self.status.clone()),
            ("Provisioner", self.provisioner.clone()),
            ("Accounts", self.shown_uses()),
            ("Names", self.shown_names()),
            ("Profiles", self.shown_profiles()),
            ("Expires", self.shown_end()),
            (
                "Revoked",
                self.revoked_at.map(|at| at.to_string()).unwrap_or_default(),
            ),
        ]
    }
}

impl Report for NewKey {
    fn text(&self) -> String {
        let mut pairs = self.key.facts();
        pairs.insert(1, ("HMAC key", self.hmac_key.clone()));
        facts(&pairs)
            + "\nThe HMAC key is shown this once. A client takes both, as\n  certbot register --eab-kid KID --eab-hmac-key KEY\n"
    }
}

impl Report for ShownKey {
    fn text(&self) -> String {
        facts(&self.facts())
    }
}

impl Report for Keys {
    fn text(&self) -> String {
        if self.keys.is_empty() {
            return "There are no external account keys.\n".to_owned();
        }
        let row = |key: &ShownKey| {
            [
                key.id.clone(),
                key.status.clone(),
                key.provisioner.clone(),
                key.shown_uses(),
                key.shown_end(),
                key.shown_names(),
                key.shown_profiles(),
            ]
        };
        let rows: Vec<_> = self.keys.iter().map(row).collect();
        let headings = [
            "KEY",
            "STATUS",
            "PROVISIONER",
            "ACCOUNTS",
            "EXPIRES",
            "NAMES",
            "PROFILES",
        ];
        columns(headings, &rows) + &more(rows.len(), self.are_more)
    }
}
