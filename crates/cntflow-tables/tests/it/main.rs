//! Integration tests of the tables, as one binary.

mod older_version;
mod reference;
mod scan;
mod support;
