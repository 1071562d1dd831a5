//! The code of a second factor, asked for on the terminal. It is never an argument: those can be read by others.

use super::Failure;
use super::terminal::{Terminal, first_line};
use crate::app::App;
use crate::app::proof::{Proof, Proven, Prover, later, trouble};
use crate::auth::factor::FactorError;
use crate::auth::user::User;
use crate::operation::Trouble;

/// Asks a user whose password was right for a code, if they have a second factor. A wrong one is a failure.
pub(super) async fn ask(
    app: &App,
    user: &User,
    from_stdin: bool,
    terminal: Terminal,
) -> Result<(), Failure> {
    if !app.factors.in_force(&user.id).await? {
        return Ok(());
    }
    let unreadable =
        |error: std::io::Error| Failure::Usage(format!("the code could not be read: {error}"));
    let code = if from_stdin {
        first_line().map_err(unreadable)?
    } else if terminal.can_ask() {
        terminal.ask("Code from your device:").map_err(unreadable)?
    } else {
        return Err(Failure::Usage(
            "hand the code over as the line after the password".to_owned(),
        ));
    };
    let prover = Prover {
        user,
        session: None,
        known: None,
        place: "terminal",
        action: "proof",
    };
    let why = match app.prove(prover, Proof::Code(code.into())).await {
        Ok(Proven::Yes) => return Ok(()),
        Ok(Proven::No(why, _)) => why,
        Ok(Proven::Later(after)) => later(after),
        Ok(Proven::Over) => "There were too many tries.".to_owned(),
        Err(FactorError::Key(error)) => return Err(Failure::Operation(trouble(&error))),
        Err(FactorError::Store(error)) => return Err(error.into()),
    };
    Err(Failure::Operation(Trouble::new(
        why,
        "Nothing was changed.",
        "Try again with the code that your device shows now.",
    )))
}
