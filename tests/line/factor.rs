//! Second factors with a real console: setting one up, signing in with it, losing it, and having to have one.

use reqwest::StatusCode;

use crate::scene::{DONE, NOT_SO, Said, Scene};
use crate::support::console::{Console, USER, USER_PASSWORD};
use crate::support::device::Device;
use crate::support::project::Project;
use crate::support::visitor::{Page, Visitor};

/// Sets a factor up for the user of the tests; the device, and the recovery codes.
pub async fn enrol(visitor: &Visitor) -> (Device, Vec<String>) {
    let begun = visitor
        .post("/me/factor/begin", &[("password", USER_PASSWORD)])
        .await;
    assert_eq!(begun.location(), "/me/factor/new", "{}", begun.text);
    let page = visitor.read("/me/factor/new").await;
    let device = Device::of(&page.one("#secret"));
    let code = device.now();
    let confirmed = visitor.post("/me/factor/new", &[("code", &code)]).await;
    assert_eq!(
        confirmed.location(),
        "/me/factor/codes",
        "{}",
        confirmed.text
    );
    let page = visitor.read("/me/factor/codes").await;
    let codes: Vec<String> = page.one("#codes").split(' ').map(str::to_owned).collect();
    assert_eq!(codes.len(), 10);
    (device, codes)
}

async fn give(visitor: &Visitor, field: &str, code: &str) -> Page {
    visitor.post("/login/code", &[(field, code)]).await
}

/// Somebody whose password was right.
pub async fn half_way(console: &Console) -> Visitor {
    let visitor = Visitor::new(console);
    let page = visitor.sign_in(USER, USER_PASSWORD).await;
    assert_eq!(page.location(), "/login/code", "{}", page.text);
    visitor
}

