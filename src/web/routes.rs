//! The routes: the table of contents of the console, and who may ask for what.

use super::access::Access::{Console, Job, Listing, Notification, Open, Own, Person, Target};
use super::access::Routes;
use super::{
    account, approvals, asset, backup, backups, confirm, download, drift, factor, figures, health,
    history, job, jobs, me, notifications, overview, plans, record, schedule, settings, sign_in,
    sign_in_code, subscription, system, target, tokens, users,
};
use crate::auth::role::Permission::{Approve, Change, Download, Manage, Operate, View};

/// Every route.
pub(super) fn all(config: &mut impl Routes) {
    open_routes(config);
    config
        .read("/", Listing, overview::targets)
        .change("/logout", Person, sign_in::logout)
        .read("/t/{target}", Target(View), target::show)
        .change("/t/{target}/check", Target(Operate), target::check)
        .read("/t/{target}/migrations", Target(View), history::list)
        .read(
            "/t/{target}/migrations/{name}",
            Target(View),
            history::detail,
        )
        .change("/t/{target}/drift", Target(Operate), drift::compare)
        .read("/t/{target}/plans", Target(View), plans::list)
        .change("/t/{target}/plans", Target(Operate), plans::make)
        .read("/t/{target}/plans/{id}", Target(View), plans::detail)
        .change_proven(
            "/t/{target}/plans/{id}/approve",
            Target(Approve),
            plans::approve,
        )
        .change(
            "/t/{target}/plans/{id}/reject",
            Target(Approve),
            plans::reject,
        )
        .change_proven("/t/{target}/plans/{id}/apply", Target(Change), plans::apply)
        .read("/t/{target}/settings", Target(View), settings::show)
        .change_proven(
            "/t/{target}/settings/second-factor",
            Target(Manage),
            settings::require_factor,
        )
        .change_proven(
            "/t/{target}/settings/second-person",
            Target(Manage),
            settings::require_second_person,
        )
        .read("/approvals", Listing, approvals::list)
        .read("/jobs", Listing, jobs::list)
        .read("/audit", Listing, record::list)
        .read("/audit.jsonl", Listing, record::export);
    backup_routes(config);
    job_routes(config);
    schedule_routes(config);
    people_routes(config);
    subscription_routes(config);
    place_routes(config);
    person_routes(config);
}

/// What somebody does about themselves. Whoever has to set up a second factor first reaches these, and nothing else.
fn person_routes(config: &mut impl Routes) {
    config
        .read("/me", Person, me::show)
        .change("/me/sessions/end", Person, me::end)
        .change("/me/sessions/end-others", Person, me::end_others)
        .change_proven("/me/password", Person, me::change_password)
        .read("/me/factor", Person, factor::show)
        .change_proven("/me/factor/begin", Person, factor::begin)
        .read("/me/factor/new", Person, factor::new)
        .change("/me/factor/new", Person, factor::confirm)
        .change_proven("/me/factor/remove", Person, factor::remove)
        .change_proven("/me/factor/codes", Person, factor::renew_codes)
        .read("/me/factor/codes", Person, factor::codes)
        .read("/me/factor/codes.txt", Person, factor::codes_text)
        .change("/me/factor/codes/kept", Person, factor::kept)
        .read("/confirm", Person, confirm::form)
        .change_proven("/confirm", Person, confirm::prove);
}

/// What there is to go back to. Programs do not delete it: no token is an admin's.
fn backup_routes(config: &mut impl Routes) {
    config
        .read("/t/{target}/backups", Target(View), backups::list)
        .change("/t/{target}/backups", Target(Operate), backups::take)
        .read("/t/{target}/backups/{id}", Target(View), backup::detail)
        .read_proven(
            "/t/{target}/backups/{id}/download",
            Target(Download),
            download::download,
        )
        .change_proven(
            "/t/{target}/backups/{id}/delete",
            Target(Manage),
            backup::delete,
        );
}

