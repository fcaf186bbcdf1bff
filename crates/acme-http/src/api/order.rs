//! newOrder and order ([RFC 8555 § 7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).

use std::collections::BTreeMap;

use acme_core::{
    Account, Authorization, CreateOrderVerdict, EntropyRng, ExternalAccountKey, ExternalKeyRefusal,
    HookEvent, HookQuestion, Order, OrderRequest, OrderState, OrderView, Provisioner, check_each,
};
use acme_types::{
    DnsName, DnsNameError, Identifier, NewOrderRequest, OrderBody, OrderId, Problem, RawIdentifier,
    Timestamp, parse_identifiers,
};
use hyper::StatusCode;

use super::Api;
use super::renewal::{already_replaced, nothing_to_replace};
use crate::answer::Answer;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;
use crate::urls::Resource;

impl Api {
    pub(super) async fn new_order(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        payload: &Payload,
        now: Timestamp,
    ) -> Outcome {
        let request: NewOrderRequest = payload.object()?;
        let (raw, ancestors): (Vec<_>, Vec<_>) = request
            .identifiers
            .into_iter()
            .map(|ordered| (ordered.identifier, ordered.ancestor_domain))
            .unzip();
        let ancestors = ancestors_of(&raw, ancestors)?;
        let identifiers = parse_identifiers(raw)?;
        let profiles = match self.external_key(account).await? {
            Some(key) => {
                key.check_identifiers(&identifiers)?;
                key.profiles
            }
            None => Vec::new(),
        };
        let profile = provisioner.choose_profile(request.profile.as_deref(), &profiles)?;
        let authorizations = provisioner.authorizations;
        let ancestors = if authorizations.subdomains {
            ancestors
        } else {
            BTreeMap::new()
        };
        let mut valid = if authorizations.reuse.is_zero() {
            Vec::new()
        } else {
            let store = &self.services.store;
            store
                .find_valid_authorizations(&account.id, &Authorization::candidates(&identifiers))
                .await?
        };
        loop {
            let mut rng = EntropyRng(&*self.services.entropy);
            let (mut order, mut new) = Order::open(
                &account.id,
                provisioner,
                OrderRequest {
                    profile: profile.clone(),
                    identifiers: identifiers.clone(),
                    not_before: request.not_before,
                    not_after: request.not_after,
                },
                now,
                &mut rng,
            )?;
            self.check_authority(provisioner, &order.identifiers)?;
            order.rest_on(&mut new, &valid, &ancestors, provisioner, &mut rng)?;
            order.replaces = self
                .replaced(provisioner, &order, request.replaces.as_deref())
                .await?;
            self.ask_policy(HookQuestion {
                account,
                order: &order,
                event: HookEvent::NewOrder,
            })
            .await?;
            let answer = self.order_answer(provisioner, &order, false, now);
            let created = self.services.store.create_order(order, new);
            return match created.await? {
                CreateOrderVerdict::Created => Ok(answer.status(StatusCode::CREATED)),
                // It was ended while this request was on its way.
                CreateOrderVerdict::AccountEnded(status) => Err(Failure::account_ended(status)),
                // So was an authorization: the order gets its own ones.
                CreateOrderVerdict::AuthorizationEnded if !valid.is_empty() => {
                    valid.clear();
                    continue;
                }
                CreateOrderVerdict::AuthorizationEnded => {
                    Err(Failure::Bug("an order's own authorizations have ended"))
                }
                CreateOrderVerdict::AlreadyReplaced(by) => Err(already_replaced(&by)),
                CreateOrderVerdict::NothingToReplace => Err(nothing_to_replace()),
            };
        }
    }

    /// The external account key of an account, if it is bound to one.
    pub(super) async fn external_key(
        &self,
        account: &Account,
    ) -> Result<Option<ExternalAccountKey>, Failure> {
        let Some(bound) = &account.external_account else {
            return Ok(None);
        };
        let key = self.services.store.find_external_account_key(&bound.key_id);
        let key = key.await?;
        Ok(Some(key.ok_or_else(|| {
            Problem::from(ExternalKeyRefusal::Unknown)
        })?))
    }

