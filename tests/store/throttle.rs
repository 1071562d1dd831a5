//! The slowing down of guesses: what is counted, for whom, how long it lasts, and that a restart forgets none of it.

use std::time::Duration;

use lockkeeper::auth::throttle::{Counter, HALF_LIFE, LONGEST, LONGEST_OF_CODES, Throttle, Turn};
use lockkeeper::auth::user;

use crate::ground::{Ground, number};

on_both!(
    failures_bring_longer_and_longer_delays,
    a_delay_is_what_is_left_of_it,
    failures_fade,
    a_restart_forgets_nothing,
    tries_at_once_are_counted_one_after_the_other,
    a_known_browser_is_counted_by_itself,
    success_forgets_the_account_but_not_the_address,
    a_try_that_was_not_made_is_not_counted,
    a_network_of_ipv6_is_one_address,
    few_wait_at_a_time,
    old_counts_are_removed,
    what_is_counted_is_no_name,
    few_codes_are_compared_however_they_are_spread,
    codes_where_their_owner_is_known_wait_for_nobody,
    a_clock_that_was_set_back_keeps_no_code_out,
    a_new_password_forgets_the_codes_that_were_tried,
);

async fn throttle(ground: &Ground) -> Throttle {
    Throttle::new(ground.open().await, ground.clock.clone())
}

/// A try, which fails when it is dropped.
async fn turn(throttle: &Throttle, counters: &[&Counter]) -> Turn {
    let counters = counters.iter().map(|counter| (*counter).clone()).collect();
    throttle.take_turn(counters).await.unwrap().unwrap()
}

/// The delay, in seconds, of a try that fails.
async fn fail(throttle: &Throttle, counters: &[&Counter]) -> u64 {
    turn(throttle, counters).await.delay().as_secs()
}

async fn fail_often(throttle: &Throttle, counters: &[&Counter], times: usize) -> Vec<u64> {
    let mut delays = Vec::new();
    for _ in 0..times {
        delays.push(fail(throttle, counters).await);
    }
    delays
}

async fn failures_bring_longer_and_longer_delays(ground: Ground) {
    let throttle = throttle(&ground).await;
    let (ada, home) = (Counter::account("ada"), Counter::address("192.0.2.1"));
    let delays = fail_often(&throttle, &[&ada], 10).await;
    assert_eq!(delays, [0, 0, 0, 1, 2, 4, 8, 15, 15, 15]);
    // Several people may share an address.
    let delays = fail_often(&throttle, &[&home], 16).await;
    assert_eq!(delays[..10], [0; 10]);
    assert_eq!(delays[10..], [1, 2, 4, 8, 15, 15]);
    assert_eq!(LONGEST, Duration::from_secs(15));
    // The longer one of the two counts, and other accounts and addresses have nothing to do with it.
    let (bob, office) = (Counter::account("bob"), Counter::address("192.0.2.2"));
    assert_eq!(fail(&throttle, &[&bob, &office]).await, 0);
    assert_eq!(fail(&throttle, &[&ada, &office]).await, 15);
    assert_eq!(fail(&throttle, &[&bob, &home]).await, 15);
}

async fn a_delay_is_what_is_left_of_it(ground: Ground) {
    let throttle = throttle(&ground).await;
    let ada = Counter::account("ada");
    fail_often(&throttle, &[&ada], 8).await;
    ground.clock.advance(5_000);
    assert_eq!(fail(&throttle, &[&ada]).await, 10);
    ground.clock.advance(15_000);
    assert_eq!(fail(&throttle, &[&ada]).await, 0);
    // A clock that was set back adds nothing.
    ground.clock.advance(-3_600_000);
    assert_eq!(fail(&throttle, &[&ada]).await, 15);
}

async fn failures_fade(ground: Ground) {
    let throttle = throttle(&ground).await;
    let ada = Counter::account("ada");
    fail_often(&throttle, &[&ada], 8).await;
    ground.clock.advance(HALF_LIFE);
    // Four of eight are left: after these the next one would wait two seconds.
    assert_eq!(fail(&throttle, &[&ada]).await, 0);
    assert_eq!(fail(&throttle, &[&ada]).await, 4);
    ground.clock.advance(HALF_LIFE * 2);
    assert_eq!(fail_often(&throttle, &[&ada], 3).await, [0, 0, 1]);
}

async fn a_restart_forgets_nothing(ground: Ground) {
    let ada = Counter::account("ada");
    let before = throttle(&ground).await;
    fail_often(&before, &[&ada], 5).await;
    drop(before);
    let after = throttle(&ground).await;
    assert_eq!(fail(&after, &[&ada]).await, 4);
}

