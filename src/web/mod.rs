//! The browser's door: pages made on the server, and the forms that start operations.
//!
//! What must stay true: a page is complete without JavaScript, loads nothing from elsewhere, and carries no inline
//! style or script, so that the strictest content security policy holds. Read [`layout`] for what every page shares
//! and [`page`] for the pages.

pub mod layout;
pub mod page;
