//! Logs on standard error.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts logging for the rest of the process; a second call changes nothing.
pub(crate) fn start(log: &LogConfig) {
    // The level was checked when the configuration was read.
    let filter = EnvFilter::builder().parse_lossy(&log.level);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // It fails only where another subscriber is in place, as in an integrator's process.
    let _ = match log.format {
        LogFormat::Text => {
            let colours = io::IsTerminal::is_terminal(&io::stderr());
            builder.with_ansi(colours).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// Starts logging of what goes wrong, for commands that do one thing and end.
pub(crate) fn start_for_command() {
    start(&LogConfig {
        format: LogFormat::Text,
        level: "warn".to_owned(),
    });
}
