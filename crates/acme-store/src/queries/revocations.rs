//! Queries about logs of revocations and revocation lists.

use acme_core::{IssuerId, PublishedCrl, RevocationEntry, Serial};
use acme_types::{Thumbprint, Timestamp};
use diesel::OptionalExtension as _;
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::model::{CrlRow, RevocationRow, big, millis, number_of};
use crate::rows::RevocationRows;
use crate::schema::{blocked_keys, crls, revocation_logs, revocations};

impl RevocationRows for Conn {
    async fn insert_revocation_log(&mut self, issuer: &IssuerId) -> Outcome<()> {
        diesel::insert_into(revocation_logs::table)
            .values((
                revocation_logs::issuer.eq(&issuer.0[..]),
                revocation_logs::revision.eq(0),
            ))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(())
    }

    async fn revision(&mut self, issuer: &IssuerId) -> Outcome<Option<u64>> {
        let found: Option<i64> = revocation_logs::table
            .find(&issuer.0[..])
            .select(revocation_logs::revision)
            .get_result(self)
            .await
            .optional()?;
        found
            .map(|revision| number_of("revision", revision))
            .transpose()
    }

    async fn lock_revision(&mut self, issuer: &IssuerId) -> Outcome<Option<u64>> {
        let found: Option<i64> = locked!(
            revocation_logs::table
                .find(&issuer.0[..])
                .select(revocation_logs::revision)
        )
        .get_result(self)
        .await
        .optional()?;
        found
            .map(|revision| number_of("revision", revision))
            .transpose()
    }

    async fn append_revocation(
        &mut self,
        issuer: &IssuerId,
        entry: &RevocationEntry,
    ) -> Outcome<()> {
        diesel::insert_into(revocations::table)
            .values(RevocationRow::new(issuer, entry)?)
            .execute(self)
            .await?;
        diesel::update(revocation_logs::table.find(&issuer.0[..]))
            .set(revocation_logs::revision.eq(big("revision", entry.revision)?))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn revocations(
        &mut self,
        issuer: &IssuerId,
        after: u64,
        limit: u32,
    ) -> Outcome<Vec<RevocationEntry>> {
        let rows: Vec<RevocationRow> = revocations::table
            .filter(revocations::issuer.eq(&issuer.0[..]))
            .filter(revocations::revision.gt(big("revision", after)?))
            .order(revocations::revision)
            .limit(limit.into())
            .select(RevocationRow::as_select())
            .load(self)
            .await?;
        rows.into_iter().map(RevocationEntry::try_from).collect()
    }

    async fn crl_number(&mut self, issuer: &IssuerId) -> Outcome<Option<u64>> {
        let found: Option<i64> = crls::table
            .find(&issuer.0[..])
            .select(crls::number)
            .get_result(self)
            .await
            .optional()?;
        found
            .map(|number| number_of("list number", number))
            .transpose()
    }

    async fn newer_crl(&mut self, issuer: &IssuerId, number: u64) -> Outcome<Option<PublishedCrl>> {
        crls::table
            .find(&issuer.0[..])
            .filter(crls::number.gt(big("list number", number)?))
            .select(CrlRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(PublishedCrl::try_from)
            .transpose()
    }

    async fn set_crl(&mut self, crl: &PublishedCrl) -> Outcome<()> {
        let row = CrlRow::try_from(crl)?;
        diesel::insert_into(crls::table)
            .values(&row)
            .on_conflict(crls::issuer)
            .do_update()
            .set(&row)
            .execute(self)
            .await?;
        Ok(())
    }

    async fn is_blocked(&mut self, key: &Thumbprint) -> Outcome<bool> {
        let found: Option<i64> = blocked_keys::table
            .find(&key.0[..])
            .select(blocked_keys::blocked_at)
            .get_result(self)
            .await
            .optional()?;
        Ok(found.is_some())
    }

    async fn insert_blocked_key(
        &mut self,
        key: &Thumbprint,
        serial: &Serial,
        now: Timestamp,
    ) -> Outcome<()> {
        diesel::insert_into(blocked_keys::table)
            .values((
                blocked_keys::thumbprint.eq(&key.0[..]),
                blocked_keys::serial.eq(&serial.as_bytes()[..]),
                blocked_keys::blocked_at.eq(millis(now)),
            ))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(())
    }

    async fn prune_revocations(&mut self, before: Timestamp, limit: u32) -> Outcome<u64> {
        let keys: Vec<(Vec<u8>, i64)> = revocations::table
            .filter(revocations::not_after.le(millis(before)))
            .order(revocations::not_after)
            .limit(limit.into())
            .select((revocations::issuer, revocations::revision))
            .load(self)
            .await?;
        let mut removed = 0;
        for key in keys {
            removed += diesel::delete(revocations::table.find(key))
                .execute(self)
                .await?;
        }
        Ok(removed as u64)
    }
}
