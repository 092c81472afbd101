//! The crate from outside: tables in, outcomes and saved classifiers out.

mod outcomes;
mod saved;
mod timing;
mod zoo;
