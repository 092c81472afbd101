//! Integration tests of the tables, as one binary.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

mod experiments;
mod links;
mod older_version;
mod reference;
mod scan;
mod support;
