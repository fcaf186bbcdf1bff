//! Logs on standard error, and the level at which they are written, which may change meanwhile.

use std::io;
use std::sync::OnceLock;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, fmt, reload};

use crate::config::{LogConfig, LogFormat, TracesConfig};
use crate::traces::Traces;

/// Changes what is written from now on.
static LEVEL: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts logging for the rest of the process, and traces if they are wanted; a second call changes
/// nothing. The traces must be brought to their end.
pub(crate) fn start(log: &LogConfig, traces: Option<&TracesConfig>) -> Option<Traces> {
    // The level was checked when the configuration was read.
    let filter = EnvFilter::builder().parse_lossy(&log.level);
    let (filter, level) = reload::Layer::new(filter);
    let layer = fmt::layer().with_writer(io::stderr);
    let lines = match log.format {
        LogFormat::Text => {
            let colours = io::IsTerminal::is_terminal(&io::stderr());
            layer.with_ansi(colours).boxed()
        }
        // Of what a line stands in, the innermost names all.
        LogFormat::Json => {
            let json = layer.json().flatten_event(true);
            json.with_span_list(false).boxed()
        }
    };
    let (traces, layer, failure) = match traces.map(Traces::begin) {
        Some(Ok((traces, layer))) => (Some(traces), Some(layer), None),
        Some(Err(error)) => (None, None, Some(error)),
        None => (None, None, None),
    };
    let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
    // It fails only where another subscriber is in place, as in an integrator's process.
    if registry.with(layer).try_init().is_ok() {
        let _ = LEVEL.set(level);
    }
    if let Some(error) = failure {
        tracing::warn!(error, "there are no traces");
    }
    traces
}

/// Changes the level from now on: `error`, `warn`, `info`, `debug` or `trace`, or directives such as
/// `info,acme_validate=debug`.
///
/// # Errors
/// In words, when it is no level; then the one before stays. Also when this process does not log by
/// itself.
pub fn set_level(level: &str) -> Result<(), String> {
    let filter = parse_level(level)?;
    let handle = LEVEL.get().ok_or("this process does not log by itself")?;
    handle.reload(filter).map_err(|error| error.to_string())
}

/// Reads a level.
///
/// # Errors
/// In words, when it is none.
pub(crate) fn parse_level(level: &str) -> Result<EnvFilter, String> {
    // The filter takes any word for the name of a target and logs everything of it.
    let misspelt = |directive: &str| !directive.contains(['=', '[']) && !is_level(directive);
    let wrong = level
        .split(',')
        .map(str::trim)
        .find(|directive| misspelt(directive));
    match (wrong, EnvFilter::builder().parse(level)) {
        (None, Ok(filter)) => Ok(filter),
        (wrong, _) => Err(format!(
            "{:?} is no level; write error, warn, info, debug or trace, or directives such as \
             \"info,acme_validate=debug\"",
            wrong.unwrap_or(level)
        )),
    }
}

fn is_level(word: &str) -> bool {
    ["off", "error", "warn", "info", "debug", "trace"].contains(&word)
}

/// Starts logging of what goes wrong, for commands that do one thing and end.
pub(crate) fn start_for_command() {
    let log = LogConfig {
        format: LogFormat::Text,
        level: "warn".to_owned(),
    };
    // No traces, so none to be brought to an end.
    drop(start(&log, None));
}
