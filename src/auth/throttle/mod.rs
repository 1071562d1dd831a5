//! The slowing down of guesses: failed sign-ins are counted, and the next try waits.
//!
//! What must stay true:
//! - Tries are counted for the account (known or not), and for the address they come from. Those of a known browser are
//!   counted for it alone: whatever is tried elsewhere does not delay it.
//! - It slows down and never locks: no password waits longer than [`LONGEST`], no code longer than [`LONGEST_OF_CODES`], and
//!   it fades by itself.
//! - The counts are in the store, so that a restart forgets none. A try is counted before it is made, in the transaction
//!   that reads the counts: many at once do not see the same number.
//! - Of one account, and of one address, few wait at a time, so that waiting costs next to nothing.
//! - Codes of a second factor are six digits, and whoever gives them knows the password: from browsers that are not known
//!   about forty of one user are compared on the first day and one an hour after that, however they are spread.

mod counter;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Row;

pub use self::counter::{Counter, HALF_LIFE, LONGEST, LONGEST_OF_CODES};
use self::counter::{FORGOTTEN, Kind};
use crate::clock::Clock;
use crate::store::{Store, StoreError, Tx};

/// Counts tries and says how long the next one waits. Clones share what waits.
#[derive(Clone, Debug)]
pub struct Throttle {
    store: Store,
    clock: Clock,
    waiting: Arc<Mutex<HashMap<String, usize>>>,
}

/// The right to one try, after [`Turn::delay`]. Dropped, it has been one that failed.
#[derive(Debug)]
pub struct Turn {
    throttle: Throttle,
    counters: Vec<Counter>,
    delay: Duration,
    failures: i64,
}

impl Throttle {
    /// Counts in `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            waiting: Arc::default(),
        }
    }

    /// Where the time comes from.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Counts a try for each of `counters`, as failed until [`Turn::succeeded`] says otherwise. Where too many wait
    /// already, or the delay is longer than anybody should wait for an answer, nothing is counted, and the error says when
    /// to come back.
    pub async fn take_turn(
        &self,
        counters: Vec<Counter>,
    ) -> Result<Result<Turn, Duration>, StoreError> {
        let now = self.clock.now_ms();
        if let Some(full) = self.queue(&counters) {
            let mut delay = Duration::from_secs(1);
            if let Some((failures, at)) = read(self.store.read(), &full).await? {
                delay = delay.max(full.kind.delay(full.kind.faded(failures, now - at)));
            }
            return Ok(Err(delay));
        }
        // From here on the turn is given back when anything fails.
        let mut turn = Turn {
            throttle: self.clone(),
            counters,
            delay: Duration::ZERO,
            failures: 0,
        };
        let mut tx = self.store.begin().await?;
        let mut counts = Vec::new();
        for counter in &turn.counters {
            let (failures, at) = read(&mut *tx, counter).await?.unwrap_or((0, now));
            let failures = counter.kind.faded(failures, now - at);
            let delay = counter.kind.delay(failures);
            // What has passed since the last try has been waited already; a clock that was set back adds nothing.
            let passed = Duration::from_millis(u64::try_from(now - at).unwrap_or_default());
            turn.delay = turn.delay.max(delay.saturating_sub(passed));
            counts.push((counter, failures, at));
        }
        if turn.delay > LONGEST {
            // Nor does it keep anybody out until it has come as far again: it is waited from now on.
            for (counter, failures, _) in counts.into_iter().filter(|(_, _, at)| *at > now) {
                write(&mut tx, counter, failures, now).await?;
            }
            tx.commit().await?;
            return Ok(Err(turn.delay));
        }
        for (counter, failures, _) in counts {
            turn.failures = turn.failures.max(failures + 1);
            write(&mut tx, counter, failures + 1, now).await?;
        }
        tx.commit().await?;
        Ok(Ok(turn))
    }

    /// Takes a place in each queue, or returns the counter whose queue is full.
    fn queue(&self, counters: &[Counter]) -> Option<Counter> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counters.iter().find(|counter| {
            waiting.get(&counter.name).copied().unwrap_or_default() >= counter.kind.waiting()
        });
        if let Some(full) = full {
            return Some(full.clone());
        }
        for counter in counters {
            *waiting.entry(counter.name.clone()).or_default() += 1;
        }
        None
    }

    /// Removes counts that have faded anyway.
    pub async fn expire(&self) -> Result<u64, StoreError> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now_ms();
        // Of fewer than eight failures nothing is left after three half-lives: tries of a flood do not pile up. Only
        // whoever knows a password makes codes count.
        let gone = sqlx::query(
            "DELETE FROM throttle WHERE last_at <= $1 \
             OR (failures < 8 AND last_at <= $2 AND name NOT LIKE 'codes:%')",
        )
        .bind(now - FORGOTTEN)
        .bind(now - 3 * HALF_LIFE)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }
}

impl Turn {
    /// How long to wait before the try is made.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// How many failures are counted with this try: the most that any counter has.
    #[must_use]
    pub fn failures(&self) -> i64 {
        self.failures
    }

    /// The try succeeded: what failed before it for the account, or for this known browser, is forgotten. What the address
    /// has tried is not, for it may be trying other accounts: only this try is taken back.
    pub async fn succeeded(self) -> Result<(), StoreError> {
        let mut tx = self.throttle.store.begin().await?;
        for counter in &self.counters {
            match counter.kind {
                Kind::Address => take_back(&mut tx, counter).await?,
                Kind::Account | Kind::Device | Kind::Codes => forget(&mut tx, counter).await?,
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// The try was not made after all.
    pub async fn not_made(self) -> Result<(), StoreError> {
        let mut tx = self.throttle.store.begin().await?;
        for counter in &self.counters {
            take_back(&mut tx, counter).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let waiting = &self.throttle.waiting;
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for counter in &self.counters {
            match waiting.get_mut(&counter.name) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    waiting.remove(&counter.name);
                }
            }
        }
    }
}

/// Forgets the codes that were tried with a password which is none any more. The caller commits.
pub(super) async fn forget_codes(tx: &mut Tx, name_key: &str) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM throttle WHERE name = (SELECT 'codes:' || id FROM \"user\" WHERE name_key = $1)",
    )
    .bind(name_key)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn read<'c>(
    executor: impl sqlx::Executor<'c, Database = sqlx::Any>,
    counter: &Counter,
) -> Result<Option<(i64, i64)>, StoreError> {
    let row = sqlx::query("SELECT failures, last_at FROM throttle WHERE name = $1")
        .bind(&counter.name)
        .fetch_optional(executor)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some((row.try_get("failures")?, row.try_get("last_at")?)))
}

async fn write(tx: &mut Tx, counter: &Counter, failures: i64, at: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO throttle (name, failures, last_at) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at",
    )
    .bind(&counter.name)
    .bind(failures)
    .bind(at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn forget(tx: &mut Tx, counter: &Counter) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM throttle WHERE name = $1")
        .bind(&counter.name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn take_back(tx: &mut Tx, counter: &Counter) -> Result<(), StoreError> {
    sqlx::query("UPDATE throttle SET failures = failures - 1 WHERE name = $1")
        .bind(&counter.name)
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM throttle WHERE name = $1 AND failures < 1")
        .bind(&counter.name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
