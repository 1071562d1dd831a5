//! Any order of what people and programs do, on a real server and with the built binary: a bounded number of such orders.
//! `src/migration/resolve/tests.rs` tries thousands without a server.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::sides::{cluster, database, lockkeeper};
use crate::situation::situation;
use crate::support::project::Project;

const NAMES: [&str; 3] = ["1_a", "2_b", "3_c"];

/// Every row, with everything that may never change but `rolled_back_at`.
const ROWS: &str = "SELECT id, migration_name, checksum, started_at, finished_at, rolled_back_at, applied_steps_count, md5(logs) \
                    FROM _prisma_migrations ORDER BY started_at, id";
/// How often a script ran to its end that the ledger does not know as such, or the other way round.
const UNKNOWN_RUNS: &str = "SELECT count(*) FROM (SELECT name, count(*) AS n FROM ran GROUP BY name) r FULL JOIN \
    (SELECT migration_name AS name, count(*) AS n FROM _prisma_migrations WHERE applied_steps_count = 1 GROUP BY 1) l USING (name) \
    WHERE r.n IS DISTINCT FROM l.n";
/// Names that are in effect twice, rows that are both, and failures beside another.
const WRONG: &str = "SELECT count(*) FROM (SELECT FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL \
    GROUP BY migration_name HAVING count(*) > 1 UNION ALL SELECT FROM _prisma_migrations WHERE finished_at IS NOT NULL AND \
    rolled_back_at IS NOT NULL UNION ALL SELECT FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL \
    HAVING count(*) > 1) AS wrong";

#[derive(Clone, Debug)]
enum Deed {
    Deploy,
    /// The row that a deploy leaves that was killed before its script had ended.
    Crash(usize),
    Resolve(&'static str, usize),
    /// Another script of the same name: one that works, or one that fails.
    Edit(usize, bool),
    Delete(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let one = || 0..NAMES.len();
    prop_oneof![
        3 => Just(Deed::Deploy),
        1 => one().prop_map(Deed::Crash),
        2 => one().prop_map(|name| Deed::Resolve("--applied", name)),
        2 => one().prop_map(|name| Deed::Resolve("--rolled-back", name)),
        2 => (one(), any::<bool>()).prop_map(|(name, works)| Deed::Edit(name, works)),
        1 => one().prop_map(Deed::Delete),
    ]
}

fn write(project: &Project, name: &str, number: usize, works: bool) {
    let rest = if works {
        ""
    } else {
        "ALTER TABLE missing ADD x int;\n"
    };
    project.write(
        name,
        &format!("-- {number}\nINSERT INTO ran VALUES ('{name}');\n{rest}"),
    );
}

/// Whether the ledger lets a deploy begin this migration.
fn may_begin(database: &str, project: &Project, name: &str) -> bool {
    let open = "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL";
    let counts = format!(
        "SELECT count(*) FROM _prisma_migrations WHERE migration_name = '{name}' AND rolled_back_at IS NULL"
    );
    let zero = |sql: &str| cluster().psql(database, sql) == "0";
    project.migrations().join(name).exists() && zero(open) && zero(&counts)
}

fn does(deed: &Deed, number: usize, project: &Project, database: &str) {
    let url = cluster().url(database);
    match deed {
        Deed::Deploy => drop(lockkeeper(project, &url, &["deploy"])),
        Deed::Resolve(mark, name) => {
            drop(lockkeeper(project, &url, &["resolve", mark, NAMES[*name]]));
        }
        Deed::Crash(name) if may_begin(database, project, NAMES[*name]) => {
            let row = format!(
                "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES (gen_random_uuid(), 'x', '{}')",
                NAMES[*name]
            );
            cluster().psql(database, &row);
        }
        Deed::Edit(name, works) => write(project, NAMES[*name], number, *works),
        Deed::Delete(name) => drop(fs::remove_dir_all(project.migrations().join(NAMES[*name]))),
        Deed::Crash(_) => {}
    }
}

/// What brings every order to its end: what failed is given up, every script works, all of it is applied, and once more.
fn repair() -> Vec<Deed> {
    let give_up = (0..NAMES.len()).map(|name| Deed::Resolve("--rolled-back", name));
    let correct = (0..NAMES.len()).map(|name| Deed::Edit(name, true));
    let mut deeds: Vec<Deed> = give_up.chain(correct).collect();
    deeds.extend([Deed::Deploy, Deed::Deploy]);
    deeds
}

/// Whether a row is what it was, but that it may have been given up since.
fn is_the_same(before: &str, after: &str) -> bool {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (before.split('|').collect(), after.split('|').collect());
    let given_up = old[4].is_empty() && old[5].is_empty();
    (0..old.len()).all(|at| old[at] == new[at] || (at == 5 && given_up))
}

#[test]
fn no_order_of_deeds_loses_or_doubles_anything_on_a_server() {
    let config = Config {
        cases: 6,
        failure_persistence: None,
        max_shrink_iters: 8,
        ..Config::default()
    };
    let orders = prop::collection::vec(deed(), 6..14);
    let tried = TestRunner::new(config).run(&orders, |deeds| {
        let start = situation("any-order")
            .ledger()
            .sql("CREATE TABLE ran (name text);");
        let (project, database) = (start.project(), database(&start));
        for name in NAMES {
            write(&project, name, 0, true);
        }
        let ask = |sql: &str| cluster().psql(&database, sql);
        for (number, deed) in deeds.iter().chain(&repair()).enumerate() {
            let before = ask(ROWS);
            does(deed, number + 1, &project, &database);
            let after = ask(ROWS);
            let kept = before.lines().all(|old| {
                after
                    .lines()
                    .any(|new| new[..36] == old[..36] && is_the_same(old, new))
            });
            prop_assert!(kept, "{deed:?} made of\n{before}\nthis:\n{after}");
            prop_assert_eq!(
                ask(WRONG),
                "0",
                "{:?} made of\n{}\nthis:\n{}",
                deed,
                before,
                after
            );
            prop_assert_eq!(
                ask(UNKNOWN_RUNS),
                "0",
                "{:?} made of\n{}\nthis:\n{}",
                deed,
                before,
                after
            );
        }
        let applied = "SELECT count(DISTINCT migration_name) FROM _prisma_migrations WHERE finished_at IS NOT NULL";
        prop_assert_eq!(ask(applied), "3", "{}", ask(ROWS));
        Ok(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}
