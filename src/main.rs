//! The binary: everything it does is in the library, see [`lockkeeper::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(lockkeeper::cli::run())
}
