#![doc = include_str!("../README.md")]

mod error;
mod layout;
mod scan;

pub use error::SourceError;
pub use layout::weights_in_folder;
pub use scan::{FileLook, ScanCache, look_again, scan, scan_again, scan_within};
