//! The rows of challenges and attempts.

use std::time::Duration;

use acme_core::{
    Attempt, Authorization, Challenge, Epoch, Finding, InFlight, Observation, Phase, Retry,
};
use acme_types::{ChallengeId, ChallengeStatus, ProvisionerName, Thumbprint, Timestamp};
use diesel::prelude::*;

use super::{
    count, counted, from_json, identifier, millis, octets, parse, slot, slot_number, timestamp,
    to_json,
};
use crate::act::{Fault, Outcome};
use crate::rows::{Counters, Subject};
use crate::schema::{accounts, attempts, authorizations, challenges};

/// A challenge as a row.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = challenges, treat_none_as_default_value = false)]
pub struct ChallengeRow {
    authorization_id: String,
    position: i16,
    id: String,
    kind: String,
    token: String,
    expires_at: i64,
    #[diesel(embed)]
    state: ChallengeState,
}

/// The columns that a challenge's state and counters fill.
#[derive(AsChangeset, Default, Insertable, Queryable, Selectable)]
#[diesel(table_name = challenges, treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct ChallengeState {
    n_claims: i32,
    n_attempts: i32,
    status: String,
    owner_slot: Option<i16>,
    window_start: Option<i64>,
    num_attempts: Option<i32>,
    max_attempts: Option<i32>,
    next_attempt_at: Option<i64>,
    last_attempt_at: Option<i64>,
    in_flight_slot: Option<i16>,
    in_flight_epoch: Option<i64>,
    in_flight_started_at: Option<i64>,
    in_flight_until: Option<i64>,
    validated_at: Option<i64>,
    error: Option<String>,
}

impl ChallengeRow {
    /// Its place among the challenges of its authorization.
    pub(crate) const fn position(&self) -> i16 {
        self.position
    }

    /// The rows of a new authorization's challenges.
    pub(crate) fn of(authorization: &Authorization) -> Outcome<Vec<Self>> {
        let row = |(position, challenge): (usize, &Challenge)| {
            Ok(Self {
                authorization_id: authorization.id.to_string(),
                position: i16::try_from(position)
                    .map_err(|_| Fault::corrupt("too many challenges"))?,
                id: challenge.id.to_string(),
                kind: challenge.kind.as_str().to_owned(),
                token: challenge.token.to_string(),
                expires_at: millis(authorization.expires_at),
                state: ChallengeState::new(challenge, Counters::default())?,
            })
        };
        authorization
            .challenges
            .iter()
            .enumerate()
            .map(row)
            .collect()
    }

    /// How often it was claimed and attempted.
    pub(crate) fn counters(&self) -> Outcome<Counters> {
        Ok(Counters {
            claims: count("claims", self.state.n_claims)?,
            attempts: count("attempts", self.state.n_attempts)?,
        })
    }

    /// The challenge, within an authorization of `provisioner`.
    pub(crate) fn into_challenge(self, provisioner: &ProvisionerName) -> Outcome<Challenge> {
        Ok(Challenge {
            id: parse("challenge id", &self.id)?,
            authorization_id: parse("authorization id", &self.authorization_id)?,
            kind: parse("challenge kind", &self.kind)?,
            token: parse("token", &self.token)?,
            state: self.state.into_state(provisioner)?,
        })
    }

    /// When its authorization ends.
    pub(crate) const fn expires_at(&self) -> Timestamp {
        timestamp(self.expires_at)
    }

    /// The id of its authorization, as it is stored.
    pub(crate) fn authorization_id(&self) -> &str {
        &self.authorization_id
    }
}

impl ChallengeState {
    /// The columns of a challenge.
    pub(crate) fn new(challenge: &Challenge, counters: Counters) -> Outcome<Self> {
        let mut row = Self {
            n_claims: counted(counters.claims),
            n_attempts: counted(counters.attempts),
            status: challenge.state.status().as_str().to_owned(),
            ..Self::default()
        };
        match &challenge.state {
            acme_core::ChallengeState::Pending => {}
            acme_core::ChallengeState::Processing { retry, in_flight } => {
                row.owner_slot = Some(slot_number(retry.owner));
                row.window_start = Some(millis(retry.window_start));
                row.num_attempts = Some(counted(retry.num_attempts));
                row.max_attempts = Some(counted(retry.max_attempts));
                row.next_attempt_at = retry.next_attempt.map(millis);
                row.last_attempt_at = retry.last_attempt.map(millis);
                if let Some(claim) = in_flight {
                    row.in_flight_slot = Some(slot_number(claim.slot));
                    row.in_flight_epoch = Some(claim.epoch.0);
                    row.in_flight_started_at = Some(millis(claim.started_at));
                    row.in_flight_until = Some(millis(claim.until));
                }
            }
            acme_core::ChallengeState::Valid { validated_at } => {
                row.validated_at = Some(millis(*validated_at));
            }
            acme_core::ChallengeState::Invalid { error } => {
                row.error = Some(to_json("challenge error", error)?);
            }
        }
        Ok(row)
    }

