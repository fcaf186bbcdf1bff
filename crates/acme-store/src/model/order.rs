//! The rows of orders and authorizations.

use std::collections::BTreeMap;
use std::time::Duration;

use acme_core::{Authorization, AuthorizationState, Order, OrderState};
use acme_types::{AuthorizationId, AuthorizationStatus, OrderStatus, Thumbprint};
use diesel::prelude::*;

use super::{
    ChallengeRow, from_json, identifier, identifier_text, millis, number_of, octets, parse,
    timestamp, to_json,
};
use crate::act::{Fault, Outcome};
use crate::rows::Tracked;
use crate::schema::{authorizations, order_authorizations, orders};

/// An order as a row.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = orders, treat_none_as_default_value = false)]
pub struct OrderRow {
    id: String,
    account_id: String,
    provisioner: String,
    identifiers: String,
    profile: Option<String>,
    authorizations: String,
    not_before: Option<i64>,
    not_after: Option<i64>,
    created_at: i64,
    expires_at: i64,
    status: String,
    certificate_id: Option<String>,
    error: Option<String>,
    replaces: Option<String>,
    likeness: Option<Vec<u8>>,
}

impl OrderRow {
    /// The row of an order.
    pub(crate) fn new(order: &Order) -> Outcome<Self> {
        let state = OrderStateRow::new(&order.state)?;
        Ok(Self {
            id: order.id.to_string(),
            account_id: order.account_id.to_string(),
            provisioner: order.provisioner.to_string(),
            identifiers: to_json("identifiers", &order.identifiers)?,
            profile: order.profile.as_ref().map(ToString::to_string),
            authorizations: to_json("authorizations", &order.authorizations)?,
            not_before: order.not_before.map(millis),
            not_after: order.not_after.map(millis),
            created_at: millis(order.created_at),
            expires_at: millis(order.expires_at),
            status: state.status.to_owned(),
            certificate_id: state.certificate_id,
            error: state.error,
            replaces: order.replaces.as_ref().map(ToString::to_string),
            likeness: Some(order.likeness().to_vec()),
        })
    }
}

impl TryFrom<OrderRow> for Order {
    type Error = Fault;

    fn try_from(row: OrderRow) -> Outcome<Self> {
        let certificate_id = || {
            let id = row.certificate_id.as_deref();
            parse("certificate id", id.unwrap_or_default())
        };
        let state = match parse("order status", &row.status)? {
            OrderStatus::Pending => OrderState::Pending,
            OrderStatus::Ready => OrderState::Ready,
            OrderStatus::Processing => OrderState::Processing {
                certificate_id: certificate_id()?,
            },
            OrderStatus::Valid => OrderState::Valid {
                certificate_id: certificate_id()?,
            },
            OrderStatus::Invalid => OrderState::Invalid {
                error: from_json("order error", row.error.as_deref().unwrap_or_default())?,
            },
        };
        Ok(Self {
            id: parse("order id", &row.id)?,
            account_id: parse("account id", &row.account_id)?,
            provisioner: parse("provisioner", &row.provisioner)?,
            identifiers: from_json("identifiers", &row.identifiers)?,
            profile: match &row.profile {
                Some(profile) => Some(parse("profile", profile)?),
                None => None,
            },
            not_before: row.not_before.map(timestamp),
            not_after: row.not_after.map(timestamp),
            created_at: timestamp(row.created_at),
            expires_at: timestamp(row.expires_at),
            authorizations: from_json("authorizations", &row.authorizations)?,
            replaces: row
                .replaces
                .map(|id| parse("renewal id", &id))
                .transpose()?,
            state,
        })
    }
}

/// The columns that an order's state fills.
#[derive(AsChangeset)]
#[diesel(table_name = orders, treat_none_as_null = true)]
pub struct OrderStateRow {
    status: &'static str,
    certificate_id: Option<String>,
    error: Option<String>,
}

impl OrderStateRow {
    /// The columns of a state.
    pub(crate) fn new(state: &OrderState) -> Outcome<Self> {
        let (certificate_id, error) = match state {
            OrderState::Pending | OrderState::Ready => (None, None),
            OrderState::Processing { certificate_id } | OrderState::Valid { certificate_id } => {
                (Some(certificate_id.to_string()), None)
            }
            OrderState::Invalid { error } => (None, Some(to_json("order error", error)?)),
        };
        Ok(Self {
            status: state.status().as_str(),
            certificate_id,
            error,
        })
    }
}

/// An authorization as a row.
#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = authorizations)]
pub struct AuthorizationRow {
    id: String,
    account_id: String,
    provisioner: String,
    identifier: String,
    wildcard: bool,
    expires_at: i64,
    status: String,
    subdomains: bool,
    valid_for: Option<i64>,
    attested_key: Option<Vec<u8>>,
}

