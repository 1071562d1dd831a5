//! Measurements: what a check found is found again, and a long series is thinned without losing what matters in it.

use lockkeeper::store::Store;
use lockkeeper::target::measurement::{Measurement, latest, record, series};

use crate::ground::{Ground, NOON};

on_both!(
    a_measurement_is_found_as_it_was_kept,
    a_short_series_is_whole_and_a_targets_own,
    a_long_series_keeps_its_ends_and_its_extremes,
    equal_sizes_are_thinned_all_the_same,
);

fn measured(at: i64, database_bytes: Option<i64>) -> Measurement {
    Measurement {
        target: "app".to_owned(),
        at,
        job: format!("job-{at}"),
        version_num: 150_018,
        database_bytes,
        applied: 15,
        pending: 2,
        troubled: 1,
    }
}

async fn keep(store: &Store, sizes: impl IntoIterator<Item = (i64, i64)>) {
    for (at, bytes) in sizes {
        record(store, &measured(at, Some(bytes))).await.unwrap();
    }
}

async fn sizes(store: &Store, since_ms: i64, max_points: i64) -> Vec<(i64, i64)> {
    let series = series(store, "app", since_ms, max_points).await.unwrap();
    series
        .iter()
        .map(|one| (one.at, one.database_bytes.unwrap()))
        .collect()
}

async fn a_measurement_is_found_as_it_was_kept(ground: Ground) {
    let store = ground.open().await;
    assert_eq!(latest(&store, "app").await.unwrap(), None);
    assert!(sizes(&store, 0, 60).await.is_empty());
    keep(&store, [(NOON, 8_000)]).await;
    // The role may not ask for the size: the newest measurement, but no point of the series.
    let blind = measured(NOON + 1, None);
    record(&store, &blind).await.unwrap();
    assert_eq!(latest(&store, "app").await.unwrap(), Some(blind));
    let series = series(&store, "app", 0, 60).await.unwrap();
    assert_eq!(series, [measured(NOON, Some(8_000))]);
}

async fn a_short_series_is_whole_and_a_targets_own(ground: Ground) {
    let store = ground.open().await;
    keep(&store, [(30, 3), (10, i64::MAX), (20, 2), (5, 9)]).await;
    let other = Measurement {
        target: "other".to_owned(),
        ..measured(25, Some(1))
    };
    record(&store, &other).await.unwrap();
    assert_eq!(
        sizes(&store, 10, 60).await,
        [(10, i64::MAX), (20, 2), (30, 3)]
    );
}

async fn a_long_series_keeps_its_ends_and_its_extremes(ground: Ground) {
    let store = ground.open().await;
    // A steady growth with one spike and one dip, each between two moments that would be kept anyway.
    let written: Vec<(i64, i64)> = (0..300)
        .map(|n| {
            let bytes = match n {
                101 => 9_000_000,
                203 => 10,
                n => 1_000_000 + n * 1_000,
            };
            (NOON + n * 60_000, bytes)
        })
        .collect();
    keep(&store, written.clone()).await;
    let thinned = sizes(&store, 0, 20).await;
    assert!((15..=20).contains(&thinned.len()), "{thinned:?}");
    for kept in [written[0], written[101], written[203], written[299]] {
        assert!(thinned.contains(&kept), "{kept:?} is not in {thinned:?}");
    }
    assert!(thinned.iter().all(|point| written.contains(point)));
    assert!(thinned.is_sorted());
    // Evenly: no stretch of time is without a point for long.
    let longest = thinned.windows(2).map(|pair| pair[1].0 - pair[0].0).max();
    assert!(longest.unwrap() <= 2 * 18 * 60_000, "{thinned:?}");
}

async fn equal_sizes_are_thinned_all_the_same(ground: Ground) {
    let store = ground.open().await;
    keep(&store, (0..90).map(|n| (n, 7))).await;
    let thinned = sizes(&store, 0, 10).await;
    assert!(thinned.len() <= 10, "{thinned:?}");
    assert_eq!((thinned[0].0, thinned[thinned.len() - 1].0), (0, 89));
}
