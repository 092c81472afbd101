#![doc = include_str!("../README.md")]

pub mod archive;
mod atomic;
mod content;
mod error;
mod file_cache;
mod limits;
mod location;
mod mapped;
mod shared_path;
mod stamp;
pub mod store;
pub mod zip;

pub use atomic::{make_folder, sync_folder, write_atomically};
pub use content::Content;
pub use error::{FormatError, FullMessage, StorageError};
pub use file_cache::FileCache;
pub use limits::Limits;
pub use location::Location;
pub use shared_path::SharedPath;
pub use stamp::Stamp;
