//! One HTTP/1.1 request and its answer, bounded in every direction.

use std::time::Duration;

use acme_core::{Finding, Phase, printable};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, CONNECTION, CONTENT_ENCODING, HOST, HeaderMap, HeaderValue, LOCATION, USER_AGENT,
};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;

use super::hop::Hop;
use super::in_words;
use crate::progress::{Failure, Progress};
use crate::tap::{Speech, Tap};

/// Most bytes of a body that are read.
pub(super) const MAX_BODY: usize = 4096;

/// Most bytes of an answer's head. It is read again from its start with each piece that comes, so a
/// larger bound would cost its square.
const MAX_HEAD: usize = 8 * 1024;

/// How much of a body is shown, in characters.
const SHOWN_BODY: usize = 100;

/// How long the body of a refusal is waited for: it only makes the text better.
const REFUSAL_PATIENCE: Duration = Duration::from_millis(500);

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: Option<HeaderValue>,
    /// The content coding that the server applied, though none was asked for.
    pub(super) encoding: Option<String>,
    pub(super) body: Body,
}

/// As much of a body as was read.
#[derive(Debug)]
pub(super) enum Body {
    Whole(Vec<u8>),
    /// There was more than [`MAX_BODY`].
    TooLong(Vec<u8>),
    /// The end did not come.
    Broken {
        start: Vec<u8>,
        why: String,
    },
}

impl Body {
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => "empty body".to_owned(),
            Self::Whole(bytes) => format!("body \"{}\"", printable(bytes, SHOWN_BODY)),
            Self::TooLong(bytes) => format!("body begins \"{}\"", printable(bytes, SHOWN_BODY)),
            Self::Broken { start, .. } if start.is_empty() => "no body came".to_owned(),
            Self::Broken { start, .. } => {
                format!("body begins \"{}\"", printable(start, SHOWN_BODY))
            }
        }
    }
}

/// Asks for the hop's target.
pub(super) async fn get<S>(
    stream: S,
    hop: &Hop,
    user_agent: &HeaderValue,
    progress: &mut Progress,
) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    progress.enter(Phase::Http, "no answer to the request");
    let request = request(hop, user_agent)?;
    let (tap, beginning) = Tap::new(stream);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(tap))
        .await
        .map_err(|e| broken(&e, None))?;
    // The connection's task ends with this function, at the latest.
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);

    let response = sender
        .send_request(request)
        .await
        .map_err(|e| broken(&e, beginning.speech()))?;
    let (head, body) = response.into_parts();
    let status = head.status;
    let body = if status == StatusCode::OK {
        progress.enter(Phase::Http, "200 OK, but the body is not complete");
        read(body).await
    } else if status.is_redirection() {
        Body::Whole(Vec::new())
    } else {
        progress.enter(Phase::Http, in_words(status));
        tokio::time::timeout(REFUSAL_PATIENCE.min(progress.remaining() / 2), read(body))
            .await
            .unwrap_or_else(|_| Body::Broken {
                start: Vec::new(),
                why: "it did not come in time".to_owned(),
            })
    };
    Ok(Answer {
        status,
        location: head.headers.get(LOCATION).cloned(),
        encoding: encoding(&head.headers),
        body,
    })
}

fn request(hop: &Hop, user_agent: &HeaderValue) -> Result<Request<Empty<Bytes>>, Failure> {
    Request::get(&hop.target)
        .header(HOST, hop.authority())
        .header(USER_AGENT, user_agent)
        // Some firewalls refuse a request without it.
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|e| {
            let url = printable(hop.to_string().as_bytes(), 120);
            Failure::new(
                Finding::HttpRedirect,
                format!("{url} cannot be requested: {e}"),
            )
        })
}

/// Reads a body up to its bound.
async fn read(mut body: Incoming) -> Body {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                // What is not data are trailers.
                if let Some(data) = frame.data_ref() {
                    let room = MAX_BODY - bytes.len();
                    bytes.extend_from_slice(data.get(..room).unwrap_or(data));
                    if data.len() > room {
                        return Body::TooLong(bytes);
                    }
                }
            }
            Err(error) => {
                let why = error_in_words(&error, None);
                return Body::Broken { start: bytes, why };
            }
        }
    }
    Body::Whole(bytes)
}

fn encoding(headers: &HeaderMap) -> Option<String> {
    let coding = headers.get(CONTENT_ENCODING)?;
    Some(printable(coding.as_bytes(), 20))
}

/// The failure of an exchange that brought no answer. `spoken` is what came instead.
fn broken(error: &hyper::Error, spoken: Option<Speech>) -> Failure {
    Failure::new(Finding::HttpBroken, error_in_words(error, spoken))
}

fn error_in_words(error: &hyper::Error, spoken: Option<Speech>) -> String {
    if error.is_parse_too_large() {
        return format!("the head of the answer is longer than {MAX_HEAD} bytes or 100 fields");
    }
    if error.is_parse() || error.is_parse_version_h2() {
        return match spoken {
            Some(spoken) if spoken.is_http1() => {
                format!("the head of the answer is malformed, it begins {spoken}")
            }
            Some(spoken) => format!("the server does not speak HTTP/1, it said {spoken}"),
            None => "the answer is not HTTP/1".to_owned(),
        };
    }
    if error.is_incomplete_message() {
        return match spoken {
            Some(_) => "the server closed the connection in the middle of its answer".to_owned(),
            None => "the server closed the connection without an answer".to_owned(),
        };
    }
    match io_cause(error).map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) => {
            "the server reset the connection".to_owned()
        }
        Some(std::io::ErrorKind::UnexpectedEof) => {
            "the server closed the connection in the middle of its answer".to_owned()
        }
        _ => format!("the connection broke: {error}"),
    }
}

fn io_cause(error: &hyper::Error) -> Option<&std::io::Error> {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref() {
            return Some(io);
        }
        cause = inner.source();
    }
    None
}
