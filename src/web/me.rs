//! `/me`: what somebody may do, where they are signed in, and their password.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::PageError;
use super::factor;
use super::page::agent;
use super::page::me::{Guesses, MePage, PasswordErrors, SessionRow};
use super::page::when::When;
use super::proof::{Asking, Proof};
use super::tokens;
use super::view;
use super::visit::SignedIn;
use crate::auth::role::{EVERYWHERE, Role};
use crate::auth::session::SessionName;
use crate::auth::{password, session, user};
use crate::store::StoreError;

#[derive(Deserialize)]
pub(super) struct EndForm {
    session: SessionName,
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    current: SecretString,
    password: SecretString,
    repeat: SecretString,
}

/// `GET /me`.
pub(super) async fn show(who: SignedIn) -> Result<HttpResponse, PageError> {
    Ok(view::ok(&page(&who, PasswordErrors::default()).await?))
}

/// `POST /me/sessions/end`: one of them.
pub(super) async fn end(
    who: SignedIn,
    form: web::Form<EndForm>,
) -> Result<HttpResponse, PageError> {
    let mut tx = who.app().store.begin().await?;
    if session::end(&mut tx, &who.user.id, &form.session).await? {
        who.record(&mut tx, "session.end", "one session").await?;
        tx.commit().await.map_err(StoreError::from)?;
    }
    who.flash(true, "The session has ended.");
    Ok(view::go("/me"))
}

/// `POST /me/sessions/end-others`: all but this one.
pub(super) async fn end_others(who: SignedIn) -> Result<HttpResponse, PageError> {
    let mut tx = who.app().store.begin().await?;
    let gone = session::end_others(&mut tx, &who.user.id, &who.visit.standing.name).await?;
    who.record(&mut tx, "session.end", "all but one session")
        .await?;
    tx.commit().await.map_err(StoreError::from)?;
    let gone = usize::try_from(gone).unwrap_or_default();
    who.flash(true, &format!("Ended: {}.", view::plural(gone, "session")));
    Ok(view::go("/me"))
}

/// `POST /me/password`.
pub(super) async fn change_password(
    asking: Asking,
    form: web::Form<PasswordForm>,
) -> Result<HttpResponse, PageError> {
    let form = form.into_inner();
    let mut errors = PasswordErrors::default();
    let who = asking.looking();
    if let Err(problem) = who
        .app()
        .check_password(&who.user.name, &form.password, who.factor)
    {
        errors.password = Some(problem.to_string());
    } else if form.password.expose_secret() != form.repeat.expose_secret() {
        errors.repeat = Some("The two passwords differ.".to_owned());
    }
    if errors.password.is_some() || errors.repeat.is_some() {
        let page = page(who, errors).await?;
        return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let seen = user::stamps(&who.app().store, &who.user.id).await?;
    let mut who = match asking.prove_password(form.current).await? {
        Proof::Given(who) => who,
        Proof::Wanting(who) => {
            errors.current = who.wrong.clone();
            let page = page(&who, errors).await?;
            return Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let app = who.app();
    let hash = match app.passwords.hash(form.password).await {
        Ok(hash) => hash,
        Err(busy) => {
            errors.password = Some(busy.to_string());
            let page = page(&who, errors).await?;
            return Ok(view::html(StatusCode::SERVICE_UNAVAILABLE, &page));
        }
    };
    let mut tx = app.store.begin().await?;
    // Every session ends with it; this one goes on under the key that the proof has given it.
    let (seen, _) = seen.unwrap_or_default();
    let changed = user::change_password(&mut tx, &app.clock, &who.user, seen, &hash).await;
    if !changed.map_err(|error| PageError::Internal(error.to_string()))? {
        drop(tx);
        who.visit.session.purge();
        return Err(PageError::SignIn("/me".to_owned()));
    }
    who.record(&mut tx, "user.passwd", "their own").await?;
    tx.commit().await.map_err(StoreError::from)?;
    who.proven()?;
    let older = tokens::reminder(who.app(), &who.user.id).await?;
    let said = format!("Your password is changed, and your other sessions have ended.{older}");
    who.flash(true, &said);
    Ok(view::go("/me"))
}

async fn page(who: &SignedIn, errors: PasswordErrors) -> Result<MePage, PageError> {
    let app = who.app();
    let sessions = app.sessions().of_user(&who.user.id).await?;
    let mine = &who.visit.standing.name;
    let role = |(target, role): (&str, Role)| match target {
        EVERYWHERE => (format!("{} everywhere", role.word()), role.sentence()),
        target => (format!("{} on {target}", role.word()), role.sentence()),
    };
    Ok(MePage {
        layout: who.layout("You"),
        name: who.user.name.clone(),
        roles: who.grants.iter().map(role).collect(),
        guesses: app.guesses(&who.user).await?.map(|noted| Guesses {
            what: noted.detail,
            place: noted.place,
            at: When::at(noted.at),
        }),
        factor: factor::state(who).await?,
        tokens: tokens::count(app, &who.user.id).await?,
        sessions: sessions
            .into_iter()
            .map(|one| SessionRow {
                is_this: one.name == *mine,
                browser: agent::words(&one.agent),
                address: one.address,
                since: When::at(one.created_at),
                seen: When::at(one.seen_at),
                name: one.name,
            })
            .collect(),
        password_hint: password::hint(who.factor).to_owned(),
        errors,
    })
}
