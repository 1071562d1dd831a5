//! The pages: one file per page, with what it shows as plain data and a few samples of it.
//!
//! What must stay true: a page struct holds nothing but what its template prints, so that every page can be rendered
//! without a database; text from outside reaches HTML only through askama's escaping; no page needs the script.

pub mod account;
pub mod agent;
pub mod approvals;
pub mod audit;
pub mod backup;
pub mod backups;
pub mod change;
pub mod chart;
pub mod code;
pub mod confirm;
pub mod contract;
pub mod decision;
pub mod drift;
pub mod enrol;
pub mod error;
pub mod factor;
pub mod job;
pub mod jobs;
pub mod join;
pub mod log;
pub mod login;
pub mod me;
pub mod measure;
pub mod migration;
pub mod migrations;
pub mod notifications;
pub mod overview;
pub mod pill;
pub mod plan;
pub mod plans;
pub mod qr;
pub mod recovery;
pub mod schedule;
pub mod settings;
pub mod setup;
pub mod shown;
pub mod sign_in_code;
pub mod size;
pub mod statement;
pub mod subscription;
pub mod system;
pub mod target;
pub mod tokens;
pub mod trouble;
pub mod users;
pub mod when;

#[cfg(test)]
mod gallery;
