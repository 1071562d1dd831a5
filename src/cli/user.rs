//! `lockkeeper user`: who may sign in.

use clap::Subcommand;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::terminal::{Exit, Terminal, first_line};
use super::{Failure, account, open, record};
use crate::app::App;
use crate::auth::role::{self, Grants, Role};
use crate::auth::user;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Make a user
    Add {
        /// The name to sign in with
        name: String,
        /// What they may do: viewer, operator, approver or admin, everywhere or on one target; can be given again. Without
        /// it the first user is admin, and later ones are viewers
        #[arg(long = "role", value_name = "ROLE[@TARGET]", value_parser = grant)]
        roles: Vec<(String, Role)>,
        /// Read the password from the first line of standard input instead of asking
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a user's password, end their sessions, and enable them if they were disabled
    Passwd {
        /// The user's name
        name: String,
        /// Read the password from the first line of standard input instead of asking
        #[arg(long)]
        password_stdin: bool,
    },
    /// Make a user without a password, and print the link by which they choose one
    Invite {
        /// The name to sign in with
        name: String,
        /// What they may do, as with `user add`; without it they are viewers
        #[arg(long = "role", value_name = "ROLE[@TARGET]", value_parser = grant)]
        roles: Vec<(String, Role)>,
    },
    /// Print a link by which a user chooses another password; until it is used nothing changes
    Link {
        /// The user's name
        name: String,
    },
    /// Change what a user may do
    Role {
        /// The user's name
        name: String,
        /// What they are to be: viewer, operator, approver or admin, everywhere or on one target, in place of what they were
        /// there
        #[arg(value_name = "ROLE[@TARGET]", value_parser = grant, required_unless_present = "remove")]
        roles: Vec<(String, Role)>,
        /// Take away the role on this target; `*` is the one that counts everywhere
        #[arg(long, value_name = "TARGET")]
        remove: Vec<String>,
    },
    /// Disable a user and end their sessions at once
    Disable {
        /// The user's name
        name: String,
    },
    /// Let a disabled user sign in again, with the password of before
    Enable {
        /// The user's name
        name: String,
    },
    /// Take a user's second factor away, and end their sessions
    ResetFactor {
        /// The user's name
        name: String,
    },
    /// List the users
    List,
}

pub(super) async fn run(
    command: UserCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let app = open(config).await?;
    match command {
        UserCommand::Add {
            name,
            roles,
            password_stdin,
        } => {
            let roles = known(&app, roles).await?;
            // The name first: nobody should type a password twice to learn that the name is taken.
            user::check_name(&name).map_err(refused)?;
            let hash = new_password(&app, &name, password_stdin, terminal).await?;
            let mut tx = app.store.begin().await?;
            let made = user::add(&mut tx, &app.clock, &name, &hash)
                .await
                .map_err(refused)?;
            for (target, role) in &roles {
                role::set(&mut tx, &made.id, target, Some(*role)).await?;
            }
            let words = Grants::of(roles).words();
            let detail = format!("user {}, {words}", made.name);
            record(&mut tx, &app, "user.add", &detail).await?;
            tx.commit().await.map_err(crate::store::StoreError::from)?;
            tell(terminal, &made.name, &format!("can sign in now, {words}"));
        }
        UserCommand::Passwd {
            name,
            password_stdin,
        } => {
            let hash = new_password(&app, &name, password_stdin, terminal).await?;
            let mut tx = app.store.begin().await?;
            user::set_password(&mut tx, &app.clock, &name, &hash)
                .await
                .map_err(refused)?;
            record(&mut tx, &app, "user.passwd", &format!("user {name}")).await?;
            tx.commit().await.map_err(crate::store::StoreError::from)?;
            tell(
                terminal,
                &name,
                "has a new password; their sessions have ended",
            );
        }
        UserCommand::Invite { name, roles } => {
            let roles = known(&app, roles).await?;
            account::invite(&app, &name, roles, terminal).await?;
        }
        UserCommand::Link { name } => account::link(&app, &name, terminal).await?,
        UserCommand::Role {
            name,
            roles,
            remove,
        } => account::set_roles(&app, &name, roles, remove, terminal).await?,
        UserCommand::Disable { name } => {
            account::set_enabled(&app, &name, false, terminal).await?;
        }
        UserCommand::Enable { name } => {
            account::set_enabled(&app, &name, true, terminal).await?;
        }
        UserCommand::ResetFactor { name } => {
            account::reset_factor(&app, &name, terminal).await?;
        }
        UserCommand::List => account::list(&app, terminal).await?,
    }
    Ok(Exit::Done)
}

/// `ROLE` or `ROLE@TARGET`.
pub(super) fn grant(text: &str) -> Result<(String, Role), String> {
    let (word, target) = text.split_once('@').unwrap_or((text, role::EVERYWHERE));
    let role = Role::from_word(word).ok_or("a role is viewer, operator, approver or admin")?;
    Ok((target.to_owned(), role))
}

/// The roles that were asked for, on targets that there are; or what goes without saying.
async fn known(app: &App, roles: Vec<(String, Role)>) -> Result<Vec<(String, Role)>, Failure> {
    for (target, _) in &roles {
        account::is_there(app, target)?;
    }
    Ok(if !roles.is_empty() {
        roles
    } else if user::none_yet(&app.store).await? {
        vec![(role::EVERYWHERE.to_owned(), Role::Admin)]
    } else {
        vec![(role::EVERYWHERE.to_owned(), Role::Viewer)]
    })
}

async fn new_password(
    app: &App,
    name: &str,
    from_stdin: bool,
    terminal: Terminal,
) -> Result<String, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::Usage(format!("the password could not be read: {error}"));
    let chosen: SecretString = if from_stdin {
        first_line().map_err(unreadable)?.into()
    } else if terminal.can_ask() {
        let chosen = terminal
            .ask_password("Password (15 characters or more):")
            .map_err(unreadable)?;
        let again = terminal
            .ask_password("The same again:")
            .map_err(unreadable)?;
        if chosen.expose_secret() != again.expose_secret() {
            return Err(Failure::Usage(
                "the two passwords differ; nothing was changed".to_owned(),
            ));
        }
        chosen
    } else {
        return Err(Failure::Usage(
            "nobody can be asked for a password here: hand it over with --password-stdin"
                .to_owned(),
        ));
    };
    app.check_password(name, &chosen, false)
        .map_err(|problem| Failure::Usage(problem.to_string()))?;
    let hash = app.passwords.hash(chosen).await;
    hash.map_err(|busy| Failure::Usage(busy.to_string()))
}

pub(super) fn refused(error: user::UserError) -> Failure {
    match error {
        user::UserError::Store(error) => Failure::Store(error),
        other => Failure::Usage(other.to_string()),
    }
}

pub(super) fn tell(terminal: Terminal, name: &str, what: &str) {
    terminal.say(format!("{name} {what}."));
    terminal.json(&json!({"user": name, "result": what}));
}
