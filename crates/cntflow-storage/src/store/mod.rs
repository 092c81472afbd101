//! Object stores: `s3://`, `gs://`, `az://`, models of the hub (`hf://`), and files of HTTP
//! servers.
//!
//! Requests go through the crate `object_store`, which reads each store's settings from the
//! environment; temporary failures are retried ([`StoreOptions`]). The interface is blocking: a
//! small runtime waits for the network in threads of its own. Each answer is slow to come, but a
//! store serves many requests at once, so callers announce what they will read
//! ([`ObjectStores::announce`]).

mod address;
mod client;
mod failure;
mod fetch;
mod folder;
mod hub;
mod hub_url;
mod list;
mod options;
mod put;
mod read_ahead;
mod stream_to_file;

pub use address::is_url;
pub use client::ObjectStores;
pub use folder::{Folder, FolderFile};
pub use hub_url::HubUrl;
pub use list::ObjectInfo;
pub use options::StoreOptions;
pub use put::ObjectVersion;

use crate::{Content, Limits, StorageError};

/// The bytes of an object, through the stores of this process.
///
/// # Errors
/// As [`ObjectStores::fetch`].
pub fn fetch(url: &str, limits: &Limits) -> Result<Content, StorageError> {
    ObjectStores::of_process()?.fetch(url, limits)
}

/// The objects of a source, through the stores of this process.
///
/// # Errors
/// As [`ObjectStores::list`].
pub fn list(source: &str) -> Result<Vec<ObjectInfo>, StorageError> {
    ObjectStores::of_process()?.list(source)
}
