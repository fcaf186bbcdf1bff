//! The words of ACME ([RFC 8555]): identifiers, statuses, ids, problem documents, and the shapes of
//! requests, answers, JWS and JWK.
//!
//! Everything here is a value: nothing opens a socket or a file, reads a clock or draws a random
//! byte by itself. Text that came from outside is parsed into these types at the border, and what
//! holds such a type may trust it.
//!
//! [RFC 8555]: https://www.rfc-editor.org/rfc/rfc8555

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod base64url;
mod challenge;
mod device;
mod directory;
mod id;
mod identifier;
mod jwk;
mod jws;
mod name;
mod problem;
mod profile;
mod provisioner;
mod request_id;
mod slot;
mod status;
mod timestamp;
mod wire;

pub use base64url::{Base64UrlError, decode_base64url, encode_base64url};
pub use challenge::{
    ChallengeKind, KeyAuthorization, ParseTokenError, Thumbprint, Token, UnknownChallengeKind,
};
pub use device::{DeviceIdentifierError, HardwareModule, PermanentIdentifier};
pub use directory::{Directory, DirectoryMeta};
pub use id::{
    AccountId, AuthorizationId, CertificateId, ChallengeId, ExternalAccountKeyId, InvalidId,
    OrderId, random_id,
};
pub use identifier::{Identifier, IdentifierError, RawIdentifier, parse_identifiers};
pub use jwk::{Curve, Jwk, JwkError, MlDsa};
pub use jws::{Algorithm, FlattenedJws, JwsShapeError, KeyReference, ProtectedHeader};
pub use name::{DnsName, DnsNameError};
pub use problem::{Problem, ProblemKind, Subproblem};
pub use profile::{InvalidProfileName, ProfileName};
pub use provisioner::{InvalidProvisionerName, ProvisionerName};
pub use request_id::{InvalidRequestId, RequestId};
pub use slot::{ParseSlotError, Slot};
pub use status::{AccountStatus, AuthorizationStatus, ChallengeStatus, OrderStatus, UnknownStatus};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use wire::{
    AccountBody, AccountUpdate, AuthorizationBody, AuthorizationUpdate, AuthorizedIdentifier,
    ChallengeBody, ChallengeResponse, FinalizeRequest, NewAccountRequest, NewAuthorizationRequest,
    NewOrderRequest, OrderBody, OrderedIdentifier, OrdersBody, RenewalInfoBody, RevocationRequest,
    SuggestedWindow,
};
