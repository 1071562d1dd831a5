//! Approvals: a yes to one digest of one plan, by name, for a while. How it is used up stands beside the code that does
//! it, in `guard::approval`.

use lockkeeper::auth::policy;
use lockkeeper::guard::approval::{self, ApprovalError, VALID_MS, Yes};
use lockkeeper::guard::plan::{self, Ending, Identity};
use lockkeeper::guard::{Plan, Verdict};
use lockkeeper::store::Store;

use crate::ground::{Ground, audit, number, sql};

on_both!(
    a_plan_is_found_under_its_target_only,
    a_wrong_name_or_digest_stores_nothing,
    a_yes_is_stored_with_its_record,
    a_second_yes_is_refused_until_the_first_has_lapsed,
    twenty_people_at_once_make_one_yes,
    an_applied_plan_takes_no_yes,
    a_reason_is_asked_for_and_kept,
    nobody_approves_what_they_made_where_a_second_person_is_needed,
    a_rejected_plan_takes_no_yes_and_says_why,
    a_plan_that_a_job_applies_takes_no_no,
    what_waits_is_the_newest_of_each_target,
);

async fn stored(store: &Store, ground: &Ground) -> Plan {
    let plan = Plan {
        id: ground.clock.id(),
        target: "jarvis".to_owned(),
        made_at: ground.clock.now_ms(),
        made_by: "ada".to_owned(),
        identity: Identity {
            cluster: "7300".to_owned(),
            database: "jarvis".to_owned(),
            schema: "public".to_owned(),
        },
        migrations: Vec::new(),
        touched: Vec::new(),
        verdict: Verdict::Destructive,
        digest: "d".repeat(64),
    };
    plan::save(store, &ground.clock, &plan, "a job")
        .await
        .unwrap();
    plan
}

fn yes(plan: &Plan) -> Yes<'_> {
    Yes {
        typed_name: &plan.target,
        digest: &plan.digest,
        reason: "it is dead",
        actor: "bob",
        place: "127.0.0.1",
    }
}

async fn a_plan_is_found_under_its_target_only(ground: Ground) {
    let store = ground.open().await;
    let plan = stored(&store, &ground).await;
    let found = plan::get(&store, "jarvis", &plan.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.plan, found.applied_at), (plan.clone(), None));
    let other = plan::get(&store, "friday", &plan.id).await.unwrap();
    assert!(other.is_none());
    assert_eq!(plan::list(&store, "jarvis", 10).await.unwrap().len(), 1);
    assert!(plan::list(&store, "friday", 10).await.unwrap().is_empty());
}

async fn a_wrong_name_or_digest_stores_nothing(ground: Ground) {
    let store = ground.open().await;
    let plan = stored(&store, &ground).await;
    let before = audit(&store).await.len();
    for typed_name in ["", "friday", "JARVIS", "jarvis2"] {
        let wrong = Yes {
            typed_name,
            ..yes(&plan)
        };
        let refused = approval::approve(&store, &ground.clock, &plan, &wrong).await;
        assert!(matches!(refused, Err(ApprovalError::Name(name)) if name == "jarvis"));
    }
    let wrong = Yes {
        digest: "e",
        ..yes(&plan)
    };
    let refused = approval::approve(&store, &ground.clock, &plan, &wrong).await;
    assert!(matches!(refused, Err(ApprovalError::Digest)));
    assert_eq!(approval::latest(&store, &plan.id).await.unwrap(), None);
    assert_eq!(audit(&store).await.len(), before);
}

async fn a_yes_is_stored_with_its_record(ground: Ground) {
    let store = ground.open().await;
    let plan = stored(&store, &ground).await;
    let given = approval::approve(&store, &ground.clock, &plan, &yes(&plan))
        .await
        .unwrap();
    let kept = approval::latest(&store, &plan.id).await.unwrap();
    assert_eq!(kept, Some(given.clone()));
    assert_eq!(given.digest, plan.digest);
    assert!(given.is_open(ground.clock.now_ms()));
    assert!(!given.is_open(given.expires_at), "the end is exclusive");
    let last = audit(&store).await.pop().unwrap();
    assert_eq!(
        (last.actor.as_str(), last.action.as_str()),
        ("bob", "plan.approve")
    );
    assert!(last.detail.contains(&plan.digest));
}

