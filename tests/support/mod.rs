//! What the integration tests share. Each test binary uses a part of it.
#![expect(dead_code, reason = "each test binary uses its own part")]

pub mod cluster;
pub mod console;
pub mod device;
pub mod exposition;
pub mod holder;
pub mod prisma;
pub mod project;
pub mod skip;
mod template;
pub mod visitor;
