//! Waiting until something may have changed: told by the operating system where it can, and by
//! looking again from time to time everywhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cntflow_dataflow::Stop;
use cntflow_storage::FullMessage;
use cntflow_storage::store::is_url;
use notify::event::{CreateKind, RemoveKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::printer;
use crate::study::plan::Plan;

/// Longest time between two looks at whether the user has stopped the program.
const LOOK: Duration = Duration::from_millis(100);

/// Most files that are looked at one by one.
const MAX_PATHS: usize = 10_000;

/// What may have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Files, by their paths from the root on.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Whether there may be more than these.
    pub(super) is_unclear: bool,
}

impl Changed {
    /// Whether nothing has changed.
    pub(super) fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.is_unclear
    }

    fn add(&mut self, event: Changed) {
        self.paths.extend(event.paths);
        self.is_unclear |= event.is_unclear;
        // During hours of other work, all files of a population may be written.
        if self.paths.len() > MAX_PATHS {
            self.paths.clear();
            self.is_unclear = true;
        }
    }
}

/// Watches the folders of the sources.
pub(super) struct Follower {
    changes: Arc<Changes>,
    /// It ends when it is dropped.
    _watcher: Option<RecommendedWatcher>,
}

impl Follower {
    /// Watches all local sources of a plan, apart from what the program itself writes to `out`.
    /// Where that is not possible a note says so, and looking again must do.
    pub(super) fn start(plan: &Plan, out: &Path) -> Self {
        let changes = Arc::new(Changes::default());
        let changed = Arc::clone(&changes);
        let out = whole_path(out);
        let handle = move |event: notify::Result<notify::Event>| {
            let change = change_of(event, &out);
            if !change.is_empty() {
                lock(&changed.all).add(change);
                changed.came.notify_all();
            }
        };
        let watcher = notify::recommended_watcher(handle).and_then(|mut watcher| {
            for (folder, mode) in watched_folders(plan) {
                watcher.watch(&folder, mode)?;
            }
            Ok(watcher)
        });
        let watcher = watcher.map_err(|error| {
            printer::note(&format!(
                "the system does not tell of changes, so the sources are looked at from time to \
                 time (--poll): {}",
                error.full_message()
            ));
        });
        Self {
            changes,
            _watcher: watcher.ok(),
        }
    }

    /// Waits until something has changed, the time is over, or the user stops the program. Returns
    /// what has changed.
    pub(super) fn wait(&self, longest: Duration, stop: &Stop) -> Changed {
        let since = Instant::now();
        loop {
            let left = longest.saturating_sub(since.elapsed());
            if left.is_zero() || stop.is_set() {
                return Changed::default();
            }
            let all = lock(&self.changes.all);
            let waited = self
                .changes
                .came
                .wait_timeout_while(all, left.min(LOOK), |all| all.is_empty());
            let (mut all, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if !all.is_empty() {
                return std::mem::take(&mut *all);
            }
        }
    }

    /// What else has changed by now.
    pub(super) fn more(&self, changed: &mut Changed) {
        changed.add(std::mem::take(&mut *lock(&self.changes.all)));
    }
}

/// Changes that nobody has asked for yet.
#[derive(Debug, Default)]
struct Changes {
    all: Mutex<Changed>,
    came: Condvar,
}

/// A poisoned lock is safe to use: every change is one call of a collection.
fn lock(all: &Mutex<Changed>) -> MutexGuard<'_, Changed> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an event says of files outside of `out`.
fn change_of(event: notify::Result<notify::Event>, out: &Path) -> Changed {
    let unclear = Changed {
        is_unclear: true,
        ..Changed::default()
    };
    let Ok(event) = event else {
        return unclear;
    };
    if event.need_rescan() {
        return unclear;
    }
    let is_of_folder = matches!(
        event.kind,
        EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder)
    );
    let paths = event
        .paths
        .into_iter()
        .filter(|path| !path.starts_with(out));
    let paths: BTreeSet<PathBuf> = paths.collect();
    match event.kind {
        EventKind::Access(_) => Changed::default(),
        _ if paths.is_empty() => Changed::default(),
        _ => Changed {
            paths,
            is_unclear: is_of_folder,
        },
    }
}

/// The path from the root on, as far as it exists.
fn whole_path(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => whole_path(parent).join(name),
        _ => absolute,
    }
}

/// The folders to watch: those of the sources, and those that hold a file which is one.
fn watched_folders(plan: &Plan) -> Vec<(PathBuf, RecursiveMode)> {
    let mut folders = Vec::new();
    let sources = plan.sources.iter().filter(|source| !is_url(source));
    let paths = sources
        .map(PathBuf::from)
        .chain(plan.catalog.metadata.clone());
    for path in paths {
        if path.is_dir() {
            folders.push((whole_path(&path), RecursiveMode::Recursive));
        } else if path.is_file() {
            // A writer that replaces the file gives it a new number.
            let folder = whole_path(&path).parent().map(Path::to_owned);
            folders.extend(folder.map(|folder| (folder, RecursiveMode::NonRecursive)));
        } else {
            folders.push((glob_folder(&path), RecursiveMode::Recursive));
        }
    }
    folders
}

/// The folder below which all matches of a glob are.
fn glob_folder(pattern: &Path) -> PathBuf {
    let is_plain = |part: &std::path::Component<'_>| {
        !part.as_os_str().to_string_lossy().contains(['*', '?', '['])
    };
    let folder: PathBuf = pattern.components().take_while(is_plain).collect();
    if folder.as_os_str().is_empty() {
        whole_path(Path::new("."))
    } else {
        whole_path(&folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_is_watched_from_its_last_plain_folder_on() {
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        let folder = |pattern: &str| glob_folder(Path::new(pattern));
        assert_eq!(folder("src/*.npy"), here.join("src"));
        assert_eq!(folder("*/a.npy"), here);
    }
}
