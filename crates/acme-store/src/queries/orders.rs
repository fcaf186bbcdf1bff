//! Queries about orders and authorizations.

use acme_core::{Authorization, AuthorizationState, Order, OrderState};
use acme_types::{
    AccountId, AuthorizationId, ChallengeId, ChallengeStatus, Identifier, OrderId, OrderStatus,
    Thumbprint, Timestamp,
};
use diesel::OptionalExtension as _;
use diesel::dsl::exists;
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::cursor::Cursor;
use crate::model::{
    AuthorizationRow, AuthorizationStateRow, ChallengeRow, OrderAuthorizationRow, OrderRow,
    OrderStateRow, all_tracked, authorization_state, authorization_status, identifier_text, millis,
    parse, timestamp, tracked,
};
use crate::rows::{OrderRows, Tracked};
use crate::schema::{authorizations, challenges, order_authorizations, orders};
use crate::update::Update;

/// The same predicate as that of a partial index, letter by letter, which is how SQLite finds out
/// that it may use the index.
const IS_OPEN: &str = "orders.status IN ('pending', 'ready')";
const IS_PENDING: &str = "authorizations.status = 'pending'";

const IS_VALID: &str = "authorizations.status = 'valid'";

/// The columns of [`state_of`].
const STATE: (
    authorizations::id,
    authorizations::status,
    authorizations::expires_at,
) = (
    authorizations::id,
    authorizations::status,
    authorizations::expires_at,
);

fn state_of(
    (id, status, expires_at): (String, String, i64),
) -> Outcome<(AuthorizationId, AuthorizationState, Timestamp)> {
    Ok((
        parse("authorization id", &id)?,
        authorization_state(&status)?,
        timestamp(expires_at),
    ))
}

impl OrderRows for Conn {
    async fn insert_order(&mut self, order: &Order) -> Outcome<()> {
        diesel::insert_into(orders::table)
            .values(OrderRow::new(order)?)
            .execute(self)
            .await?;
        insert_all!(
            self,
            order_authorizations::table,
            OrderAuthorizationRow::of(order)
        );
        Ok(())
    }

    async fn insert_authorizations(&mut self, new: &[Authorization]) -> Outcome<()> {
        let rows: Vec<AuthorizationRow> = new.iter().map(AuthorizationRow::from).collect();
        let mut challenges = Vec::new();
        for authorization in new {
            challenges.extend(ChallengeRow::of(authorization)?);
        }
        insert_all!(self, authorizations::table, rows);
        insert_all!(self, challenges::table, challenges);
        Ok(())
    }

    async fn order(&mut self, id: &OrderId) -> Outcome<Option<Order>> {
        orders::table
            .find(id.as_str())
            .select(OrderRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(Order::try_from)
            .transpose()
    }

    async fn lock_order(&mut self, id: &OrderId) -> Outcome<Option<Order>> {
        locked!(
            orders::table
                .find(id.as_str())
                .select(OrderRow::as_select())
        )
        .get_result(self)
        .await
        .optional()?
        .map(Order::try_from)
        .transpose()
    }

    async fn lock_open_orders(&mut self, authorization: &AuthorizationId) -> Outcome<Vec<Order>> {
        let waiting = order_authorizations::table
            .filter(order_authorizations::authorization_id.eq(authorization.as_str()))
            .select(order_authorizations::order_id);
        let rows: Vec<OrderRow> = locked!(
            orders::table
                .filter(orders::id.eq_any(waiting))
                .filter(
                    orders::status
                        .eq(OrderStatus::Pending.as_str())
                        .or(orders::status.eq(OrderStatus::Ready.as_str())),
                )
                .order(orders::id)
                .select(OrderRow::as_select())
        )
        .load(self)
        .await?;
        rows.into_iter().map(Order::try_from).collect()
    }

    async fn lock_open_orders_of_account(&mut self, account: &AccountId) -> Outcome<Vec<Order>> {
        let rows: Vec<OrderRow> = locked!(
            orders::table
                .filter(orders::account_id.eq(account.as_str()))
                .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(IS_OPEN))
                .order(orders::id)
                .select(OrderRow::as_select())
        )
        .load(self)
        .await?;
        rows.into_iter().map(Order::try_from).collect()
    }

