//! Queries about certificates and issuers.

use acme_core::{Certificate, EarlyRenewal, Issuer, Replacement, Revocation, Serial};
use acme_types::{CertificateId, Slot, Timestamp};
use diesel::OptionalExtension as _;
use diesel::prelude::*;

use super::{Conn, RunQueryDsl};
use crate::act::{Fault, Outcome};
use crate::cursor::Cursor;
use crate::model::{
    CertificateRow, EarlyRenewalRow, IssuerRow, ReplacementRow, SignedRow, identifier_rows,
    identifier_text, millis, slot_number,
};
use crate::rows::{CertificateRows, Walk};
use crate::schema::{certificate_identifiers, certificates, issuers};
use crate::update::Update;

/// Narrows a walk by creation, newest first, to what comes after a place; `$created_at` and `$id`
/// are the columns of the index that it follows.
macro_rules! page {
    ($query:expr, $created_at:expr, $id:expr, $after:expr, $limit:expr) => {{
        let mut query = $query
            .order(($created_at.desc(), $id.desc()))
            .limit($limit.into())
            .select(CertificateRow::as_select())
            .into_boxed();
        if let Some(after) = $after {
            let at = millis(after.created_at);
            query = query
                .filter($created_at.le(at))
                .filter($created_at.lt(at).or($id.lt(&after.id)));
        }
        query
    }};
}

impl CertificateRows for Conn {
    async fn insert_issuer(&mut self, issuer: &Issuer) -> Outcome<()> {
        diesel::insert_into(issuers::table)
            .values(IssuerRow::from(issuer))
            .on_conflict_do_nothing()
            .execute(self)
            .await?;
        Ok(())
    }

    async fn insert_certificate(
        &mut self,
        certificate: &Certificate,
        signing_slot: Slot,
    ) -> Outcome<()> {
        diesel::insert_into(certificates::table)
            .values(CertificateRow::unsigned(certificate, signing_slot)?)
            .execute(self)
            .await?;
        insert_all!(
            self,
            certificate_identifiers::table,
            identifier_rows(certificate)
        );
        Ok(())
    }

