//! Removal of what has ended, in memory.

use acme_core::OrderState;
use acme_types::Timestamp;

use super::super::Tables;
use crate::act::Outcome;
use crate::rows::PruneRows;

/// The first `limit` of `ended` by their end.
fn oldest<K>(ended: impl Iterator<Item = (Timestamp, K)>, limit: u32) -> Vec<K> {
    let mut ended: Vec<_> = ended.collect();
    ended.sort_by_key(|(at, _)| *at);
    ended.truncate(limit as usize);
    ended.into_iter().map(|(_, key)| key).collect()
}

impl PruneRows for Tables {
    async fn prune_orders(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let ended = self.orders.values().filter(|order| {
            order.expires_at <= before && !matches!(order.state, OrderState::Processing { .. })
        });
        let ids = oldest(
            ended.map(|order| (order.expires_at, order.id.clone())),
            limit,
        );
        for id in &ids {
            self.orders.remove(id);
        }
        Ok(ids.len() as u64)
    }

    async fn prune_authorizations(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let ended = self
            .authorizations
            .values()
            .map(|tracked| &tracked.authorization)
            .filter(|authorization| {
                let is_named = self
                    .orders
                    .values()
                    .any(|order| order.authorizations.contains(&authorization.id));
                authorization.expires_at <= before && !is_named
            });
        let ids = oldest(ended.map(|a| (a.expires_at, a.id.clone())), limit);
        for id in &ids {
            if let Some(tracked) = self.authorizations.remove(id) {
                for challenge in tracked.authorization.challenges {
                    self.authorization_of.remove(&challenge.id);
                    self.attempts.remove(&challenge.id);
                }
            }
        }
        Ok(ids.len() as u64)
    }

    async fn prune_certificates(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let ended = self
            .certificates
            .values()
            .filter(|kept| kept.certificate.not_after <= before && kept.signing_slot.is_none());
        let keyed = ended.map(|kept| (kept.certificate.not_after, kept.certificate.id.clone()));
        let ids = oldest(keyed, limit);
        for id in &ids {
            self.certificates.remove(id);
        }
        Ok(ids.len() as u64)
    }
}