    async fn lock_open_orders_like(&mut self, order: &Order) -> Outcome<Vec<Order>> {
        let rows: Vec<OrderRow> = locked!(
            orders::table
                .filter(orders::likeness.eq(order.likeness().to_vec()))
                .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(IS_OPEN))
                .select(OrderRow::as_select())
        )
        .load(self)
        .await?;
        rows.into_iter().map(Order::try_from).collect()
    }

    async fn set_order(&mut self, id: &OrderId, state: &OrderState) -> Outcome<()> {
        Update::new("orders", OrderStateRow::new(state)?, id.as_str())
            .execute(self)
            .await?;
        Ok(())
    }

    async fn orders_of_account(
        &mut self,
        account: &AccountId,
        after: Option<&Cursor>,
        limit: u32,
        now: Timestamp,
    ) -> Outcome<Vec<Cursor>> {
        let mut query = orders::table
            .filter(orders::account_id.eq(account.as_str()))
            .filter(orders::error.is_null())
            .filter(
                orders::certificate_id
                    .is_not_null()
                    .or(orders::expires_at.gt(millis(now))),
            )
            .order((orders::created_at.desc(), orders::id.desc()))
            .limit(limit.into())
            .select((orders::created_at, orders::id))
            .into_boxed();
        if let Some(after) = after {
            let at = millis(after.created_at);
            query = query
                .filter(orders::created_at.le(at))
                .filter(orders::created_at.lt(at).or(orders::id.lt(&after.id)));
        }
        let rows: Vec<(i64, String)> = query.load(self).await?;
        let cursor = |(created_at, id)| Cursor {
            created_at: timestamp(created_at),
            id,
        };
        Ok(rows.into_iter().map(cursor).collect())
    }

    async fn is_being_tried(&mut self, ids: &[AuthorizationId]) -> Outcome<bool> {
        let tried = authorizations::table
            .inner_join(challenges::table)
            .filter(authorizations::status.eq(authorization_status(AuthorizationState::Pending)))
            .filter(challenges::status.eq(ChallengeStatus::Processing.as_str()));
        // One name is what most orders have, and its statement is prepared once for all.
        if let [id] = ids {
            let tried = tried.filter(authorizations::id.eq(id.as_str()));
            return Ok(diesel::select(exists(tried)).get_result(self).await?);
        }
        let ids: Vec<&str> = ids.iter().map(AuthorizationId::as_str).collect();
        let tried = tried.filter(authorizations::id.eq_any(ids));
        Ok(diesel::select(exists(tried)).get_result(self).await?)
    }

    async fn authorization_states(
        &mut self,
        ids: &[AuthorizationId],
    ) -> Outcome<Vec<(AuthorizationId, AuthorizationState, Timestamp)>> {
        // One statement that is prepared once, where one is asked for.
        let rows: Vec<(String, String, i64)> = if let [id] = ids {
            let one = authorizations::table.find(id.as_str());
            one.select(STATE).load(self).await?
        } else {
            let ids: Vec<&str> = ids.iter().map(AuthorizationId::as_str).collect();
            let all = authorizations::table.filter(authorizations::id.eq_any(ids));
            all.select(STATE).load(self).await?
        };
        rows.into_iter().map(state_of).collect()
    }

    async fn hold_authorizations(
        &mut self,
        account: &AccountId,
        ids: &[AuthorizationId],
    ) -> Outcome<Vec<(AuthorizationId, AuthorizationState, Timestamp)>> {
        let ids: Vec<&str> = ids.iter().map(AuthorizationId::as_str).collect();
        let rows: Vec<(String, String, i64)> = held!(
            authorizations::table
                .filter(authorizations::id.eq_any(ids))
                .filter(authorizations::account_id.eq(account.as_str()))
                .select(STATE)
        )
        .load(self)
        .await?;
        rows.into_iter().map(state_of).collect()
    }

    async fn valid_authorizations(
        &mut self,
        account: &AccountId,
        identifiers: &[Identifier],
    ) -> Outcome<Vec<Authorization>> {
        let texts: Vec<String> = identifiers.iter().map(identifier_text).collect();
        let rows: Vec<(AuthorizationRow, ChallengeRow)> = authorizations::table
            .inner_join(challenges::table)
            .filter(authorizations::account_id.eq(account.as_str()))
            .filter(authorizations::identifier.eq_any(texts))
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(IS_VALID))
            .select((AuthorizationRow::as_select(), ChallengeRow::as_select()))
            .load(self)
            .await?;
        let found = all_tracked(rows)?.into_iter();
        Ok(found.map(|tracked| tracked.authorization).collect())
    }

    async fn set_attested_key(&mut self, id: &AuthorizationId, key: &Thumbprint) -> Outcome<()> {
        diesel::update(authorizations::table.find(id.as_str()))
            .set(authorizations::attested_key.eq(&key.0[..]))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn prolong_authorization(
        &mut self,
        id: &AuthorizationId,
        expires_at: Timestamp,
    ) -> Outcome<()> {
        diesel::update(authorizations::table.find(id.as_str()))
            .set(authorizations::expires_at.eq(millis(expires_at)))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn authorization(&mut self, id: &AuthorizationId) -> Outcome<Option<Tracked>> {
        let rows: Vec<(AuthorizationRow, ChallengeRow)> = authorizations::table
            .inner_join(challenges::table)
            .filter(authorizations::id.eq(id.as_str()))
            .order(challenges::position)
            .select((AuthorizationRow::as_select(), ChallengeRow::as_select()))
            .load(self)
            .await?;
        Ok(super::with_marks(self, tracked(rows)?))
    }

    async fn lock_authorization(&mut self, id: &AuthorizationId) -> Outcome<Option<Tracked>> {
        let rows: Vec<(AuthorizationRow, ChallengeRow)> = locked!(
            authorizations::table
                .inner_join(challenges::table)
                .filter(authorizations::id.eq(id.as_str()))
                .order(challenges::position)
                .select((AuthorizationRow::as_select(), ChallengeRow::as_select()))
        )
        .load(self)
        .await?;
        Ok(super::with_marks(self, tracked(rows)?))
    }

    async fn authorization_of_challenge(&mut self, id: &ChallengeId) -> Outcome<Option<Tracked>> {
        let asked = diesel::alias!(challenges as asked);
        let authorization = asked
            .filter(asked.field(challenges::id).eq(id.as_str()))
            .select(asked.field(challenges::authorization_id))
            .single_value();
        let rows: Vec<(AuthorizationRow, ChallengeRow)> = authorizations::table
            .inner_join(challenges::table)
            .filter(authorizations::id.nullable().eq(authorization))
            .order(challenges::position)
            .select((AuthorizationRow::as_select(), ChallengeRow::as_select()))
            .load(self)
            .await?;
        Ok(super::with_marks(self, tracked(rows)?))
    }

    async fn lock_authorization_of_challenge(
        &mut self,
        id: &ChallengeId,
    ) -> Outcome<Option<Tracked>> {
        let asked = diesel::alias!(challenges as asked);
        let authorization = asked
            .filter(asked.field(challenges::id).eq(id.as_str()))
            .select(asked.field(challenges::authorization_id))
            .single_value();
        let rows: Vec<(AuthorizationRow, ChallengeRow)> = locked!(
            authorizations::table
                .inner_join(challenges::table)
                .filter(authorizations::id.nullable().eq(authorization))
                .order(challenges::position)
                .select((AuthorizationRow::as_select(), ChallengeRow::as_select()))
        )
        .load(self)
        .await?;
        Ok(super::with_marks(self, tracked(rows)?))
    }

    async fn pending_authorizations_of_account(
        &mut self,
        account: &AccountId,
    ) -> Outcome<Vec<AuthorizationId>> {
        let ids: Vec<String> = authorizations::table
            .filter(authorizations::account_id.eq(account.as_str()))
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(IS_PENDING))
            .order(authorizations::id)
            .select(authorizations::id)
            .load(self)
            .await?;
        ids.iter().map(|id| parse("authorization id", id)).collect()
    }

    async fn count_pending(
        &mut self,
        account: &AccountId,
        most: u32,
        now: Timestamp,
    ) -> Outcome<u32> {
        let ids: Vec<String> = authorizations::table
            .filter(authorizations::account_id.eq(account.as_str()))
            .filter(diesel::dsl::sql::<diesel::sql_types::Bool>(IS_PENDING))
            .filter(authorizations::expires_at.gt(millis(now)))
            .select(authorizations::id)
            .limit(i64::from(most))
            .load(self)
            .await?;
        Ok(u32::try_from(ids.len()).unwrap_or(most))
    }

    async fn set_authorization(
        &mut self,
        id: &AuthorizationId,
        state: AuthorizationState,
    ) -> Outcome<()> {
        let state = AuthorizationStateRow::from(state);
        Update::new("authorizations", state, id.as_str())
            .execute(self)
            .await?;
        Ok(())
    }
}
