//! The watch: what targets looked like a moment ago, so that pages never wait for one that does not answer.
//!
//! A look at a target takes a connection and a read of its folder. Several people on several pages share one look;
//! a page that finds a look younger than `FRESH_MS` uses it, and when a look takes longer than `PATIENCE` the page
//! says so instead of hanging. A job that has ended since makes every look before it old.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::App;
use crate::job::queue;
use crate::migration::Survey;
use crate::operation::Trouble;
use crate::store::StoreError;
use crate::target::catalog::table::{self, TableSize};
use crate::target::{Purpose, Target};

/// How old a look may be that is shown without looking again.
const FRESH_MS: i64 = 2_000;
/// How long a page waits for a look.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How many tables the page of a target shows.
const TABLES: i64 = 10;

/// What a target looked like.
#[derive(Debug)]
pub struct Look {
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// What was found, or why nothing was.
    pub found: Result<Found, Trouble>,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// Folder, ledger and facts.
    pub survey: Survey,
    /// The largest tables.
    pub tables: Vec<TableSize>,
}

/// The newest look at one target. Whoever holds the lock is looking.
type Slot = Arc<Mutex<Option<Arc<Look>>>>;

/// The looks of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Watch {
    app: App,
    slots: Arc<HashMap<String, (Slot, Newest)>>,
}

/// The newest look, readable while another one is under way.
type Newest = Arc<std::sync::Mutex<Option<Arc<Look>>>>;

impl Watch {
    /// A watch over the targets of `app`.
    #[must_use]
    pub fn new(app: App) -> Self {
        let slots = app
            .resources
            .targets
            .iter()
            .map(|target| (target.name.clone(), (Slot::default(), Newest::default())))
            .collect();
        Self {
            app,
            slots: Arc::new(slots),
        }
    }

    /// A look at `target` that is fresh, or what is known when that takes too long.
    pub async fn look(&self, target: &Arc<Target>) -> Result<Arc<Look>, StoreError> {
        let now = self.app.clock.now_ms();
        let changed_at = queue::last_ended(&self.app.store, &target.name)
            .await?
            .unwrap_or(0);
        let Some((slot, newest)) = self.slots.get(&target.name) else {
            return Ok(Arc::new(look(&self.app, target).await));
        };
        let known = self.newest(&target.name);
        let usable = |look: &Look| look.at > changed_at;
        if let Some(look) = known
            .as_ref()
            .filter(|look| usable(look) && now - look.at < FRESH_MS)
        {
            // Half its time is over: the next page should not have to wait.
            if now - look.at > FRESH_MS / 2 {
                let _elsewhere = self.refresh(target, slot, newest, look.at);
            }
            return Ok(look.clone());
        }
        let refreshed = self.refresh(target, slot, newest, changed_at.max(now - FRESH_MS));
        match tokio::time::timeout(PATIENCE, refreshed).await {
            Ok(Ok(look)) => Ok(look),
            _ => Ok(Arc::new(Look {
                at: now,
                found: Err(still_looking(target)),
            })),
        }
    }

    /// The newest look at the target of that name, however old it is. Connects to nothing and waits for nobody; `None`
    /// until somebody has looked.
    #[must_use]
    pub fn newest(&self, target: &str) -> Option<Arc<Look>> {
        let (_, newest) = self.slots.get(target)?;
        newest.lock().ok().and_then(|known| known.clone())
    }

    /// Looks in a task of its own, which goes on when the page has stopped waiting. Several callers share one look: who
    /// comes second finds one that is younger than `older_than`.
    fn refresh(
        &self,
        target: &Arc<Target>,
        slot: &Slot,
        newest: &Newest,
        older_than: i64,
    ) -> tokio::task::JoinHandle<Arc<Look>> {
        let (app, target) = (self.app.clone(), target.clone());
        let (slot, newest) = (slot.clone(), newest.clone());
        tokio::spawn(async move {
            let mut slot = slot.lock().await;
            if let Some(look) = slot.as_ref().filter(|look| look.at > older_than) {
                return look.clone();
            }
            let look = Arc::new(look(&app, &target).await);
            *slot = Some(look.clone());
            if let Ok(mut newest) = newest.lock() {
                *newest = Some(look.clone());
            }
            look
        })
    }
}

async fn look(app: &App, target: &Target) -> Look {
    // The moment before the look: whatever changes while it is under way makes it old.
    let at = app.clock.now_ms();
    let found = async {
        let session = target.connect(Purpose::Look).await?;
        let survey = Survey::seeing(target, &session).await?;
        let tables = table::largest_tables(&session, TABLES).await?;
        session.close().await;
        Ok(Found { survey, tables })
    };
    Look {
        at,
        found: found.await,
    }
}

fn still_looking(target: &Target) -> Trouble {
    Trouble::new(
        format!("{} has not answered yet.", target.url.safe()),
        "Nothing was read or changed. What is shown elsewhere may be older.",
        "The console goes on trying: load this page again in a few seconds. If it stays so, check that the server runs \
         and that this machine reaches it.",
    )
}