    /// Checks that the authority's own certificate lets it issue for these identifiers.
    pub(super) fn check_authority(
        &self,
        provisioner: &Provisioner,
        identifiers: &[Identifier],
    ) -> Result<(), Problem> {
        let authority = &self.services.authority;
        check_each(identifiers, |identifier| {
            authority.check_identifier(&provisioner.name, identifier)
        })
    }

    pub(super) async fn order(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &OrderId,
        payload: &Payload,
        now: Timestamp,
    ) -> Outcome {
        payload.expect_empty()?;
        let view = self.own_order(account, id).await?;
        Ok(self.order_answer(provisioner, &view.order, view.being_tried, now))
    }

    /// An order of this account. Since an account belongs to one provisioner, so do its orders.
    pub(super) async fn own_order(
        &self,
        account: &Account,
        id: &OrderId,
    ) -> Result<OrderView, Failure> {
        let view = self.services.store.find_order(id).await?;
        view.filter(|view| view.order.account_id == account.id)
            .ok_or_else(no_order)
    }

    /// The order's body, `Location`, and when to ask again.
    pub(super) fn order_answer(
        &self,
        provisioner: &Provisioner,
        order: &Order,
        being_tried: bool,
        now: Timestamp,
    ) -> Answer {
        let state = order.state_at(now);
        let url = |resource| self.url(provisioner, &resource);
        let body = OrderBody {
            status: state.status(),
            expires: order.expires_at,
            identifiers: order.identifiers.clone(),
            not_before: order.not_before,
            not_after: order.not_after,
            replaces: order.replaces.as_ref().map(ToString::to_string),
            profile: order.profile.clone(),
            authorizations: order
                .authorizations
                .iter()
                .map(|id| url(Resource::Authorization(id.clone())))
                .collect(),
            finalize: url(Resource::Finalize(order.id.clone())),
            certificate: match &state {
                OrderState::Valid { certificate_id } => {
                    Some(url(Resource::Certificate(certificate_id.clone())))
                }
                _ => None,
            },
            error: match state {
                OrderState::Invalid { error } => Some(error),
                _ => None,
            },
        };
        Answer::json(&body)
            .location(&url(Resource::Order(order.id.clone())))
            .retry_after(order.retry_after(being_tried, now))
    }
}

/// The names above that a client can prove instead, by identifier
/// ([RFC 9444 § 4.3](https://www.rfc-editor.org/rfc/rfc9444#section-4.3)).
fn ancestors_of(
    raw: &[RawIdentifier],
    ancestors: Vec<Option<String>>,
) -> Result<BTreeMap<Identifier, DnsName>, Failure> {
    let mut found = BTreeMap::new();
    for (raw, ancestor) in raw.iter().zip(ancestors) {
        let Some(ancestor) = ancestor else { continue };
        // A bad identifier is told of where all of them are read.
        let Ok(identifier) = Identifier::try_from(raw.clone()) else {
            continue;
        };
        let wrong = |why: &str| {
            let detail = format!("the ancestorDomain {ancestor:?} of {identifier} {why}");
            Failure::malformed(detail)
        };
        let Identifier::Dns(name) = identifier.base() else {
            return Err(wrong(
                "has no meaning: only DNS names have names above them",
            ));
        };
        let parent: DnsName = ancestor
            .parse()
            .map_err(|error: DnsNameError| wrong(&format!("is no DNS name: {error}")))?;
        if parent.is_wildcard() || !(name == parent || name.is_below(&parent)) {
            return Err(wrong("is not above it"));
        }
        found.insert(identifier, parent);
    }
    Ok(found)
}

pub(super) fn no_order() -> Failure {
    Failure::not_found("this account has no such order")
}
