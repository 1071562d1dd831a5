//! The two sides of a situation, and what is compared after each step: how the command ended, its code, the rows of the
//! ledger (all but their ids and the moments themselves), the tables that are there, and the whole text of `status`.
#![expect(
    clippy::disallowed_methods,
    reason = "the ban keeps secrets of production out of argv; there are none here"
)]

use std::process::Command;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use super::situation::Situation;
use super::support::cluster::Cluster;
use super::support::console::binary;
use super::support::holder::Holder;
use super::support::project::Project;
use super::{deviation, oracle};

/// How many situations are looked at side by side: the CLI waits about as long as it works.
const AT_ONCE: usize = 3;

/// Every row of every ledger, without ids and moments.
const ROWS: &str = "SELECT coalesce(string_agg(said, E'\\n' ORDER BY said), 'no ledger') FROM \
    (SELECT n.nspname || ': ' || query_to_xml(format( \
        'SELECT migration_name, checksum, applied_steps_count AS steps, finished_at IS NOT NULL AS finished, \
                rolled_back_at IS NOT NULL AS rolled_back, finished_at = started_at AS at_once, \
                CASE WHEN logs IS NULL THEN ''NULL'' WHEN logs = '''' THEN ''empty'' ELSE ''text'' END AS logs \
           FROM %I._prisma_migrations ORDER BY started_at', n.nspname), true, true, '')::text AS said \
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
      WHERE c.relname = '_prisma_migrations' AND c.relkind IN ('r', 'v')) AS ledgers";
/// Every relation of the app's schemas.
const TABLES: &str = "SELECT coalesce(string_agg(n.nspname || '.' || c.relname || ' ' || c.relkind::text, ', ' ORDER BY n.nspname, c.relname), '') \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg%' AND n.nspname <> 'information_schema'";

/// Takes Prisma's lock.
const LOCK: &str = "SELECT pg_advisory_lock(72707369)";

/// What a command said.
pub struct Answer {
    pub out: String,
    pub err: String,
    pub exit: i32,
}

/// What can be compared of a side after a step.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    ended_well: bool,
    code: Option<String>,
    /// The text of `status`; of other commands nothing.
    verdict: String,
    rows: String,
    tables: String,
}

pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// Runs all of them, and fails with every difference that `docs/prisma.md` does not list, and with every one that it lists
/// and that is none.
pub fn compare(situations: &[Situation]) {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(one) = situations.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let complaints = look(one);
                    found.lock().unwrap().extend(complaints);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// Takes one situation through its steps; what is not as it should be.
fn look(situation: &Situation) -> Vec<String> {
    let project = situation.project();
    let [theirs, ours] = [database(situation), database(situation)];
    let url = |name: &str| format!("{}?{}", cluster().url(name), situation.query);
    let _held = situation
        .locked
        .then(|| [&theirs, &ours].map(|name| Holder::on(cluster(), name, LOCK)));
    for (at, ask) in situation.asks.iter().enumerate() {
        let prisma = oracle::ask(project.folder(), &url(&theirs), ask);
        let lockkeeper = lockkeeper(&project, &url(&ours), ask);
        let expected = seen(&prisma, &theirs, verdict_of_prisma(&prisma, ask));
        let actual = seen(&lockkeeper, &ours, verdict_of_lockkeeper(&lockkeeper, ask));
        let step = format!("{}/{}", situation.name, situation.step(at + 1));
        let is_listed = deviation::listed().contains(&step);
        if (expected == actual) == is_listed {
            let what = if is_listed {
                "is listed as a deviation and is none"
            } else {
                "differs"
            };
            return vec![format!(
                "{step} {what}:\nPrisma      {expected:#?}\n{}\n{}\nLockkeeper  {actual:#?}\n{}\n{}",
                prisma.out, prisma.err, lockkeeper.out, lockkeeper.err
            )];
        }
        if is_listed {
            // From here on the two databases may be different.
            return Vec::new();
        }
    }
    Vec::new()
}

/// A database of this situation.
pub fn database(situation: &Situation) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("side{}", NEXT.fetch_add(1, Ordering::Relaxed));
    cluster().create_database(&name);
    let set_up = situation.set_up();
    if !set_up.trim().is_empty() {
        cluster().psql(&name, &set_up);
    }
    name
}

/// Asks Lockkeeper what Prisma was asked, without a store.
pub fn lockkeeper(project: &Project, url: &str, ask: &[&str]) -> Answer {
    let more: &[&str] = match ask {
        ["status"] => &["--prisma-compatible"],
        _ => &[],
    };
    let output = Command::new(binary())
        .env_clear()
        .env("DATABASE_URL", url)
        .current_dir(project.folder())
        .arg("migrate")
        .args(ask)
        .args(more)
        .output()
        .unwrap();
    Answer {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        exit: output.status.code().unwrap(),
    }
}

fn seen(answer: &Answer, database: &str, verdict: String) -> Seen {
    let both = format!("{}\n{}", answer.out, answer.err);
    let tables = cluster().psql(database, TABLES);
    let whole = "SELECT count(*) = 8 * count(DISTINCT c.oid) FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND \
                 attname IN ('id', 'checksum', 'finished_at', 'migration_name', 'logs', 'rolled_back_at', 'started_at', \
                 'applied_steps_count') WHERE relname = '_prisma_migrations' AND relkind IN ('r', 'v')";
    let rows = if cluster().psql(database, whole) == "t" {
        cluster().psql(database, ROWS)
    } else {
        "a ledger of others".to_owned()
    };
    Seen {
        ended_well: answer.exit == 0,
        code: code(&both),
        verdict,
        rows,
        tables,
    }
}

/// The first code that is named.
fn code(text: &str) -> Option<String> {
    text.split(|each: char| !each.is_ascii_alphanumeric())
        .find(|word| {
            word.len() == 5
                && word.starts_with('P')
                && word[1..].bytes().all(|each| each.is_ascii_digit())
        })
        .map(str::to_owned)
}

/// What `status` says of folder and ledger, without what stands around it and without spaces at the ends of lines.
fn verdict_of_prisma(answer: &Answer, ask: &[&str]) -> String {
    if ask != ["status"] || code(&answer.err).is_some() {
        return String::new();
    }
    let out = match answer
        .out
        .find("migration found")
        .or(answer.out.find("migrations found"))
    {
        Some(at) => answer.out[..at]
            .rfind('\n')
            .map_or("", |line| &answer.out[line..]),
        None => answer
            .out
            .find("No migration found")
            .map_or("", |at| &answer.out[at..]),
    };
    plain(&[out, answer.err.as_str()])
}

fn verdict_of_lockkeeper(answer: &Answer, ask: &[&str]) -> String {
    if ask != ["status"] || code(&answer.err).is_some() {
        return String::new();
    }
    plain(&[&answer.out, &answer.err])
}

/// What the CLI says of its configuration.
const ABOUT_ITSELF: [&str; 2] = [
    "Loaded Prisma config from prisma.config.ts.",
    "Prisma config detected, skipping environment variable loading.",
];

/// The engine prints where in itself an error came up.
fn is_of_a_trace(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("at schema-engine/") || line.starts_with("0: schema_engine")
}

fn plain(texts: &[&str]) -> String {
    let lines: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.lines())
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !ABOUT_ITSELF.contains(line) && !is_of_a_trace(line))
        .collect();
    lines.join("\n")
}