    async fn certificate(&mut self, id: &CertificateId) -> Outcome<Option<Certificate>> {
        certificates::table
            .find(id.as_str())
            .select(CertificateRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(Certificate::try_from)
            .transpose()
    }

    async fn certificate_and_issuer(
        &mut self,
        id: &CertificateId,
    ) -> Outcome<Option<(Certificate, Issuer)>> {
        let found: Option<(CertificateRow, IssuerRow)> = certificates::table
            .inner_join(issuers::table)
            .filter(certificates::id.eq(id.as_str()))
            .select((CertificateRow::as_select(), IssuerRow::as_select()))
            .get_result(self)
            .await
            .optional()?;
        found
            .map(|(certificate, issuer)| {
                Ok::<_, Fault>((certificate.try_into()?, issuer.try_into()?))
            })
            .transpose()
    }

    async fn certificate_by_serial(&mut self, serial: &Serial) -> Outcome<Option<Certificate>> {
        certificates::table
            .filter(certificates::serial.eq(&serial.as_bytes()[..]))
            .select(CertificateRow::as_select())
            .get_result(self)
            .await
            .optional()?
            .map(Certificate::try_from)
            .transpose()
    }

    async fn lock_certificate_by_serial(
        &mut self,
        serial: &Serial,
    ) -> Outcome<Option<Certificate>> {
        locked!(
            certificates::table
                .filter(certificates::serial.eq(&serial.as_bytes()[..]))
                .select(CertificateRow::as_select())
        )
        .get_result(self)
        .await
        .optional()?
        .map(Certificate::try_from)
        .transpose()
    }

    async fn set_signed(&mut self, certificate: &Certificate, der: &[u8]) -> Outcome<()> {
        let row = SignedRow::new(certificate, der);
        Update::new("certificates", row, certificate.id.as_str())
            .execute(self)
            .await?;
        Ok(())
    }

    async fn set_given_up(&mut self, id: &CertificateId) -> Outcome<()> {
        diesel::update(certificates::table.find(id.as_str()))
            .set(certificates::signing_slot.eq(None::<i16>))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn set_revoked(&mut self, id: &CertificateId, revocation: Revocation) -> Outcome<()> {
        diesel::update(certificates::table.find(id.as_str()))
            .set((
                certificates::revoked_at.eq(millis(revocation.at)),
                certificates::revocation_reason.eq(i16::from(revocation.reason.code())),
            ))
            .execute(self)
            .await?;
        Ok(())
    }

    async fn set_early_renewal(
        &mut self,
        id: &CertificateId,
        early_renewal: Option<&EarlyRenewal>,
    ) -> Outcome<()> {
        let row = EarlyRenewalRow::from(early_renewal);
        Update::new("certificates", row, id.as_str())
            .execute(self)
            .await?;
        Ok(())
    }

    async fn set_replacement(
        &mut self,
        id: &CertificateId,
        replacement: &Replacement,
    ) -> Outcome<()> {
        let row = ReplacementRow::from(replacement);
        Update::new("certificates", row, id.as_str())
            .execute(self)
            .await?;
        Ok(())
    }

    async fn unsigned(
        &mut self,
        slot: Slot,
        before: Timestamp,
        limit: u32,
    ) -> Outcome<Vec<Certificate>> {
        let rows: Vec<CertificateRow> = certificates::table
            .filter(certificates::signing_slot.eq(slot_number(slot)))
            .filter(certificates::created_at.lt(millis(before)))
            .order(certificates::created_at)
            .limit(limit.into())
            .select(CertificateRow::as_select())
            .load(self)
            .await?;
        rows.into_iter().map(Certificate::try_from).collect()
    }

    async fn adopt_certificates(&mut self, from: Slot, to: Slot, limit: u32) -> Outcome<u32> {
        let ids: Vec<String> = locked_or_skipped!(
            certificates::table
                .filter(certificates::signing_slot.eq(slot_number(from)))
                .order(certificates::created_at)
                .limit(limit.into())
                .select(certificates::id)
        )
        .load(self)
        .await?;
        if ids.is_empty() {
            return Ok(0);
        }
        let adopted = diesel::update(certificates::table.filter(certificates::id.eq_any(ids)))
            .set(certificates::signing_slot.eq(slot_number(to)))
            .execute(self)
            .await?;
        Ok(u32::try_from(adopted).unwrap_or(limit))
    }

    async fn certificates(
        &mut self,
        walk: &Walk,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Outcome<Vec<Certificate>> {
        use certificates::{created_at, id};
        let rows: Vec<CertificateRow> = match walk {
            Walk::All => {
                let all = certificates::table;
                page!(all, created_at, id, after, limit).load(self).await?
            }
            Walk::Account(account) => {
                let of_account =
                    certificates::table.filter(certificates::account_id.eq(account.as_str()));
                page!(of_account, created_at, id, after, limit)
                    .load(self)
                    .await?
            }
            Walk::Revoked => {
                let revoked = certificates::table.filter(certificates::revoked_at.is_not_null());
                page!(revoked, created_at, id, after, limit)
                    .load(self)
                    .await?
            }
            Walk::Identifier(identifier) => {
                let named = certificate_identifiers::table
                    .inner_join(
                        certificates::table.on(id.eq(certificate_identifiers::certificate_id)),
                    )
                    .filter(certificate_identifiers::identifier.eq(identifier_text(identifier)));
                page!(
                    named,
                    certificate_identifiers::created_at,
                    certificate_identifiers::certificate_id,
                    after,
                    limit
                )
                .load(self)
                .await?
            }
        };
        rows.into_iter().map(Certificate::try_from).collect()
    }
}
