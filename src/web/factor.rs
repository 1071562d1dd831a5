//! `/me/factor`: setting up a second factor, its recovery codes, and taking it away.
//!
//! What must stay true: each of them asks for the password, however recent the last proof is; the secret is shown only to
//! the session in which the password was given, and only until the first code; recovery codes are shown until their owner
//! says to have kept them, and stand in the session sealed.

use actix_web::cookie::Cookie;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::browser;
use super::error::PageError;
use super::layout::{Layout, Link};
use super::page::enrol::EnrolPage;
use super::page::factor::{FactorPage, FactorState};
use super::page::qr::Qr;
use super::page::recovery::RecoveryPage;
use super::page::when::When;
use super::proof::{Asking, Proof};
use super::tokens;
use super::view;
use super::visit::SignedIn;
use crate::auth::device;
use crate::auth::factor::Standing;
use crate::auth::policy;
use crate::auth::session;
use crate::store::StoreError;

/// How long after the password the secret is shown, in milliseconds.
const SHOWN_MS: i64 = 10 * 60_000;
const ENROLLING_KEY: &str = "enrolling";
const CODES_KEY: &str = "recovery_codes";

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    password: SecretString,
}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: SecretString,
}

#[derive(Deserialize)]
pub(super) struct RemoveForm {
    password: SecretString,
    code: SecretString,
}

/// `GET /me/factor`.
pub(super) async fn show(who: SignedIn) -> Result<HttpResponse, PageError> {
    Ok(view::ok(&page(&who).await?))
}

/// `POST /me/factor/begin`: the password, then the secret.
pub(super) async fn begin(
    asking: Asking,
    form: web::Form<PasswordForm>,
) -> Result<HttpResponse, PageError> {
    let who = match asking.prove_password(form.into_inner().password).await? {
        Proof::Given(who) => who,
        Proof::Wanting(who) => return refused(&who).await,
    };
    who.app().factors.begin(&who.user.id).await?;
    keep(&who, ENROLLING_KEY, &who.app().clock.now_ms())?;
    Ok(view::go("/me/factor/new"))
}

/// `GET /me/factor/new`: the secret, as a picture and as text.
pub(super) async fn new(who: SignedIn) -> Result<HttpResponse, PageError> {
    enrolment(&who, StatusCode::OK, None).await
}

/// `POST /me/factor/new`: the first code puts the factor in force.
pub(super) async fn confirm(
    mut who: SignedIn,
    request: HttpRequest,
    form: web::Form<CodeForm>,
) -> Result<HttpResponse, PageError> {
    if !is_enrolling(&who) {
        return Ok(view::go("/me/factor"));
    }
    let app = who.app().clone();
    let mut tx = app.store.begin().await?;
    let code = form.code.expose_secret();
    let Some(codes) = app.factors.confirm(&mut tx, &who.user.id, code).await? else {
        drop(tx);
        let error = "This is not the code that your device should show. Look whether its clock is right, and try the next one.";
        return enrolment(&who, StatusCode::UNPROCESSABLE_ENTITY, Some(error)).await;
    };
    session::end_others(&mut tx, &who.user.id, &who.visit.standing.name).await?;
    let mine = request.cookie(browser::cookie_name(&who.visit));
    device::forget_others(&mut tx, &who.user.id, mine.as_ref().map(Cookie::value)).await?;
    who.record(&mut tx, "factor.enrol", "").await?;
    tx.commit().await.map_err(StoreError::from)?;
    who.visit.session.remove(ENROLLING_KEY);
    who.proven()?;
    hand_over(&who, &codes)
}

/// `POST /me/factor/codes`: new recovery codes in place of the old ones.
pub(super) async fn renew_codes(
    asking: Asking,
    form: web::Form<RemoveForm>,
) -> Result<HttpResponse, PageError> {
    let RemoveForm { password, code } = form.into_inner();
    let who = match asking.prove_both(password, code).await? {
        Proof::Given(who) => who,
        Proof::Wanting(who) => return refused(&who).await,
    };
    let app = who.app();
    let mut tx = app.store.begin().await?;
    let codes = app.factors.renew_codes(&mut tx, &who.user.id).await?;
    who.record(&mut tx, "factor.recovery", "new recovery codes")
        .await?;
    tx.commit().await.map_err(StoreError::from)?;
    hand_over(&who, &codes)
}

/// `POST /me/factor/remove`.
pub(super) async fn remove(
    asking: Asking,
    form: web::Form<RemoveForm>,
) -> Result<HttpResponse, PageError> {
    let RemoveForm { password, code } = form.into_inner();
    let who = match asking.prove_both(password, code).await? {
        Proof::Given(who) => who,
        Proof::Wanting(who) => return refused(&who).await,
    };
    let app = who.app();
    let mut tx = app.store.begin().await?;
    app.factors.remove(&mut tx, &who.user.id).await?;
    session::end_others(&mut tx, &who.user.id, &who.visit.standing.name).await?;
    who.record(&mut tx, "factor.remove", "").await?;
    tx.commit().await.map_err(StoreError::from)?;
    who.visit.session.remove(CODES_KEY);
    who.flash(
        true,
        "The second factor is removed, and your other sessions have ended.",
    );
    Ok(view::go("/me/factor"))
}

