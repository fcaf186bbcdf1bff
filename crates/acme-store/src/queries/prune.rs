//! Removal of what has ended, in batches.

use acme_core::Order;
use acme_types::{OrderStatus, Timestamp};
use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::model::{CertificateRow, OrderRow, identifier_text, millis};
use crate::rows::PruneRows;
use crate::schema::{
    authorizations, certificate_identifiers, certificates, order_authorizations, orders,
};

impl PruneRows for Conn {
    async fn prune_orders(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let rows: Vec<OrderRow> = locked_or_skipped!(
            orders::table
                .filter(orders::expires_at.le(millis(before)))
                .filter(orders::status.ne(OrderStatus::Processing.as_str()))
                .order(orders::expires_at)
                .limit(limit.into())
                .select(OrderRow::as_select())
        )
        .load(self)
        .await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let pruned = rows
            .into_iter()
            .map(Order::try_from)
            .collect::<Outcome<Vec<Order>>>()?;
        let ids: Vec<&str> = pruned.iter().map(|order| order.id.as_str()).collect();
        let waited_for: Vec<&str> = pruned
            .iter()
            .flat_map(|order| &order.authorizations)
            .map(|id| id.as_str())
            .collect();
        diesel::delete(
            order_authorizations::table
                .filter(order_authorizations::authorization_id.eq_any(waited_for))
                .filter(order_authorizations::order_id.eq_any(&ids)),
        )
        .execute(self)
        .await?;
        let removed = diesel::delete(orders::table.filter(orders::id.eq_any(&ids)))
            .execute(self)
            .await?;
        Ok(removed as u64)
    }

    async fn prune_authorizations(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let wanted = order_authorizations::table
            .filter(order_authorizations::authorization_id.eq(authorizations::id));
        let ids: Vec<String> = locked_or_skipped!(
            authorizations::table
                .filter(authorizations::expires_at.le(millis(before)))
                .filter(not(exists(wanted)))
                .order(authorizations::expires_at)
                .limit(limit.into())
                .select(authorizations::id)
        )
        .load(self)
        .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        // Challenges and attempts go with them by their foreign keys.
        let removed = diesel::delete(authorizations::table.filter(authorizations::id.eq_any(ids)))
            .execute(self)
            .await?;
        Ok(removed as u64)
    }

    async fn prune_certificates(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let rows: Vec<CertificateRow> = locked_or_skipped!(
            certificates::table
                .filter(certificates::not_after.le(millis(before)))
                .filter(certificates::signing_slot.is_null())
                .order(certificates::not_after)
                .limit(limit.into())
                .select(CertificateRow::as_select())
        )
        .load(self)
        .await?;
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            let certificate = acme_core::Certificate::try_from(row)?;
            for identifier in &certificate.identifiers {
                let key = (
                    identifier_text(identifier),
                    millis(certificate.created_at),
                    certificate.id.as_str(),
                );
                diesel::delete(certificate_identifiers::table.find(key))
                    .execute(self)
                    .await?;
            }
            ids.push(certificate.id.to_string());
        }
        if ids.is_empty() {
            return Ok(0);
        }
        let removed = diesel::delete(certificates::table.filter(certificates::id.eq_any(ids)))
            .execute(self)
            .await?;
        Ok(removed as u64)
    }
}
