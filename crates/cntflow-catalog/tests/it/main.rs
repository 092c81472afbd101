//! Catalog files in every form, what is said of broken ones, and tables of metadata.

#![allow(
    clippy::disallowed_methods,
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test that unwraps fails where it should; helpers take what is at hand"
)]

mod catalog_files;
mod metadata;
