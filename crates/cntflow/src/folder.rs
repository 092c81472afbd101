//! The output folder of a study: whose it is, who is at work in it, and what lies where.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cntflow_catalog::{Catalog, CatalogEntry, read_catalog, write_catalog};
use cntflow_storage::store::{Folder, ObjectStores};
use cntflow_tables::TableStore;
use fs_err as fs;

use crate::lease::Lease;
use crate::pipeline::batch_name;
use crate::study_record::{STUDY_FILE, StudyRecord, difference};

/// Start of the names of the files that the processes at work in the folder hold locked, one each.
const LOCK_START: &str = ".lock-p";

/// What a run makes in the folder, and `--fresh` removes, in this order: first what says that work is done, so that a removal that is
/// cut short leaves work to do again and never results without their other half; the record of the study last, so that the folder
/// stays ours until it is empty.
const OURS: [&str; 6] = [
    "tables/networks",
    "catalog.parquet",
    "tables",
    "checkpoints",
    "classifiers",
    STUDY_FILE,
];

/// Number of batches above which they are merged before a run goes on, default is 256.
const MERGE_AT_START: usize = 256;

/// An output folder that is ours to work in.
#[derive(Debug)]
pub(crate) struct StudyFolder {
    /// A path or a URL.
    path: PathBuf,
    _lock: Option<Lock>,
}

/// What says that somebody is at work in a folder.
#[derive(Debug)]
enum Lock {
    /// On a disk: released when the process ends, however it ends.
    File { _held: File },
    /// On an object store.
    Lease { _held: Lease },
}

impl StudyFolder {
    /// Takes a folder for `record`: makes it, or goes on in one of the same study. Nothing is touched if it is another's.
    ///
    /// # Errors
    /// The folder holds another study or other files, another process works in it, or it cannot be written to.
    pub(crate) fn claim(path: &Path, record: &StudyRecord, fresh: bool) -> anyhow::Result<Self> {
        let found = StudyRecord::read(path)?;
        match &found {
            None if !is_empty(path)? => bail!(
                "{}: there are files here that are not of a study of cntflow; nothing was touched. Choose another folder with --out",
                path.display()
            ),
            Some(found) if found.identity != record.identity && !fresh => bail!(
                "{}: holds the output of another study ('{}'; this one is '{}' and {}); nothing was touched. Choose another folder \
                 with --out, or remove the old output with --fresh",
                path.display(),
                found.name,
                record.name,
                difference(found, record),
            ),
            _ => {}
        }
        let lock = match Folder::at(path) {
            Folder::Local(path) => {
                fs::create_dir_all(&path)?;
                let held = lock(&path, 0)?;
                refuse_others(&path)?;
                Lock::File { _held: held }
            }
            Folder::Remote(url) => {
                let _held = Lease::take(&url, format!("{url}/{LOCK_START}000"))?;
                Lock::Lease { _held }
            }
        };
        let folder = Self {
            path: path.to_owned(),
            _lock: Some(lock),
        };
        if fresh {
            folder.clear()?;
        }
        folder.remember(record)?;
        folder.remove_partial_files()?;
        let tables = folder.tables();
        tables.remove_leftovers()?;
        if tables.batches()?.len() > MERGE_AT_START {
            tables.merge(&batch_name(0))?;
        }
        Ok(folder)
    }

