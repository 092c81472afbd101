//! The crate's public interface: tables in, outcomes and saved classifiers out.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

mod outcomes;
mod saved_classifiers;
mod synthetic;
mod timing;
