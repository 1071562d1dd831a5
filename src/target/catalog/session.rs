//! Sessions of ours on the server: those that a job left, recognised by their application name, and how one stands.

use tokio_postgres::types::Type;

use super::{PATIENCE, ask, empty};
use crate::operation::Trouble;
use crate::target::connect::Session;
use crate::target::failure::query_failed;

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

/// How a session stands on the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The role whose rights it has.
    pub role: String,
    /// That role is a superuser.
    pub superuser: bool,
    /// The protocol that encrypts it, `TLSv1.3`; `None` when nothing does. Through a pooler this tells of the pooler's own
    /// connection.
    pub tls: Option<String>,
}

/// Asks how `session` stands.
pub async fn standing(session: &Session) -> Result<Standing, Trouble> {
    let doing = "Asking who we are";
    let question = "SELECT current_user::text, \
                           coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false), \
                           (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl)";
    let rows = ask(session, PATIENCE, question, &[])
        .await
        .map_err(|unanswered| unanswered.trouble(doing))?;
    let row = rows.first().ok_or_else(|| empty(doing))?;
    let failed = |error| query_failed(doing, &error);
    Ok(Standing {
        role: row.try_get(0).map_err(failed)?,
        superuser: row.try_get(1).map_err(failed)?,
        tls: row.try_get(2).map_err(failed)?,
    })
}
