//! newAccount, account and its list of orders ([RFC 8555 § 7.3], [§ 7.1.2.1]).
//!
//! [RFC 8555 § 7.3]: https://www.rfc-editor.org/rfc/rfc8555#section-7.3
//! [§ 7.1.2.1]: https://www.rfc-editor.org/rfc/rfc8555#section-7.1.2.1

use acme_core::{
    Account, AccountVerdict, CreateAccountVerdict, EntropyRng, ExternalAccount,
    ExternalAccountBinding, ExternalKeyRefusal, Origin, Provisioner, SignedRequest,
};
use acme_types::{
    AccountBody, AccountId, AccountStatus, AccountUpdate, Jwk, NewAccountRequest, OrdersBody,
    Problem, ProblemKind, Thumbprint, Timestamp, decode_base64url, encode_base64url,
};
use hyper::StatusCode;

use super::{Api, Trail};
use crate::answer::Answer;
use crate::contact::check_contacts;
use crate::failure::{Failure, Outcome};
use crate::request::Payload;
use crate::urls::Resource;

/// Orders on one page of the list.
const ORDERS_PER_PAGE: u32 = 100;

/// Who asks for an account: the request and the key that it shows.
pub(super) struct Applicant<'a> {
    pub(super) jws: &'a SignedRequest<'a>,
    pub(super) jwk: Jwk,
    pub(super) thumbprint: Thumbprint,
}

impl Api {
    pub(super) async fn new_account(
        &self,
        provisioner: &Provisioner,
        applicant: Applicant<'_>,
        payload: &Payload,
        origin: &Origin,
        trail: &mut Trail,
    ) -> Outcome {
        let now = origin.at;
        let request: NewAccountRequest = payload.object()?;
        let store = &self.services.store;
        let known = store
            .find_account_by_key(&provisioner.name, &applicant.thumbprint)
            .await?;
        if let Some(account) = known {
            return self.known_account(provisioner, &account, trail);
        }
        if request.only_return_existing {
            let detail = "there is no account of this key";
            return Err(Failure::new(ProblemKind::AccountDoesNotExist, detail));
        }
        provisioner.policy.keys.check_account_key(&applicant.jwk)?;
        check_contacts(&request.contact)?;
        if let Some(terms) = &provisioner.terms_of_service
            && !request.terms_of_service_agreed
        {
            return Err(Failure::terms_not_agreed(terms));
        }
        let external_account = self
            .external_account(provisioner, &applicant, request.external_account_binding)
            .await?;
        let account = Account {
            id: AccountId::dated(now, &mut EntropyRng(&*self.services.entropy)),
            provisioner: provisioner.name.clone(),
            jwk: applicant.jwk,
            thumbprint: applicant.thumbprint,
            status: AccountStatus::Valid,
            contact: request.contact,
            terms_agreed: request.terms_of_service_agreed,
            external_account,
            created_at: now,
        };
        match store.create_account(account, origin).await? {
            CreateAccountVerdict::Done(account) => {
                trail.account = Some(account.id.clone());
                let answer = self.account_answer(provisioner, &account);
                Ok(answer.status(StatusCode::CREATED))
            }
            // The same client asked twice at once.
            CreateAccountVerdict::KeyInUse(account) => {
                self.known_account(provisioner, &account, trail)
            }
            CreateAccountVerdict::KeyBlocked => Err(Failure::key_blocked()),
            CreateAccountVerdict::ExternalKeyRefused(refusal) => Err(Problem::from(refusal).into()),
        }
    }

    /// The external account that a new account is bound to, whether it must be or not
    /// ([RFC 8555 § 7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)). Its key is used
    /// only once the account is made.
    async fn external_account(
        &self,
        provisioner: &Provisioner,
        applicant: &Applicant<'_>,
        binding: Option<serde_json::Value>,
    ) -> Result<Option<ExternalAccount>, Failure> {
        let Some(binding) = binding else {
            if provisioner.require_eab {
                let detail = "a new account needs an externalAccountBinding here; ask the operator for a key";
                return Err(Failure::new(ProblemKind::ExternalAccountRequired, detail));
            }
            return Ok(None);
        };
        let json = binding.to_string();
        let binding = ExternalAccountBinding::parse(&json, applicant.jws)?;
        let key = match binding.key_id() {
            Some(id) => self.services.store.find_external_account_key(&id).await?,
            None => None,
        };
        let key = key
            .filter(|key| key.provisioner == provisioner.name)
            .ok_or_else(|| Problem::from(ExternalKeyRefusal::Unknown))?;
        Ok(Some(binding.verify(&key, &applicant.jwk)?))
    }

