//! What an act may read for people: lists that the protocol does not ask for.

use acme_core::{Authorization, Certificate, Order};
use acme_types::{AccountId, AuthorizationId, Identifier, OrderId, Timestamp};

use crate::act::Outcome;
use crate::cursor::Cursor;

/// Lists for people.
pub trait RecordRows {
    /// Orders by id, the last first: ids begin with their time.
    fn orders_by_id(
        &mut self,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<Order>>> + Send;

    /// Orders of an account by creation, newest first: those that are invalid, or the others.
    fn whole_orders_of_account(
        &mut self,
        account: &AccountId,
        invalid: bool,
        after: Option<&Cursor>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<Order>>> + Send;

    /// Orders that rest on an authorization, the last by id first.
    fn orders_of_authorization(
        &mut self,
        id: &AuthorizationId,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<OrderId>>> + Send;

    /// Authorizations with their challenges by id, the last first, of an identifier or of all.
    fn authorizations_by_id(
        &mut self,
        identifier: Option<&Identifier>,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<Authorization>>> + Send;

    /// Certificates that end within a span, the first to end first; `after` holds an end and an id.
    fn certificates_by_end(
        &mut self,
        from: Timestamp,
        before: Timestamp,
        after: Option<&Cursor>,
        limit: u32,
    ) -> impl Future<Output = Outcome<Vec<Certificate>>> + Send;
}