impl From<&Authorization> for AuthorizationRow {
    fn from(authorization: &Authorization) -> Self {
        Self {
            id: authorization.id.to_string(),
            account_id: authorization.account_id.to_string(),
            provisioner: authorization.provisioner.to_string(),
            identifier: identifier_text(&authorization.identifier),
            wildcard: authorization.wildcard,
            expires_at: millis(authorization.expires_at),
            status: authorization_status(authorization.state).to_owned(),
            subdomains: authorization.subdomains,
            valid_for: authorization
                .valid_for
                .map(|life| i64::try_from(life.as_millis()).unwrap_or(i64::MAX)),
            attested_key: authorization.attested_key.map(|key| key.0.to_vec()),
        }
    }
}

impl TryFrom<AuthorizationRow> for Authorization {
    type Error = Fault;

    fn try_from(row: AuthorizationRow) -> Outcome<Self> {
        Ok(Self {
            id: parse("authorization id", &row.id)?,
            account_id: parse("account id", &row.account_id)?,
            provisioner: parse("provisioner", &row.provisioner)?,
            identifier: identifier(&row.identifier)?,
            wildcard: row.wildcard,
            expires_at: timestamp(row.expires_at),
            subdomains: row.subdomains,
            valid_for: row
                .valid_for
                .map(|life| number_of("life of an authorization", life).map(Duration::from_millis))
                .transpose()?,
            attested_key: row
                .attested_key
                .map(|key| octets("attested key", &key).map(Thumbprint))
                .transpose()?,
            state: authorization_state(&row.status)?,
            challenges: Vec::new(),
        })
    }
}

/// The column that an authorization's state fills.
#[derive(AsChangeset)]
#[diesel(table_name = authorizations)]
pub(crate) struct AuthorizationStateRow {
    status: &'static str,
}

impl From<AuthorizationState> for AuthorizationStateRow {
    fn from(state: AuthorizationState) -> Self {
        Self {
            status: authorization_status(state),
        }
    }
}

/// An authorization from its row joined with each of its challenges, in their order.
pub(crate) fn tracked(rows: Vec<(AuthorizationRow, ChallengeRow)>) -> Outcome<Option<Tracked>> {
    let mut rows = rows.into_iter();
    let Some((authorization, first)) = rows.next() else {
        return Ok(None);
    };
    let mut authorization = Authorization::try_from(authorization)?;
    let mut counters = Vec::new();
    for row in std::iter::once(first).chain(rows.map(|(_, challenge)| challenge)) {
        counters.push(row.counters()?);
        let challenge = row.into_challenge(&authorization.provisioner)?;
        authorization.challenges.push(challenge);
    }
    Ok(Some(Tracked {
        authorization,
        counters,
    }))
}

/// Authorizations from their rows, each joined with each of its challenges, in any order.
pub(crate) fn all_tracked(rows: Vec<(AuthorizationRow, ChallengeRow)>) -> Outcome<Vec<Tracked>> {
    let mut of_each: BTreeMap<String, Vec<(AuthorizationRow, ChallengeRow)>> = BTreeMap::new();
    for row in rows {
        of_each.entry(row.0.id.clone()).or_default().push(row);
    }
    let mut all = Vec::with_capacity(of_each.len());
    for mut rows in of_each.into_values() {
        rows.sort_by_key(|(_, challenge)| challenge.position());
        all.extend(tracked(rows)?);
    }
    Ok(all)
}

/// The stored word of an authorization's state.
pub(crate) const fn authorization_status(state: AuthorizationState) -> &'static str {
    match state {
        AuthorizationState::Pending => AuthorizationStatus::Pending.as_str(),
        AuthorizationState::Valid => AuthorizationStatus::Valid.as_str(),
        AuthorizationState::Invalid => AuthorizationStatus::Invalid.as_str(),
        AuthorizationState::Deactivated => AuthorizationStatus::Deactivated.as_str(),
        AuthorizationState::Revoked => AuthorizationStatus::Revoked.as_str(),
    }
}

/// An authorization's state from its stored word.
pub(crate) fn authorization_state(word: &str) -> Outcome<AuthorizationState> {
    Ok(match parse("authorization status", word)? {
        AuthorizationStatus::Pending => AuthorizationState::Pending,
        AuthorizationStatus::Valid => AuthorizationState::Valid,
        AuthorizationStatus::Invalid => AuthorizationState::Invalid,
        AuthorizationStatus::Deactivated => AuthorizationState::Deactivated,
        AuthorizationStatus::Revoked => AuthorizationState::Revoked,
        AuthorizationStatus::Expired => {
            return Err(Fault::corrupt("an authorization is stored as expired"));
        }
    })
}

/// That an order waits for an authorization.
#[derive(Insertable)]
#[diesel(table_name = order_authorizations)]
pub struct OrderAuthorizationRow<'a> {
    authorization_id: &'a str,
    order_id: &'a str,
}

impl<'a> OrderAuthorizationRow<'a> {
    /// One row for each of an order's authorizations.
    pub(crate) fn of(order: &'a Order) -> Vec<Self> {
        let mut ids: Vec<&AuthorizationId> = order.authorizations.iter().collect();
        ids.sort();
        ids.dedup();
        ids.into_iter()
            .map(|id| Self {
                authorization_id: id.as_str(),
                order_id: order.id.as_str(),
            })
            .collect()
    }
}
