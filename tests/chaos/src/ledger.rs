//! Everything that was acknowledged to a client, as it was last seen.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::Mutex;

use acme_core::Serial;
use acme_types::{AuthorizationStatus, ChallengeId, ChallengeStatus, OrderStatus, Timestamp};

use crate::client::AccountKey;
use crate::invariant::{Findings, Invariant};
use crate::target::Target;
use crate::time::locked;

/// All accounts and orders.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    accounts: Vec<Arc<KnownAccount>>,
    orders: Vec<Arc<KnownOrder>>,
    serials: HashMap<Serial, u32>,
}

/// An account that a client was told of.
#[derive(Debug)]
pub struct KnownAccount {
    /// Its URL.
    pub url: String,
    /// Its key.
    pub key: Arc<AccountKey>,
    /// Its contact.
    pub contact: String,
}

/// An order that a client was told of.
#[derive(Debug)]
pub struct KnownOrder {
    /// Counts the orders of a run; decides the identifier.
    pub number: u32,
    /// The round in which it was made.
    pub round: u32,
    /// Whose it is.
    pub account: Arc<KnownAccount>,
    /// Its URL.
    pub url: String,
    /// Where to finalize it.
    pub finalize: String,
    /// What it is for.
    pub identifier: Ipv4Addr,
    /// What is known of it now. Held while a request about the order is under way, so that no older
    /// answer is taken for a newer one.
    pub now: tokio::sync::Mutex<Progress>,
}

/// How far an order got, as its client knows.
#[derive(Debug)]
pub struct Progress {
    /// The order's status.
    pub order: OrderStatus,
    /// The authorization, once it was read.
    pub authorization: Option<(String, AuthorizationStatus)>,
    /// The challenge, once it was read.
    pub challenge: Option<KnownChallenge>,
    /// The certificate, once it was fetched.
    pub certificate: Option<KnownCertificate>,
    /// Whether the client is through with it.
    pub is_over: bool,
    /// Whether its attempts were judged after it was settled; they cannot change any more.
    pub is_judged: bool,
}

/// A challenge that a client was told of.
#[derive(Debug)]
pub struct KnownChallenge {
    /// Its id.
    pub id: ChallengeId,
    /// Its URL.
    pub url: String,
    /// Its status.
    pub status: ChallengeStatus,
    /// When requests to validate it were answered.
    pub requested_at: Vec<Timestamp>,
    /// Where its proof is.
    pub target: Arc<Target>,
}

/// A certificate that a client was given.
#[derive(Clone, Debug)]
pub struct KnownCertificate {
    /// Its URL.
    pub url: String,
    /// The chain in PEM.
    pub pem: String,
    /// Its serial number.
    pub serial: Serial,
}

impl Ledger {
    pub(crate) fn add_account(&self, account: KnownAccount) -> Arc<KnownAccount> {
        let account = Arc::new(account);
        locked(&self.0).accounts.push(Arc::clone(&account));
        account
    }

    pub(crate) fn add_order(&self, order: KnownOrder) -> Arc<KnownOrder> {
        let order = Arc::new(order);
        locked(&self.0).orders.push(Arc::clone(&order));
        order
    }

    /// Notes whose a serial number is; the number of another order that has it already.
    pub(crate) fn claim_serial(&self, serial: Serial, order: u32) -> Option<u32> {
        let first = *locked(&self.0).serials.entry(serial).or_insert(order);
        (first != order).then_some(first)
    }

    /// Every account.
    #[must_use]
    pub fn accounts(&self) -> Vec<Arc<KnownAccount>> {
        locked(&self.0).accounts.clone()
    }

    /// Every order, oldest first.
    #[must_use]
    pub fn orders(&self) -> Vec<Arc<KnownOrder>> {
        locked(&self.0).orders.clone()
    }
}

impl Progress {
    /// A new order.
    #[must_use]
    pub const fn new(order: OrderStatus) -> Self {
        Self {
            order,
            authorization: None,
            challenge: None,
            certificate: None,
            is_over: false,
            is_judged: false,
        }
    }

    /// The order was seen in this status.
    pub fn saw_order(&mut self, findings: &Findings, number: u32, status: OrderStatus) {
        let rank = |status| match status {
            OrderStatus::Pending => 0,
            OrderStatus::Ready => 1,
            OrderStatus::Processing => 2,
            OrderStatus::Valid | OrderStatus::Invalid => 3,
        };
        forward(
            findings,
            number,
            "order",
            (self.order, rank(self.order)),
            (status, rank(status)),
            self.order.is_settled(),
        );
        self.order = status;
    }

    /// The authorization was seen in this status.
    pub fn saw_authorization(
        &mut self,
        findings: &Findings,
        number: u32,
        status: AuthorizationStatus,
    ) {
        let rank = |status| u8::from(status != AuthorizationStatus::Pending);
        if let Some((_, before)) = &mut self.authorization {
            let is_settled = rank(*before) > 0;
            forward(
                findings,
                number,
                "authorization",
                (*before, rank(*before)),
                (status, rank(status)),
                is_settled,
            );
            *before = status;
        }
    }

    /// The challenge was seen in this status.
    pub fn saw_challenge(&mut self, findings: &Findings, number: u32, status: ChallengeStatus) {
        let rank = |status| match status {
            ChallengeStatus::Pending => 0,
            ChallengeStatus::Processing => 1,
            ChallengeStatus::Valid | ChallengeStatus::Invalid => 2,
        };
        if let Some(challenge) = &mut self.challenge {
            let before = challenge.status;
            forward(
                findings,
                number,
                "challenge",
                (before, rank(before)),
                (status, rank(status)),
                before.is_settled(),
            );
            challenge.status = status;
        }
    }
}

fn forward<S: Copy + PartialEq + std::fmt::Display>(
    findings: &Findings,
    number: u32,
    what: &str,
    (before, rank_before): (S, u8),
    (after, rank_after): (S, u8),
    is_settled: bool,
) {
    let holds = before == after || (!is_settled && rank_after > rank_before);
    findings.check(Invariant::NothingBackwards, holds, || {
        format!("the {what} of order {number} was {before} and is {after}")
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_only_go_forward() {
        use OrderStatus::{Invalid, Pending, Processing, Ready, Valid};
        let cases = [
            (Pending, Ready, true),
            (Pending, Valid, true),
            (Ready, Pending, false),
            (Processing, Ready, false),
            (Valid, Valid, true),
            (Valid, Invalid, false),
            (Invalid, Valid, false),
            (Ready, Invalid, true),
        ];
        for (before, after, holds) in cases {
            let findings = Findings::default();
            Progress::new(before).saw_order(&findings, 1, after);
            assert_eq!(
                findings.violations().is_empty(),
                holds,
                "{before} to {after}"
            );
        }
    }
}
