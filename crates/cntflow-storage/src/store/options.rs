//! How stores are talked to, with the defaults.

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};

/// Largest number of times a request is tried again that the environment may ask for.
const MOST_RETRIES: usize = 100;

/// How an object store is talked to. Where it lies and who asks is in the environment, as the client of each store has it
/// (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, ...).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// How often a failed request (status 5xx, 429, a connection cut or refused, a timeout) is tried again, default is 6;
    /// `CNTFLOW_STORE_RETRIES`.
    pub retries: usize,
    /// Wait before the first new try, default is 100 ms; it doubles from try to try, give or take chance.
    pub first_wait: Duration,
    /// Longest wait between two tries, default is 10 s.
    pub longest_wait: Duration,
    /// Time after which a request is not tried again, default is 120 s; `CNTFLOW_STORE_RETRY_SECONDS`.
    pub retry_for: Duration,
    /// Size up to which objects are held in memory, default is 64 MiB; larger ones are read in parts to a temporary file.
    pub held_bytes: u64,
    /// Size of a part, default is 16 MiB.
    pub part_bytes: u64,
    /// Parts of one object read or written at a time, default is 4.
    pub parts_at_once: usize,
    /// Objects read ahead of those who ask, default is 32.
    pub ahead: usize,
    /// Size up to which objects are read ahead, default is 4 MiB: with [`StoreOptions::ahead`], what reading ahead may hold.
    pub ahead_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            retries: 6,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_secs(10),
            retry_for: Duration::from_secs(120),
            held_bytes: 64 << 20,
            part_bytes: 16 << 20,
            parts_at_once: 4,
            ahead: 32,
            ahead_bytes: 4 << 20,
        }
    }
}

impl StoreOptions {
    /// The defaults, but for what the environment says. What cannot be read there counts as not said.
    #[must_use]
    pub fn from_env() -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let mut options = Self::default();
        if let Some(retries) = number("CNTFLOW_STORE_RETRIES") {
            options.retries =
                usize::try_from(retries).map_or(MOST_RETRIES, |n| n.min(MOST_RETRIES));
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
