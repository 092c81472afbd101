//! The sources of a watched study: what they hold now, and what their files look like.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

use cntflow_catalog::{Catalog, CatalogEntry};
use cntflow_sources::{FileLook, ScanCache, look_again, scan_again};
use cntflow_storage::store::{ObjectStores, is_url};
use cntflow_storage::{Location, Stamp};

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
        }
    }

    /// The checkpoints that there are now.
    ///
    /// # Errors
    /// A source does not exist or cannot be read. [`SourceGone`] for a folder that had files and
    /// has none: an unmounted disk must not empty the tables.
    pub(super) fn look(&mut self) -> anyhow::Result<Catalog> {
        for (source, had_files) in self.plan.sources.iter().zip(&mut self.had_files) {
            let has_files = has_files(source);
            if *had_files && !has_files {
                return Err(SourceGone(source.clone()).into());
            }
            *had_files = has_files;
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
        let (catalog, _) = scan_again(&self.plan.sources, options, limits, &mut self.cache)?;
        Ok(catalog)
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
            let Some(path) = self.as_scanned(path) else {
                return Ok(None);
            };
            if is_hidden(&path) {
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

    /// The path of a file as a scan of its source gives it; `None` if it is in no source.
    fn as_scanned(&self, path: &Path) -> Option<PathBuf> {
        self.plan.sources.iter().find_map(|source| {
            let below = path
                .strip_prefix(Path::new(source).canonicalize().ok()?)
                .ok()?;
            Some(Path::new(source).join(below))
        })
    }

    /// The stamp of a location at the last look. Objects that a catalog names, outside of the
    /// sources, are taken as never changing; a file that cannot be looked at has the error as its
    /// stamp.
    pub(super) fn stamp(&self, location: &Location) -> Stamp {
        let fixed = |text: String| Stamp {
            text,
            modified: None,
        };
        match location.url() {
            Some(url) => {
                let stamp = self.objects.get(url).cloned();
                stamp.unwrap_or_else(|| fixed("object".to_owned()))
            }
            None => self.cache.stamp(location).unwrap_or_else(|| {
                Stamp::of_file(location).unwrap_or_else(|error| fixed(error.to_string()))
            }),
        }
    }
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
