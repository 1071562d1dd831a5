//! `lockkeeper token`: what programs show instead of a password.

use clap::Subcommand;
use secrecy::ExposeSecret;
use serde_json::json;

use super::account::{by, find, is_there};
use super::terminal::{Exit, Terminal};
use super::{Failure, open, operator};
use crate::auth::api_token::{self, TokenError, USUAL_DAYS, Wish};
use crate::auth::role::{EVERYWHERE, Role};
use crate::clock::timestamp;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token, and print it: it is shown this once
    Make {
        /// What it is for
        name: String,
        /// In whose name it does something
        #[arg(long)]
        user: String,
        /// What it may do: viewer or operator, wherever its user has a role or on one target
        #[arg(long, value_name = "ROLE[@TARGET]", value_parser = super::user::grant, default_value = "viewer")]
        role: (String, Role),
        /// For how many days it is good, at most 365
        #[arg(long, default_value_t = USUAL_DAYS)]
        days: i64,
    },
    /// Revoke a token: it opens nothing any more
    Revoke {
        /// The token's id, from the list
        id: String,
        /// Whose it is
        #[arg(long)]
        user: String,
    },
    /// List the tokens of a user
    List {
        /// Whose
        #[arg(long)]
        user: String,
    },
}

pub(super) async fn run(
    command: TokenCommand,
    config: Config,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let app = open(config).await?;
    let actor = operator();
    match command {
        TokenCommand::Make {
            name,
            user,
            role: (target, role),
            days,
        } => {
            let owner = find(&app, &user).await?;
            is_there(&app, &target)?;
            let wish = Wish {
                name: &name,
                target: &target,
                role,
                days,
            };
            let made = app.make_token(by(&actor), &owner, &wish).await;
            let (token, secret) = made.map_err(|error| match error {
                TokenError::Store(error) => Failure::Store(error),
                TokenError::Role => Failure::Usage(format!(
                    "a token may be viewer or operator, and no more than {} is there, who is: {}",
                    owner.user.name,
                    owner.grants.words()
                )),
                other => Failure::Usage(other.to_string()),
            })?;
            terminal.talk("It is shown this once:");
            terminal.say(secret.expose_secret());
            let expires = timestamp(token.expires_at).to_string();
            terminal.json(
                &json!({"id": token.id, "token": secret.expose_secret(), "expires_at": expires}),
            );
        }
        TokenCommand::Revoke { id, user } => {
            let owner = find(&app, &user).await?;
            let revoked = app.revoke_token(by(&actor), &owner.user, &id).await?;
            let token = revoked.ok_or_else(|| {
                let name = &owner.user.name;
                Failure::Usage(format!(
                    "{name} has no token {id} that was not revoked before"
                ))
            })?;
            terminal.say(format!("{} opens nothing any more.", token.name));
            terminal.json(&json!({"id": token.id, "result": "revoked"}));
        }
        TokenCommand::List { user } => {
            let owner = find(&app, &user).await?;
            let tokens = api_token::list(&app.store, &app.clock, &owner.user.id).await?;
            let now = app.clock.now_ms();
            let minute = |ms: i64| timestamp(ms).strftime("%Y-%m-%d %H:%M UTC").to_string();
            if tokens.is_empty() {
                terminal.say(format!("{} has no token.", owner.user.name));
            } else {
                let row = |token: &api_token::ApiToken| {
                    let place = match token.target.as_str() {
                        EVERYWHERE => "wherever they have a role",
                        target => target,
                    };
                    vec![
                        token.id.clone(),
                        token.name.clone(),
                        format!("{}…", token.hint),
                        format!("{} {place}", token.role.word()),
                        token.over(now).unwrap_or("good").to_owned(),
                        minute(token.expires_at),
                        token
                            .last_used_at
                            .map_or_else(|| "never".to_owned(), minute),
                    ]
                };
                let header = [
                    "id",
                    "name",
                    "token",
                    "may",
                    "state",
                    "expires",
                    "last used",
                ];
                terminal.table(&header, tokens.iter().map(row));
            }
            let object = |token: &api_token::ApiToken| {
                json!({
                    "id": token.id, "name": token.name, "hint": token.hint, "target": token.target,
                    "role": token.role.word(), "state": token.over(now).unwrap_or("good"),
                    "expires_at": timestamp(token.expires_at).to_string(),
                    "last_used_at": token.last_used_at.map(|at| timestamp(at).to_string()),
                    "last_used_from": token.last_used_from,
                })
            };
            let tokens: Vec<_> = tokens.iter().map(object).collect();
            terminal.json(&json!({ "tokens": tokens }));
        }
    }
    Ok(Exit::Done)
}
