//! The crate's public interface: tables in, outcomes and saved classifiers out.

mod outcomes;
mod saved_classifiers;
mod synthetic;
mod timing;
