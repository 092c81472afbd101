//! The sources of a watched study: what they hold now, and what their files look like.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

use cntflow_catalog::{Catalog, CatalogEntry, MetadataMismatch};
use cntflow_sources::{FileLook, ScanCache, look_again, scan_again};
use cntflow_storage::store::{ObjectStores, is_url};
use cntflow_storage::{Location, Stamp};

use crate::printer;
use crate::study::plan::Plan;

/// The sources of a study, which are looked at again and again.
pub(super) struct Sources<'a> {
    plan: &'a Plan,
    /// What earlier looks have shown of files.
    cache: ScanCache,
    /// Stamps of objects, by URL.
    objects: HashMap<String, Stamp>,
    /// Which sources had files.
    had_files: Vec<bool>,
    /// What of the table of labels did not fit the checkpoints at the last look at everything.
    metadata: Option<MetadataMismatch>,
}

/// What has become of some files.
#[derive(Debug, Default)]
pub(super) struct FileChanges {
    /// Those that are checkpoints.
    pub(super) entries: Vec<CatalogEntry>,
    /// Names of checkpoints whose files are gone, or are none any more.
    pub(super) gone: Vec<String>,
}

/// A source that had files has none.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0}: had files, and has none now; the tables are left as they are until it has some again"
)]
pub(super) struct SourceGone(String);