async fn a_second_yes_is_refused_until_the_first_has_lapsed(ground: Ground) {
    let store = ground.open().await;
    let plan = stored(&store, &ground).await;
    let approve = async || approval::approve(&store, &ground.clock, &plan, &yes(&plan)).await;
    approve().await.unwrap();
    assert!(matches!(approve().await, Err(ApprovalError::Already)));
    ground.clock.advance(VALID_MS - 1);
    assert!(matches!(approve().await, Err(ApprovalError::Already)));
    ground.clock.advance(1);
    let second = approve().await.unwrap();
    let latest = approval::latest(&store, &plan.id).await.unwrap();
    assert_eq!(latest, Some(second));
}

async fn twenty_people_at_once_make_one_yes(ground: Ground) {
    let store = ground.open().await;
    let plan = stored(&store, &ground).await;
    let saying = (0..20).map(|_| {
        let (store, clock, plan) = (store.clone(), ground.clock.clone(), plan.clone());
        tokio::spawn(async move {
            approval::approve(&store, &clock, &plan, &yes(&plan))
                .await
                .is_ok()
        })
    });
    let mut taken = 0;
    for task in saying.collect::<Vec<_>>() {
        taken += i32::from(task.await.unwrap());
    }
    assert_eq!(taken, 1);
    assert_eq!(number(&store, "SELECT count(*) FROM approval").await, 1);
}

async fn an_applied_plan_takes_no_yes(ground: Ground) {
    let store = ground.open().await;
    let plan = stored(&store, &ground).await;
    sql(&store, "UPDATE plan SET applied_at = 5").await.unwrap();
    let refused = approval::approve(&store, &ground.clock, &plan, &yes(&plan)).await;
    assert!(matches!(refused, Err(ApprovalError::Applied)));
    let found = plan::get(&store, "jarvis", &plan.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.applied_at, Some(5));
}

async fn a_reason_is_asked_for_and_kept(ground: Ground) {
    let store = ground.open().await;
    let plan = stored(&store, &ground).await;
    let long = "x".repeat(approval::LONGEST_REASON + 1);
    for reason in ["", " \t ", &long, "two\nlines"] {
        let wrong = Yes {
            reason,
            ..yes(&plan)
        };
        let refused = approval::approve(&store, &ground.clock, &plan, &wrong).await;
        assert!(matches!(refused, Err(ApprovalError::Reason)), "{reason}");
    }
    let right = Yes {
        reason: " \"; DROP TABLE plan; -- <b>🔒</b> ",
        ..yes(&plan)
    };
    let given = approval::approve(&store, &ground.clock, &plan, &right).await;
    assert_eq!(given.unwrap().reason, "\"; DROP TABLE plan; -- <b>🔒</b>");
    let last = audit(&store).await.pop().unwrap();
    assert!(last.detail.ends_with("<b>🔒</b>"), "{}", last.detail);
}