async fn tries_at_once_are_counted_one_after_the_other(ground: Ground) {
    let throttles = [throttle(&ground).await, throttle(&ground).await];
    let ada = Counter::account("ada");
    let tries = (0..8).map(|number| {
        let (throttle, ada) = (throttles[number % 2].clone(), ada.clone());
        tokio::spawn(async move { turn(&throttle, &[&ada]).await })
    });
    let mut turns = Vec::new();
    for each in tries.collect::<Vec<_>>() {
        turns.push(each.await.unwrap());
    }
    let mut delays: Vec<u64> = turns.iter().map(|turn| turn.delay().as_secs()).collect();
    delays.sort_unstable();
    assert_eq!(delays, [0, 0, 0, 1, 2, 4, 8, 15]);
}

async fn a_known_browser_is_counted_by_itself(ground: Ground) {
    let throttle = throttle(&ground).await;
    let (ada, home) = (Counter::account("ada"), Counter::address("192.0.2.1"));
    fail_often(&throttle, &[&ada, &home], 20).await;
    let hers = Counter::device("5f1c");
    assert_eq!(fail_often(&throttle, &[&hers], 4).await, [0, 0, 0, 1]);
    assert_eq!(fail(&throttle, &[&Counter::device("a077")]).await, 0);
    turn(&throttle, &[&hers]).await.succeeded().await.unwrap();
    assert_eq!(fail(&throttle, &[&hers]).await, 0);
    // Its success does not help whoever guesses elsewhere.
    assert_eq!(fail(&throttle, &[&ada]).await, 15);
}

async fn success_forgets_the_account_but_not_the_address(ground: Ground) {
    let throttle = throttle(&ground).await;
    let (ada, home) = (Counter::account("ada"), Counter::address("192.0.2.1"));
    fail_often(&throttle, &[&ada, &home], 11).await;
    let try_of_hers = turn(&throttle, &[&ada, &home]).await;
    try_of_hers.succeeded().await.unwrap();
    assert_eq!(fail(&throttle, &[&ada]).await, 0);
    // Eleven failures, as before the success.
    assert_eq!(fail(&throttle, &[&home]).await, 2);
}

async fn a_try_that_was_not_made_is_not_counted(ground: Ground) {
    let throttle = throttle(&ground).await;
    let (ada, home) = (Counter::account("ada"), Counter::address("192.0.2.1"));
    for _ in 0..20 {
        let turn = turn(&throttle, &[&ada, &home]).await;
        turn.not_made().await.unwrap();
    }
    let store = ground.open().await;
    assert_eq!(number(&store, "SELECT count(*) FROM throttle").await, 0);
    assert_eq!(fail(&throttle, &[&ada, &home]).await, 0);
}

async fn a_network_of_ipv6_is_one_address(ground: Ground) {
    let throttle = throttle(&ground).await;
    let addresses = |list: [&str; 2]| list.map(Counter::address);
    let [one, other] = addresses(["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"]);
    assert_eq!(one, other);
    fail_often(&throttle, &[&one], 12).await;
    assert_eq!(fail(&throttle, &[&other]).await, 4);
    for [one, other] in [
        addresses(["2001:db8:1:2::1", "2001:db8:1:3::1"]),
        addresses(["192.0.2.1", "192.0.2.2"]),
        addresses(["192.0.2.1", "terminal"]),
    ] {
        assert_ne!(one, other);
    }
    // One machine, whichever socket it comes through.
    assert_eq!(
        Counter::address("::ffff:192.0.2.1"),
        Counter::address("192.0.2.1")
    );
}

async fn few_wait_at_a_time(ground: Ground) {
    let throttle = throttle(&ground).await;
    let ada = Counter::account("ada");
    let mut waiting = Vec::new();
    for _ in 0..4 {
        waiting.push(turn(&throttle, &[&ada]).await);
    }
    let home = Counter::address("192.0.2.1");
    let refuse = async |counters: &[&Counter]| {
        let counters = counters.iter().map(|counter| (*counter).clone()).collect();
        throttle.take_turn(counters).await.unwrap().err()
    };
    for _ in 0..20 {
        let refused = refuse(&[&home, &ada]).await;
        assert_eq!(
            refused,
            Some(Duration::from_secs(2)),
            "and counts for nothing"
        );
    }
    assert_eq!(fail(&throttle, &[&home]).await, 0);
    waiting.pop();
    assert_eq!(fail(&throttle, &[&home, &ada]).await, 2);
    assert_eq!(refuse(&[&ada]).await, None);
    // An address may have more people.
    let mut waiting = Vec::new();
    for number in 0..8 {
        let account = Counter::account(&format!("user {number}"));
        waiting.push(turn(&throttle, &[&account, &home]).await);
    }
    assert!(refuse(&[&home]).await.is_some());
}

async fn old_counts_are_removed(ground: Ground) {
    let throttle = throttle(&ground).await;
    let (ada, bob) = (Counter::account("ada"), Counter::account("bob"));
    fail_often(&throttle, &[&ada], 40).await;
    fail(&throttle, &[&bob]).await;
    assert_eq!(throttle.expire().await.unwrap(), 0);
    ground.clock.advance(HALF_LIFE * 3);
    assert_eq!(
        throttle.expire().await.unwrap(),
        1,
        "bob's, which has faded"
    );
    assert_eq!(fail_often(&throttle, &[&ada], 2).await, [0, 8]);
    ground.clock.advance(24 * 60 * 60 * 1000);
    assert_eq!(throttle.expire().await.unwrap(), 1);
}

