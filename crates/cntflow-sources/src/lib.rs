#![doc = include_str!("../README.md")]

mod error;
mod layout;
mod scan;

pub use error::SourceError;
pub use scan::{scan, scan_within};