/// Decides that a second person is needed, on one target or everywhere.
async fn need_a_second_person(store: &Store, ground: &Ground, target: &str) {
    let mut tx = store.begin().await.unwrap();
    let value = serde_json::Value::Bool(true);
    let decision = (target, policy::SECOND_PERSON);
    policy::set(&mut tx, &ground.clock, "root", decision, Some(&value))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn nobody_approves_what_they_made_where_a_second_person_is_needed(ground: Ground) {
    let store = ground.open().await;
    let mut plan = stored(&store, &ground).await;
    let own = Yes {
        actor: "ada",
        ..yes(&plan)
    };
    need_a_second_person(&store, &ground, "friday").await;
    approval::approve(&store, &ground.clock, &plan, &own)
        .await
        .expect("another target's policy says nothing of this one");
    sql(&store, "DELETE FROM approval").await.unwrap();
    for target in ["jarvis", "*"] {
        sql(&store, "DELETE FROM policy").await.unwrap();
        need_a_second_person(&store, &ground, target).await;
        for made_by in ["ada", "token:ci (ada)", "token:x (bob) (ada)"] {
            plan.id = ground.clock.id();
            made_by.clone_into(&mut plan.made_by);
            plan::save(&store, &ground.clock, &plan, "a job")
                .await
                .unwrap();
            let own = Yes {
                actor: "ada",
                ..yes(&plan)
            };
            let refused = approval::approve(&store, &ground.clock, &plan, &own).await;
            assert!(
                matches!(refused, Err(ApprovalError::SecondPerson)),
                "{made_by}: {refused:?}"
            );
            approval::approve(&store, &ground.clock, &plan, &yes(&plan))
                .await
                .unwrap();
        }
    }
}

async fn a_rejected_plan_takes_no_yes_and_says_why(ground: Ground) {
    let store = ground.open().await;
    let twin = stored(&store, &ground).await;
    ground.clock.advance(1);
    let plan = stored(&store, &ground).await;
    let reject = async |reason: &str| {
        let by = ("eve", "127.0.0.1");
        approval::reject(&store, &ground.clock, &plan, reason, by).await
    };
    assert!(matches!(reject(" ").await, Err(ApprovalError::Reason)));
    reject("not now").await.unwrap();
    assert!(matches!(
        reject("again").await,
        Err(ApprovalError::Closed("rejected"))
    ));
    for plan in [&plan, &twin] {
        let refused = approval::approve(&store, &ground.clock, plan, &yes(plan)).await;
        assert!(
            matches!(refused, Err(ApprovalError::Closed("rejected"))),
            "a no is said to a digest"
        );
    }
    let found = plan::get(&store, "jarvis", &plan.id).await.unwrap();
    let closed = found.unwrap().closed.unwrap();
    assert_eq!(
        (closed.ending, closed.by.as_str(), closed.reason.as_str()),
        (Ending::Rejected, "eve", "not now")
    );
    let last = audit(&store).await.pop().unwrap();
    assert_eq!(
        (last.actor.as_str(), last.action.as_str()),
        ("eve", "plan.reject")
    );
    // What was applied all the same was applied: a job may have been at it.
    plan::mark_applied(&store, &ground.clock, &plan)
        .await
        .unwrap();
    let found = plan::get(&store, "jarvis", &plan.id)
        .await
        .unwrap()
        .unwrap();
    assert!(found.applied_at.is_some() && found.closed.is_none());
}

async fn a_plan_that_a_job_applies_takes_no_no(ground: Ground) {
    let store = ground.open().await;
    let plan = stored(&store, &ground).await;
    sql(
        &store,
        "INSERT INTO job (id, kind, target, payload, state, exclusive, actor, created_at, started_at, lease_until) \
         SELECT 'j', 'plan.apply', target, '{\"plan\":\"' || id || '\"}', 'running', 1, 'ada', 1, 2, 3 FROM plan",
    )
    .await
    .unwrap();
    let reject =
        async || approval::reject(&store, &ground.clock, &plan, "no", ("eve", "here")).await;
    assert!(matches!(reject().await, Err(ApprovalError::Applying)));
    sql(
        &store,
        "UPDATE job SET state = 'failed', ended_at = 4, lease_until = NULL",
    )
    .await
    .unwrap();
    reject().await.unwrap();
}

async fn what_waits_is_the_newest_of_each_target(ground: Ground) {
    let store = ground.open().await;
    let waiting = async || {
        let found = plan::waiting(&store, &ground.clock).await.unwrap();
        let ids = found.into_iter().map(|stored| stored.plan.id);
        ids.collect::<Vec<_>>()
    };
    let old = stored(&store, &ground).await;
    assert_eq!(waiting().await, [old.id.as_str()]);
    ground.clock.advance(1);
    let new = stored(&store, &ground).await;
    assert_eq!(waiting().await, [new.id.as_str()], "the old one is past");
    approval::approve(&store, &ground.clock, &new, &yes(&new))
        .await
        .unwrap();
    assert_eq!(waiting().await, Vec::<String>::new());
    ground.clock.advance(VALID_MS);
    assert_eq!(waiting().await, [new.id.as_str()], "the yes has lapsed");
    approval::reject(&store, &ground.clock, &new, "no", ("eve", "here"))
        .await
        .unwrap();
    assert_eq!(waiting().await, Vec::<String>::new());
}