#[tokio::test]
async fn signing_in_takes_the_password_and_a_code_that_nobody_gave_before() {
    let scene = Scene::serving(Project::new());
    let visitor = Visitor::signed_in(&scene.console).await;
    let elsewhere = Visitor::signed_in(&scene.console).await;
    let wrong = visitor
        .post("/me/factor/begin", &[("password", "not-the-passphrase")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(visitor.get("/me/factor/new").await.location(), "/me/factor");
    let (device, codes) = enrol(&visitor).await;
    assert_eq!(
        elsewhere.get("/").await.location(),
        "/login?next=%2F",
        "it has ended"
    );
    let file = visitor.read("/me/factor/codes.txt").await;
    assert!(file.header("content-disposition").starts_with("attachment"));
    assert!(codes.iter().all(|code| file.text.contains(code)));
    visitor.post("/me/factor/codes/kept", &[]).await;
    let again = visitor.get("/me/factor/codes").await;
    assert_eq!(again.location(), "/me/factor", "they are shown once");

    let other = half_way(&scene.console).await;
    for path in ["/", "/jobs", "/me", "/me/factor", "/confirm"] {
        let to = other.get(path).await.location();
        assert!(to.starts_with("/login"), "{path} led to {to}");
    }
    let replayed = give(&other, "code", &device.now()).await;
    assert_eq!(replayed.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        replayed.words().contains("used already"),
        "{}",
        replayed.words()
    );
    let page = give(&other, "code", &device.next()).await;
    assert_eq!(page.location(), "/", "{}", page.text);
    other.read("/").await;

    let lost = half_way(&scene.console).await;
    assert_eq!(give(&lost, "recovery", &codes[3]).await.location(), "/");
    let lost = half_way(&scene.console).await;
    let used = give(&lost, "recovery", &codes[3]).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY);
    let audit = visitor.read("/audit").await.words();
    for action in ["Set up a second factor", "Use or renew recovery codes"] {
        assert!(audit.contains(action), "{action} is not in {audit}");
    }

    // Taking it away asks for both.
    let wrong = device.wrong();
    let remove = |password, code| [("password", password), ("code", code)];
    for (password, code) in [
        ("not-the-passphrase", codes[4].as_str()),
        (USER_PASSWORD, &wrong),
    ] {
        let page = visitor
            .post("/me/factor/remove", &remove(password, code))
            .await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let removed = remove(USER_PASSWORD, &codes[4]);
    let page = visitor.post("/me/factor/remove", &removed).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    Visitor::signed_in(&scene.console).await;
}

#[tokio::test]
async fn five_wrong_codes_begin_anew() {
    let scene = Scene::serving(Project::new());
    let (device, _) = enrol(&Visitor::signed_in(&scene.console).await).await;
    let visitor = half_way(&scene.console).await;
    for left in ["4 tries", "3 tries", "2 tries", "1 try"] {
        let page = give(&visitor, "code", &device.wrong()).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.words().contains(&format!("You have {left} left")));
    }
    let page = give(&visitor, "code", &device.wrong()).await;
    assert!(page.words().contains("Begin again with your password"));
    let page = give(&visitor, "code", &device.next()).await;
    assert_eq!(page.location(), "/login", "the right one comes too late");
    let visitor = half_way(&scene.console).await;
    assert_eq!(give(&visitor, "code", &device.next()).await.location(), "/");

    // A right password waits five minutes, not longer.
    let visitor = half_way(&scene.console).await;
    scene
        .console
        .tamper("UPDATE session SET state = replace(state, '\\\"at\\\":1', '\\\"at\\\":-1') WHERE user_id IS NULL")
        .await;
    assert_eq!(visitor.get("/login/code").await.location(), "/login");
}

#[tokio::test]
async fn whoever_has_the_password_guesses_few_codes_and_its_owner_is_told() {
    const NEW: &str = "an-even-longer-passphrase";
    let scene = Scene::serving(Project::new());
    let hers = Visitor::signed_in(&scene.console).await;
    let before = Visitor::signed_in(&scene.console).await;
    let (device, codes) = enrol(&hers).await;
    hers.post("/logout", &[]).await;

    let guesser = half_way(&scene.console).await;
    for _ in 0..3 {
        give(&guesser, "code", &device.wrong()).await;
    }
    scene
        .console
        .tamper("UPDATE throttle SET failures = 20 WHERE name LIKE 'codes:%'")
        .await;
    // A browser in which the password was enough before is no better than others.
    before.sign_in(USER, USER_PASSWORD).await;
    for visitor in [&guesser, &before] {
        let page = give(visitor, "code", &device.next()).await;
        assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
        let after: u32 = page.header("retry-after").parse().unwrap();
        assert!((3_500..=3_600).contains(&after), "{after}");
        let words = page.words();
        assert!(words.contains("try again in 60 minutes"), "{words}");
    }
    // Nobody guesses a recovery code: it is looked at.
    let lost = half_way(&scene.console).await;
    assert_eq!(give(&lost, "recovery", &codes[0]).await.location(), "/");
    let page = lost.read("/").await.words();
    assert!(
        page.contains("3 wrong codes after the right password"),
        "{page}"
    );
    assert!(!lost.read("/jobs").await.words().contains("wrong codes"));

    // Her own browser waits for nobody.
    let page = hers.sign_in(USER, USER_PASSWORD).await;
    assert_eq!(page.location(), "/login/code");
    let page = give(&hers, "code", &device.next()).await;
    assert_eq!(page.location(), "/", "{}", page.text);
    let page = hers.read("/me").await.words();
    assert!(page.contains("Somebody may know your password."), "{page}");
    let audit = hers.read("/audit?action=factor.guessed").await.words();
    assert!(
        audit.contains("3 wrong codes after the right password"),
        "{audit}"
    );

    let form = [
        ("current", USER_PASSWORD),
        ("password", NEW),
        ("repeat", NEW),
    ];
    let page = hers.post("/me/password", &form).await;
    assert_eq!(page.location(), "/me", "{}", page.text);
    let page = hers.read("/me").await.words();
    assert!(!page.contains("Somebody may know"), "{page}");
    let anywhere = Visitor::new(&scene.console);
    anywhere.sign_in(USER, NEW).await;
    let page = give(&anywhere, "code", &device.wrong()).await;
    assert_eq!(
        page.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "it is looked at"
    );
}

#[tokio::test]
async fn another_key_is_said_plainly() {
    let scene = Scene::serving(Project::new());
    let (device, codes) = enrol(&Visitor::signed_in(&scene.console).await).await;
    // Whatever else it finds on this machine.
    let said = scene.console.cli(&["doctor"]).stdout;
    let said = String::from_utf8(said).unwrap();
    assert!(
        said.contains("ok   second factors: 1, sealed with the key"),
        "{said}"
    );
    let key = scene.console.folder().join("lockkeeper-data/secret.key");
    std::fs::write(&key, "ab".repeat(32)).unwrap();
    let visitor = half_way(&scene.console).await;
    let page = give(&visitor, "code", &device.next()).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    let words = page.words();
    assert!(words.contains("cannot read second factors"), "{words}");
    for _ in 0..6 {
        let began = std::time::Instant::now();
        give(&visitor, "code", &device.next()).await;
        assert!(
            began.elapsed().as_secs() < 1,
            "what nobody judged is not counted"
        );
    }
    assert!(words.contains("reset-factor"), "{words}");
    scene
        .run(&["doctor"], NOT_SO)
        .says(&["1 sealed with another key than", "Put back the file"]);
    assert_eq!(give(&visitor, "recovery", &codes[0]).await.location(), "/");
}

#[tokio::test]
async fn whoever_needs_a_factor_reaches_nothing_else_before() {
    let scene = Scene::serving(Project::new());
    let visitor = Visitor::signed_in(&scene.console).await;
    let decide = async |required| {
        let form = [("required", required)];
        visitor.post("/t/app/settings/second-factor", &form).await
    };
    assert_eq!(decide("true").await.location(), "/t/app/settings");
    for path in ["/", "/jobs", "/t/app", "/t/app/backups", "/audit.jsonl"] {
        assert_eq!(visitor.get(path).await.location(), "/me/factor", "{path}");
    }
    for path in ["/t/app/check", "/t/app/settings/second-factor"] {
        let page = visitor.post(path, &[("required", "false")]).await;
        assert_eq!(page.location(), "/me/factor", "{path}");
    }
    visitor.read("/me").await;
    let page = visitor.read("/me/factor").await.words();
    assert!(page.contains("You need one here."), "{page}");
    let (_, codes) = enrol(&visitor).await;
    visitor.read("/").await;
    let said = scene.run(&["--json", "audit", "list"], DONE).all();
    assert!(said.contains("policy.change"), "{said}");

    assert_eq!(decide("false").await.location(), "/t/app/settings");
    let form = [("password", USER_PASSWORD), ("code", codes[0].as_str())];
    visitor.post("/me/factor/remove", &form).await;
    visitor.read("/").await;
}

#[tokio::test]
async fn the_terminal_asks_for_the_code_and_can_take_the_factor_away() {
    let mut scene = Scene::about_to_approve();
    scene.console.serve();
    let (device, _) = enrol(&Visitor::signed_in(&scene.console).await).await;
    let approve = |input: String, code: i32| {
        let args = [
            "plan",
            "approve",
            "--yes",
            "--reason",
            "it is dead",
            "--user",
            USER,
            "--password-stdin",
        ];
        Said::of(scene.console.cli_with_input(&args, &input), &args, code)
    };
    for input in [
        USER_PASSWORD.to_owned(),
        format!("{USER_PASSWORD}\n{}\n", device.wrong()),
    ] {
        approve(input, NOT_SO).says(&["not the code of your device"]);
    }
    approve(format!("{USER_PASSWORD}\n{}\n", device.next()), DONE).says(&["Approved by"]);

    scene
        .run(&["user", "reset-factor", USER], DONE)
        .says(&["has no second factor any more"]);
    Visitor::signed_in(&scene.console).await;
    scene
        .run(&["audit", "list"], DONE)
        .says(&["user.reset-factor"]);
    scene.run(&["user", "reset-factor", "nobody"], crate::scene::USAGE);
}
