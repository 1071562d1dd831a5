//! Sessions with real servers: every way in which connecting fails, what a look may and may not do, and that no lock or
//! silence of a server makes us hang.
#![expect(
    clippy::unwrap_used,
    reason = "a test panics where it is wrong, in its helpers too"
)]

mod support;

#[path = "target/catalog.rs"]
mod catalog;
#[path = "target/connect.rs"]
mod connect;
#[path = "target/pooler.rs"]
mod pooler;
#[path = "target/tool.rs"]
mod tool;

use std::path::Path;

use lockkeeper::operation::Trouble;
use lockkeeper::target::{DatabaseUrl, Purpose, Session};

fn parse(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(&url.into(), Path::new("/")).unwrap()
}

async fn look(url: &str) -> Result<Session, Trouble> {
    Session::open(&parse(url), Purpose::Look).await
}

async fn work(url: &str) -> Result<Session, Trouble> {
    let job = "a-job".to_owned();
    Session::open(&parse(url), Purpose::Work { job }).await
}

/// All that a person is told, after a check that it holds no password of these tests.
fn told(trouble: &Trouble) -> String {
    let told = format!("{} | {} | {}", trouble.what, trouble.data, trouble.next);
    assert!(!told.contains(support::cluster::PASSWORD), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    told
}
