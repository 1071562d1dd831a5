//! The names that settings may have: what is not here is refused.

/// The sections and their keys; each can also be the variable `LOCKKEEPER_<SECTION>_<KEY>`.
pub(super) const SECTIONS: [(&str, &[&str]); 7] = [
    (
        "server",
        &[
            "listen",
            "public_url",
            "trusted_proxies",
            "client_header",
            "hsts",
        ],
    ),
    (
        "store",
        &["url", "url_file", "keep_jobs_days", "keep_events_days"],
    ),
    ("archive", &["folder"]),
    (
        "auth",
        &[
            "session_hours",
            "idle_minutes",
            "proof_minutes",
            "secret_file",
            "setup_minutes",
        ],
    ),
    ("worker", &["at_once"]),
    ("metrics", &["enabled", "token", "token_file"]),
    ("smtp", &["url", "url_file", "from"]),
];
/// The sections of which there can be several, and their keys; they stand in the file only.
pub(super) const LISTS: [(&str, &[&str]); 2] = [
    (
        "target",
        &[
            "name",
            "environment",
            "url",
            "url_file",
            "migrations",
            "time_zone",
        ],
    ),
    (
        "webhook",
        &[
            "name",
            "url",
            "url_file",
            "secret",
            "secret_file",
            "format",
            "allow_private",
        ],
    ),
];
/// The keys whose value may be written as a bare `true` or `false`.
pub(super) const SWITCHES: &[&str] = &["enabled", "allow_private"];
/// The variables that are no section's.
pub(super) const VARIABLES: [&str; 4] = [
    "LOCKKEEPER_CONFIG",
    "LOCKKEEPER_ADMIN_URL",
    "LOCKKEEPER_ADMIN_URL_FILE",
    "LOCKKEEPER_LOG",
];
