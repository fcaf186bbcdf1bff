//! Why a request is not done, and the one place that turns every such reason into an answer.

use std::error::Error;

use acme_core::{AuthorityError, PolicyHookError, StoreError};
use acme_types::{Problem, ProblemKind};
use hyper::header::{ALLOW, HeaderName, LINK, LOCATION};

use crate::BodyError;
use crate::answer::Answer;

/// Seconds after which a client should try again when the store or the authority is away.
const UNAVAILABLE_RETRY_AFTER_SECS: u64 = 5;
/// The same when another process takes over this one's slot.
const FENCED_RETRY_AFTER_SECS: u64 = 2;
/// The same for faults that will not mend themselves.
const INTERNAL_RETRY_AFTER_SECS: u64 = 60;

/// Why a request is not done, by who is at fault.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The client, who is told everything.
    Client(Problem),
    /// The client, and the answer needs one more header.
    ClientWith(Box<Problem>, HeaderName, String),
    /// The store; the client is told only to try again.
    Store(StoreError),
    /// The authority; the client is told only to try again.
    Authority(AuthorityError),
    /// The policy hook; the client is told only to try again.
    Hook(PolicyHookError),
    /// A bug of ours.
    Bug(&'static str),
}

pub(crate) type Outcome = Result<Answer, Failure>;

impl Failure {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self::Client(Problem::new(kind, detail))
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Malformed, detail)
    }

    /// There is no such thing, or it is not the client's: nobody learns which.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::Client(Problem::new(ProblemKind::Malformed, detail).with_status(404))
    }

    pub(crate) fn method_not_allowed(allowed: &'static str) -> Self {
        let problem = Problem::new(
            ProblemKind::Malformed,
            format!("the method is not allowed here; use {allowed}"),
        );
        Self::ClientWith(
            Box::new(problem.with_status(405)),
            ALLOW,
            allowed.to_owned(),
        )
    }

    /// The account exists, and may no longer act
    /// ([RFC 8555 § 7.3.6](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.6)).
    pub(crate) fn account_ended(status: acme_types::AccountStatus) -> Self {
        let detail = format!("the account is {status}; make another one with another key");
        Self::Client(Problem::new(ProblemKind::Unauthorized, detail).with_status(401))
    }

    /// [RFC 8555 § 7.3.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.3).
    pub(crate) fn terms_not_agreed(terms: &str) -> Self {
        let detail = format!("agree to the terms of service first: {terms}");
        let problem = Problem::new(ProblemKind::UserActionRequired, detail);
        Self::ClientWith(
            Box::new(problem),
            LINK,
            format!("<{terms}>;rel=\"terms-of-service\""),
        )
    }

    /// [RFC 8555 § 7.3.5](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.5).
    pub(crate) fn key_in_use(account_url: String) -> Self {
        let detail = "the new key is an account's already, see Location";
        let problem = Problem::new(ProblemKind::Malformed, detail).with_status(409);
        Self::ClientWith(Box::new(problem), LOCATION, account_url)
    }

    /// The key was told to be compromised, by a revocation with that reason.
    pub(crate) fn key_blocked() -> Self {
        let detail = "this key was told to be compromised; make another one";
        Self::new(ProblemKind::BadPublicKey, detail)
    }

    /// The answer that tells of this; what is the server's fault is logged, here and nowhere else.
    pub(crate) fn into_answer(self) -> Answer {
        match self {
            Self::Client(problem) => Answer::problem(&problem),
            Self::ClientWith(problem, name, value) => Answer::problem(&problem).header(name, value),
            Self::Store(error) => store_answer(&error),
            Self::Authority(error) => authority_answer(error),
            Self::Hook(error) => hook_answer(&error),
            Self::Bug(what) => {
                tracing::error!(what, "a request met a fault of the server");
                internal(500, "the fault is the server's", INTERNAL_RETRY_AFTER_SECS)
            }
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Client(problem)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<AuthorityError> for Failure {
    fn from(error: AuthorityError) -> Self {
        Self::Authority(error)
    }
}

impl From<PolicyHookError> for Failure {
    fn from(error: PolicyHookError) -> Self {
        Self::Hook(error)
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        let problem = Problem::new(ProblemKind::Malformed, error.to_string());
        Self::Client(problem.with_status(error.http_status()))
    }
}

/// What a client is told when the authority will not sign: its order is lost.
pub(crate) fn refusal(reason: &str) -> Problem {
    Problem::new(
        ProblemKind::BadCsr,
        format!("the authority does not sign this: {reason}"),
    )
}

fn store_answer(error: &StoreError) -> Answer {
    match error {
        StoreError::Unavailable { .. } => {
            tracing::warn!(error = %error, cause = %cause(error), "the store is not available");
            internal(
                503,
                "the server cannot reach its store; try again",
                UNAVAILABLE_RETRY_AFTER_SECS,
            )
        }
        StoreError::Fenced { .. } => {
            tracing::warn!(error = %error, "this process no longer holds its slot");
            internal(
                503,
                "another server takes over; try again",
                FENCED_RETRY_AFTER_SECS,
            )
        }
        // `Corrupt`, and what may be added.
        other => {
            tracing::error!(error = %other, cause = %cause(other), "the store failed");
            internal(
                500,
                "the server cannot read what it has stored",
                INTERNAL_RETRY_AFTER_SECS,
            )
        }
    }
}

fn authority_answer(error: AuthorityError) -> Answer {
    match error {
        AuthorityError::Refused(reason) => Answer::problem(&refusal(&reason)),
        AuthorityError::Unavailable(_) => {
            tracing::warn!(error = %error, cause = %cause(&error), "nothing was signed");
            internal(
                503,
                "the signing authority is not available; try again",
                UNAVAILABLE_RETRY_AFTER_SECS,
            )
        }
        // `UnknownIssuer`, and what may be added.
        other => {
            tracing::error!(error = %other, cause = %cause(&other), "nothing was signed");
            internal(
                500,
                "the signing authority failed",
                INTERNAL_RETRY_AFTER_SECS,
            )
        }
    }
}

/// Nothing is allowed while the hook is away; clients try a 503 again.
fn hook_answer(error: &PolicyHookError) -> Answer {
    tracing::warn!(error = %error, cause = %cause(error), "nothing is allowed without the policy hook");
    internal(
        503,
        "the policy hook of this provisioner gave no answer; try again",
        UNAVAILABLE_RETRY_AFTER_SECS,
    )
}

fn internal(status: u16, detail: &str, retry_after: u64) -> Answer {
    let problem = Problem::new(ProblemKind::ServerInternal, detail).with_status(status);
    Answer::problem(&problem).retry_after(Some(retry_after))
}

/// The innermost reason, for the log.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