/// One job.
fn job_routes(config: &mut impl Routes) {
    config
        .read("/jobs/{id}", Job(View), job::detail)
        .read("/jobs/{id}/log", Job(View), job::log::download)
        .read("/jobs/{id}/events", Job(View), job::live::events)
        .read("/jobs/{id}/events.json", Job(View), job::live::poll)
        .change("/jobs/{id}/cancel", Job(Operate), job::decide::cancel)
        .change("/jobs/{id}/reconcile", Job(Change), job::decide::reconcile);
}

/// What is done with a schedule.
fn schedule_routes(config: &mut impl Routes) {
    let manage = Target(Manage);
    config
        .change("/t/{target}/settings/schedules", manage, settings::add)
        .read(
            "/t/{target}/settings/schedules/{id}",
            manage,
            schedule::show,
        )
        .change(
            "/t/{target}/settings/schedules/{id}",
            manage,
            schedule::change,
        )
        .change(
            "/t/{target}/settings/schedules/{id}/pause",
            manage,
            schedule::pause,
        )
        .change(
            "/t/{target}/settings/schedules/{id}/resume",
            manage,
            schedule::resume,
        )
        .change(
            "/t/{target}/settings/schedules/{id}/run",
            Target(Operate),
            schedule::run,
        )
        .change(
            "/t/{target}/settings/schedules/{id}/delete",
            manage,
            schedule::delete,
        );
}

/// Who the users are, and the tokens of everybody's programs.
fn people_routes(config: &mut impl Routes) {
    let manage = Console(Manage);
    config
        .read("/users", manage, users::list)
        .change_proven("/users", manage, users::add)
        .change_proven("/users/second-factor", manage, users::require_factor)
        .read("/users/{id}", manage, account::show)
        .change_proven("/users/{id}/roles", manage, account::set_role)
        .change_proven("/users/{id}/link", manage, account::link)
        .change_proven("/users/{id}/disable", manage, account::disable)
        .change_proven("/users/{id}/enable", manage, account::enable)
        .change_proven("/users/{id}/reset-factor", manage, account::reset_factor)
        .change("/users/{id}/tokens/{token}/revoke", manage, account::revoke)
        .read("/tokens", Own, tokens::list)
        .change_proven("/tokens", Own, tokens::make)
        .change("/tokens/{id}/revoke", Own, tokens::revoke);
}

/// The installation itself.
fn place_routes(config: &mut impl Routes) {
    config.read("/system", Console(Manage), system::show);
}

/// Who is told of what, and what they were told.
fn subscription_routes(config: &mut impl Routes) {
    let manage = Target(Manage);
    config
        .read("/notifications", Listing, notifications::list)
        .change(
            "/notifications/{id}/again",
            Notification(Operate),
            notifications::again,
        )
        .change(
            "/t/{target}/settings/backup-age",
            manage,
            subscription::set_backup_age,
        )
        .change(
            "/t/{target}/settings/notifications",
            manage,
            subscription::add,
        )
        .read(
            "/t/{target}/settings/notifications/{id}",
            manage,
            subscription::show,
        )
        .change(
            "/t/{target}/settings/notifications/{id}",
            manage,
            subscription::change,
        )
        .change(
            "/t/{target}/settings/notifications/{id}/remove",
            manage,
            subscription::remove,
        )
        .change(
            "/t/{target}/settings/notifications/{id}/test",
            manage,
            subscription::test,
        );
}

/// What anybody may ask for: signing in, the look, and whether the console is up. The figures have a door of their own.
fn open_routes(config: &mut impl Routes) {
    config
        .read("/setup", Open, sign_in::setup_form)
        .change("/setup", Open, sign_in::setup)
        .read("/login", Open, sign_in::login_form)
        .change("/login", Open, sign_in::login)
        .read("/login/code", Open, sign_in_code::form)
        .change("/login/code", Open, sign_in_code::check)
        .change("/theme", Open, sign_in::theme)
        .read("/healthz", Open, health::alive)
        .read("/readyz", Open, health::ready)
        .read("/metrics", Open, figures::tell)
        .read("/static/{hash}/{name}", Open, asset::file);
}
