//! Schedules.
pub mod timing;
