//! Comparisons: what one found is found again, the oldest are forgotten, and one that found thousands is shortened.

use lockkeeper::migration::drift::stored::{latest, of_job, record};
use lockkeeper::migration::drift::{Difference, Drift, Extent, Replay, Side, Value};

use crate::ground::{Ground, NOON, number};

on_both!(
    a_comparison_is_found_as_it_was_kept,
    the_oldest_are_forgotten_and_only_those_of_the_target,
    a_comparison_of_thousands_is_shortened_and_says_so,
);

fn drift(target: &str, at: i64, things: usize) -> Drift {
    let thing = |n: usize| Difference {
        what: "table".to_owned(),
        name: format!("public.\"T'{n}\""),
        side: Side::Both,
        values: vec![Value {
            name: "storage".to_owned(),
            database: Some("unlogged".to_owned()),
            history: None,
        }],
        parts: Vec::new(),
    };
    Drift {
        target: target.to_owned(),
        at,
        replay: Replay::UpTo("1_init".to_owned()),
        replayed: 1,
        extent: Extent {
            grants: true,
            ..Extent::default()
        },
        schemas: vec!["public".to_owned()],
        count: things,
        differences: (0..things).map(thing).collect(),
        notes: vec!["Edited.".to_owned()],
    }
}

async fn a_comparison_is_found_as_it_was_kept(ground: Ground) {
    let store = ground.open().await;
    assert_eq!(latest(&store, "app").await.unwrap(), None);
    assert_eq!(of_job(&store, "j1").await.unwrap(), None);
    let [old, new, other] = [
        drift("app", NOON, 2),
        drift("app", NOON + 1, 0),
        drift("other", NOON + 2, 1),
    ];
    for (drift, job) in [(&new, "j2"), (&old, "j1"), (&other, "j3")] {
        record(&store, drift, job).await.unwrap();
    }
    assert_eq!(
        latest(&store, "app").await.unwrap(),
        Some((new, "j2".to_owned()))
    );
    assert_eq!(of_job(&store, "j1").await.unwrap(), Some(old));
    assert_eq!(of_job(&store, "j3").await.unwrap(), Some(other));
}

async fn the_oldest_are_forgotten_and_only_those_of_the_target(ground: Ground) {
    let store = ground.open().await;
    record(&store, &drift("other", 1, 0), "other")
        .await
        .unwrap();
    for n in 0..60 {
        let found = drift("app", NOON + n, 0);
        record(&store, &found, &format!("j{n}")).await.unwrap();
    }
    assert_eq!(number(&store, "SELECT count(*) FROM drift").await, 51);
    assert_eq!(of_job(&store, "j9").await.unwrap(), None);
    assert!(of_job(&store, "j10").await.unwrap().is_some());
    assert!(of_job(&store, "other").await.unwrap().is_some());
}

async fn a_comparison_of_thousands_is_shortened_and_says_so(ground: Ground) {
    let store = ground.open().await;
    record(&store, &drift("app", NOON, 4_000), "j1")
        .await
        .unwrap();
    let kept = of_job(&store, "j1").await.unwrap().unwrap();
    assert_eq!((kept.count, kept.differences.len()), (4_000, 500));
    assert!(
        kept.notes[1].starts_with("3500 more things differ"),
        "{:?}",
        kept.notes
    );
}
