//! Putting a snapshot back: what the store held goes and what the file holds comes, in one transaction.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, Row};

use super::super::{Store, StoreError, Tx, migrator};
use super::read::{Line, Reader, SnapshotRow};
use super::{Checked, SnapshotError, write};
use crate::clock::Clock;

/// How long ago a worker may have been seen to count as being there, in milliseconds.
const ALIVE_MS: i64 = 30_000;
/// How many rows go into one statement.
const ROWS: usize = 64;

/// Everything that a store of this program has, in an order in which nothing refers to what has gone.
const DROPS: [&str; 25] = [
    "DROP TABLE session",
    "DROP TABLE setup_link",
    "DROP TABLE worker",
    "DROP TABLE condition",
    "DROP TABLE notification",
    "DROP TABLE subscription",
    "DROP TABLE policy",
    "DROP TABLE api_token",
    "DROP TABLE throttle",
    "DROP TABLE device",
    "DROP TABLE recovery_code",
    "DROP TABLE second_factor",
    "DROP TABLE user_role",
    "DROP TABLE audit_head",
    "DROP TABLE audit",
    "DROP TABLE drift",
    "DROP TABLE measurement",
    "DROP TABLE schedule",
    "DROP TABLE approval",
    "DROP TABLE plan",
    "DROP TABLE job_event",
    "DROP TABLE job",
    "DROP TABLE \"user\"",
    "DROP TABLE setting",
    "DROP TABLE _sqlx_migrations",
];

/// A snapshot that has been put back, in a transaction that is still open.
#[derive(Debug)]
pub struct Restored {
    /// To be committed, with an audit entry in it. Dropped, the store is what it was.
    pub tx: Tx,
    /// Where what the store held before was written, if it held anything.
    pub kept: Option<PathBuf>,
    /// How many jobs waited and are cancelled now.
    pub cancelled: u64,
}

/// Puts a snapshot into the store. One that is in use is refused; one that is not empty too, unless `replace`: then what
/// it holds is written beside the file first.
///
/// A snapshot of an older schema is put into that schema, and the steps that came later are taken after it, as if the old
/// store had been opened by this program. What waited for its turn is cancelled and open approvals lapse: the moment they
/// were meant for has passed, and they may have been used since.
pub async fn restore(
    store: &Store,
    clock: &Clock,
    snapshot: &Checked,
    replace: bool,
) -> Result<Restored, SnapshotError> {
    // From here on nobody else writes, so what is looked at stays true and what is kept is the last state.
    let mut tx = store.begin().await?;
    let now = clock.now_ms();
    refuse_use(&mut tx, now).await?;
    let held = held(&mut tx).await?;
    let kept = match held {
        None => None,
        Some(held) if !replace => return Err(SnapshotError::NotEmpty(held)),
        Some(_) => {
            let kept = beside(&snapshot.path, clock);
            write(store, clock, &kept, false).await?;
            Some(kept)
        }
    };
    match exchange(&mut tx, store, snapshot, now).await {
        Ok(cancelled) => Ok(Restored {
            tx,
            kept,
            cancelled,
        }),
        Err(error) => {
            // The store still holds it.
            if let Some(kept) = kept {
                let _gone = std::fs::remove_file(kept);
            }
            Err(error)
        }
    }
}

/// Takes out what the store holds and puts in what the file holds; how many jobs waited there.
async fn exchange(
    tx: &mut Tx,
    store: &Store,
    snapshot: &Checked,
    now: i64,
) -> Result<u64, SnapshotError> {
    for drop in DROPS {
        sqlx::query(drop).execute(&mut **tx).await?;
    }
    take_steps(tx, store, Some(snapshot.header.schema)).await?;
    put_rows(tx, snapshot).await?;
    take_steps(tx, store, None).await?;
    lapse(tx, now).await
}

/// Refuses a store that somebody is using.
async fn refuse_use(tx: &mut Tx, now: i64) -> Result<(), SnapshotError> {
    let worker = sqlx::query("SELECT host, pid FROM worker WHERE seen_at > $1 LIMIT 1")
        .bind(now - ALIVE_MS)
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(worker) = worker {
        let (host, pid): (String, i64) = (worker.try_get("host")?, worker.try_get("pid")?);
        let who = format!("a Lockkeeper runs on {host} (process {pid})");
        return Err(SnapshotError::InUse(who));
    }
    let running = sqlx::query(
        "SELECT id, target FROM job WHERE state = 'running' AND lease_until > $1 LIMIT 1",
    )
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    if let Some(job) = running {
        let (id, target): (String, String) = (job.try_get("id")?, job.try_get("target")?);
        let what = format!("job {id} is running on {target}");
        return Err(SnapshotError::InUse(what));
    }
    Ok(())
}

/// What the store holds that somebody would miss, in words; none when it is as good as new.
async fn held(tx: &mut Tx) -> Result<Option<String>, SnapshotError> {
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM \"user\") AS users, (SELECT count(*) FROM job) AS jobs, \
         (SELECT count(*) FROM plan) AS plans, (SELECT count(*) FROM schedule) AS schedules, \
         (SELECT count(*) FROM measurement) AS measurements, (SELECT count(*) FROM audit) AS entries",
    )
    .fetch_one(&mut **tx)
    .await?;
    let mut held = Vec::new();
    for (column, words) in [
        ("users", "users"),
        ("jobs", "jobs"),
        ("plans", "plans"),
        ("schedules", "schedules"),
        ("measurements", "measurements"),
        ("entries", "entries of the audit"),
    ] {
        let count: i64 = row.try_get(column)?;
        if count > 0 {
            held.push(format!("{count} {words}"));
        }
    }
    Ok((!held.is_empty()).then(|| held.join(", ")))
}

