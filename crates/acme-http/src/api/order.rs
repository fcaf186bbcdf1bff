//! newOrder and order ([RFC 8555 § 7.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.4)).

use acme_core::{
    Account, CreateOrderVerdict, EntropyRng, ExternalKeyRefusal, Order, OrderRequest, OrderState,
    OrderView, Provisioner, check_each,
};
use acme_types::{NewOrderRequest, OrderBody, OrderId, Problem, Timestamp, parse_identifiers};
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
        let identifiers = parse_identifiers(request.identifiers)?;
        let mut profiles = Vec::new();
        if let Some(bound) = &account.external_account {
            let key = self.services.store.find_external_account_key(&bound.key_id);
            let key = key
                .await?
                .ok_or_else(|| Problem::from(ExternalKeyRefusal::Unknown))?;
            key.check_identifiers(&identifiers)?;
            profiles = key.profiles;
        }
        let (mut order, authorizations) = Order::open(
            &account.id,
            provisioner,
            OrderRequest {
                profile: provisioner.choose_profile(request.profile.as_deref(), &profiles)?,
                identifiers,
                not_before: request.not_before,
                not_after: request.not_after,
            },
            now,
            &mut EntropyRng(&*self.services.entropy),
        )?;
        check_each(&order.identifiers, |identifier| {
            let authority = &self.services.authority;
            authority.check_identifier(&provisioner.name, identifier)
        })?;
        order.replaces = self
            .replaced(provisioner, &order, request.replaces.as_deref())
            .await?;
        let answer = self.order_answer(provisioner, &order, false, now);
        let created = self.services.store.create_order(order, authorizations);
        match created.await? {
            CreateOrderVerdict::Created => Ok(answer.status(StatusCode::CREATED)),
            // It was ended while this request was on its way.
            CreateOrderVerdict::AccountEnded(status) => Err(Failure::account_ended(status)),
            CreateOrderVerdict::AlreadyReplaced(by) => Err(already_replaced(&by)),
            CreateOrderVerdict::NothingToReplace => Err(nothing_to_replace()),
        }
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

pub(super) fn no_order() -> Failure {
    Failure::not_found("this account has no such order")
}
