//! Who is at work in a folder on an object store, where no file can be locked: an object that its owner writes anew all the time.
//!
//! Nobody's clock is asked. Who finds such an object watches it: if it changes, its owner is at work; if it does not for as long as
//! [`PATIENCE`], its owner is dead, and it is taken over, in the very version that was watched.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::bail;
use cntflow_storage::store::{ObjectStores, ObjectVersion};

use crate::printer;

/// How long a lease that does not change is watched before it is taken over, default is 60 seconds; `CNTFLOW_LEASE_SECONDS`.
const PATIENCE: Duration = Duration::from_secs(60);

/// Times that a lease is written, or looked at, within the patience of the others.
const TIMES: u32 = 6;

/// A lease that is held and kept alive until it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    url: String,
    stop: Option<Sender<()>>,
    renewing: Option<JoinHandle<()>>,
}

impl Lease {
    /// Takes the lease of a folder, if nobody has it or its owner is dead.
    ///
    /// # Errors
    /// Somebody has it; the store cannot be asked.
    pub(crate) fn take(folder: &str, url: String) -> anyhow::Result<Self> {
        let stores = ObjectStores::of_process()?;
        let patience = patience();
        let written = loop {
            if let Some(written) = stores.put_new(&url, text(0))? {
                break written;
            }
            if let Some(dead) = watch(stores, folder, &url, patience)?
                && let Some(written) = stores.replace(&url, text(0), &dead)?
            {
                break written;
            }
        };
        let (stop, stopped) = channel();
        let renewing = std::thread::spawn({
            let url = url.clone();
            move || {
                let mut written = written;
                for n in 1.. {
                    match stopped.recv_timeout(patience / TIMES) {
                        Err(RecvTimeoutError::Timeout) => {}
                        _ => return,
                    }
                    match stores.replace(&url, text(n), &written) {
                        Ok(Some(renewed)) => written = renewed,
                        Ok(None) => {
                            printer::note(&format!("{url}: taken over by another cntflow"));
                            return;
                        }
                        // It is tried again; the store has been away for long by then.
                        Err(error) => printer::note(&error.to_string()),
                    }
                }
            }
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
            // A panic in it has been told.
            let _ = renewing.join();
        }
        // What stays is taken over by the next run, later.
        let _ = ObjectStores::of_process().and_then(|stores| stores.delete(&self.url));
    }
}

/// The version of a lease that did not change for `patience`; `None` if it is gone.
fn watch(
    stores: &ObjectStores,
    folder: &str,
    url: &str,
    patience: Duration,
) -> anyhow::Result<Option<ObjectVersion>> {
    let Some(first) = stores.head(url)? else {
        return Ok(None);
    };
    printer::note(&format!(
        "{folder}: another cntflow is at work here, or was killed; watching for {} seconds which",
        patience.as_secs()
    ));
    let since = Instant::now();
    while since.elapsed() < patience {
        std::thread::sleep(patience / TIMES);
        match stores.head(url)? {
            None => return Ok(None),
            Some(now) if now.etag != first.etag => {
                bail!("{folder}: another cntflow is at work in this folder")
            }
            Some(_) => {}
        }
    }
    Ok(Some(first.version()))
}

/// No two of one lease are alike: stores name versions by their content.
fn text(n: u64) -> Vec<u8> {
    format!("process {}, renewed {n} times\n", std::process::id()).into_bytes()
}

fn patience() -> Duration {
    let seconds = std::env::var("CNTFLOW_LEASE_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok());
    let seconds = seconds.filter(|&seconds: &u64| seconds > 0);
    seconds.map_or(PATIENCE, Duration::from_secs)
}
