//! Object stores: `s3://`, `gs://`, `az://`, and files of HTTP servers.
//!
//! Requests go through the crate `object_store`, with the environment settings that it has for each store; what fails for a while is
//! tried again ([`StoreOptions`]). This crate is no asynchronous one: a small runtime waits for the network in threads of its own, and
//! callers block. Since a store takes its time for each answer and minds many requests little, those who know what they will ask for
//! say so ([`ObjectStores::expect`]).

mod address;
mod ahead;
mod client;
mod failure;
mod fetch;
mod folder;
mod list;
mod options;
mod put;

pub use address::is_url;
pub use client::ObjectStores;
pub use folder::{Folder, FolderFile};
pub use list::Found;
pub use options::StoreOptions;
pub use put::Written;

use crate::{Content, Limits, StorageError};

/// The bytes of an object, by the stores of this process.
///
/// # Errors
/// As [`ObjectStores::fetch`].
pub fn fetch(url: &str, limits: &Limits) -> Result<Content, StorageError> {
    ObjectStores::of_process()?.fetch(url, limits)
}

/// The objects of a source, by the stores of this process.
///
/// # Errors
/// As [`ObjectStores::list`].
pub fn list(source: &str) -> Result<Vec<Found>, StorageError> {
    ObjectStores::of_process()?.list(source)
}
