//! How a session of ours stands on the server: with whose rights, and whether anybody can listen in.

use super::{PATIENCE, ask, empty};
use crate::operation::Trouble;
use crate::target::connect::Session;
use crate::target::failure::query_failed;

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
