//! The crate's public interface: rows in, fitted models and predictions out.

#![allow(
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should"
)]

mod data;
mod failures;
mod fitting;
mod quality;
mod saved;
