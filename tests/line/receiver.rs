//! Those who are told: a webhook's receiver and a mail server, as small as a test needs them, on this machine.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a receiver was sent.
#[derive(Clone, Debug)]
pub struct Post {
    /// By their names in lower-case letters.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

/// How a receiver answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// With this status line and these headers.
    Says(String),
    /// Never.
    Silence,
}

impl Answer {
    pub fn ok() -> Self {
        Self::Says("HTTP/1.1 204 No Content\r\n".to_owned())
    }
}

/// A webhook's receiver.
pub struct Receiver {
    pub port: u16,
    posts: Arc<Mutex<Vec<Post>>>,
    answer: Arc<Mutex<Answer>>,
}

impl Receiver {
    pub fn start(answer: Answer) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    /// On a port that was somebody's before.
    pub fn at(port: u16) -> Self {
        Self::on(
            TcpListener::bind(("127.0.0.1", port)).unwrap(),
            Answer::ok(),
        )
    }

    fn on(listener: TcpListener, answer: Answer) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (posts, answer) = (Arc::default(), Arc::new(Mutex::new(answer)));
        let (kept, said) = (Arc::clone(&posts), Arc::clone(&answer));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, kept, said) = (client.unwrap(), Arc::clone(&kept), Arc::clone(&said));
                std::thread::spawn(move || take(client, &kept, &said));
            }
        });
        Self {
            port,
            posts,
            answer,
        }
    }

    pub fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// What came so far.
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }

    /// Waits until so many have come; all of them.
    pub async fn wait(&self, count: usize) -> Vec<Post> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let posts = self.posts();
            if posts.len() >= count {
                return posts;
            }
            assert!(Instant::now() < deadline, "only {} came", posts.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn take(mut client: TcpStream, posts: &Mutex<Vec<Post>>, answer: &Mutex<Answer>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    // A connection without a request, or one that is not HTTP, is kept too: a test may want none at all.
    while reader.read_line(&mut line).unwrap_or(0) > 2 {
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_lowercase(), value.trim().to_owned());
        }
        line.clear();
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    let _cut = reader.read_exact(&mut body);
    let body = String::from_utf8_lossy(&body).into_owned();
    let answer = answer.lock().unwrap().clone();
    posts.lock().unwrap().push(Post { headers, body });
    match answer {
        Answer::Says(head) => {
            // Long enough for two that send the same at once to meet.
            std::thread::sleep(Duration::from_millis(200));
            let answer = format!("{head}content-length: 0\r\nconnection: close\r\n\r\n");
            let _gone = client.write_all(answer.as_bytes());
        }
        Answer::Silence => std::thread::sleep(Duration::from_mins(1)),
    }
}

/// A mail server without STARTTLS.
pub struct MailServer {
    pub port: u16,
    conversations: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let conversations = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&conversations);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let said = converse(client.unwrap());
                kept.lock().unwrap().push(said);
            }
        });
        Self {
            port,
            conversations,
        }
    }

    /// Everything that clients said, a text for each conversation.
    pub fn conversations(&self) -> Vec<String> {
        self.conversations.lock().unwrap().clone()
    }

    pub async fn wait(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(first) = self.conversations().into_iter().next() {
                return first;
            }
            assert!(Instant::now() < deadline, "no mail came");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn converse(mut client: TcpStream) -> String {
    let mut said = String::new();
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut answer = |text: &str| client.write_all(text.as_bytes()).is_ok();
    answer("220 mail.test ESMTP\r\n");
    let mut in_data = false;
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 0 {
        said.push_str(&line);
        let command = line.trim_end().to_uppercase();
        let is_heard = if in_data {
            in_data = command != ".";
            in_data || answer("250 taken\r\n")
        } else if command.starts_with("EHLO") {
            answer("250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n")
        } else if command.starts_with("AUTH") {
            answer("235 welcome\r\n")
        } else if command == "DATA" {
            in_data = true;
            answer("354 go on\r\n")
        } else if command == "QUIT" {
            answer("221 bye\r\n");
            break;
        } else {
            answer("250 ok\r\n")
        };
        if !is_heard {
            break;
        }
        line.clear();
    }
    said
}