async fn what_is_counted_is_no_name(ground: Ground) {
    let throttle = throttle(&ground).await;
    // Somebody types their password into the field of the name.
    fail(&throttle, &[&Counter::account("my secret passphrase")]).await;
    let store = ground.open().await;
    let shown = "SELECT count(*) FROM throttle WHERE name LIKE '%secret%'";
    assert_eq!(number(&store, shown).await, 0);
    assert_eq!(number(&store, "SELECT count(*) FROM throttle").await, 1);
}

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// How many codes are compared in a day by whoever gives up to `burst` of them as fast as they may, then leaves off for
/// `pause` and lets the console tidy up.
async fn guesses_in_a_day(
    ground: &Ground,
    throttle: &Throttle,
    codes: &Counter,
    (burst, pause): (u32, i64),
) -> u32 {
    let (end, mut compared) = (ground.clock.now_ms() + DAY, 0);
    while ground.clock.now_ms() < end {
        for _ in 0..burst {
            let wait = match throttle.take_turn(vec![codes.clone()]).await.unwrap() {
                Ok(turn) => {
                    compared += 1;
                    turn.delay()
                }
                Err(after) => after,
            };
            ground
                .clock
                .advance(i64::try_from(wait.as_millis()).unwrap());
            if ground.clock.now_ms() >= end {
                break;
            }
        }
        ground.clock.advance(pause);
        throttle.expire().await.unwrap();
    }
    compared
}

async fn few_codes_are_compared_however_they_are_spread(ground: Ground) {
    let throttle = throttle(&ground).await;
    let strategies = [
        (u32::MAX, 0),
        (1, 60_000),
        (2, HALF_LIFE),
        (5, HALF_LIFE),
        (7, 3 * HALF_LIFE),
        (14, 2 * HOUR),
        (15, DAY),
    ];
    for (number, strategy) in strategies.into_iter().enumerate() {
        let codes = Counter::codes(&format!("user {number}"));
        let mut days = [0; 3];
        for day in &mut days {
            *day = guesses_in_a_day(&ground, &throttle, &codes, strategy).await;
        }
        // As docs/signing-in.md says; each is right with three chances in a million.
        let most = [37, 24, 24];
        let is_few = days.iter().zip(most).all(|(day, most)| *day <= most);
        assert!(is_few, "{strategy:?}: {days:?}");
        assert!(number > 0 || days == most, "{days:?}");
    }
}

async fn codes_where_their_owner_is_known_wait_for_nobody(ground: Ground) {
    let throttle = throttle(&ground).await;
    let (anywhere, hers) = (Counter::codes("u1"), Counter::codes_in("5f1c"));
    let delays = fail_often(&throttle, &[&anywhere], 7).await;
    assert_eq!(delays, [0, 0, 0, 1, 2, 4, 8]);
    assert_eq!(fail_often(&throttle, &[&hers], 4).await, [0, 0, 0, 1]);
    turn(&throttle, &[&hers]).await.succeeded().await.unwrap();
    assert_eq!(fail(&throttle, &[&hers]).await, 0);
    // Her success is none of whoever tries elsewhere.
    let refused = throttle.take_turn(vec![anywhere]).await.unwrap();
    assert_eq!(refused.err(), Some(Duration::from_secs(16)));
}

async fn a_clock_that_was_set_back_keeps_no_code_out(ground: Ground) {
    let throttle = throttle(&ground).await;
    let codes = Counter::codes("u1");
    guesses_in_a_day(&ground, &throttle, &codes, (u32::MAX, 0)).await;
    ground.clock.advance(-30 * DAY);
    let refused = throttle.take_turn(vec![codes.clone()]).await.unwrap();
    assert_eq!(refused.err(), Some(LONGEST_OF_CODES));
    ground.clock.advance(HOUR);
    assert_eq!(fail(&throttle, &[&codes]).await, 0);
}

async fn a_new_password_forgets_the_codes_that_were_tried(ground: Ground) {
    let throttle = throttle(&ground).await;
    let store = ground.open().await;
    let mut tx = store.begin().await.unwrap();
    let ada = user::add(&mut tx, &ground.clock, "ada", "hash")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (hers, other) = (Counter::codes(&ada.id), Counter::codes("u2"));
    fail_often(&throttle, &[&hers], 6).await;
    fail_often(&throttle, &[&other], 6).await;
    let mut tx = store.begin().await.unwrap();
    user::set_password(&mut tx, &ground.clock, "Ada", "another")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(fail(&throttle, &[&hers]).await, 0);
    assert_eq!(fail(&throttle, &[&other]).await, 8);
}
