//! Options of requests to object stores, with their defaults.

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};

/// The largest number of retries that the environment may set.
const MAX_RETRIES: usize = 100;

/// Options of requests to object stores. Endpoints and credentials come from the environment
/// variables of each store's client (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`,
/// `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, ...).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Retries of a failed request (status 5xx or 429, a broken or refused connection, a timeout),
    /// default is 6; `CNTFLOW_STORE_RETRIES`.
    pub retries: usize,
    /// Wait before the first retry, default is 100 ms; it doubles from retry to retry, with random
    /// jitter.
    pub first_wait: Duration,
    /// Longest wait before a retry, default is 10 s.
    pub longest_wait: Duration,
    /// Time after which a request is not retried, default is 120 s; `CNTFLOW_STORE_RETRY_SECONDS`.
    pub retry_for: Duration,
    /// Largest object that is read into memory, default is 64 MiB; larger ones are read in parts to
    /// a temporary file.
    pub memory_bytes: u64,
    /// Size of a part, default is 16 MiB.
    pub part_bytes: u64,
    /// Parts of one object that are read or written concurrently, default is 4.
    pub parts_at_once: usize,
    /// Objects that are fetched concurrently, default is 32.
    pub objects_at_once: usize,
    /// Largest object that is read ahead, default is 4 MiB. Times
    /// [`StoreOptions::objects_at_once`], this bounds the memory of reading ahead.
    pub read_ahead_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            retries: 6,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(10),
            retry_for: Duration::from_secs(120),
            memory_bytes: 64 << 20,
            part_bytes: 16 << 20,
            parts_at_once: 4,
            objects_at_once: 32,
            read_ahead_bytes: 4 << 20,
        }
    }
}

impl StoreOptions {
    /// The defaults, with those options replaced that the environment sets. A variable that is no
    /// number is ignored.
    #[must_use]
    pub fn from_env() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let mut options = Self::default();
        if let Some(retries) = number("CNTFLOW_STORE_RETRIES") {
            options.retries = usize::try_from(retries).map_or(MAX_RETRIES, |n| n.min(MAX_RETRIES));
        }
        if let Some(seconds) = number("CNTFLOW_STORE_RETRY_SECONDS") {
            options.retry_for = Duration::from_secs(seconds);
        }
        options
    }

    pub(super) fn retry(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: self.first_wait,
                max_backoff: self.longest_wait,
                base: 2.0,
            },
            max_retries: self.retries,
            retry_timeout: self.retry_for,
        }
    }
}
