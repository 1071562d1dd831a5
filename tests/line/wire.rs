//! A wire between the console and a server that a test can cut, hold, or answer on, at a statement that it names.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scene::{Scene, cluster, database, target};
use crate::support::console::Console;
use crate::support::project::Project;

/// What befalls the first message, or statement with all its messages, that holds the words.
#[derive(Clone, Copy)]
pub enum Fate {
    /// The console loses its connection; the server still gets the message.
    Cut,
    /// Both lose the connection; the server never gets the message, as when a program is killed before it is sent.
    Lost,
    /// The message waits until [`Wire::let_go`].
    Held,
    /// The server gets a statement instead that fails with this SQLSTATE.
    Refused(&'static str),
}

#[derive(Default)]
struct State {
    armed: Option<(String, Fate)>,
    met: bool,
    let_go: bool,
}

/// A wire to the shared cluster.
pub struct Wire {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Wire {
    /// A console on its terminal whose one target is reached through a wire.
    pub fn with_terminal(project: Project) -> (Self, Scene) {
        let database = database();
        let direct = cluster().url(&database);
        let (head, name) = direct.rsplit_once('/').unwrap();
        let (head, port) = head.rsplit_once(':').unwrap();
        let wire = Self::to(port.parse().unwrap());
        let url = format!("{head}:{}/{name}", wire.port);
        let console = Console::prepare(&[target("app", &url, &project)], None);
        console.add_user();
        let scene = Scene {
            console,
            project,
            database,
        };
        (wire, scene)
    }

    fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let answers = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || relay(answers.0, answers.1));
                let state = Arc::clone(&shared);
                std::thread::spawn(move || forward(client, server, &state));
            }
        });
        Self { port, state }
    }

    /// From now on the first message that holds `words` meets `fate`.
    pub fn expect(&self, words: &str, fate: Fate) {
        let armed = Some((words.to_owned(), fate));
        *self.state.lock().unwrap() = State {
            armed,
            ..State::default()
        };
    }

    /// Whether such a message has come.
    pub fn has_met(&self) -> bool {
        self.state.lock().unwrap().met
    }

    /// Lets the held message go on.
    pub fn let_go(&self) {
        self.state.lock().unwrap().let_go = true;
    }
}

/// Passes the server's answers on until one side hangs up.
fn relay(mut server: TcpStream, mut client: TcpStream) {
    let _hung_up = std::io::copy(&mut server, &mut client);
    let _gone = client.shutdown(Shutdown::Both);
}

/// Passes the console's messages on, but for the one that was named.
fn forward(mut client: TcpStream, mut server: TcpStream, state: &Mutex<State>) {
    let mut buffer = vec![0; 1 << 16];
    let mut messages = Messages::default();
    'connected: while let Ok(length @ 1..) = client.read(&mut buffer) {
        messages.bytes.extend(&buffer[..length]);
        while let Some(mut message) = messages.next() {
            let fate = {
                let mut state = state.lock().unwrap();
                let holds = |(words, _): &mut (String, Fate)| {
                    let words = words.as_bytes();
                    message.windows(words.len()).any(|part| part == words)
                };
                let met = state.armed.take_if(holds);
                state.met |= met.is_some();
                met.map(|(_, fate)| fate)
            };
            match fate {
                // Raised by the server, so that the answer comes in its turn.
                Some(Fate::Refused(code)) => message = refusal(code),
                Some(Fate::Cut) => client.shutdown(Shutdown::Both).unwrap(),
                Some(Fate::Lost) => {
                    client.shutdown(Shutdown::Both).unwrap();
                    break 'connected;
                }
                Some(Fate::Held) => {
                    while !state.lock().unwrap().let_go {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
                None => {}
            }
            if server.write_all(&message).is_err() {
                break 'connected;
            }
        }
    }
    // What was sent is still done: the server notices the end only after it.
    let _gone = server.shutdown(Shutdown::Write);
}

/// What a console sends, cut into what the server answers one by one (Postgres docs, 55.2 and 55.7).
#[derive(Default)]
struct Messages {
    bytes: Vec<u8>,
    began: bool,
}

impl Messages {
    /// The next one, once it is here as a whole: a plain message, or all of a statement up to its Sync.
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut end = 0;
        loop {
            // The first ones have no letter. Asking for encryption is not yet the beginning.
            let letter = self.began.then(|| self.bytes.get(end).copied());
            let at = end + usize::from(self.began);
            let length = self.bytes.get(at..at + 4)?.try_into().unwrap();
            end = at + u32::from_be_bytes(length) as usize;
            if self.bytes.len() < end {
                return None;
            }
            if letter.is_none() {
                self.began = !matches!(self.bytes[4..8], [0x04, 0xd2, 0x16, ..]);
            }
            if !matches!(letter, Some(Some(b'P' | b'B' | b'D' | b'E' | b'C'))) {
                return Some(self.bytes.drain(..end).collect());
            }
        }
    }
}

/// A statement that fails with this SQLSTATE.
fn refusal(code: &str) -> Vec<u8> {
    let raise =
        format!("DO $$ BEGIN RAISE 'the wire refused it' USING ERRCODE = '{code}'; END $$\0");
    let length = u32::try_from(raise.len() + 4).unwrap();
    let mut message = vec![b'Q'];
    message.extend(length.to_be_bytes());
    message.extend(raise.as_bytes());
    message
}
