//! The output folder of a study: its record, its lock, and the files in it.

pub(crate) mod batch_name;
mod catalog_parts;
pub(crate) mod differences;
pub(crate) mod export_folder;
mod file_names;
mod lease;
pub(crate) mod lock;
pub(crate) mod record;
pub(crate) mod removal;
pub(crate) mod shared_token;
pub(crate) mod study_folder;
