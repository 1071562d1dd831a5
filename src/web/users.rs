//! The users: who there is, and inviting somebody. What is done with one of them is in [`super::account`].

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;

use super::account;
use super::error::PageError;
use super::layout::Layout;
use super::page::settings::Choice;
use super::page::users::{GrantFields, Rung, Standing, UserRow, UsersPage};
use super::page::when::When;
use super::proof::{Asking, Proof};
use super::view;
use super::visit::SignedIn;
use crate::audit;
use crate::auth::account::{self as accounts, Account};
use crate::auth::policy;
use crate::auth::role::{EVERYWHERE, Role};
use crate::auth::setup::LINK_HOURS;
use crate::auth::user::UserError;

/// How much of what was typed is shown again, in characters.
const ECHO: usize = 200;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AddBody {
    name: String,
    target: String,
    role: String,
    confirm: Option<SecretString>,
}

/// The roles that need a second factor: those whose box is ticked.
#[derive(Deserialize)]
pub(super) struct FactorBody {
    viewer: Option<String>,
    operator: Option<String>,
    approver: Option<String>,
    admin: Option<String>,
}

/// `GET /users`.
pub(super) async fn list(who: SignedIn) -> Result<HttpResponse, PageError> {
    let body = AddBody {
        target: EVERYWHERE.to_owned(),
        role: Role::Viewer.word().to_owned(),
        ..AddBody::default()
    };
    Ok(view::ok(&page(&who, &body, None).await?))
}

/// `POST /users`: makes a user without a password. The answer is their page with the link, and no way leads there again:
/// what leads to another page would have to keep the link somewhere.
pub(super) async fn add(
    asking: Asking,
    body: web::Form<AddBody>,
) -> Result<HttpResponse, PageError> {
    let mut body = body.into_inner();
    let who = match asking.prove(body.confirm.take()).await? {
        Proof::Given(who) => who,
        Proof::Wanting(who) => {
            let page = page(&who, &body, None).await?;
            return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let Some(role) = Role::from_word(&body.role).filter(|_| is_place(&who, &body.target)) else {
        return Err(PageError::Bad("there is no such role or target".to_owned()));
    };
    let roles = [(body.target.clone(), role)];
    match who.app().invite(who.by(), &body.name, &roles).await {
        Ok((made, token)) => {
            let link = who.app().link(&token);
            account::with_link(&who, &made.id, &link, StatusCode::CREATED).await
        }
        Err(UserError::Store(error)) => Err(error.into()),
        Err(error) => {
            let page = page(&who, &body, Some(error.to_string())).await?;
            Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

/// `POST /users/second-factor`: which roles need one, wherever they are held.
pub(super) async fn require_factor(
    asking: Asking,
    body: web::Form<FactorBody>,
) -> Result<HttpResponse, PageError> {
    let who = asking.prove_on("/users").await?;
    let ticked = [&body.viewer, &body.operator, &body.approver, &body.admin];
    let roles: Vec<Role> = Role::ALL
        .into_iter()
        .zip(ticked)
        .filter_map(|(role, ticked)| ticked.as_ref().map(|_| role))
        .collect();
    who.app().require_factor_of(who.by(), &roles).await?;
    who.flash(
        true,
        "Decided. Whoever needs a second factor now sets it up before anything else.",
    );
    Ok(view::go("/users"))
}

/// Whether a role can be given there.
pub(super) fn is_place(who: &SignedIn, target: &str) -> bool {
    target == EVERYWHERE || who.app().target(target).is_some()
}

/// What can be chosen of targets and roles.
pub(super) fn grant_fields(who: &SignedIn, target: &str, role: &str) -> GrantFields {
    let every = Choice::new(EVERYWHERE, place(EVERYWHERE));
    let targets = who.app().resources.targets.iter();
    GrantFields {
        targets: std::iter::once(every)
            .chain(targets.map(|target| Choice::new(&target.name, &target.name)))
            .collect(),
        target: target.to_owned(),
        roles: Role::ALL
            .map(|role| Choice::new(role.word(), role.word()))
            .to_vec(),
        role: role.to_owned(),
    }
}

/// Where a role counts, for people.
pub(super) fn place(target: &str) -> String {
    match target {
        EVERYWHERE => "Every target".to_owned(),
        target => target.to_owned(),
    }
}

/// Whether somebody can sign in.
pub(super) fn standing(account: &Account) -> Standing {
    if account.user.disabled_at.is_some() {
        Standing::Disabled
    } else if account.has_password {
        Standing::Active
    } else if account.link_until.is_some() {
        Standing::Invited
    } else {
        Standing::Without
    }
}

async fn page(
    who: &SignedIn,
    body: &AddBody,
    name_error: Option<String>,
) -> Result<UsersPage, PageError> {
    let app = who.app();
    let mut users = Vec::new();
    for account in accounts::list(&app.store, &app.clock).await? {
        users.push(UserRow {
            href: account::path(&account.user.id),
            roles: account.grants.words(),
            standing: standing(&account),
            has_factor: account.has_factor,
            last: audit::last_sign_in(&app.store, &account.user.name)
                .await?
                .map(When::at),
            name: account.user.name,
        });
    }
    let mut layout = Layout {
        confirm: who.confirm(),
        ..who.layout("Users")
    };
    let needed = policy::second_factor(&app.store).await?;
    "/users".clone_into(&mut layout.path);
    Ok(UsersPage {
        layout,
        users,
        name: body.name.chars().take(ECHO).collect(),
        grant: grant_fields(who, &body.target, &body.role),
        name_error,
        ladder: Role::ALL
            .map(|role| Rung {
                role: role.word(),
                sentence: role.sentence(),
                needs_factor: needed.roles().contains(&role),
            })
            .to_vec(),
        hours: LINK_HOURS,
    })
}
