//! Queries for people: lists that the protocol does not ask for.

use acme_core::{Authorization, Certificate, Order};
use acme_types::{AccountId, AuthorizationId, Identifier, OrderId, Timestamp};
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::cursor::Cursor;
use crate::model::{
    AuthorizationRow, CertificateRow, ChallengeRow, OrderRow, all_tracked, identifier_text, millis,
    parse,
};
use crate::rows::RecordRows;
use crate::schema::{authorizations, certificates, challenges, order_authorizations, orders};

impl RecordRows for Conn {
    async fn orders_by_id(&mut self, after: Option<&str>, limit: u32) -> Outcome<Vec<Order>> {
        let mut query = orders::table
            .order(orders::id.desc())
            .limit(limit.into())
            .select(OrderRow::as_select())
            .into_boxed();
        if let Some(after) = after {
            query = query.filter(orders::id.lt(after));
        }
        let rows: Vec<OrderRow> = query.load(self).await?;
        rows.into_iter().map(Order::try_from).collect()
    }

    async fn whole_orders_of_account(
        &mut self,
        account: &AccountId,
        invalid: bool,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Outcome<Vec<Order>> {
        let mut query = orders::table
            .filter(orders::account_id.eq(account.as_str()))
            .order((orders::created_at.desc(), orders::id.desc()))
            .limit(limit.into())
            .select(OrderRow::as_select())
            .into_boxed();
        // Each is an index of its own.
        query = if invalid {
            query.filter(orders::error.is_not_null())
        } else {
            query.filter(orders::error.is_null())
        };
        if let Some(after) = after {
            let at = millis(after.created_at);
            query = query
                .filter(orders::created_at.le(at))
                .filter(orders::created_at.lt(at).or(orders::id.lt(&after.id)));
        }
        let rows: Vec<OrderRow> = query.load(self).await?;
        rows.into_iter().map(Order::try_from).collect()
    }

    async fn orders_of_authorization(
        &mut self,
        id: &AuthorizationId,
        limit: u32,
    ) -> Outcome<Vec<OrderId>> {
        let ids: Vec<String> = order_authorizations::table
            .filter(order_authorizations::authorization_id.eq(id.as_str()))
            .order(order_authorizations::order_id.desc())
            .limit(limit.into())
            .select(order_authorizations::order_id)
            .load(self)
            .await?;
        ids.iter().map(|id| parse("order id", id)).collect()
    }

    async fn authorizations_by_id(
        &mut self,
        identifier: Option<&Identifier>,
        after: Option<&str>,
        limit: u32,
    ) -> Outcome<Vec<Authorization>> {
        let mut query = authorizations::table
            .order(authorizations::id.desc())
            .limit(limit.into())
            .select(authorizations::id)
            .into_boxed();
        if let Some(identifier) = identifier {
            query = query.filter(authorizations::identifier.eq(identifier_text(identifier)));
        }
        if let Some(after) = after {
            query = query.filter(authorizations::id.lt(after));
        }
        let ids: Vec<String> = query.load(self).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        whole_authorizations(self, ids).await
    }

    async fn certificates_by_end(
        &mut self,
        from: Timestamp,
        before: Timestamp,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Outcome<Vec<Certificate>> {
        let mut query = certificates::table
            .filter(certificates::not_after.gt(millis(from)))
            .filter(certificates::not_after.lt(millis(before)))
            .order((certificates::not_after, certificates::id))
            .limit(limit.into())
            .select(CertificateRow::as_select())
            .into_boxed();
        if let Some(after) = after {
            let at = millis(after.created_at);
            query = query.filter(certificates::not_after.ge(at)).filter(
                certificates::not_after
                    .gt(at)
                    .or(certificates::id.gt(&after.id)),
            );
        }
        let rows: Vec<CertificateRow> = query.load(self).await?;
        rows.into_iter().map(Certificate::try_from).collect()
    }
}

/// Authorizations with their challenges, the last by id first.
pub(crate) async fn whole_authorizations(
    conn: &mut Conn,
    ids: Vec<String>,
) -> Outcome<Vec<Authorization>> {
    let rows: Vec<(AuthorizationRow, ChallengeRow)> = authorizations::table
        .inner_join(challenges::table)
        .filter(challenges::authorization_id.eq_any(ids))
        .select((AuthorizationRow::as_select(), ChallengeRow::as_select()))
        .load(conn)
        .await?;
    // By id, as they come out; the last shall be first.
    let mut found = Vec::new();
    for tracked in all_tracked(rows)?.into_iter().rev() {
        let tracked = super::with_marks(conn, Some(tracked));
        found.extend(tracked.map(|tracked| tracked.authorization));
    }
    Ok(found)
}
