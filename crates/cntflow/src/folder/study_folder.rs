//! The output folder that a run works in: taking it, and where things are in it.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::bail;
use cntflow_catalog::Catalog;
use cntflow_experiments::saved::TrainedModel;
use cntflow_network::Twin;
use cntflow_storage::store::{Folder, HubUrl, ObjectStores};
use cntflow_tables::TableStore;

use super::batch_name::new_batch_name;
use super::catalog_parts::{has_unmerged_parts, merge_catalog_parts, read_catalog_parts};
use super::file_names::{LOCK_PREFIX, is_partial_record, local_files, name_matches};
use super::lock::{FolderGuard, FolderLock};
use super::record::StudyRecord;
use super::removal::{remove_output, remove_partial_files};
use crate::exit::UsageError;

/// Number of committed batches above which a run merges them before it starts, default is 256.
const MERGE_AT_START: usize = 256;

/// The output folder of a study.
#[derive(Debug)]
pub(crate) struct StudyFolder {
    /// A path or a URL.
    path: PathBuf,
    /// `None` if the folder is only read, or if the lease of process 0 covers this process.
    lock: Option<FolderLock>,
}

impl StudyFolder {
    /// Takes the folder for the study of `record`. `earlier` is the record in the folder, if there
    /// is one.
    ///
    /// # Errors
    /// The folder belongs to another study (and `fresh` is off) or has foreign files, which are
    /// then left as they are; another process uses it; it cannot be written to.
    pub(crate) fn claim(
        path: &Path,
        record: &StudyRecord,
        earlier: Option<&StudyRecord>,
        fresh: bool,
    ) -> anyhow::Result<Self> {
        require_own_folder(path, record, earlier, fresh)?;
        let lock = FolderLock::take(path)?;
        if fresh {
            remove_output(path)?;
        }
        record.write(path)?;
        remove_partial_files(path)?;
        let folder = Self {
            path: path.to_owned(),
            lock: Some(lock),
        };
        for tables in folder.all_tables()? {
            tables.remove_leftovers()?;
            if tables.batches()?.len() > MERGE_AT_START {
                tables.merge(&new_batch_name(0))?;
            }
        }
        Ok(folder)
    }

    /// Joins the folder that process 0 of the cluster has claimed.
    ///
    /// # Errors
    /// The folder has no record of the study with this identity: the processes do not share it.
    pub(crate) fn join(
        path: &Path,
        identity: &str,
        process: usize,
    ) -> anyhow::Result<(Self, StudyRecord)> {
        let claimed = StudyRecord::read(path)?;
        let Some(record) = claimed.filter(|claimed| claimed.identity == identity) else {
            bail!(
                "{}: process 0 has not prepared this folder for this study; all processes must \
                 share it",
                path.display()
            );
        };
        let folder = Self {
            path: path.to_owned(),
            lock: FolderLock::join(path, process)?,
        };
        Ok((folder, record))
    }

    /// The finished folder of a study, to run experiments in: no other process may write there
    /// meanwhile. A folder that cannot be written to is only read.
    ///
    /// # Errors
    /// Another process uses the folder.
    pub(crate) fn evaluate(path: &Path) -> anyhow::Result<Self> {
        match FolderLock::take(path) {
            Ok(lock) => Ok(Self {
                path: path.to_owned(),
                lock: Some(lock),
            }),
            Err(error) if is_not_writable(&error) => Ok(Self::read_only(path)),
            Err(error) => Err(error),
        }
    }

