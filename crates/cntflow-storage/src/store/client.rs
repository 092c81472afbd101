//! The clients, one for each bucket or server, over a small asynchronous runtime of their own.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::{ClientOptions, ObjectStore};
use tokio::runtime::{Builder, Runtime};

use super::address::{Address, Scheme};
use super::failure::client_error;
use super::hub::{Hub, HubRepository, HubRevision};
use super::hub_url;
use super::options::StoreOptions;
use super::read_ahead::ReadAhead;
use crate::StorageError;

/// Threads that wait for the network. Callers work on the bytes in threads of their own.
const THREADS: usize = 2;

/// Object stores behind a blocking interface. All threads share the clients and their connections.
pub struct ObjectStores {
    pub(super) options: StoreOptions,
    pub(super) read_ahead: ReadAhead,
    clients: Mutex<HashMap<(Scheme, String), Arc<dyn ObjectStore>>>,
    hub: Hub,
    runtime: Runtime,
}

impl std::fmt::Debug for ObjectStores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectStores")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl ObjectStores {
    /// Starts the threads. Clients are made later, each at its first use.
    ///
    /// # Errors
    /// The operating system cannot start the threads.
    pub fn new(options: StoreOptions) -> std::io::Result<Self> {
        // TLS needs one cryptography provider in the process; an error only says that there already
        // is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("objects")
            .enable_all()
            .build()?;
        Ok(Self {
            options,
            read_ahead: ReadAhead::default(),
            clients: Mutex::default(),
            hub: Hub::default(),
            runtime,
        })
    }

    /// The stores that this process shares, with options from its environment. The first call
    /// starts the threads.
    ///
    /// # Errors
    /// The operating system cannot start the threads.
    pub fn of_process() -> Result<&'static Self, StorageError> {
        static STORES: LazyLock<std::io::Result<ObjectStores>> =
            LazyLock::new(|| ObjectStores::new(StoreOptions::from_env()));
        STORES.as_ref().map_err(|error| {
            let text = format!("cannot start the threads that talk to object stores: {error}");
            StorageError::Io(std::io::Error::new(error.kind(), text))
        })
    }

    /// Runs a future; the calling thread waits for it.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Runs a future on the network threads.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.spawn(future)
    }

    /// The client of a bucket or server; the first call for it makes the client.
    pub(super) fn client(&self, address: &Address) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (address.scheme, address.bucket.clone());
        if let Some(client) = clients.get(&name) {
            return Ok(Arc::clone(client));
        }
        let client = match address.scheme {
            Scheme::Hub => {
                let (_, revision) = hub_url::parts(&address.bucket);
                Arc::new(HubRevision::new(self.hub_repository(address)?, revision))
            }
            _ => build(address, &self.options).map_err(|error| StorageError::Object {
                url: address.to_string(),
                reason: error.to_string(),
            })?,
        };
        clients.insert(name, Arc::clone(&client));
        Ok(client)
    }

    /// The repository of the hub that an address names.
    pub(super) fn hub_repository(
        &self,
        address: &Address,
    ) -> Result<Arc<HubRepository>, StorageError> {
        let (name, _) = hub_url::parts(&address.bucket);
        let repository = self.hub.repository(name, &self.options);
        repository.map_err(|error| client_error(address, &error.of_store("")))
    }
}

/// A client with the settings of the environment.
fn build(address: &Address, options: &StoreOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retry = options.retry();
    let url = |scheme: &str| format!("{scheme}://{}", address.bucket);
    Ok(match address.scheme {
        Scheme::S3 => Arc::new(
            AmazonS3Builder::from_env()
                .with_bucket_name(&address.bucket)
                .with_retry(retry)
                .build()?,
        ),
        Scheme::Gs => Arc::new(
            GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(&address.bucket)
                .with_retry(retry)
                .build()?,
        ),
        Scheme::Az => Arc::new(
            MicrosoftAzureBuilder::from_env()
                .with_container_name(&address.bucket)
                .with_retry(retry)
                .build()?,
        ),
        // Its clients know their repository, see `ObjectStores::client`.
        Scheme::Hub => {
            return Err(object_store::Error::NotImplemented {
                operation: "build".to_owned(),
                implementer: "hub".to_owned(),
            });
        }
        Scheme::Http => Arc::new(
            HttpBuilder::new()
                .with_url(url("http"))
                .with_client_options(ClientOptions::new().with_allow_http(true))
                .with_retry(retry)
                .build()?,
        ),
        Scheme::Https => Arc::new(
            HttpBuilder::new()
                .with_url(url("https"))
                .with_retry(retry)
                .build()?,
        ),
    })
}
