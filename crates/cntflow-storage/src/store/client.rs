//! The clients: one for each bucket or server, over a small runtime of their own.

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
use super::ahead::Ahead;
use super::options::StoreOptions;
use crate::StorageError;

/// Threads that wait for the network; what is read is worked on elsewhere.
const THREADS: usize = 2;

/// Object stores, by a blocking interface. Clients and their connections are kept and shared by all threads.
pub struct ObjectStores {
    pub(super) options: StoreOptions,
    pub(super) ahead: Ahead,
    clients: Mutex<HashMap<(Scheme, String), Arc<dyn ObjectStore>>>,
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
    /// Stores without any client yet.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(options: StoreOptions) -> std::io::Result<Self> {
        // One of the two providers that TLS can be built with; an error says that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("objects")
            .enable_all()
            .build()?;
        Ok(Self {
            options,
            ahead: Ahead::default(),
            clients: Mutex::default(),
            runtime,
        })
    }

    /// The stores of this process, with the options of its environment. No thread is started before the first call.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn of_process() -> Result<&'static Self, StorageError> {
        static STORES: LazyLock<std::io::Result<ObjectStores>> =
            LazyLock::new(|| ObjectStores::new(StoreOptions::from_env()));
        STORES.as_ref().map_err(|error| {
            let text = format!("talking to object stores: {error}");
            StorageError::Io(std::io::Error::new(error.kind(), text))
        })
    }

    /// Carries out a future; the calling thread waits.
    pub(super) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Carries out a future on the threads that wait for the network.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.spawn(future)
    }

    /// The client of a bucket or server, made where there is none yet.
    pub(super) fn client(&self, at: &Address) -> Result<Arc<dyn ObjectStore>, StorageError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (at.scheme, at.bucket.clone());
        if let Some(client) = clients.get(&name) {
            return Ok(Arc::clone(client));
        }
        let client = build(at, &self.options).map_err(|error| StorageError::Object {
            url: at.to_string(),
            reason: error.to_string(),
        })?;
        clients.insert(name, Arc::clone(&client));
        Ok(client)
    }
}

/// A client with the settings that its environment gives.
fn build(at: &Address, options: &StoreOptions) -> object_store::Result<Arc<dyn ObjectStore>> {
    let retry = options.retry();
    let url = |scheme: &str| format!("{scheme}://{}", at.bucket);
    Ok(match at.scheme {
        Scheme::S3 => Arc::new(
            AmazonS3Builder::from_env()
                .with_bucket_name(&at.bucket)
                .with_retry(retry)
                .build()?,
        ),
        Scheme::Gs => Arc::new(
            GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(&at.bucket)
                .with_retry(retry)
                .build()?,
        ),
        Scheme::Az => Arc::new(
            MicrosoftAzureBuilder::from_env()
                .with_container_name(&at.bucket)
                .with_retry(retry)
                .build()?,
        ),
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
