//! `/system`: the inspection of this installation, and what this console saw of how requests arrive.

use std::time::Duration;

use actix_web::HttpResponse;
use futures_util::future::join_all;

use super::arrival::Misfit;
use super::error::PageError;
use super::page::system::{SystemGroup, SystemLine, SystemPage};
use super::view;
use super::visit::SignedIn;
use crate::app::inspection::{self, Check, Seen};
use crate::target::tool::{self, ToolVersion};

/// How long the page waits for targets. What they looked like before is shown when they take longer.
const LOOKS: Duration = Duration::from_millis(500);
/// How long it waits for the client tools to say their versions.
const TOOLS: Duration = Duration::from_secs(2);

/// `GET /system`.
pub(super) async fn show(who: SignedIn) -> Result<HttpResponse, PageError> {
    let app = who.app();
    let looks = async {
        let watch = &who.visit.shared.watch;
        let all = join_all(app.resources.targets.iter().map(|one| watch.look(one)));
        // A look goes on when nobody waits for it any more; the next page shows it.
        let _late = tokio::time::timeout(LOOKS, all).await;
    };
    let tools = async { tokio::time::timeout(TOOLS, tool::installed()).await.ok() };
    let (config, store) = (&app.config, &app.store);
    let (tools, (), clock, mut kept, work) = tokio::join!(
        tools,
        looks,
        inspection::clock(Some(store), &app.clock),
        inspection::store(config, store),
        inspection::work(store, &app.clock),
    );
    kept.extend(work);
    let mut console = inspection::console(config);
    console.push(clock);
    let misfits = who.visit.shared.arrivals.misfits();
    console.extend(misfits.iter().map(arrived));
    let backups = inspection::machine(config, tools.as_deref()).await;
    let mut told = inspection::channels(config);
    told.push(inspection::outbox(store).await);
    let groups = [
        ("Console", console),
        ("Store and jobs", kept),
        ("Notifications", told),
        ("Backups", backups),
        ("Targets", targets(&who, tools.as_deref())),
    ];
    Ok(view::ok(&SystemPage {
        layout: who.layout("System"),
        groups: groups
            .into_iter()
            .map(|(title, checks)| SystemGroup {
                title,
                lines: checks.into_iter().map(line).collect(),
            })
            .collect(),
    }))
}

/// The targets as somebody saw them last.
fn targets(who: &SignedIn, tools: Option<&[ToolVersion]>) -> Vec<Check> {
    let app = who.app();
    let mut checks: Vec<Check> = inspection::without_targets(&app.config)
        .into_iter()
        .collect();
    for target in &app.resources.targets {
        let look = who.visit.shared.watch.newest(&target.name);
        let seen = match &look {
            Some(look) => Seen::At(look.at, look.found.as_ref().map(|found| &found.survey)),
            None => Seen::NotYet,
        };
        checks.extend(inspection::target(target, &seen, tools));
    }
    checks
}

fn line(check: Check) -> SystemLine {
    SystemLine {
        what: check.what,
        found: check.found,
        fix: check.fix,
    }
}

/// What is odd about how requests arrive. Anybody can send one, so it says what to do if it was oneself.
fn arrived(misfit: &Misfit) -> Check {
    match misfit {
        Misfit::Proxy(address) => Check::ill(
            "proxies",
            format!(
                "{address} passes requests on and is not trusted: everybody behind it seems to come from {address}"
            ),
            format!(
                "If it is your proxy or tunnel, add it to trusted_proxies in [server], for example trusted_proxies = \
                 \"{address}\". If it is not, somebody tries to pass for somebody else, and nothing of it is believed."
            ),
        ),
        Misfit::Name(host) => Check::ill(
            "console",
            format!("requests for {host} were refused: it is not a name of this console"),
            "If people use that name, set public_url in [server] to it. If nobody does, somebody tried names, and got nothing.",
        ),
        Misfit::Encrypted => Check::ill(
            "console",
            "browsers come by https, but public_url begins with http:",
            "Set public_url in [server] to the https:// address: cookies are then kept to https, and browsers told so.",
        ),
        Misfit::Plain => Check::ill(
            "console",
            "a proxy takes requests by http, but public_url begins with https:",
            "Let the proxy redirect to https: browsers keep no sign-in on http.",
        ),
    }
}
