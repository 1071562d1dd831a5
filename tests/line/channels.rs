//! What a channel keeps to, whoever is at the other end: no password without encryption, no more than one message.

use lockkeeper::clock::Clock;
use lockkeeper::config::{Config, Environment, FILE, Flags, SmtpTls};
use lockkeeper::job::queue::By;
use lockkeeper::notify::notification::{self, Filter};
use lockkeeper::notify::{Channel, Courier, Kind, Notification, State, outbox, subscription};
use lockkeeper::store::Store;

use crate::receiver::{Answer, MailServer, Receiver};

/// Who subscribes, with a name that tries to say more.
const BY: By<'_> = By {
    actor: "ada\r\nBcc: eve@example.com\r\n\r\n.\r\nMAIL FROM:<eve@example.com>",
    place: "terminal",
};

/// A store in a folder of its own, and the configuration beside it.
async fn ground(lines: &str) -> (tempfile::TempDir, Store, Config) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE), lines).unwrap();
    let env = Environment::of(folder.path(), []);
    let config = Config::load(&Flags::default(), &env).unwrap();
    let store = Store::open(&config.store.url).await.unwrap();
    (folder, store, config)
}

/// Sends a test there once; what became of it.
async fn send(store: &Store, config: &Config, channel: Channel) -> Notification {
    let clock = Clock::system();
    let made = subscription::create(store, &clock, "*", &channel, &Kind::TOPICS, BY).await;
    outbox::test(store, &clock, &made.unwrap(), BY)
        .await
        .unwrap();
    let courier = Courier::new(store.clone(), clock, config);
    assert_eq!(courier.send_due().await.unwrap(), 1);
    let found = notification::page(store, &Filter::default(), None, 1).await;
    found.unwrap().remove(0)
}

fn mail(server: &MailServer) -> String {
    format!(
        "[smtp]\nurl = \"smtp://keeper:hidden-word@127.0.0.1:{}\"\nfrom = \"keeper@example.com\"\n",
        server.port
    )
}

#[tokio::test]
async fn without_encryption_a_server_elsewhere_gets_no_password_and_no_mail() {
    let server = MailServer::start();
    let (_folder, store, mut config) = ground(&mail(&server)).await;
    // As if it were on another machine.
    config.smtp.as_mut().unwrap().tls = SmtpTls::Required;
    let ada = Channel::mail("ada@example.com").unwrap();
    let sent = send(&store, &config, ada).await;
    assert_eq!(sent.state, State::Waiting);
    let why = sent.error.unwrap();
    assert!(
        why.starts_with("The mail server 127.0.0.1 could not be used"),
        "{why}"
    );
    let said = server.wait().await;
    for word in ["AUTH", "MAIL", "RCPT", "DATA"] {
        assert!(!said.contains(word), "{said}");
    }
}

#[tokio::test]
async fn what_a_mail_server_does_wrong_is_said_in_words() {
    let server = MailServer::start();
    let (_folder, store, mut config) = ground(&mail(&server)).await;
    config.smtp.as_mut().unwrap().tls = SmtpTls::Wrapped;
    let sent = send(&store, &config, Channel::mail("ada@example.com").unwrap()).await;
    let why = sent.error.unwrap();
    assert!(
        why.contains("does not encrypt from the first byte") && why.contains("smtp://"),
        "{why}"
    );

    // It takes the connection and says nothing: no try may wait for it as long as it likes.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.smtp.as_mut().unwrap().port = silent.local_addr().unwrap().port();
    let began = std::time::Instant::now();
    let sent = send(&store, &config, Channel::mail("bob@example.com").unwrap()).await;
    assert_eq!(
        sent.error.unwrap(),
        "The mail server 127.0.0.1 did not answer in time."
    );
    assert!(began.elapsed().as_secs() < 18, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_name_cannot_add_to_the_head_of_a_mail_or_to_the_conversation() {
    let server = MailServer::start();
    let (_folder, store, config) = ground(&mail(&server)).await;
    let ada = Channel::mail("ada@example.com").unwrap();
    let sent = send(&store, &config, ada).await;
    assert_eq!(sent.state, State::Sent, "{:?}", sent.error);
    let said = server.wait().await;
    assert_eq!(said.matches("\r\nMAIL FROM:").count(), 1, "{said}");
    assert_eq!(said.matches("\r\nRCPT TO:").count(), 1, "{said}");
    let (head, text) = said.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("Bcc"), "{head}");
    assert!(
        text.contains("ada Bcc: eve@example.com . MAIL FROM"),
        "{text}"
    );
}

#[tokio::test]
async fn two_processes_send_one_message() {
    let receiver = Receiver::start(Answer::ok());
    let lines = format!(
        "[[webhook]]\nname = \"ops\"\nurl = \"http://127.0.0.1:{}\"\nallow_private = true\n",
        receiver.port
    );
    let (_folder, store, config) = ground(&lines).await;
    let ops = Channel::Webhook("ops".to_owned());
    let sent = send(&store, &config, ops.clone()).await;
    assert_eq!(sent.state, State::Sent, "{:?}", sent.error);
    let clock = Clock::system();
    let subscribed = subscription::all(&store).await.unwrap().remove(0);
    outbox::test(&store, &clock, &subscribed, BY).await.unwrap();
    let other = Store::open(&config.store.url).await.unwrap();
    let couriers = [store.clone(), other].map(|store| Courier::new(store, clock.clone(), &config));
    let (one, two) = tokio::join!(couriers[0].send_due(), couriers[1].send_due());
    assert_eq!(one.unwrap() + two.unwrap(), 1);
    assert_eq!(receiver.posts().len(), 2);
    assert!(
        !receiver.posts()[0]
            .headers
            .contains_key("webhook-signature")
    );
}
