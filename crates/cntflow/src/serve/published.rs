//! What the folder has now: its version, its networks, and the page that is made of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cntflow_network::Twin;
use cntflow_serve::{Bytes, Study, Unreadable};
use cntflow_storage::store::Folder;
use cntflow_tables::{Status, TableStore};
use serde_json::{Value, json};

use super::read_again::read_again;
use crate::commands::query::experiment_names;
use crate::commands::report::live_page;
use crate::folder::record::StudyRecord;

/// How long a look at a folder on a disk is good for.
const LOOK: Duration = Duration::from_secs(1);

/// How long a look at a folder on an object store is good for: it takes a request for each table.
const LOOK_AT_STORE: Duration = Duration::from_secs(10);

const STATUSES: [Status; 3] = [Status::Ok, Status::Failed, Status::Skipped];

/// The page of a folder, and what is known of it. It is asked by many threads.
pub(crate) struct Published {
    folder: PathBuf,
    look: Duration,
    seen: Mutex<Option<Seen>>,
    /// Held while the page is made: one thread makes it, and the others wait for it.
    page: Mutex<Option<Page>>,
    is_making: AtomicBool,
}

/// What a look at the folder has found.
#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    version: String,
    /// When this version was found.
    changed: SystemTime,
    /// Number of networks of each status.
    networks: BTreeMap<&'static str, u64>,
}

struct Page {
    version: String,
    html: Bytes,
}

/// Says that the page is being made, until it is dropped: after a panic, too.
struct Making<'a>(&'a AtomicBool);

impl<'a> Making<'a> {
    fn begin(is_making: &'a AtomicBool) -> Self {
        is_making.store(true, Ordering::Relaxed);
        Self(is_making)
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Published {
    pub(crate) fn new(folder: &Path) -> Self {
        let is_remote = Folder::at(folder).is_remote();
        Self {
            folder: folder.to_owned(),
            look: if is_remote { LOOK_AT_STORE } else { LOOK },
            seen: Mutex::default(),
            page: Mutex::default(),
            is_making: AtomicBool::default(),
        }
    }

    /// Looks at the folder, if the last look is not good any more.
    fn look(&self) -> Result<Seen, Unreadable> {
        let mut seen = lock(&self.seen);
        if let Some(seen) = seen.as_ref().filter(|seen| seen.at.elapsed() < self.look) {
            return Ok(seen.clone());
        }
        let now = read_again(&self.folder, || self.seen_now(seen.as_ref()))?;
        *seen = Some(now.clone());
        Ok(now)
    }

    fn seen_now(&self, before: Option<&Seen>) -> anyhow::Result<Seen> {
        let at = Instant::now();
        let tables = TableStore::new(&self.folder);
        let version = version(&self.folder, &tables)?;
        if let Some(before) = before.filter(|before| before.version == version) {
            return Ok(Seen {
                at,
                ..before.clone()
            });
        }
        Ok(Seen {
            at,
            version,
            changed: SystemTime::now(),
            networks: networks(&tables)?,
        })
    }
}

impl Study for Published {
    /// What the folder has, as JSON.
    fn state(&self) -> Result<Value, Unreadable> {
        let seen = self.look()?;
        let changed = seen.changed.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(json!({
            "version": seen.version,
            "networks": seen.networks,
            "changed": changed.as_secs_f64(),
            "page_is_being_made": self.is_making.load(Ordering::Relaxed),
        }))
    }

    /// The page of what the folder has, made anew if that has changed.
    fn page(&self) -> Result<Bytes, Unreadable> {
        let mut page = lock(&self.page);
        let version = self.look()?.version;
        if let Some(page) = page.as_ref().filter(|page| page.version == version) {
            return Ok(page.html.clone());
        }
        let _making = Making::begin(&self.is_making);
        // What is committed meanwhile may be in the page already. It then has the older version,
        // and who asks for a newer one gets it once more.
        let html = read_again(&self.folder, || live_page(&self.folder, &version))?;
        let html = Bytes::from(html);
        *page = Some(Page {
            version,
            html: html.clone(),
        });
        Ok(html)
    }

    fn answering(&self) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("answer").arg("--").arg(&self.folder);
        Ok(command)
    }
}

/// The mutex is safe to use after a panic: values are replaced as a whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text that is another one once something else is committed, or the study has another record.
fn version(folder: &Path, tables: &TableStore) -> anyhow::Result<String> {
    let record = StudyRecord::read(folder)?;
    // Those on a disk are found by their folders, without a look at the table of networks.
    let listed = record.as_ref().filter(|_| Folder::at(folder).is_remote());
    let experiments = listed.map_or_else(Vec::new, |record| experiment_names(tables, record));
    let experiments: Vec<&str> = experiments.iter().map(String::as_str).collect();
    let mut hasher = blake3::Hasher::new();
    hasher.update(serde_json::to_string(&record)?.as_bytes());
    for stamp in tables.stamps(&Twin::ALL.map(Twin::as_str), &experiments)? {
        // No stamp has a line feed in it, which would make two of one.
        hasher.update(b"\n").update(stamp.as_bytes());
    }
    Ok(hasher.finalize().to_hex()[..16].to_owned())
}

/// The number of networks of each status.
fn networks(tables: &TableStore) -> anyhow::Result<BTreeMap<&'static str, u64>> {
    let mut networks = BTreeMap::from(STATUSES.map(|status| (status.name(), 0)));
    tables.each_committed(|_, status| {
        *networks.entry(status.name()).or_default() += 1;
    })?;
    Ok(networks)
}
