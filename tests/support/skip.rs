//! What a test could not ask of the server or the tools that it found. `tests/postgres/run` shows these lines.

/// Says what is left out, and why.
#[expect(clippy::print_stderr, reason = "nothing is skipped in silence")]
pub fn skipped(what: &str) {
    eprintln!("skipped: {what}");
}
