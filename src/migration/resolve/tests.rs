//! Which marks are allowed and what they change, case by case; then any order of what people and programs do.

use proptest::prelude::*;

use super::*;
use crate::migration::baseline;
use crate::migration::history::samples::{folder, row, rows};
use crate::migration::{Folder, History, LedgerRow};

fn at(second: i64) -> Timestamp {
    crate::clock::timestamp(second * 1000)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What marking does on a folder with these rows.
fn marked(
    folder: &Folder,
    rows: Option<&[LedgerRow]>,
    work_out: impl FnOnce(Past<'_>) -> Result<Changes, Refusal>,
) -> Result<Changes, Refusal> {
    work_out(Past {
        folder,
        history: &History::new(folder, rows.unwrap_or_default(), false),
        schema: "public",
        has_ledger: rows.is_some(),
        oddities: &[],
    })
}

#[test]
fn every_state_can_be_marked_as_prisma_marks_it() {
    // The letters of the rows; the code or how many rows are given up, for both marks.
    for (kinds, applied, rolled_back) in [
        ("", Ok(0), Err("P3011")),
        ("a", Err("P3008"), Err("P3012")),
        ("f", Ok(1), Ok(1)),
        ("ff", Ok(2), Ok(2)),
        ("r", Ok(0), Ok(0)),
        ("b", Err("P3008"), Err("P3012")),
        ("fa", Err("P3008"), Ok(1)),
        ("rf", Ok(1), Ok(1)),
        ("br", Err("P3008"), Ok(0)),
    ] {
        let rows = rows("m", kinds);
        for (mark, expected) in [(Mark::Applied, applied), (Mark::RolledBack, rolled_back)] {
            let folder = folder(&["m"]);
            let changes = marked(&folder, Some(&rows), |past| {
                changes(past, mark, &names(&["m"]), at(9))
            });
            let seen = changes
                .as_ref()
                .map(|changes| changes.given_up.len())
                .map_err(|refusal| refusal.code().unwrap_or("none"));
            assert_eq!(seen, expected, "{kinds} {mark:?}");
            if let Ok(changes) = changes {
                assert_eq!(changes.added.len(), usize::from(mark == Mark::Applied));
                assert!(!changes.makes_ledger);
            }
        }
    }
}

#[test]
fn without_a_folder_a_row_can_only_be_given_up() {
    let (empty, failed) = (folder(&[]), rows("m", "f"));
    for broken in [empty, folder(&["m!"])] {
        let mark = |mark| {
            marked(&broken, Some(&failed), |past| {
                changes(past, mark, &names(&["m"]), at(9))
            })
        };
        assert_eq!(mark(Mark::Applied).unwrap_err().code(), Some("P3017"));
        assert_eq!(mark(Mark::RolledBack).unwrap().given_up.len(), 1);
    }
}

#[test]
fn without_a_ledger_it_is_made_or_nothing_can_be_given_up() {
    let folder = folder(&["a", "b"]);
    let mark = |mark| {
        marked(&folder, None, |past| {
            changes(past, mark, &names(&["b", "a", "b"]), at(9))
        })
    };
    let changes = mark(Mark::Applied).unwrap();
    assert!(changes.makes_ledger);
    let added: Vec<_> = changes
        .added
        .iter()
        .map(|row| (row.name.as_str(), row.at.as_microsecond()))
        .collect();
    assert_eq!(added, [("a", 9_000_000), ("b", 9_000_001)]);
    let refusal = mark(Mark::RolledBack).unwrap_err();
    assert_eq!(refusal.code(), None);
    assert!(refusal.to_string().contains("no ledger"));
}

#[test]
fn a_baseline_is_everything_up_to_a_name() {
    let folder = folder(&["a", "b", "c"]);
    let up_to = |last: &str, rows: &[LedgerRow]| {
        marked(&folder, Some(rows), |past| {
            baseline::changes(past, last, at(9))
        })
    };
    assert_eq!(up_to("b", &[]).unwrap().names, ["a", "b"]);
    assert_eq!(up_to("x", &[]).unwrap_err().code(), Some("P3017"));
    let refusal = up_to("c", &[row("b", 'a', 1)]).unwrap_err();
    assert_eq!(
        refusal,
        Refusal::AlreadyApplied {
            names: names(&["b"])
        }
    );
    assert_eq!(up_to("b", &[row("c", 'a', 1)]).unwrap().names.len(), 2);
}

#[test]
fn the_name_that_was_meant_is_asked_for() {
    let folder = folder(&["20240101000000_init", "20240102000000_add_user"]);
    for (typed, meant) in [
        ("init", "20240101000000_init"),
        ("20240102000000_add_users", "20240102000000_add_user"),
    ] {
        let refusal = marked(&folder, None, |past| {
            changes(past, Mark::Applied, &names(&[typed]), at(9))
        });
        let words = refusal.unwrap_err().to_string();
        assert!(words.contains(&format!("Did you mean {meant}?")), "{words}");
    }
}

const NAMES: [&str; 4] = ["1", "2", "3", "4"];

/// What people and programs do, in any order.
#[derive(Clone, Debug)]
enum Deed {
    /// Deploy; the migration of that number fails.
    Deploy(usize),
    /// Deploy; the program is killed while it runs the first.
    Crash,
    Resolve(Mark, Vec<usize>),
    Baseline(usize),
    /// The script is deleted, or comes back.
    Toggle(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let one = || 0..NAMES.len();
    let several = prop::collection::vec(one(), 1..3);
    let mark = prop_oneof![Just(Mark::Applied), Just(Mark::RolledBack)];
    prop_oneof![
        (0..NAMES.len() * 2).prop_map(Deed::Deploy),
        Just(Deed::Crash),
        (mark, several).prop_map(|(mark, names)| Deed::Resolve(mark, names)),
        one().prop_map(Deed::Baseline),
        one().prop_map(Deed::Toggle),
    ]
}

/// A database and its folder, without a server.
#[derive(Clone, Default)]
struct World {
    rows: Vec<LedgerRow>,
    has_ledger: bool,
    gone: [bool; 4],
    seconds: i64,
}

impl World {
    fn folder(&self) -> Folder {
        let there = |index: &usize| !self.gone[*index];
        let names: Vec<&str> = (0..4).filter(there).map(|index| NAMES[index]).collect();
        folder(&names)
    }

    fn does(&mut self, deed: &Deed) {
        self.seconds += 10;
        match deed {
            Deed::Deploy(fails) => self.deploys(NAMES.get(*fails).copied(), false),
            Deed::Crash => self.deploys(None, true),
            Deed::Toggle(index) => self.gone[*index] ^= true,
            Deed::Resolve(mark, indices) => {
                let named: Vec<String> = indices.iter().map(|at| NAMES[*at].to_owned()).collect();
                self.marks(|past, now| changes(past, *mark, &named, now));
            }
            Deed::Baseline(index) => {
                self.marks(|past, now| baseline::changes(past, NAMES[*index], now));
            }
        }
    }

    /// What the write protocol of deploy leaves.
    fn deploys(&mut self, fails: Option<&str>, crashes: bool) {
        let history = History::new(&self.folder(), &self.rows, false);
        if history.deploy_blocker().is_some() {
            return;
        }
        self.has_ledger = true;
        for entry in history.pending() {
            self.seconds += 1;
            let failed = fails == Some(entry.name.as_str());
            let kind = if failed || crashes { 'f' } else { 'a' };
            self.rows.push(row(&entry.name, kind, self.seconds));
            if failed || crashes {
                return;
            }
        }
    }

    /// What marking leaves.
    fn marks(&mut self, work_out: impl FnOnce(Past<'_>, Timestamp) -> Result<Changes, Refusal>) {
        let now = at(self.seconds);
        let rows = self.rows.clone();
        let rows = self.has_ledger.then_some(rows.as_slice());
        let Ok(changes) = marked(&self.folder(), rows, |past| work_out(past, now)) else {
            return;
        };
        self.has_ledger = true;
        for row in &mut self.rows {
            if changes
                .given_up
                .iter()
                .any(|given_up| given_up.id == row.id)
            {
                row.rolled_back_at = Some(changes.at);
            }
        }
        for added in changes.added {
            self.rows.push(LedgerRow {
                id: format!("{}-marked-{}", added.name, self.seconds),
                started_at: added.at,
                finished_at: Some(added.at),
                logs: Some(String::new()),
                applied_steps_count: 0,
                ..row(&added.name, 'a', self.seconds)
            });
        }
    }
}

proptest! {
    // A failure is told with its smallest order of deeds, which then becomes a test of its own.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_deeds_loses_or_doubles_anything(deeds in prop::collection::vec(deed(), 1..40)) {
        let mut world = World::default();
        for deed in deeds {
            let before = world.clone();
            world.does(&deed);
            for (old, new) in before.rows.iter().zip(&world.rows) {
                // A row stays what it was, but that an open one may be given up, once.
                let given_up = old.state() == RowState::FailedOrRunning
                    && new.state() == RowState::RolledBack;
                let same = LedgerRow { rolled_back_at: old.rolled_back_at, ..new.clone() };
                prop_assert_eq!(old, &same);
                prop_assert!(given_up || old == new, "{:?}", deed);
            }
            prop_assert!(world.rows.len() >= before.rows.len(), "a row is lost: {:?}", deed);
            let count = |name: &str, state| {
                let of = |row: &&LedgerRow| row.migration_name == name && row.state() == state;
                world.rows.iter().filter(of).count()
            };
            for name in NAMES {
                prop_assert!(count(name, RowState::Applied) <= 1, "{} twice: {:?}", name, deed);
                prop_assert_eq!(count(name, RowState::BothSet), 0);
            }
            let open = NAMES.iter().map(|name| count(name, RowState::FailedOrRunning));
            prop_assert!(open.sum::<usize>() <= 1, "something ran beside a failure: {:?}", deed);
        }
    }
}
