//! Queries about leases and named values.

use acme_core::Lease;
use acme_types::{Slot, Timestamp};
use diesel::OptionalExtension as _;
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::Outcome;
use crate::model::{LeaseRow, slot_number};
use crate::rows::LeaseRows;
use crate::schema::{leases, meta};

impl LeaseRows for Conn {
    async fn lease_clock(&mut self, now: Timestamp) -> Outcome<Timestamp> {
        super::lease_clock(self, now).await
    }

    async fn lease(&mut self, slot: Slot) -> Outcome<Option<Lease>> {
        leases::table
            .find(slot_number(slot))
            .select(LeaseRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(Lease::try_from)
            .transpose()
    }

    async fn lock_lease(&mut self, slot: Slot) -> Outcome<Option<Lease>> {
        locked!(
            leases::table
                .find(slot_number(slot))
                .select(LeaseRow::as_select())
        )
        .get_result(self)
        .await
        .optional()?
        .map(Lease::try_from)
        .transpose()
    }

    async fn insert_lease(&mut self, lease: &Lease) -> Outcome<bool> {
        let added = diesel::insert_into(leases::table)
            .values(LeaseRow::from(lease))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(added == 1)
    }

    async fn set_lease(&mut self, lease: &Lease) -> Outcome<()> {
        diesel::update(leases::table.find(slot_number(lease.slot)))
            .set(LeaseRow::from(lease))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn leases(&mut self) -> Outcome<Vec<Lease>> {
        let rows: Vec<LeaseRow> = leases::table
            .order(leases::slot)
            .select(LeaseRow::as_select())
            .load(self)
            .await?;
        rows.into_iter().map(Lease::try_from).collect()
    }

    async fn meta(&mut self, name: &str) -> Outcome<Option<Vec<u8>>> {
        Ok(meta::table
            .find(name)
            .select(meta::value)
            .get_result(self)
            .await
            .optional()?)
    }

    async fn insert_meta(&mut self, name: &str, value: &[u8]) -> Outcome<()> {
        diesel::insert_into(meta::table)
            .values((meta::name.eq(name), meta::value.eq(value)))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(())
    }
}
