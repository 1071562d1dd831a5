//! The samples of the pages about people: who comes in, who they are, what they may do.

use super::html;
use crate::web::page::{
    account, confirm, enrol, factor, join, login, me, recovery, setup, sign_in_code, tokens, users,
};

/// The pages about users and tokens.
pub(super) fn of_users() -> Vec<(&'static str, String)> {
    vec![
        ("users", html(&users::UsersPage::sample())),
        ("users-refused", html(&users::UsersPage::sample_refused())),
        ("account", html(&account::AccountPage::sample())),
        (
            "account-invited",
            html(&account::AccountPage::sample_invited()),
        ),
        (
            "account-refused",
            html(&account::AccountPage::sample_refused()),
        ),
        (
            "account-disabled",
            html(&account::AccountPage::sample_disabled()),
        ),
        ("tokens", html(&tokens::TokensPage::sample())),
        ("tokens-empty", html(&tokens::TokensPage::sample_empty())),
        ("tokens-made", html(&tokens::TokensPage::sample_made())),
        (
            "tokens-refused",
            html(&tokens::TokensPage::sample_refused()),
        ),
        ("join", html(&join::JoinPage::sample())),
        ("join-refused", html(&join::JoinPage::sample_refused())),
    ]
}

/// Those about who comes in.
pub(super) fn of_people() -> Vec<(&'static str, String)> {
    vec![
        ("setup", html(&setup::SetupPage::sample())),
        ("setup-refused", html(&setup::SetupPage::sample_refused())),
        ("login", html(&login::LoginPage::sample())),
        ("login-nobody", html(&login::LoginPage::sample_nobody())),
        ("login-refused", html(&login::LoginPage::sample_refused())),
        ("sign-in-code", html(&sign_in_code::CodePage::sample())),
        (
            "sign-in-code-refused",
            html(&sign_in_code::CodePage::sample_refused()),
        ),
        ("confirm", html(&confirm::ConfirmPage::sample())),
        (
            "confirm-refused",
            html(&confirm::ConfirmPage::sample_refused()),
        ),
        ("me", html(&me::MePage::sample())),
        ("me-guessed", html(&me::MePage::sample_guessed())),
        ("me-refused", html(&me::MePage::sample_refused())),
        ("me-hostile", html(&me::MePage::sample_hostile())),
        ("factor", html(&factor::FactorPage::sample())),
        (
            "factor-in-force",
            html(&factor::FactorPage::sample_in_force()),
        ),
        ("enrol", html(&enrol::EnrolPage::sample())),
        ("enrol-refused", html(&enrol::EnrolPage::sample_refused())),
        ("recovery", html(&recovery::RecoveryPage::sample())),
    ]
}
