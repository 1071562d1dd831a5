//! The binary: everything it does is in the library, see [`lockkeeper::cli`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ExitCode::from(lockkeeper::cli::run().await)
}