    /// newAccount for a key that has an account: whatever the payload says, it is returned as it is
    /// ([RFC 8555 § 7.3.1](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.1)).
    fn known_account(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        trail: &mut Trail,
    ) -> Outcome {
        trail.account = Some(account.id.clone());
        match account.status {
            AccountStatus::Valid => Ok(self.account_answer(provisioner, account)),
            ended => Err(Failure::account_ended(ended)),
        }
    }

    pub(super) async fn account(
        &self,
        provisioner: &Provisioner,
        account: Account,
        id: &AccountId,
        payload: &Payload,
        origin: &Origin,
    ) -> Outcome {
        expect_own(&account, id)?;
        if payload.is_empty() {
            return Ok(self.account_answer(provisioner, &account));
        }
        let update: AccountUpdate = payload.object()?;
        let store = &self.services.store;
        let verdict = match update.status.as_deref() {
            Some("deactivated") => {
                let id = &account.id;
                store.deactivate_account(id, origin.at, origin).await?
            }
            Some(other) if other != "valid" => {
                let detail = format!("the status cannot be set to {other:?}, only to deactivated");
                return Err(Failure::malformed(detail));
            }
            // Some clients send the whole account back, with the status that it has.
            _ if update.contact.is_none() && update.terms_of_service_agreed.is_none() => {
                AccountVerdict::Done(account)
            }
            _ => {
                check_contacts(update.contact.as_deref().unwrap_or_default())?;
                // An agreement cannot be taken back, only given.
                let agreed = update.terms_of_service_agreed.filter(|agreed| *agreed);
                store
                    .update_account(&account.id, update.contact, agreed, origin)
                    .await?
            }
        };
        match verdict {
            AccountVerdict::Done(account) => Ok(self.account_answer(provisioner, &account)),
            AccountVerdict::Gone => Err(Failure::account_ended(AccountStatus::Deactivated)),
        }
    }

    pub(super) async fn orders(
        &self,
        provisioner: &Provisioner,
        account: &Account,
        id: &AccountId,
        query: Option<&str>,
        payload: &Payload,
        now: Timestamp,
    ) -> Outcome {
        expect_own(account, id)?;
        payload.expect_empty()?;
        let after = query.map(cursor_of).transpose()?;
        let page = self
            .services
            .store
            .list_orders(&account.id, after.as_deref(), ORDERS_PER_PAGE, now)
            .await?;
        let orders = page
            .items
            .into_iter()
            .map(|id| self.url(provisioner, &Resource::Order(id)))
            .collect();
        let answer = Answer::json(&OrdersBody { orders });
        Ok(match page.next {
            Some(next) => {
                let list = self.url(provisioner, &Resource::Orders(id.clone()));
                answer.link(&format!("{list}?cursor={}", encode_base64url(next)), "next")
            }
            None => answer,
        })
    }

    /// The account's body, `Location`, and the terms that it is under.
    pub(super) fn account_answer(&self, provisioner: &Provisioner, account: &Account) -> Answer {
        let url = self.url(provisioner, &Resource::Account(account.id.clone()));
        let answer = Answer::json(&AccountBody {
            status: account.status,
            contact: account.contact.clone(),
            terms_of_service_agreed: account.terms_agreed.then_some(true),
            external_account_binding: account
                .external_account
                .as_ref()
                .and_then(|bound| serde_json::from_str(&bound.binding).ok()),
            orders: self.url(provisioner, &Resource::Orders(account.id.clone())),
        });
        let answer = answer.location(&url);
        match &provisioner.terms_of_service {
            Some(terms) => answer.link(terms, "terms-of-service"),
            None => answer,
        }
    }
}

/// An account sees itself and no other; whether another exists is not told.
fn expect_own(account: &Account, id: &AccountId) -> Result<(), Failure> {
    if account.id == *id {
        Ok(())
    } else {
        let detail = "the request is signed by another account than the one it is for";
        Err(Failure::new(ProblemKind::Unauthorized, detail))
    }
}

/// The cursor of a list's query, which must be as the server has written it.
fn cursor_of(query: &str) -> Result<String, Failure> {
    query
        .strip_prefix("cursor=")
        .and_then(|cursor| decode_base64url(cursor).ok())
        .and_then(|cursor| String::from_utf8(cursor).ok())
        .ok_or_else(|| Failure::malformed("the query is not one that a Link of this list has"))
}
