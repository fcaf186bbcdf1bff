//! What a hook is sent: the JSON of a question, and its signature.

use acme_core::{HookEvent, HookQuestion, KeyKind};
use acme_types::{AccountId, OrderId, ProfileName, RawIdentifier, Timestamp, encode_base64url};
use aws_lc_rs::hmac;
use serde::Serialize;

/// The body of a question. Members may be added; a hook ignores those that it does not know.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuestionBody<'a> {
    version: u8,
    event: &'static str,
    provisioner: &'a str,
    account: AccountPart<'a>,
    order: OrderPart<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificatePart>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountPart<'a> {
    id: &'a AccountId,
    contact: &'a [String],
    /// The thumbprint of its key, base64url.
    key_thumbprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_account_key: Option<&'a str>,
    created_at: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderPart<'a> {
    id: &'a OrderId,
    identifiers: Vec<RawIdentifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a ProfileName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<Timestamp>,
}

/// What would be signed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificatePart {
    /// DER of the SubjectPublicKeyInfo, base64url.
    public_key: String,
    key_type: &'static str,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl<'a> QuestionBody<'a> {
    pub(super) fn new(question: &HookQuestion<'a>) -> Self {
        let HookQuestion {
            account,
            order,
            event,
        } = question;
        let bound = account.external_account.as_ref();
        Self {
            version: 1,
            event: match event {
                HookEvent::NewOrder => "newOrder",
                HookEvent::NewAuthorization => "newAuthz",
                HookEvent::Finalize { .. } => "finalize",
            },
            provisioner: order.provisioner.as_str(),
            account: AccountPart {
                id: &account.id,
                contact: &account.contact,
                key_thumbprint: encode_base64url(account.thumbprint.0),
                external_account_key: bound.map(|bound| bound.key_id.as_str()),
                created_at: account.created_at,
            },
            order: OrderPart {
                id: &order.id,
                identifiers: order
                    .identifiers
                    .iter()
                    .map(|identifier| RawIdentifier::from(identifier.clone()))
                    .collect(),
                profile: order.profile.as_ref(),
                not_before: order.not_before,
                not_after: order.not_after,
            },
            certificate: match event {
                HookEvent::NewOrder | HookEvent::NewAuthorization => None,
                HookEvent::Finalize {
                    csr,
                    not_before,
                    not_after,
                } => Some(CertificatePart {
                    public_key: encode_base64url(csr.spki()),
                    key_type: KeyKind::of(csr.jwk()).as_str(),
                    not_before: *not_before,
                    not_after: *not_after,
                }),
            },
        }
    }
}

/// When a question was signed, and the signature, as its headers have them.
pub(super) struct Signed {
    pub(super) timestamp: String,
    pub(super) signature: String,
}

/// Signs the time, a dot and the body. The time is among what is signed so that a hook can refuse a
/// question that somebody kept and sends again.
pub(super) fn sign(secret: &hmac::Key, now: Timestamp, body: &[u8]) -> Signed {
    use std::fmt::Write as _;

    let timestamp = now.as_secs().to_string();
    let mut context = hmac::Context::with_key(secret);
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    let mut signature = "sha256=".to_owned();
    for octet in context.sign().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(signature, "{octet:02x}");
    }
    Signed {
        timestamp,
        signature,
    }
}
