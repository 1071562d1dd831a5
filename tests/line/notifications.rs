//! Notifications from what happens to whoever is told: posted and signed, mailed, refused, tried again, after a crash too.

use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::factor::{enrol, half_way};
use crate::receiver::{Answer, MailServer, Receiver};
use crate::scene::NOT_SO;
use crate::support::console::USER;
use crate::support::visitor::Visitor;
use crate::telling::{
    SECRET, SETTINGS, fail, local, nothing_is_given_away, on_store, scene, subscribe, test, told,
    webhook,
};

#[tokio::test]
async fn a_backup_that_fails_is_told_and_signed() {
    let receiver = Receiver::start(Answer::ok());
    let chat = Receiver::start(Answer::ok());
    let lines = local("ops", receiver.port) + &local("chat", chat.port) + "format = \"slack\"\n";
    let scene = scene(&lines);
    let visitor = Visitor::signed_in(&scene.console).await;
    let settings = visitor.read(SETTINGS).await.words();
    assert!(settings.contains("Nobody is told yet"), "{settings}");
    let settings = subscribe(&visitor, "webhook:ops", "").await.words();
    assert!(settings.contains("Webhook ops (127.0.0.1)"), "{settings}");
    subscribe(&visitor, "webhook:chat", "").await;

    let job = fail(&scene, &visitor).await;
    let post = receiver.wait(1).await.remove(0);
    let header = |name: &str| post.headers[name].as_str();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let (id, seconds) = (header("webhook-id"), header("webhook-timestamp"));
    let signed = format!("{id}.{seconds}.{}", post.body);
    let signature = header("webhook-signature").strip_prefix("v1,").unwrap();
    let signature = BASE64_STANDARD.decode(signature).unwrap();
    hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
    let body: Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!(body["id"], id);
    assert_eq!(body["kind"], "backup-failed");
    assert_eq!(body["target"], "app");
    assert_eq!(body["subject"], "The backup failed");
    assert_eq!(body["url"], scene.console.url(&job));
    assert_eq!(format!("/jobs/{}", body["job"].as_str().unwrap()), job);
    let text = body["text"].as_str().unwrap();
    assert!(text.contains("No backup was taken."), "{text}");

    let post = chat.wait(1).await.remove(0);
    let body: Value = serde_json::from_str(&post.body).unwrap();
    let text = body["text"].as_str().unwrap();
    assert!(text.starts_with("*The backup failed*\n"), "{text}");
    assert!(text.ends_with(&scene.console.url(&job)), "{text}");

    told(&visitor, "Nothing waits, and nothing was given up.").await;
    let narrowed = visitor
        .read("/notifications?state=sent&kind=backup-failed&target=app")
        .await;
    assert!(narrowed.has("main tbody tr"));
    let hidden = visitor.read("/notifications?state=given-up").await;
    assert!(hidden.words().contains("No notification is like that"));
    nothing_is_given_away(&scene, &visitor).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!((receiver.posts().len(), chat.posts().len()), (1, 1));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start(Answer::ok());
    let to = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{}/\r\n",
        elsewhere.port
    );
    let receiver = Receiver::start(Answer::Says(to));
    let scene = scene(&local("ops", receiver.port));
    let visitor = Visitor::signed_in(&scene.console).await;
    test(&visitor, "webhook:ops").await;
    let page = told(&visitor, "a webhook is not followed there").await;
    assert!(page.words().contains("next try"), "{}", page.words());
    assert_eq!(receiver.posts().len(), 1);
    assert!(elsewhere.posts().is_empty());
}

