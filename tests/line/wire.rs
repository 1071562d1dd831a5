//! A wire between the console and a server that a test can cut, hold, or answer on, at a statement that it names.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::scene::{Scene, cluster, database, target};
use crate::support::console::Console;
use crate::support::project::Project;

/// What befalls the first message that holds the words.
#[derive(Clone, Copy)]
pub enum Fate {
    /// The console loses its connection; the server still gets the message.
    Cut,
    /// Both lose the connection; the server never gets the message, as when a program is killed before it is sent.
    Lost,
    /// The message waits until [`Wire::let_go`].
    Held,
    /// The server never sees it; the console is answered with this SQLSTATE.
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
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let message = &buffer[..length];
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
            Some(Fate::Refused(code)) => {
                client.write_all(&refusal(code)).unwrap();
                continue;
            }
            Some(Fate::Cut) => client.shutdown(Shutdown::Both).unwrap(),
            Some(Fate::Lost) => {
                client.shutdown(Shutdown::Both).unwrap();
                break;
            }
            Some(Fate::Held) => {
                while !state.lock().unwrap().let_go {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            None => {}
        }
        if server.write_all(message).is_err() {
            break;
        }
    }
    // What was sent is still done: the server notices the end only after it.
    let _gone = server.shutdown(Shutdown::Write);
}

/// `ErrorResponse` and `ReadyForQuery` of the protocol.
fn refusal(code: &str) -> Vec<u8> {
    let fields = format!("SERROR\0VERROR\0C{code}\0Mthe wire refused it\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    let mut answer = vec![b'E'];
    answer.extend(length.to_be_bytes());
    answer.extend(fields.as_bytes());
    answer.extend(b"Z\0\0\0\x05I");
    answer
}