/// Where what the store held before is written: beside the snapshot, with the time in its name.
fn beside(snapshot: &Path, clock: &Clock) -> PathBuf {
    let mut name = snapshot.as_os_str().to_owned();
    let at = clock.now().strftime("%Y-%m-%d_%H%M%S%.3f");
    name.push(format!(".before-restore-{at}"));
    PathBuf::from(name)
}

async fn take_steps(tx: &mut Tx, store: &Store, to: Option<i64>) -> Result<(), SnapshotError> {
    migrator()
        .run_direct(to, &mut **tx, false)
        .await
        .map_err(|error| {
            SnapshotError::Store(StoreError::Open {
                place: store.place.clone(),
                reason: error.to_string(),
            })
        })
}

/// Puts the rows in. They are read a second time, and must be those that were checked.
async fn put_rows(tx: &mut Tx, snapshot: &Checked) -> Result<(), SnapshotError> {
    let mut reader = Reader::open(&snapshot.path)?;
    let mut batch = Batch::default();
    loop {
        match reader.next()? {
            Line::Row(row) => {
                if !batch.takes(&row) {
                    batch.put(tx).await?;
                }
                batch.add(row);
            }
            Line::End(footer) if footer == snapshot.footer && reader.header == snapshot.header => {
                return batch.put(tx).await;
            }
            Line::End(_) => {
                return Err(SnapshotError::Altered {
                    path: snapshot.path.clone(),
                    found: "it changed while it was read".to_owned(),
                });
            }
        }
    }
}

/// Rows that one statement can insert: of one table, with values in the same columns.
#[derive(Default)]
struct Batch {
    table: &'static str,
    rows: Vec<Map<String, Value>>,
}

impl Batch {
    /// Whether the row can go with those that are here.
    fn takes(&self, row: &SnapshotRow) -> bool {
        let Some(first) = self.rows.first() else {
            return true;
        };
        self.table == row.table
            && self.rows.len() < ROWS
            && first.len() == row.values.len()
            && first
                .iter()
                .zip(&row.values)
                .all(|(mine, its)| mine.0 == its.0 && mine.1.is_null() == its.1.is_null())
    }

    fn add(&mut self, row: SnapshotRow) {
        self.table = row.table;
        self.rows.push(row.values);
    }

    /// Inserts what is here, and is empty then.
    async fn put(&mut self, tx: &mut Tx) -> Result<(), SnapshotError> {
        let rows = std::mem::take(&mut self.rows);
        let Some(first) = rows.first() else {
            return Ok(());
        };
        // The reader lets only lower-case letters and underscores through, so a quoted name cannot end early.
        let names: Vec<String> = first.keys().map(|name| format!("\"{name}\"")).collect();
        let mut next = 0;
        let tuples: Vec<String> = rows.iter().map(|row| tuple(row, &mut next)).collect();
        let insert = format!(
            "INSERT INTO \"{}\" ({}) VALUES {}",
            self.table,
            names.join(", "),
            tuples.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(insert));
        for value in rows
            .into_iter()
            .flat_map(Map::into_iter)
            .map(|(_, value)| value)
        {
            query = match value {
                Value::String(text) => query.bind(text),
                Value::Number(number) => query.bind(number.as_i64().unwrap_or_default()),
                _ => query,
            };
        }
        query
            .execute(&mut **tx)
            .await
            .map_err(|reason| SnapshotError::Rows {
                table: self.table.to_owned(),
                reason,
            })?;
        Ok(())
    }
}

/// The places of one row's values: `($7, NULL, $8)`. A null is written out, because one that is bound has to say of
/// which type it is.
fn tuple(row: &Map<String, Value>, next: &mut usize) -> String {
    let places: Vec<String> = row
        .values()
        .map(|value| {
            if value.is_null() {
                return "NULL".to_owned();
            }
            *next += 1;
            format!("${next}")
        })
        .collect();
    format!("({})", places.join(", "))
}

/// Ends what was about to happen when the snapshot was written, and returns how many jobs that were.
async fn lapse(tx: &mut Tx, now: i64) -> Result<u64, SnapshotError> {
    sqlx::query("UPDATE approval SET expires_at = $1 WHERE used_at IS NULL AND expires_at > $1")
        .bind(now)
        .execute(&mut **tx)
        .await?;
    let trouble = json!({
        "what": "It waited for its turn when the store was written to a snapshot, and that snapshot was put back.",
        "data": "This job did nothing. The same job may have run before the snapshot was put back.",
        "next": "Look at the target, then start it again if it is still wanted.",
    });
    let cancelled = sqlx::query(
        "UPDATE job SET state = 'cancelled', ended_at = $1, trouble = $2 WHERE state IN ('scheduled', 'queued')",
    )
    .bind(now)
    .bind(trouble.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(cancelled.rows_affected())
}