/// `GET /me/factor/codes`: the recovery codes, until they are kept.
pub(super) async fn codes(who: SignedIn) -> Result<HttpResponse, PageError> {
    let Some(codes) = shown(&who)? else {
        return Ok(view::go("/me/factor"));
    };
    Ok(view::ok(&RecoveryPage {
        layout: layout(&who, "Recovery codes"),
        codes,
    }))
}

/// `GET /me/factor/codes.txt`: the same as a file.
pub(super) async fn codes_text(who: SignedIn) -> Result<HttpResponse, PageError> {
    let Some(codes) = shown(&who)? else {
        return Ok(view::go("/me/factor"));
    };
    let text = format!(
        "Recovery codes of {} for Lockkeeper at {}\nEach is good once, in place of a code of your device.\n\n{}\n",
        who.user.name,
        place(&who),
        codes.join("\n")
    );
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"lockkeeper-recovery-codes.txt\"",
        ))
        .body(text))
}

/// `POST /me/factor/codes/kept`: they are not shown again.
pub(super) async fn kept(who: SignedIn) -> Result<HttpResponse, PageError> {
    who.visit.session.remove(CODES_KEY);
    let older = tokens::reminder(who.app(), &who.user.id).await?;
    who.flash(
        true,
        &format!("A code of your device is asked for from now on.{older}"),
    );
    // Where the tokens are shown, when there is something to see.
    Ok(view::go(if older.is_empty() {
        "/me/factor"
    } else {
        "/me"
    }))
}

fn keep<T: serde::Serialize>(who: &SignedIn, key: &str, value: &T) -> Result<(), PageError> {
    let kept = who.visit.session.insert(key, value);
    kept.map_err(|error| PageError::Internal(error.to_string()))
}

/// Leads to the page that shows the codes.
fn hand_over(who: &SignedIn, codes: &[String]) -> Result<HttpResponse, PageError> {
    let sealed = who.app().factors.wrap(&who.user.id, codes)?;
    keep(who, CODES_KEY, &sealed)?;
    Ok(view::go("/me/factor/codes"))
}

fn shown(who: &SignedIn) -> Result<Option<Vec<String>>, PageError> {
    let sealed: Option<(String, String)> = who.visit.session.get(CODES_KEY).unwrap_or_default();
    let Some(sealed) = sealed else {
        return Ok(None);
    };
    Ok(Some(who.app().factors.unwrap(&who.user.id, &sealed)?))
}

fn is_enrolling(who: &SignedIn) -> bool {
    let since: Option<i64> = who.visit.session.get(ENROLLING_KEY).unwrap_or_default();
    let now = who.app().clock.now_ms();
    since.is_some_and(|since| now - since < SHOWN_MS)
}

async fn enrolment(
    who: &SignedIn,
    status: StatusCode,
    error: Option<&str>,
) -> Result<HttpResponse, PageError> {
    let secret = if is_enrolling(who) {
        who.app().factors.pending(&who.user.id).await?
    } else {
        None
    };
    let Some(secret) = secret else {
        return Ok(view::go("/me/factor"));
    };
    let uri = secret.uri(&who.user.name, &place(who));
    let page = EnrolPage {
        layout: layout(who, "Set up a second factor"),
        qr: Qr::of(&uri),
        secret: secret.groups(),
        uri,
        error: error.map(str::to_owned),
    };
    Ok(view::html(status, &page))
}

/// The console, as a device and a person tell it from others.
fn place(who: &SignedIn) -> String {
    let public = &who.app().config.server.public_url;
    public.rsplit("//").next().unwrap_or_default().to_owned()
}

async fn refused(who: &SignedIn) -> Result<HttpResponse, PageError> {
    let page = page(who).await?;
    Ok(view::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn page(who: &SignedIn) -> Result<FactorPage, PageError> {
    let app = who.app();
    let policy = policy::second_factor(&app.store).await?;
    Ok(FactorPage {
        layout: layout(who, "Second factor"),
        state: state(who).await?,
        required: policy.covers(&who.grants),
        error: who.wrong.clone(),
    })
}

/// What they have, as pages show it.
pub(super) async fn state(who: &SignedIn) -> Result<FactorState, StoreError> {
    Ok(match who.app().factors.standing(&who.user.id).await? {
        Standing::None => FactorState::None,
        Standing::InForce { since, codes } => FactorState::InForce {
            since: When::at(since),
            codes,
        },
    })
}

fn layout(who: &SignedIn, title: &str) -> Layout {
    let mut layout = who.layout(title);
    layout.crumbs = vec![Link::new("You", "/me")];
    layout
}
