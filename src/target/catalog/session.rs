//! Sessions of ours on the server, recognised by their application name.

use tokio_postgres::types::Type;

use super::{PATIENCE, ask};
use crate::target::connect::Session;

/// Ends the sessions that a vanished run of `job` left on the server. A role may always end its own sessions; that it
/// could not is no reason to stop, for the server ends them itself once it notices that nobody listens.
pub async fn end_sessions_of(session: &Session, job: &str) {
    let name = format!("lockkeeper:{job}");
    let question = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = $1 AND pid <> pg_backend_pid()";
    if ask(session, PATIENCE, question, &[(&name, Type::TEXT)])
        .await
        .is_err()
    {
        tracing::debug!(
            job.id = job,
            "the sessions of an interrupted job could not be ended"
        );
    }
}
