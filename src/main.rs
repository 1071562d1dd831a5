//! The binary: everything it does is in the library, see [`lockkeeper::cli`].

fn main() {}
