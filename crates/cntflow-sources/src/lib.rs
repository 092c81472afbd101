//! Finding checkpoints: files, folders, globs, archives, catalogs and object stores become a catalog.
//!
//! [`scan`] looks at the content of every file. Layouts of published populations give runs, steps, labels and architectures.

mod error;
mod layout;
mod scan;

pub use error::SourceError;
pub use scan::{scan, scan_within};
