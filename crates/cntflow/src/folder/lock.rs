//! The lock of an output folder: while a process holds it, no other run may write there.

use std::fs::TryLockError;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use cntflow_storage::make_folder;
use cntflow_storage::store::Folder;
use fs_err::{self as fs, File};

use super::file_names::{LOCK_PREFIX, local_files, name_matches};
use super::lease::{HeldLease, Lease};
use super::record::StudyRecord;

/// Where Linux has the name of the machine.
const HOST_NAME_FILE: &str = "/proc/sys/kernel/hostname";

/// Held while a process works in a folder.
#[derive(Debug)]
pub(super) enum FolderLock {
    /// On a file system. The lock ends with the process, however the process ends.
    File { _file: File },
    /// On an object store.
    Lease(Lease),
}

impl FolderLock {
    /// Locks a folder for a whole run, and creates it if necessary.
    ///
    /// # Errors
    /// Another process uses the folder; the folder cannot be created or written to.
    pub(super) fn take(folder: &Path) -> anyhow::Result<Self> {
        match Folder::at(folder) {
            Folder::Local(path) => {
                make_folder(&path)?;
                let file = lock_file(&path, 0)?;
                require_no_other_process(&path)?;
                Ok(Self::File { _file: file })
            }
            Folder::Remote(url) => {
                let lease = Lease::take(&url, format!("{url}/{LOCK_PREFIX}000"))?;
                Ok(Self::Lease(lease))
            }
        }
    }

    /// Takes the lock of a further process of a cluster; process 0 has locked the folder.
    ///
    /// On an object store nothing is locked here: the lease of process 0 covers all processes,
    /// because they end when process 0 ends.
    ///
    /// # Errors
    /// Another process has this lock; the file cannot be written to.
    pub(super) fn join(folder: &Path, process: usize) -> anyhow::Result<Option<Self>> {
        match Folder::at(folder) {
            Folder::Local(path) => {
                let file = lock_file(&path, process)?;
                Ok(Some(Self::File { _file: file }))
            }
            Folder::Remote(_) => Ok(None),
        }
    }
}

/// What must hold before anything is written into an output folder.
#[derive(Clone, Debug)]
pub(crate) struct FolderGuard {
    folder: PathBuf,
    /// That of this process, if it has one.
    lease: Option<Arc<HeldLease>>,
}

impl FolderGuard {
    pub(super) fn new(folder: &Path, lock: Option<&FolderLock>) -> Self {
        let lease = match lock {
            Some(FolderLock::Lease(lease)) => Some(Arc::clone(lease.held())),
            Some(FolderLock::File { .. }) | None => None,
        };
        Self {
            folder: folder.to_owned(),
            lease,
        }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes sure that the folder still is this run's.
    ///
    /// # Errors
    /// It was removed, or another process has taken it over; an object store cannot be reached.
    pub(crate) fn require(&self) -> anyhow::Result<()> {
        if let Some(lease) = &self.lease {
            lease.require()?;
        }
        StudyRecord::require(&self.folder)
    }
}

fn lock_file(folder: &Path, process: usize) -> anyhow::Result<File> {
    let path = folder.join(format!("{LOCK_PREFIX}{process:03}"));
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)?;
    match file.try_lock() {
        Ok(()) => {
            // Only a message shows it: without it, the lock holds as well.
            let _ = write_holder(&mut file);
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => bail!(
            "{}: another cntflow process is using this folder{}; wait until it has ended, or stop \
             it, or choose another folder with --out",
            folder.display(),
            holder(&path)
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Writes down which process holds a lock.
fn write_holder(file: &mut File) -> std::io::Result<()> {
    let host = fs::read_to_string(HOST_NAME_FILE).unwrap_or_default();
    let host = match host.trim() {
        "" => String::new(),
        host => format!(" on {host}"),
    };
    file.set_len(0)?;
    write!(file, "{}{host}", std::process::id())
}

/// Which process holds a lock, in the words that follow a message; nothing if that is not known.
fn holder(path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(holder) if !holder.is_empty() => format!(": process {holder}"),
        _ => String::new(),
    }
}

/// Makes sure that no process of an earlier cluster is still running: its uncommitted parts would
/// be removed as leftovers.
fn require_no_other_process(folder: &Path) -> anyhow::Result<()> {
    for path in local_files(folder)? {
        if !name_matches(&path, LOCK_PREFIX, "") {
            continue;
        }
        let process = path
            .to_string_lossy()
            .rsplit(LOCK_PREFIX)
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0);
        if process > 0 {
            drop(lock_file(folder, process)?);
        }
    }
    Ok(())
}
