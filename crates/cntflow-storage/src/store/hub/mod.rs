//! Models of the Hugging Face hub as objects: `hf://owner/name@revision/file`.
//!
//! A revision is a branch, a tag or a commit. Branches and tags are looked up once, and then files
//! are read from the commits that they name: a branch that moves meanwhile gives no mixture of two
//! states. The object store of the crate `object_store` for HTTP does not serve here: it lists by
//! WebDAV, knows no commits, and does not wait as long as the hub asks it to.

mod answer;
mod api;
mod client;
mod error;
mod repository;
mod revision;
mod settings;

pub(super) use error::HubError;
pub(super) use repository::HubRepository;
pub(super) use revision::HubRevision;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use client::HubClient;
use settings::HubSettings;

use super::options::StoreOptions;

/// The repositories of the hub that were asked for.
#[derive(Debug, Default)]
pub(super) struct Hub {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Made at its first use.
    client: Option<Arc<HubClient>>,
    repositories: HashMap<String, Arc<HubRepository>>,
}

impl Hub {
    /// The repository of that name, `owner/name`.
    ///
    /// # Errors
    /// The environment names no usable endpoint or token.
    pub(super) fn repository(
        &self,
        name: &str,
        options: &StoreOptions,
    ) -> Result<Arc<HubRepository>, HubError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.repositories.get(name) {
            return Ok(Arc::clone(known));
        }
        let client = match &state.client {
            Some(client) => Arc::clone(client),
            None => {
                let client = Arc::new(HubClient::new(HubSettings::from_env()?, *options)?);
                state.client = Some(Arc::clone(&client));
                client
            }
        };
        let repository = Arc::new(HubRepository::new(client, name.to_owned()));
        state
            .repositories
            .insert(name.to_owned(), Arc::clone(&repository));
        Ok(repository)
    }
}
