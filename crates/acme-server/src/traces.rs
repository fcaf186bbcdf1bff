//! Traces for a collector, by OTLP over HTTP: request, rules, store, probe and its phases, signature.
//!
//! A thread of its own sends them, in batches; when the collector is away they are dropped, and nobody
//! waits.

use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry::trace::{Link, SpanKind, TraceId, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SamplingResult, SdkTracerProvider, ShouldSample};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::registry::LookupSpan;

use crate::config::TracesConfig;

/// Longest time for a batch to be taken.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// Longest time for what is left at the end.
const END_WITHIN: Duration = Duration::from_secs(5);
/// Most bytes of a collector's answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Where traces go until the process ends.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send traces.
    ///
    /// # Errors
    /// In words, when they cannot be sent at all.
    pub(crate) fn begin<S>(
        config: &TracesConfig,
    ) -> Result<(Self, Box<dyn Layer<S> + Send + Sync>), String>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new().map_err(|error| error.to_string())?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(&config.endpoint)
            .with_timeout(SEND_WITHIN)
            .build()
            .map_err(|error| error.to_string())?;
        let share = 1.0 / f64::from(config.one_in.max(1));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Begins { share })))
            .with_resource(Resource::builder().with_service_name("acme-server").build())
            .build();
        let ours = FilterFn::new(|metadata| {
            metadata.target().starts_with("acme_")
                && (metadata.is_span() || *metadata.level() <= Level::INFO)
        });
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("acme-server"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(ours.with_max_level_hint(LevelFilter::DEBUG));
        Ok((Self(provider), Box::new(layer)))
    }

    /// Sends what is left.
    pub(crate) fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(END_WITHIN) {
            tracing::debug!(%error, "the last traces could not be sent");
        }
    }
}

/// Decides of a span that is part of no trace yet: a share of those that begin one. What the server does
/// by itself all the time, as looking for what is due, begins none.
#[derive(Clone, Debug)]
struct Begins {
    share: f64,
}

impl ShouldSample for Begins {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let sampler = match name {
            "request" | "probe" => Sampler::TraceIdRatioBased(self.share),
            _ => Sampler::AlwaysOff,
        };
        sampler.should_sample(parent, trace, name, kind, attributes, links)
    }
}

/// Sends batches, on the exporter's own thread: it blocks that thread alone, and a collector that
/// hangs takes nothing from the server's runtime.
#[derive(Debug)]
struct Client(Runtime);

impl Client {
    fn new() -> std::io::Result<Self> {
        Builder::new_current_thread().enable_all().build().map(Self)
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.0.block_on(async {
            match timeout(SEND_WITHIN, exchange(request)).await {
                Ok(answer) => answer,
                Err(_) => Err("the collector did not answer in time".into()),
            }
        })
    }
}

async fn exchange(request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().ok_or("the endpoint names no host")?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(80);
    head.headers
        .insert(HOST, HeaderValue::from_str(authority.as_str())?);
    head.headers
        .insert(CONNECTION, HeaderValue::from_static("close"));
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse()?;
    let stream = TcpStream::connect((host, port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let answered = sender
        .send_request(Request::from_parts(head, Full::new(body)))
        .await?;
    let (head, body) = answered.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
    driving.abort();
    Ok(Response::from_parts(head, body))
}
