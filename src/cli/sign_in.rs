//! The sign-in of a console user at the terminal: the operating system's user is no approver.

use secrecy::SecretString;

use super::Failure;
use crate::app::App;
use crate::audit;
use crate::auth::policy;
use crate::auth::role::{self, Permission};
use crate::auth::sign_in::{Attempt, Tried};
use crate::auth::user::User;
use crate::guard::Plan;
use crate::operation::Trouble;

/// The console user who approves. Their tries count as those of everybody at this terminal.
pub(super) async fn approver(
    app: &App,
    plan: &Plan,
    name: &str,
    password: SecretString,
) -> Result<User, Failure> {
    let attempt = Attempt {
        name,
        password,
        address: "terminal",
        device: None,
    };
    let (what, next) = match app.sign_in(attempt).await? {
        Tried::In(user) => {
            may_approve(app, plan, &user).await?;
            return Ok(user);
        }
        Tried::Wrong => {
            refused(app, plan, "the sign-in failed").await?;
            (
                "The name or the password is wrong.",
                "Try again, or set a new password with `lockkeeper user passwd NAME`.".to_owned(),
            )
        }
        Tried::Slow { retry_after } => (
            "Too many sign-ins have failed, and others wait for their turn. The password was not looked at.",
            format!("Try again in {} seconds.", retry_after.as_secs()),
        ),
        Tried::Busy => (
            "Too many passwords are being compared at this moment. This one was not looked at.",
            "Try again in a few seconds.".to_owned(),
        ),
    };
    Err(Failure::Operation(Trouble::new(
        what,
        "Nothing was approved.",
        next,
    )))
}

/// Refuses whoever has signed in but has not the role.
async fn may_approve(app: &App, plan: &Plan, user: &User) -> Result<(), Failure> {
    let grants = role::of_user(&app.store, &user.id).await?;
    let factor = app.factors.in_force(&user.id).await?;
    if !factor && policy::second_factor(&app.store).await?.covers(&grants) {
        let why = format!("{} needs a second factor and has none", user.name);
        refused(app, plan, &why).await?;
        return Err(Failure::Operation(Trouble::new(
            format!("{why}."),
            "Nothing was approved.",
            "Sign in on the console and set it up at /me/factor.",
        )));
    }
    if grants.may(&plan.target, Permission::Approve) {
        return Ok(());
    }
    let why = format!("{} may not approve on {}", user.name, plan.target);
    refused(app, plan, &why).await?;
    Err(Failure::Operation(Trouble::new(
        format!("{why}: that takes the role approver."),
        "Nothing was approved.",
        "Ask an approver or an admin of this target.",
    )))
}

async fn refused(app: &App, plan: &Plan, why: &str) -> Result<(), Failure> {
    let actor = super::operator();
    let entry = audit::Entry {
        actor: &actor,
        action: "plan.approve",
        target: Some(&plan.target),
        outcome: "refused",
        place: "terminal",
        detail: why,
        ..audit::Entry::default()
    };
    Ok(audit::record_alone(&app.store, &app.clock, &entry).await?)
}
