//! How requests arrive: none gets in under a foreign name, and what does not fit the settings is remembered.
//!
//! A proxy that the settings do not know makes everybody look alike, a wrong public URL keeps people out; neither shows on
//! the machine on which the console runs. So both are said once in the log, and shown on `/system`. What is remembered is
//! what anybody may send: little of it, and never more than a hint.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::Shared;
use super::host::Host;
use super::peer::is_forwarding;
use crate::config::Server;

/// What is asked by programs that know an address at most: container engines, proxies, monitoring systems. `/metrics`
/// looks at the name itself.
const FOR_PROGRAMS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// How many of each kind are remembered.
const KEPT: usize = 4;

/// Something about a request that does not fit the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It was passed on by a proxy that is not trusted.
    Proxy(IpAddr),
    /// It asked for a name that is not the console's, and was refused.
    Name(Host),
    /// A trusted proxy took it by https, and the public URL says http.
    Encrypted,
    /// A trusted proxy took it by http, and the public URL says https.
    Plain,
}

impl Misfit {
    /// Says it once in the log.
    fn log(&self) {
        match self {
            Self::Proxy(address) => tracing::warn!(
                client.address = %address,
                "a proxy that is not trusted passes requests on: everybody behind it seems to come from there; see /system"
            ),
            Self::Name(name) => tracing::warn!(
                http.host = %name,
                "a request for a name that is not the console's was refused; if people use it, set server.public_url"
            ),
            Self::Encrypted => {
                tracing::warn!(
                    "browsers come by https, but server.public_url says http; see /system"
                );
            }
            Self::Plain => {
                tracing::warn!(
                    "browsers come by http, but server.public_url says https; see /system"
                );
            }
        }
    }
}

/// What did not fit since the console started. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals(Arc<Mutex<Vec<Misfit>>>);

impl Arrivals {
    /// What did not fit, in the order in which it came.
    pub fn misfits(&self) -> Vec<Misfit> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, misfit: Misfit) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = std::mem::discriminant(&misfit);
        let alike = known
            .iter()
            .filter(|one| std::mem::discriminant(*one) == kind)
            .count();
        if alike < KEPT && !known.contains(&misfit) {
            if alike == 0 {
                misfit.log();
            }
            known.push(misfit);
        }
    }
}

/// The middleware.
pub(super) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(shared) = request.app_data::<Data<Shared>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let (server, arrivals) = (&shared.app.config.server, &shared.arrivals);
    if let Some(misfit) = passed_on(request.head(), server) {
        arrivals.note(misfit);
    }
    let host = Host::of(request.head());
    if host.as_ref().is_some_and(|host| host.is_ours(server))
        || FOR_PROGRAMS.contains(&request.path())
    {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    if let Some(host) = host.clone() {
        arrivals.note(Misfit::Name(host));
    }
    Ok(request.into_response(misdirected(host.as_ref())))
}

/// What is odd about how a request was passed on.
fn passed_on(head: &RequestHead, server: &Server) -> Option<Misfit> {
    let peer = head.peer_addr?.ip().to_canonical();
    if !server.trusts(peer) {
        let mut names = head.headers.keys().map(HeaderName::as_str);
        return names.any(is_forwarding).then_some(Misfit::Proxy(peer));
    }
    let spoken = head.headers.get("x-forwarded-proto")?.as_bytes();
    match (spoken, server.is_https()) {
        (b"https", false) => Some(Misfit::Encrypted),
        (b"http", true) => Some(Misfit::Plain),
        _ => None,
    }
}

/// The refusal. It is plain text, because no file of ours is given under that name either, and names nothing of ours to
/// whoever guesses.
fn misdirected(host: Option<&Host>) -> HttpResponse {
    let (asked, url) = host.map_or_else(
        || {
            (
                "no name that can be read".to_owned(),
                "https://your.name".to_owned(),
            )
        },
        |host| (format!("`{host}`"), format!("https://{host}")),
    );
    HttpResponse::build(StatusCode::MISDIRECTED_REQUEST)
        .content_type("text/plain; charset=utf-8")
        .body(format!(
            "This console does not answer here: the request asked for {asked}, which is not its name.\n\n\
             Nothing was read or changed.\n\n\
             If that is where people are to find it, set `public_url` in [server] of lockkeeper.toml, or \
             LOCKKEEPER_SERVER_PUBLIC_URL,\nto the address in your browser, for example {url}, and start the console again. If it is not, \
             open the console\nat its own address. A proxy in between has to pass on the Host header as it came.\n"
        ))
}