    /// Joins the folder that process 0 of a cluster has claimed.
    ///
    /// # Errors
    /// It is not there, or holds another study: the processes do not share it.
    pub(crate) fn join(path: &Path, record: &StudyRecord, process: usize) -> anyhow::Result<Self> {
        match StudyRecord::read(path)? {
            Some(found) if found.identity == record.identity => {
                // On an object store the lease of process 0 is that of all: without it the others end.
                let lock = match Folder::at(path) {
                    Folder::Local(path) => Some(lock(&path, process)?),
                    Folder::Remote(_) => None,
                };
                Ok(Self {
                    path: path.to_owned(),
                    _lock: lock.map(|held| Lock::File { _held: held }),
                })
            }
            _ => bail!(
                "{}: process 0 has not made this folder for this study; all processes must share it",
                path.display()
            ),
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its tables.
    pub(crate) fn tables(&self) -> TableStore {
        TableStore::new(&self.path)
    }

    /// Where training keeps its checkpoints.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Keeps the classifier of a rule, which `save` writes to a file, and gives where.
    ///
    /// # Errors
    /// What `save` says; the file cannot be written.
    pub(crate) fn keep_classifier<E: std::error::Error + Send + Sync + 'static>(
        &self,
        rule: &str,
        save: impl FnOnce(&Path) -> Result<(), E>,
    ) -> anyhow::Result<PathBuf> {
        let (folder, name) = (self.files().below("classifiers"), format!("{rule}.json"));
        let place = folder.path_of(&name);
        if folder.is_remote() {
            let temporary = tempfile::tempdir()?;
            let file = temporary.path().join(&name);
            save(&file)?;
            let bytes = fs::read(file)?;
            folder.write::<std::io::Error>(&name, |object| object.write_all(&bytes))?;
        } else {
            save(&place)?;
        }
        Ok(place)
    }

    fn files(&self) -> Folder {
        Folder::at(&self.path)
    }

    /// What was trained and committed so far.
    ///
    /// # Errors
    /// A part of the catalog cannot be read.
    pub(crate) fn trained(&self) -> anyhow::Result<Catalog> {
        let mut entries: Vec<CatalogEntry> = Vec::new();
        for part in self.catalog_files()? {
            entries.extend(read_catalog(&part)?);
        }
        Ok(Catalog::new(entries)?)
    }

    /// Makes one `catalog.parquet` of all parts.
    ///
    /// # Errors
    /// A part cannot be read, or the catalog not written.
    pub(crate) fn unite_catalog(&self) -> anyhow::Result<()> {
        let parts = self.catalog_files()?;
        let whole = self.path.join("catalog.parquet");
        if parts.iter().all(|part| *part == whole) {
            return Ok(());
        }
        write_catalog(&whole, &self.trained()?)?;
        for part in parts.iter().filter(|part| **part != whole) {
            fs::remove_file(part)?;
        }
        Ok(())
    }

    fn catalog_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let files = files_in(&self.path)?.into_iter();
        Ok(files
            .filter(|path| is_own(path, "catalog.", ".parquet"))
            .collect())
    }

    /// Temporary files of writers that were killed.
    fn remove_partial_files(&self) -> anyhow::Result<()> {
        let starts = [".catalog.", ".study.json."];
        for path in files_in(&self.path)? {
            if starts.iter().any(|start| is_own(&path, start, ".part")) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// The folder of a study that is only read, whoever else works in it.
    pub(crate) fn read_only(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            _lock: None,
        }
    }

    fn clear(&self) -> anyhow::Result<()> {
        if let Folder::Remote(url) = self.files() {
            let stores = ObjectStores::of_process()?;
            for name in OURS {
                for object in stores.list(&format!("{url}/{name}"))? {
                    stores.delete(&object.url)?;
                }
            }
            return Ok(());
        }
        for part in self.catalog_files()? {
            fs::remove_file(part)?;
        }
        for path in OURS.iter().map(|name| self.path.join(name)) {
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else if path.exists() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Writes the record, unless it stands there already.
    fn remember(&self, record: &StudyRecord) -> anyhow::Result<()> {
        if StudyRecord::read(&self.path)?.as_ref() == Some(record) {
            return Ok(());
        }
        let text = serde_json::to_string_pretty(record)?;
        self.files()
            .write::<std::io::Error>(STUDY_FILE, |file| file.write_all(text.as_bytes()))?;
        Ok(())
    }
}

/// Whether the name of a file is of this form: the catalog and its parts, locks, temporary files.
fn is_own(path: &Path, start: &str, end: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(start) && name.ends_with(end)
}

/// The files in a folder of a disk. On an object store there are none of those that training, locks and killed writers leave.
fn files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

fn is_empty(folder: &Path) -> anyhow::Result<bool> {
    if let Folder::Remote(url) = Folder::at(folder) {
        let below = ObjectStores::of_process()?.list(&format!("{url}/"))?;
        return Ok(below.is_empty());
    }
    Ok(files_in(folder)?
        .iter()
        .all(|path| is_own(path, LOCK_START, "") || is_own(path, ".study.json.", ".part")))
}

/// Takes the lock of a process, if nobody has it.
fn lock(folder: &Path, process: usize) -> anyhow::Result<File> {
    let path = folder.join(format!("{LOCK_START}{process:03}"));
    let file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)?
        .into_file();
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "{}: another cntflow is at work in this folder",
            folder.display()
        ),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Makes sure that no process of an earlier cluster is still at work: what it has not committed would be taken for leftovers.
fn refuse_others(folder: &Path) -> anyhow::Result<()> {
    for path in files_in(folder)?
        .iter()
        .filter(|path| is_own(path, LOCK_START, ""))
    {
        let process = path
            .to_string_lossy()
            .rsplit(LOCK_START)
            .next()
            .and_then(|text| text.parse().ok());
        if let Some(process) = process.filter(|&process: &usize| process > 0) {
            drop(lock(folder, process)?);
        }
    }
    Ok(())
}
