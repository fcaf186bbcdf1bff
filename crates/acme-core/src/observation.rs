//! What a probe saw, and what that means for the challenge: a conclusion or "not there yet".

use std::net::SocketAddr;
use std::time::Duration;

use acme_types::{Problem, ProblemKind};
use serde::{Deserialize, Serialize};

use crate::RetryPolicy;

/// The step of a probe at which it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Looking the name up.
    Dns,
    /// Opening the connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// Request and answer.
    Http,
    /// Comparing what was shown with what was expected.
    Compare,
}

impl Phase {
    /// Every phase, in the order in which a probe passes them.
    pub const ALL: &'static [Self] = &[
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Http,
        Self::Compare,
    ];

    /// The word for people, the store and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Compare => "compare",
        }
    }
}

macro_rules! findings {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $kind:ident, $default:ident;)*) => {
        /// What a probe found, one word for each case that matters.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
        pub enum Finding {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl Finding {
            /// Every finding.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for the store and metrics.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The ACME error type that tells a client of it.
            #[must_use]
            pub const fn problem_kind(self) -> ProblemKind {
                match self { $(Self::$variant => ProblemKind::$kind,)* }
            }

            const fn usual_judgement(self) -> Judgement {
                match self { $(Self::$variant => Judgement::$default,)* }
            }
        }
    };
}

findings! {
    /// What was shown is what was expected.
    Proof = "proof", ServerInternal, Proof;
    /// No answer to a DNS query, or an error (SERVFAIL, REFUSED, time-out).
    DnsFailure = "dns-failure", Dns, NotYet;
    /// The name does not exist or has no address.
    DnsNoAddress = "dns-no-address", Dns, NotYet;
    /// There is no TXT record.
    DnsNoTxt = "dns-no-txt", Dns, NotYet;
    /// There are TXT records, none with the expected value.
    DnsTxtMismatch = "dns-txt-mismatch", IncorrectResponse, NotYet;
    /// The address refused the connection.
    ConnectRefused = "connect-refused", Connection, NotYet;
    /// The address did not answer in time.
    ConnectTimeout = "connect-timeout", Connection, NotYet;
    /// The connection failed otherwise.
    ConnectFailed = "connect-failed", Connection, NotYet;
    /// The connection broke, or no full answer came in time.
    HttpBroken = "http-broken", Connection, NotYet;
    /// An HTTP status other than 200.
    HttpStatus = "http-status", Connection, NotYet;
    /// A redirection that leads nowhere, loops, or may not be followed.
    HttpRedirect = "http-redirect", Connection, NotYet;
    /// 200 with another key authorization.
    HttpMismatch = "http-mismatch", IncorrectResponse, Contradiction;
    /// The TLS handshake failed.
    TlsFailed = "tls-failed", Tls, NotYet;
    /// The server did not agree to `acme-tls/1`.
    TlsNoAlpn = "tls-no-alpn", Tls, NotYet;
    /// The certificate shown is not a validation certificate for this name.
    TlsWrongCertificate = "tls-wrong-certificate", Tls, NotYet;
    /// The validation certificate holds another digest.
    TlsMismatch = "tls-mismatch", IncorrectResponse, Contradiction;
    /// The address lies in a network that the configuration denies.
    DeniedNetwork = "denied-network", RejectedIdentifier, Contradiction;
    /// The CAA records could not be looked up.
    CaaFailure = "caa-failure", Dns, NotYet;
    /// CAA records forbid this authority.
    CaaRefused = "caa-refused", Caa, Contradiction;
    /// The device's attestation is not believed, or says another thing.
    AttestationRefused = "attestation-refused", BadAttestationStatement, Contradiction;
    /// The fault is the server's own.
    Internal = "internal", ServerInternal, NotYet;
}

/// What a finding means for the challenge.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// The proof is there: `valid`.
    Proof,
    /// The proof is contradicted: `invalid`.
    Contradiction,
    /// No distinct conclusion: try again.
    NotYet,
}

impl Finding {
    /// Whether this contradicts the proof under any policy.
    #[must_use]
    pub const fn may_contradict(self) -> bool {
        matches!(
            (self, self.usual_judgement()),
            (Self::DnsTxtMismatch, _) | (_, Judgement::Contradiction)
        )
    }

    /// What this means for the challenge under a policy.
    #[must_use]
    pub const fn judge(self, policy: &RetryPolicy) -> Judgement {
        match self {
            Self::DnsTxtMismatch if policy.dns_mismatch_is_final => Judgement::Contradiction,
            other => other.usual_judgement(),
        }
    }
}

/// What one probe saw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Observation {
    /// What was found.
    pub finding: Finding,
    /// The step at which the probe ended.
    pub phase: Phase,
    /// The address that was dialled last.
    pub address: Option<SocketAddr>,
    /// What came back, in words that say what to mend, as "connected to 10.0.3.7:80 after 3 ms,
    /// 404 Not Found". Printable and at most [`Observation::MAX_DETAIL`] characters.
    pub detail: String,
    /// How long the probe took.
    pub took: Duration,
}

impl Observation {
    /// Most characters of `detail`.
    pub const MAX_DETAIL: usize = 400;

    /// The problem that tells a client of this.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(self.finding.problem_kind(), self.detail.clone())
    }
}

/// Foreign bytes made fit for people: control characters and what is not UTF-8 become `\u{fffd}`,
/// and at most `max` characters are kept, with an ellipsis where some are missing.
#[must_use]
pub fn printable(bytes: &[u8], max: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut chars = text.trim_end().chars();
    let mut shown: String = chars
        .by_ref()
        .take(max)
        .map(|c| if is_plain(c) { c } else { '\u{fffd}' })
        .collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Neither a control character nor one that changes the direction or place of text around it.
fn is_plain(c: char) -> bool {
    let reorders = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    !c.is_control() && !reorders
}
