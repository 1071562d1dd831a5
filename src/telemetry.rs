//! What the program says about itself: readable lines on a terminal, JSON otherwise.
//!
//! Fields are dotted (`job.id`, `target.name`, `duration_ms`), a message can be read alone, and a failure is logged
//! once, where it is handled. Secrets cannot get here: they are `secrecy` types, whose `Debug` shows nothing.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging to stderr. `filter` is in the syntax of `RUST_LOG`; without one, `info` and the driver's warnings.
pub fn start(filter: Option<&str>) {
    let filter = filter
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| {
            EnvFilter::new(
                "info,sqlx=warn,tokio_postgres=warn,actix_server=warn,actix_session=error",
            )
        });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr);
    // A second start, as in tests, keeps the first one.
    let _started = if std::io::stderr().is_terminal() {
        builder.compact().with_target(false).try_init()
    } else {
        builder
            .json()
            .flatten_event(true)
            .with_ansi(false)
            .try_init()
    };
}