#[tokio::test]
async fn a_private_address_is_refused_unless_it_is_allowed() {
    let receiver = Receiver::start(Answer::ok());
    let port = receiver.port;
    let mut hosts = [
        "127.0.0.1",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
    ]
    .map(str::to_owned)
    .to_vec();
    // A name that somebody has pointed to this machine, where it has one.
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let name = name.trim().to_owned();
    if (name.as_str(), 0)
        .to_socket_addrs()
        .is_ok_and(|mut all| all.next().is_some())
    {
        hosts.push(name);
    }
    let lines: String = hosts
        .iter()
        .enumerate()
        .map(|(n, host)| webhook(&format!("w{n}"), &format!("https://{host}:{port}"), ""))
        .collect();
    let scene = scene(&lines);
    let visitor = Visitor::signed_in(&scene.console).await;
    for n in 0..hosts.len() {
        test(&visitor, &format!("webhook:w{n}")).await;
    }
    told(&visitor, &format!("{} waiting", hosts.len())).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let page = visitor.read("/notifications").await.words();
        if page.matches("is not a public address").count() == hosts.len() {
            break;
        }
        assert!(Instant::now() < deadline, "{page}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(receiver.posts().is_empty(), "{:?}", receiver.posts());
    nothing_is_given_away(&scene, &visitor).await;
}

#[tokio::test]
async fn what_could_not_be_sent_is_sent_after_a_crash() {
    let receiver = Receiver::start(Answer::Silence);
    let mut scene = scene(&local("ops", receiver.port));
    let visitor = Visitor::signed_in(&scene.console).await;
    subscribe(&visitor, "webhook:ops", "").await;
    fail(&scene, &visitor).await;
    // It is being sent when the console is killed.
    let first = receiver.wait(1).await.remove(0);
    scene.console.kill();
    receiver.answers(Answer::ok());
    // Its time is over: whoever claimed it is dead.
    on_store(&scene, "UPDATE notification SET next_try_at = 0").await;
    scene.console.serve();
    let second = receiver.wait(2).await.remove(1);
    assert_eq!(first.headers["webhook-id"], second.headers["webhook-id"]);
    let page = told(&visitor, "tried 2 times").await;
    assert!(page.words().contains("sent"), "{}", page.words());
}

#[tokio::test]
async fn a_receiver_that_is_down_is_tried_again_and_given_up_is_not_the_end() {
    let port = Receiver::start(Answer::ok()).port;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let down = free.local_addr().unwrap().port();
    drop(free);
    let mut scene = scene(&(local("ops", down) + &local("other", port)));
    let visitor = Visitor::signed_in(&scene.console).await;
    test(&visitor, "webhook:ops").await;
    told(
        &visitor,
        "127.0.0.1 could not be reached: Connection refused",
    )
    .await;
    // Five more tries, each of which fails.
    for _ in 0..5 {
        scene.console.kill();
        on_store(
            &scene,
            "UPDATE notification SET next_try_at = 0, error = NULL",
        )
        .await;
        scene.console.serve();
        told(&visitor, "Connection refused").await;
    }
    let page = told(&visitor, "1 given up").await;
    let again = page.attribute("main td form", "action");
    let doctor = scene.run(&["doctor"], NOT_SO);
    doctor.says(&[
        "notifications: 0 waiting, 1 given up",
        "webhook ops: to 127.0.0.1, signed",
    ]);
    let receiver = Receiver::at(down);
    let page = visitor.post(&again, &[]).await;
    assert_eq!(page.location(), "/notifications");
    assert_eq!(receiver.wait(1).await.len(), 1);
    told(&visitor, "Nothing waits, and nothing was given up.").await;
    let page = visitor.post(&again, &[]).await;
    let page = visitor.read(&page.location()).await.words();
    assert!(page.contains("not given up any more"), "{page}");
    let record = visitor.read("/audit").await.words();
    for action in [
        "Send a notification again",
        "Send a test",
        "Add a subscription",
    ] {
        assert!(record.contains(action), "{action}: {record}");
    }
}

#[tokio::test]
async fn mail_is_sent_with_one_recipient_and_one_subject() {
    let server = MailServer::start();
    let lines = format!(
        "[smtp]\nurl = \"smtp://keeper:{SECRET}@127.0.0.1:{}\"\nfrom = \"Lockkeeper <keeper@example.com>\"\n",
        server.port
    );
    let scene = scene(&lines);
    let visitor = Visitor::signed_in(&scene.console).await;
    let page = subscribe(&visitor, "mail", "ada@example.com").await.words();
    assert!(page.contains("Mail to ada@example.com"), "{page}");
    let job = fail(&scene, &visitor).await;
    let said = server.wait().await;
    for line in [
        "MAIL FROM:<keeper@example.com>",
        "\r\nRCPT TO:<ada@example.com>\r\nDATA\r\n",
        "\r\nFrom: Lockkeeper <keeper@example.com>\r\n",
        "\r\nTo: ada@example.com\r\n",
        "\r\nSubject: [Lockkeeper] app: The backup failed\r\n",
        "\r\nAuto-Submitted: auto-generated\r\n",
        "\r\nMessage-ID: <0",
        "\r\nContent-Type: text/plain; charset=utf-8\r\n",
        "No backup was taken.",
        "\r\n.\r\nQUIT",
    ] {
        assert!(said.contains(line), "{line:?} is not in {said}");
    }
    assert!(said.contains(&scene.console.url(&job)), "{said}");
    assert_eq!(said.matches("RCPT TO").count(), 1);
    told(&visitor, "Nothing waits, and nothing was given up.").await;
    nothing_is_given_away(&scene, &visitor).await;
}

#[tokio::test]
async fn codes_that_are_guessed_are_told_once_and_then_seldom() {
    let receiver = Receiver::start(Answer::ok());
    let chat = Receiver::start(Answer::ok());
    let scene = scene(&(local("ops", receiver.port) + &local("chat", chat.port)));
    let visitor = Visitor::signed_in(&scene.console).await;
    // On the target and on all of them: one channel is told once.
    for (channel, of) in [
        ("webhook:ops", "target"),
        ("webhook:ops", "every"),
        ("webhook:chat", "target"),
    ] {
        let form = [
            ("channel", channel),
            ("address", ""),
            ("scope", of),
            ("kind", "codes-guessed"),
        ];
        let page = visitor.post("/t/app/settings/notifications", &form).await;
        assert_eq!(page.location(), SETTINGS, "{}", page.words());
    }
    let (device, _) = enrol(&visitor).await;
    let guesser = half_way(&scene.console).await;
    for _ in 0..4 {
        let wrong = device.wrong();
        guesser.post("/login/code", &[("code", &wrong)]).await;
    }
    let post = receiver.wait(1).await.remove(0);
    let body: Value = serde_json::from_str(&post.body).unwrap();
    assert_eq!(
        (&body["kind"], &body["target"]),
        (&"codes-guessed".into(), &"*".into())
    );
    let (subject, text) = (
        body["subject"].as_str().unwrap(),
        body["text"].as_str().unwrap(),
    );
    assert_eq!(subject, format!("Somebody may know the password of {USER}"));
    assert!(text.starts_with("3 wrong codes"), "{text}");
    let there = scene.console.url("/audit?action=factor.guessed");
    assert_eq!(body["url"], there);
    chat.wait(1).await;
    told(&visitor, "Nothing waits, and nothing was given up.").await;
    assert_eq!((receiver.posts().len(), chat.posts().len()), (1, 1));
}
