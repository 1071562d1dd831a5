//! What `lockkeeper user` does to users that are there: roles, links, being disabled; and the list of them.

use secrecy::ExposeSecret;
use serde_json::json;

use super::terminal::Terminal;
use super::user::{refused, tell};
use super::{Failure, operator};
use crate::app::App;
use crate::audit;
use crate::auth::account::{self, Account};
use crate::auth::role::{EVERYWHERE, Grants, Role};
use crate::auth::setup::LINK_HOURS;
use crate::clock::timestamp;
use crate::job::queue::By;

/// The user of that name.
pub(super) async fn find(app: &App, name: &str) -> Result<Account, Failure> {
    account::of_name(&app.store, &app.clock, name)
        .await?
        .ok_or_else(|| Failure::Usage(format!("there is no user {name}")))
}

/// On whose behalf a command changes something.
pub(super) fn by(actor: &str) -> By<'_> {
    By {
        actor,
        place: "terminal",
    }
}

/// Gives roles, and takes away those on the targets in `remove`.
pub(super) async fn set_roles(
    app: &App,
    name: &str,
    roles: Vec<(String, Role)>,
    remove: Vec<String>,
    terminal: Terminal,
) -> Result<(), Failure> {
    let found = find(app, name).await?;
    for (target, _) in &roles {
        is_there(app, target)?;
    }
    for target in &remove {
        if !found.grants.iter().any(|(had, _)| had == target) {
            let name = &found.user.name;
            return Err(Failure::Usage(format!(
                "{name} has no role on {target}; they are: {}",
                found.grants.words()
            )));
        }
    }
    let actor = operator();
    let taken = remove.into_iter().map(|target| (target, None));
    let given = roles.into_iter().map(|(target, role)| (target, Some(role)));
    // What is given first: whoever hands on the only admin's role needs no second command.
    for (target, role) in given.chain(taken) {
        app.set_role(by(&actor), &found.user, &target, role)
            .await
            .map_err(refused)?;
    }
    let now = find(app, name).await?;
    let words = format!("has these roles now: {}", now.grants.words());
    tell(terminal, &now.user.name, &words);
    Ok(())
}

/// A target that is configured, or all of them.
pub(super) fn is_there(app: &App, target: &str) -> Result<(), Failure> {
    if target == EVERYWHERE || app.target(target).is_some() {
        return Ok(());
    }
    Err(Failure::Usage(format!("there is no target {target}")))
}

/// Makes a user without a password, and prints the link.
pub(super) async fn invite(
    app: &App,
    name: &str,
    roles: Vec<(String, Role)>,
    terminal: Terminal,
) -> Result<(), Failure> {
    let actor = operator();
    let (made, token) = app
        .invite(by(&actor), name, &roles)
        .await
        .map_err(refused)?;
    let words = Grants::of(roles).words();
    terminal.talk(format!("{} was added, {words}.", made.name));
    print_link(app, &made.name, &token, terminal);
    Ok(())
}

/// Makes a link by which a user chooses another password, and prints it.
pub(super) async fn link(app: &App, name: &str, terminal: Terminal) -> Result<(), Failure> {
    let found = find(app, name).await?;
    if found.user.disabled_at.is_some() {
        return Err(Failure::Usage(format!(
            "{} is disabled; first: lockkeeper user enable NAME",
            found.user.name
        )));
    }
    let actor = operator();
    let token = app.new_link(by(&actor), &found.user).await?;
    print_link(app, &found.user.name, &token, terminal);
    Ok(())
}

fn print_link(app: &App, name: &str, token: &secrecy::SecretString, terminal: Terminal) {
    let link = app.link(token);
    terminal.talk(format!(
        "By this link they choose a password, once, within {LINK_HOURS} hours:"
    ));
    terminal.say(link.expose_secret());
    terminal.json(&json!({"user": name, "link": link.expose_secret(), "hours": LINK_HOURS}));
}

/// Disables a user, or enables them again.
pub(super) async fn set_enabled(
    app: &App,
    name: &str,
    enabled: bool,
    terminal: Terminal,
) -> Result<(), Failure> {
    let found = find(app, name).await?;
    let actor = operator();
    app.set_enabled(by(&actor), &found.user, enabled)
        .await
        .map_err(refused)?;
    let what = if enabled {
        "can sign in again"
    } else {
        "is disabled; their sessions have ended"
    };
    tell(terminal, &found.user.name, what);
    Ok(())
}

/// Takes the second factor of a user away.
pub(super) async fn reset_factor(app: &App, name: &str, terminal: Terminal) -> Result<(), Failure> {
    let found = find(app, name).await?;
    let actor = operator();
    let had = app.reset_factor(by(&actor), &found.user).await;
    let what = if had.map_err(refused)? {
        "has no second factor any more; their sessions have ended"
    } else {
        "has no second factor; nothing was changed"
    };
    tell(terminal, &found.user.name, what);
    Ok(())
}

/// Everybody.
pub(super) async fn list(app: &App, terminal: Terminal) -> Result<(), Failure> {
    let accounts = account::list(&app.store, &app.clock).await?;
    if accounts.is_empty() {
        terminal.say("Nobody can sign in yet. Start the console for a setup link, or: lockkeeper user add NAME");
    }
    let minute = |ms: i64| timestamp(ms).strftime("%Y-%m-%d %H:%M UTC").to_string();
    let (mut rows, mut users) = (Vec::new(), Vec::new());
    for account in &accounts {
        let user = &account.user;
        let last = audit::last_sign_in(&app.store, &user.name).await?;
        let factor = if account.has_factor { "yes" } else { "no" };
        rows.push(vec![
            user.name.clone(),
            minute(user.created_at),
            state(account).to_owned(),
            last.map_or_else(|| "never".to_owned(), minute),
            factor.to_owned(),
            account.grants.words(),
        ]);
        let roles: serde_json::Map<_, _> = account
            .grants
            .iter()
            .map(|(target, role)| (target.to_owned(), json!(role.word())))
            .collect();
        users.push(json!({
            "name": user.name,
            "state": state(account),
            "disabled": user.disabled_at.is_some(),
            "last_sign_in": last.map(|at| timestamp(at).to_string()),
            "second_factor": account.has_factor,
            "roles": roles,
        }));
    }
    if !rows.is_empty() {
        let header = [
            "name",
            "since",
            "state",
            "last sign-in",
            "second factor",
            "roles",
        ];
        terminal.table(&header, rows);
    }
    terminal.json(&json!({ "users": users }));
    Ok(())
}

fn state(account: &Account) -> &'static str {
    match account {
        account if account.user.disabled_at.is_some() => "disabled",
        account if account.has_password => "enabled",
        account if account.link_until.is_some() => "invited",
        _ => "no password",
    }
}