impl<'a> Sources<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self {
            plan,
            cache: ScanCache::default(),
            objects: HashMap::new(),
            had_files: vec![false; plan.sources.len()],
            metadata: None,
        }
    }

    /// The checkpoints that there are now.
    ///
    /// # Errors
    /// A source does not exist or cannot be read. [`SourceGone`] for a folder that had files and
    /// has none: an unmounted disk must not empty the tables.
    pub(super) fn look(&mut self) -> anyhow::Result<Catalog> {
        self.check_reachable()?;
        for (source, had_files) in self.plan.sources.iter().zip(&mut self.had_files) {
            *had_files |= has_files(source);
        }
        // Before the scan: what is written after it is looked at again.
        let mut objects = HashMap::new();
        for source in self.plan.sources.iter().filter(|source| is_url(source)) {
            for object in ObjectStores::of_process()?.list(source)? {
                objects.insert(object.url.clone(), Stamp::of_object(&object));
            }
        }
        self.objects = objects;
        let (options, limits) = (&self.plan.catalog, &self.plan.measure.limits);
        let (catalog, mut skipped) =
            scan_again(&self.plan.sources, options, limits, &mut self.cache)?;
        self.note_metadata(MetadataMismatch::taken_from(&mut skipped, options));
        // It may have become unreachable meanwhile.
        self.check_reachable()?;
        Ok(catalog)
    }

    /// What of the table of labels did not fit the checkpoints at the last look at everything.
    pub(super) fn metadata(&self) -> Option<&MetadataMismatch> {
        self.metadata.as_ref()
    }

    /// Says what of the table of labels does not fit, when that has changed.
    fn note_metadata(&mut self, mismatch: Option<MetadataMismatch>) {
        if let Some(now) = mismatch.as_ref().filter(|_| mismatch != self.metadata) {
            printer::note(&now.to_string());
        }
        self.metadata = mismatch;
    }

    /// Makes sure that no source that had files has none.
    ///
    /// # Errors
    /// [`SourceGone`].
    pub(super) fn check_reachable(&self) -> Result<(), SourceGone> {
        let sources = self.plan.sources.iter().zip(&self.had_files);
        for (source, had_files) in sources {
            if *had_files && !has_files(source) {
                return Err(SourceGone(source.clone()));
            }
        }
        Ok(())
    }

    /// Notes that there were files in the sources below which these checkpoints are: those of the
    /// tables.
    pub(super) fn expect<'n>(&mut self, checkpoints: impl Iterator<Item = &'n str>) {
        for name in checkpoints {
            for (source, had_files) in self.plan.sources.iter().zip(&mut self.had_files) {
                *had_files |= Path::new(name).starts_with(source);
            }
        }
    }

    /// Whether the last look could not look everywhere. What it has not found may still be there.
    pub(super) fn is_partial(&self) -> bool {
        self.cache.has_errors()
    }

    /// What has become of some files, by their paths from the root on. `None` if only a look at
    /// everything tells.
    ///
    /// # Errors
    /// A table of labels cannot be read.
    pub(super) fn look_at(
        &mut self,
        changed: &BTreeSet<PathBuf>,
    ) -> anyhow::Result<Option<FileChanges>> {
        let mut changes = FileChanges::default();
        self.check_reachable()?;
        if !self
            .plan
            .sources
            .iter()
            .all(|source| Path::new(source).is_dir())
        {
            return Ok(None);
        }
        let (options, limits) = (&self.plan.catalog, &self.plan.measure.limits);
        for path in changed {
            let Some((path, is_hidden)) = self.as_scanned(path) else {
                return Ok(None);
            };
            if is_hidden {
                continue;
            }
            let name = path.to_string_lossy().into_owned();
            match look_again(&path, options, limits, &mut self.cache)? {
                FileLook::Checkpoint(entry) => changes.entries.push(*entry),
                FileLook::NoCheckpoint => changes.gone.push(name),
                FileLook::Unclear => return Ok(None),
            }
        }
        Ok(Some(changes))
    }

    /// The path of a file as a scan of its source gives it, and whether it is hidden there; `None`
    /// if it is in no source.
    fn as_scanned(&self, path: &Path) -> Option<(PathBuf, bool)> {
        self.plan.sources.iter().find_map(|source| {
            let below = path
                .strip_prefix(Path::new(source).canonicalize().ok()?)
                .ok()?;
            Some((Path::new(source).join(below), is_hidden(below)))
        })
    }

    /// The stamp of a checkpoint that is in several objects: of all objects beside its index.
    fn stamp_of_index(&self, url: &str) -> Stamp {
        let folder = url.rfind('/').map_or("", |end| &url[..=end]);
        let beside = self
            .objects
            .iter()
            .filter(|(other, _)| other.starts_with(folder));
        let mut stamps: Vec<(&String, &Stamp)> = beside.collect();
        stamps.sort_by_key(|(other, _)| *other);
        let mut hasher = blake3::Hasher::new();
        for (other, stamp) in stamps {
            hasher.update(other.as_bytes());
            hasher.update(stamp.text.as_bytes());
        }
        Stamp {
            text: hasher.finalize().to_hex().to_string(),
            modified: None,
            changed: None,
        }
    }

    /// The stamp of a location at the last look. Objects that a catalog names, outside of the
    /// sources, are taken as never changing; a file that is not there has the error as its stamp.
    /// `None` for a file that cannot be looked at now.
    pub(super) fn stamp(&self, location: &Location) -> Option<Stamp> {
        let fixed = |text: String| Stamp {
            text,
            modified: None,
            changed: None,
        };
        Some(match location.url() {
            Some(url) if location.is_index() => self.stamp_of_index(url),
            Some(url) => {
                let stamp = self.objects.get(url).cloned();
                stamp.unwrap_or_else(|| fixed("object".to_owned()))
            }
            None => match self.cache.stamp(location) {
                Some(stamp) => stamp,
                None => match Stamp::of_file(location) {
                    Ok(stamp) => stamp,
                    Err(error) if is_gone(location, &error) => fixed(error.to_string()),
                    Err(_) => return None,
                },
            },
        })
    }
}

/// Whether a file is not there, in a folder that is: otherwise a disk may be unmounted.
fn is_gone(location: &Location, error: &std::io::Error) -> bool {
    let folder = location
        .path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    error.kind() == std::io::ErrorKind::NotFound && folder.is_none_or(Path::is_dir)
}

/// Whether some part of a path is hidden, as the temporary files of writers are.
fn is_hidden(path: &Path) -> bool {
    path.components().any(|part| match part {
        Component::Normal(name) => name.to_string_lossy().starts_with('.'),
        _ => false,
    })
}

/// Whether a source is there and not empty, as far as that is easily told.
fn has_files(source: &str) -> bool {
    let path = Path::new(source);
    is_url(source)
        || !path.is_dir()
        || fs_err::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}