    fn into_state(self, provisioner: &ProvisionerName) -> Outcome<acme_core::ChallengeState> {
        let missing = |column: &str| Fault::corrupt(format!("a challenge without {column}"));
        Ok(match parse("challenge status", &self.status)? {
            ChallengeStatus::Pending => acme_core::ChallengeState::Pending,
            ChallengeStatus::Processing => acme_core::ChallengeState::Processing {
                in_flight: self.in_flight()?,
                retry: Retry {
                    owner: slot(self.owner_slot.ok_or_else(|| missing("owner_slot"))?)?,
                    provisioner_id: provisioner.clone(),
                    window_start: timestamp(
                        self.window_start.ok_or_else(|| missing("window_start"))?,
                    ),
                    num_attempts: count(
                        "num_attempts",
                        self.num_attempts.ok_or_else(|| missing("num_attempts"))?,
                    )?,
                    max_attempts: count(
                        "max_attempts",
                        self.max_attempts.ok_or_else(|| missing("max_attempts"))?,
                    )?,
                    next_attempt: self.next_attempt_at.map(timestamp),
                    last_attempt: self.last_attempt_at.map(timestamp),
                },
            },
            ChallengeStatus::Valid => acme_core::ChallengeState::Valid {
                validated_at: timestamp(self.validated_at.ok_or_else(|| missing("validated_at"))?),
            },
            ChallengeStatus::Invalid => acme_core::ChallengeState::Invalid {
                error: from_json(
                    "challenge error",
                    self.error.as_deref().ok_or_else(|| missing("error"))?,
                )?,
            },
        })
    }

    /// The claim that is in force is always the last one, so its number is the count of claims.
    fn in_flight(&self) -> Outcome<Option<InFlight>> {
        let parts = (
            self.in_flight_slot,
            self.in_flight_epoch,
            self.in_flight_started_at,
            self.in_flight_until,
        );
        match parts {
            (None, None, None, None) => Ok(None),
            (Some(number), Some(epoch), Some(started_at), Some(until)) => Ok(Some(InFlight {
                slot: slot(number)?,
                epoch: Epoch(epoch),
                number: count("claims", self.n_claims)?,
                started_at: timestamp(started_at),
                until: timestamp(until),
            })),
            _ => Err(Fault::corrupt("a claim of which parts are missing")),
        }
    }
}

/// The columns that an attempt without a conclusion changes. Those of the index by expiry are not
/// among them, so that it is left alone.
#[derive(AsChangeset)]
#[diesel(table_name = challenges, treat_none_as_null = true)]
pub struct AttemptedRow {
    n_claims: i32,
    n_attempts: i32,
    num_attempts: Option<i32>,
    next_attempt_at: Option<i64>,
    last_attempt_at: Option<i64>,
    in_flight_slot: Option<i16>,
    in_flight_epoch: Option<i64>,
    in_flight_started_at: Option<i64>,
    in_flight_until: Option<i64>,
}

impl AttemptedRow {
    /// The columns of a challenge that goes on being tried; none of another.
    pub(crate) fn new(challenge: &Challenge, counters: Counters) -> Option<Self> {
        let acme_core::ChallengeState::Processing {
            retry,
            in_flight: None,
        } = &challenge.state
        else {
            return None;
        };
        Some(Self {
            n_claims: counted(counters.claims),
            n_attempts: counted(counters.attempts),
            num_attempts: Some(counted(retry.num_attempts)),
            next_attempt_at: retry.next_attempt.map(millis),
            last_attempt_at: retry.last_attempt.map(millis),
            in_flight_slot: None,
            in_flight_epoch: None,
            in_flight_started_at: None,
            in_flight_until: None,
        })
    }
}

/// An attempt as a row.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = attempts, treat_none_as_default_value = false)]
pub struct AttemptRow {
    challenge_id: String,
    number: i32,
    slot: i16,
    started_at: i64,
    perspective: String,
    finding: String,
    phase: String,
    address: Option<String>,
    detail: String,
    took_us: i64,
}

impl AttemptRow {
    /// The row of a challenge's attempt.
    pub(crate) fn new(challenge: &ChallengeId, attempt: &Attempt) -> Self {
        let seen = &attempt.observation;
        Self {
            challenge_id: challenge.to_string(),
            number: counted(attempt.number),
            slot: slot_number(attempt.slot),
            started_at: millis(attempt.started_at),
            perspective: attempt.perspective.clone(),
            finding: seen.finding.as_str().to_owned(),
            phase: seen.phase.as_str().to_owned(),
            address: seen.address.map(|address| address.to_string()),
            detail: seen.detail.clone(),
            took_us: i64::try_from(seen.took.as_micros()).unwrap_or(i64::MAX),
        }
    }
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = Fault;

    fn try_from(row: AttemptRow) -> Outcome<Self> {
        let finding = Finding::ALL.iter().find(|f| f.as_str() == row.finding);
        let phase = Phase::ALL.iter().find(|p| p.as_str() == row.phase);
        let address = row.address.as_deref();
        Ok(Self {
            number: count("attempt", row.number)?,
            slot: slot(row.slot)?,
            started_at: timestamp(row.started_at),
            perspective: row.perspective,
            observation: Observation {
                finding: *finding
                    .ok_or_else(|| Fault::corrupt(format!("finding {:?}", row.finding)))?,
                phase: *phase.ok_or_else(|| Fault::corrupt(format!("phase {:?}", row.phase)))?,
                address: address.map(|text| parse("address", text)).transpose()?,
                detail: row.detail,
                took: Duration::from_micros(row.took_us.unsigned_abs()),
            },
        })
    }
}

/// What a claim must know beside its challenge, as it stands in an authorization and its account.
#[derive(Queryable, Selectable)]
#[diesel(table_name = authorizations)]
pub struct SubjectRow {
    identifier: String,
    wildcard: bool,
    account_id: String,
    provisioner: String,
    #[diesel(select_expression = accounts::thumbprint)]
    thumbprint: Vec<u8>,
}

impl TryFrom<SubjectRow> for Subject {
    type Error = Fault;

    fn try_from(row: SubjectRow) -> Outcome<Self> {
        Ok(Self {
            identifier: identifier(&row.identifier)?,
            wildcard: row.wildcard,
            account_id: parse("account id", &row.account_id)?,
            provisioner: parse("provisioner", &row.provisioner)?,
            thumbprint: Thumbprint(octets("thumbprint", &row.thumbprint)?),
        })
    }
}