    /// The folder, only to be read; another process may be using it.
    pub(crate) fn read_only(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            lock: None,
        }
    }

    /// Its path or URL.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What must hold before anything is written into it.
    pub(crate) fn guard(&self) -> FolderGuard {
        FolderGuard::new(&self.path, self.lock.as_ref())
    }

    /// Its tables.
    pub(crate) fn tables(&self) -> TableStore {
        TableStore::new(&self.path)
    }

    /// The tables of a twin population.
    pub(crate) fn twin_tables(&self, twin: Twin) -> TableStore {
        self.tables().twin(twin.as_str())
    }

    /// Its tables, and those of the twins that it has.
    ///
    /// # Errors
    /// The folder is on an object store and cannot be listed.
    pub(crate) fn all_tables(&self) -> anyhow::Result<Vec<TableStore>> {
        let folder = Folder::at(&self.path).below("tables").below("twins");
        // One request tells whether an object store has any; there may be none at all.
        let has_twins = match &folder {
            Folder::Local(path) => path.is_dir(),
            Folder::Remote(url) => !ObjectStores::of_process()?
                .list(&format!("{url}/"))?
                .is_empty(),
        };
        let twins = Twin::ALL.into_iter().filter(|_| has_twins);
        let twins = twins.map(|twin| self.twin_tables(twin));
        Ok(std::iter::once(self.tables()).chain(twins).collect())
    }

    /// The folder of trained checkpoints.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// All checkpoints that were trained and committed so far.
    ///
    /// # Errors
    /// A part of the catalog cannot be read.
    pub(crate) fn trained_catalog(&self) -> anyhow::Result<Catalog> {
        read_catalog_parts(&self.path)
    }

    /// Whether runs of a local study may be untrained.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub(crate) fn has_unmerged_catalog(&self) -> anyhow::Result<bool> {
        has_unmerged_parts(&self.path)
    }

    /// Merges the parts of the catalog into one `catalog.parquet`.
    ///
    /// # Errors
    /// A part cannot be read, or the catalog not written.
    pub(crate) fn merge_catalog(&self) -> anyhow::Result<()> {
        merge_catalog_parts(&self.path)
    }

    /// Saves a model of an experiment, with its card as text beside it, and returns its path.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn save_model(
        &self,
        experiment: &str,
        model: &TrainedModel,
    ) -> anyhow::Result<PathBuf> {
        let folder = Folder::at(&self.path)
            .below("classifiers")
            .below(experiment);
        let stem = model.file_stem();
        let name = format!("{stem}.json");
        // The card comes first: a model that can be used has one.
        let files = [
            (format!("{stem}.txt"), model.card_text()),
            (name.clone(), model.to_json()?),
        ];
        for (name, text) in files {
            folder.write::<std::io::Error>(&name, |file| file.write_all(text.as_bytes()))?;
        }
        Ok(folder.path_of(&name))
    }

    /// Whether an experiment has all these models, whose names are separated by spaces, with cards.
    pub(crate) fn has_models(&self, experiment: &str, stems: &str) -> bool {
        let folder = Folder::at(&self.path)
            .below("classifiers")
            .below(experiment);
        let Ok(files) = folder.files() else {
            return false;
        };
        let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
        let has = |name: String| names.contains(name.as_str());
        stems
            .split_whitespace()
            .all(|stem| has(format!("{stem}.json")) && has(format!("{stem}.txt")))
    }

    /// Removes the models of an experiment, and their cards, except those of these names.
    ///
    /// # Errors
    /// The folder cannot be listed, or a file not be removed.
    pub(crate) fn remove_other_models(
        &self,
        experiment: &str,
        stems: &BTreeSet<String>,
    ) -> anyhow::Result<()> {
        let folder = Folder::at(&self.path)
            .below("classifiers")
            .below(experiment);
        for file in folder.files()? {
            let stem = file.name.rsplit_once('.').map(|(stem, _)| stem);
            if stem.is_some_and(|stem| !stems.contains(stem)) {
                folder.remove_for_good(&file.name)?;
            }
        }
        Ok(())
    }
}

/// Makes sure that the study may write to the folder; nothing is changed.
///
/// # Errors
/// [`UsageError`] if it may not; the folder cannot be read.
pub(crate) fn require_own_folder(
    path: &Path,
    record: &StudyRecord,
    earlier: Option<&StudyRecord>,
    fresh: bool,
) -> anyhow::Result<()> {
    let refusal = match earlier {
        _ if HubUrl::parse(&path.to_string_lossy()).is_some() => {
            "the hub is only read; name a folder, or a URL of s3, gs or az".to_owned()
        }
        None if !has_no_output(path)? => {
            "this folder has files that cntflow did not write; nothing was changed. Choose another \
             folder with --out"
                .to_owned()
        }
        // Not even with `fresh`: what is there may have taken days, or be published.
        Some(earlier) if !earlier.contents.is_like(&record.contents) => format!(
            "this folder holds {}, where this command would write {}. Nothing was changed; choose \
             another folder",
            earlier.contents, record.contents,
        ),
        Some(earlier) if earlier.is_other_scale(record) && !fresh => format!(
            "this folder holds the output of study '{}' at scale {}, and this is scale {}. Nothing \
             was changed; choose another folder with --out, or remove the old output with --fresh",
            earlier.name, earlier.scale, record.scale,
        ),
        Some(earlier) if earlier.identity != record.identity && !fresh => format!(
            "this folder holds the output of another study, '{}'. This study, '{}', {}. Nothing was \
             changed; choose another folder with --out, or remove the old output with --fresh",
            earlier.name,
            record.name,
            record.difference_to(earlier),
        ),
        _ => return Ok(()),
    };
    Err(UsageError(format!("{}: {refusal}", path.display())).into())
}

/// Whether the folder has no files except lock files and the temporary file of `study.json`, which
/// cntflow writes before `study.json` itself.
fn has_no_output(folder: &Path) -> anyhow::Result<bool> {
    match Folder::at(folder) {
        Folder::Local(path) => Ok(local_files(&path)?
            .iter()
            .all(|file| name_matches(file, LOCK_PREFIX, "") || is_partial_record(file))),
        Folder::Remote(url) => {
            let objects = ObjectStores::of_process()?.list(&format!("{url}/"))?;
            Ok(objects.is_empty())
        }
    }
}

fn is_not_writable(error: &anyhow::Error) -> bool {
    let kind = error
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind);
    matches!(
        kind,
        Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
    )
}
