//! A lease: an object that its owner keeps rewriting, in place of a file lock.
//!
//! It locks a folder on an object store without comparing clocks. A process that finds a lease
//! watches it. If the lease changes, its owner is running. If it does not change for
//! [`TAKEOVER_AFTER`], its owner is dead, and the process replaces exactly the version that it has
//! watched.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use cntflow_storage::StorageError;
use cntflow_storage::store::{ObjectStores, ObjectVersion};

use crate::printer;

/// How long a lease must stay unchanged before it is taken over, default is 60 seconds. The
/// environment variable `CNTFLOW_LEASE_SECONDS` sets another time.
const TAKEOVER_AFTER: Duration = Duration::from_secs(60);

/// Number of times that the owner rewrites the lease within the takeover time. A watcher reads it
/// equally often.
const RENEWALS: u32 = 6;

/// Bytes of a lease that are read: more than it has.
const LEASE_BYTES: u64 = 200;

/// A lease that is renewed until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    held: Arc<HeldLease>,
    stop: Option<Sender<()>>,
    renewing: Option<JoinHandle<()>>,
}

/// What the owner of a lease knows of it.
#[derive(Debug)]
pub(crate) struct HeldLease {
    folder: String,
    url: String,
    /// Begins the text of the lease, and is of this owner alone.
    token: String,
    takeover_after: Duration,
    /// The version that the owner has written last, and number of renewals.
    written: Mutex<(ObjectVersion, u64)>,
    /// When the last renewal that succeeded began: until `takeover_after` later, nobody can have
    /// taken over.
    renewed_at: Mutex<Instant>,
    is_lost: AtomicBool,
}

impl Lease {
    /// Takes the lease `url` of a folder if nobody holds it, or if its owner is dead.
    ///
    /// # Errors
    /// Another process holds it; the store cannot be read or written.
    pub(crate) fn take(folder: &str, url: String) -> anyhow::Result<Self> {
        let stores = ObjectStores::of_process()?;
        let takeover_after = takeover_after();
        let token = new_token()?;
        let text = || lease_text(&token, 0);
        let (version, began) = loop {
            let began = Instant::now();
            if let Some(version) = stores.put_new(&url, text())? {
                break (version, began);
            }
            // The answer to a first attempt may have been lost.
            if let Some(version) = own_version(stores, &url, &token)? {
                break (version, began);
            }
            let dead = watch(stores, folder, &url, takeover_after)?;
            let began = Instant::now();
            if let Some(dead) = dead
                && let Some(version) = stores.replace(&url, text(), &dead)?
            {
                break (version, began);
            }
        };
        let held = Arc::new(HeldLease {
            folder: folder.to_owned(),
            url,
            token,
            takeover_after,
            written: Mutex::new((version, 0)),
            renewed_at: Mutex::new(began),
            is_lost: AtomicBool::new(false),
        });
        let (stop, stopped) = channel();
        let renewing = std::thread::Builder::new().name("cntflow:lease".to_owned());
        let renewing = renewing.spawn({
            let held = Arc::clone(&held);
            move || held.keep_renewing(stores, &stopped)
        });
        Ok(Self {
            held,
            stop: Some(stop),
            renewing: Some(renewing.context("cannot start the thread that renews the lease")?),
        })
    }

    /// What tells whether it is still held.
    pub(super) fn held(&self) -> &Arc<HeldLease> {
        &self.held
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(renewing) = self.renewing.take() {
            // A panic of the thread has been printed already.
            let _ = renewing.join();
        }
        // If this fails, the next run takes the lease over after a while.
        let _ = self.held.give_back();
    }
}

impl HeldLease {
    /// Makes sure that no other process has taken the lease over.
    ///
    /// # Errors
    /// One has; or the store cannot be asked, and one may have.
    pub(super) fn require(&self) -> anyhow::Result<()> {
        let renewed_at = *lock(&self.renewed_at);
        // This process may have been stopped for a long time.
        if !self.is_lost() && renewed_at.elapsed() > self.takeover_after / 2 {
            self.renew(ObjectStores::of_process()?)?;
        }
        if self.is_lost() {
            bail!(
                "{}: another cntflow process has taken this folder over, because the lease of this \
                 one was not renewed for {} seconds; this run ends, and what it had saved is kept",
                self.folder,
                self.takeover_after.as_secs()
            );
        }
        Ok(())
    }

    fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::SeqCst)
    }

    /// Renews the lease several times within the takeover time until `stopped`, or until another
    /// process has taken it over.
    fn keep_renewing(&self, stores: &ObjectStores, stopped: &Receiver<()>) {
        let interval = self.takeover_after / RENEWALS;
        while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            match self.renew(stores) {
                Ok(()) if self.is_lost() => return,
                Ok(()) => {}
                // The next renewal may still come in time.
                Err(error) => printer::note(&error.to_string()),
            }
        }
    }

    /// Rewrites the lease, or notes that it is lost.
    fn renew(&self, stores: &ObjectStores) -> Result<(), StorageError> {
        let mut written = lock(&self.written);
        loop {
            let (version, n_renewals) = &*written;
            let next = n_renewals + 1;
            let began = Instant::now();
            let renewed = stores.replace(&self.url, lease_text(&self.token, next), version)?;
            if let Some(renewed) = renewed {
                *written = (renewed, next);
                *lock(&self.renewed_at) = began;
                return Ok(());
            }
            // A renewal may have been written and its answer lost.
            match own_version(stores, &self.url, &self.token)? {
                Some(version) => *written = (version, next),
                None => {
                    self.is_lost.store(true, Ordering::SeqCst);
                    return Ok(());
                }
            }
        }
    }

    /// Removes the lease if it is still this owner's.
    fn give_back(&self) -> Result<(), StorageError> {
        let stores = ObjectStores::of_process()?;
        if own_version(stores, &self.url, &self.token)?.is_some() {
            stores.delete(&self.url)?;
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The version of a lease if it is that of the owner with this token.
fn own_version(
    stores: &ObjectStores,
    url: &str,
    token: &str,
) -> Result<Option<ObjectVersion>, StorageError> {
    let Some(info) = stores.head(url)? else {
        return Ok(None);
    };
    let text = stores.read_range(url, 0..LEASE_BYTES)?;
    // If it changes between the two requests, the version is an old one, and replaces nothing.
    Ok(text.starts_with(token.as_bytes()).then(|| info.version()))
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
                bail!(
                    "{folder}: another cntflow process is using this folder; wait until it has \
                     ended, or stop it, or choose another folder with --out"
                )
            }
            Some(_) => {}
        }
    }
    Ok(Some(first.version()))
}

/// A text that no other process has, on whatever machine.
fn new_token() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    let number = u128::from_le_bytes(bytes);
    Ok(format!("cntflow {number:032x}, "))
}

/// Differs with every renewal, since stores may derive an object's version from its content.
fn lease_text(token: &str, n_renewals: u64) -> Vec<u8> {
    let process = std::process::id();
    format!("{token}process {process}, renewed {n_renewals} times\n").into_bytes()
}

fn takeover_after() -> Duration {
    std::env::var("CNTFLOW_LEASE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|&seconds: &u64| seconds > 0)
        .map_or(TAKEOVER_AFTER, Duration::from_secs)
}
