//! A lease: an object that its owner keeps rewriting, in place of a file lock.
//!
//! It locks a folder on an object store without comparing clocks. A process that finds a lease
//! watches it. If the lease changes, its owner is running. If it does not change for
//! [`TAKEOVER_AFTER`], its owner is dead, and the process replaces exactly the version that it has
//! watched.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::bail;
use cntflow_storage::store::{ObjectStores, ObjectVersion};

use crate::printer;

/// How long a lease must stay unchanged before it is taken over, default is 60 seconds. The
/// environment variable `CNTFLOW_LEASE_SECONDS` sets another time.
const TAKEOVER_AFTER: Duration = Duration::from_secs(60);

/// Number of times that the owner rewrites the lease within the takeover time. A watcher reads it
/// equally often.
const RENEWALS: u32 = 6;

/// A lease that is renewed until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    url: String,
    stop: Option<Sender<()>>,
    renewing: Option<JoinHandle<()>>,
}

impl Lease {
    /// Takes the lease `url` of a folder if nobody holds it, or if its owner is dead.
    ///
    /// # Errors
    /// Another process holds it; the store cannot be read or written.
    pub(crate) fn take(folder: &str, url: String) -> anyhow::Result<Self> {
        let stores = ObjectStores::of_process()?;
        let takeover_after = takeover_after();
        let version = loop {
            if let Some(version) = stores.put_new(&url, lease_text(0))? {
                break version;
            }
            if let Some(dead) = watch(stores, folder, &url, takeover_after)?
                && let Some(version) = stores.replace(&url, lease_text(0), &dead)?
            {
                break version;
            }
        };
        let (stop, stopped) = channel();
        let interval = takeover_after / RENEWALS;
        let renewing = std::thread::spawn({
            let url = url.clone();
            move || renew(stores, &url, version, interval, &stopped)
        });
        Ok(Self {
            url,
            stop: Some(stop),
            renewing: Some(renewing),
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(renewing) = self.renewing.take() {
            // A panic of the thread has been printed already.
            let _ = renewing.join();
        }
        // If the deletion fails, the next run takes the lease over after a while.
        let _ = ObjectStores::of_process().and_then(|stores| stores.delete(&self.url));
    }
}

/// Rewrites the lease every `interval` until `stopped`, or until another process has taken it over.
fn renew(
    stores: &ObjectStores,
    url: &str,
    mut version: ObjectVersion,
    interval: Duration,
    stopped: &Receiver<()>,
) {
    for n_renewals in 1.. {
        if stopped.recv_timeout(interval) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        match stores.replace(url, lease_text(n_renewals), &version) {
            Ok(Some(renewed)) => version = renewed,
            Ok(None) => {
                printer::note(&format!("{url}: another cntflow process has taken over"));
                return;
            }
            // The next renewal may still come in time.
            Err(error) => printer::note(&error.to_string()),
        }
    }
}

/// Waits for `takeover_after` and returns the version of the lease if it did not change; `None` if
/// it is gone.
///
/// # Errors
/// The lease changed: its owner is running.
fn watch(
    stores: &ObjectStores,
    folder: &str,
    url: &str,
    takeover_after: Duration,
) -> anyhow::Result<Option<ObjectVersion>> {
    let Some(first) = stores.head(url)? else {
        return Ok(None);
    };
    printer::note(&format!(
        "{folder}: another cntflow process is using this folder or was killed; waiting {} seconds \
         to find out",
        takeover_after.as_secs()
    ));
    let started = Instant::now();
    while started.elapsed() < takeover_after {
        std::thread::sleep(takeover_after / RENEWALS);
        match stores.head(url)? {
            None => return Ok(None),
            Some(now) if now.etag != first.etag => {
                bail!("{folder}: another cntflow process is using this folder")
            }
            Some(_) => {}
        }
    }
    Ok(Some(first.version()))
}

/// Differs with every renewal, since stores may derive an object's version from its content.
fn lease_text(n_renewals: u64) -> Vec<u8> {
    format!(
        "process {}, renewed {n_renewals} times\n",
        std::process::id()
    )
    .into_bytes()
}

fn takeover_after() -> Duration {
    std::env::var("CNTFLOW_LEASE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|&seconds: &u64| seconds > 0)
        .map_or(TAKEOVER_AFTER, Duration::from_secs)
}
