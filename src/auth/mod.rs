//! Who may come in, and what they may do: users, their passwords and second factors, links to choose a password, signing
//! in, sessions, roles, the tokens of programs, and what is decided about all of them.
//!
//! What must stay true: nothing here tells an unknown name from a wrong password, in words or in time; guesses are slowed
//! down, and nobody is locked out by what others try; a session's key, the token of a link, an API token and the cookie of
//! a known browser are stored only as hashes; disabling a user or changing a password ends that user's sessions in the
//! same transaction; a user without a role may do nothing; while somebody is admin everywhere, somebody stays it.

pub mod account;
pub mod api_token;
pub mod device;
pub mod factor;
pub mod password;
pub mod policy;
pub mod role;
pub mod session;
pub mod setup;
pub mod sign_in;
pub mod throttle;
pub mod user;

use rand::Rng;
use sha2::{Digest, Sha256};

/// 256 random bits, hexadecimal: setup tokens and form tokens.
#[must_use]
pub fn token() -> String {
    let mut bytes = [0_u8; 32];
    rand::rng().fill_bytes(&mut bytes);
    base16ct::lower::encode_string(&bytes)
}

/// What is stored of a token or a session key. A plain SHA-256 is enough: the input has 256 random bits.
#[must_use]
pub fn fingerprint(token: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(token.as_bytes()))
}
