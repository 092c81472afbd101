//! Reuse: rows of checkpoints with the same content that other folders have measured in the same
//! way.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cntflow_catalog::CatalogEntry;
use cntflow_dataflow::{Key, key_of};
use cntflow_storage::Stamp;
use cntflow_tables::{KnownFile, OptionalRows, Table, TableStore, TakenOver};
use polars::prelude::{col, lit};

use super::content_hasher::ContentHasher;
use super::known_files::other_inputs;
use super::options::ReuseOptions;
use crate::exit::UsageError;
use crate::folder::batch_name::new_batch_name;
use crate::folder::record::StudyRecord;
use crate::measure::parent::NOT_COMPARED;
use crate::study::measure_plan::{DigestKind, MeasurePlan, NeuronRows};

/// What can be taken from other folders.
#[derive(Debug, Default)]
pub(crate) struct Reusable {
    /// The checkpoints to take from each folder.
    pub(crate) taken: Vec<(PathBuf, Vec<TakenOver>)>,
    /// Why folders or checkpoints are not used.
    pub(crate) notes: Vec<String>,
}

impl Reusable {
    /// Number of checkpoints.
    pub(crate) fn len(&self) -> usize {
        self.taken.iter().map(|(_, taken)| taken.len()).sum()
    }

    /// Keys of all checkpoints.
    pub(crate) fn keys(&self) -> HashSet<Key> {
        let all = self.taken.iter().flat_map(|(_, taken)| taken);
        all.map(|taken| key_of(&taken.entry.checkpoint)).collect()
    }

    /// Looks for checkpoints, with whether each is the last of its run, in the folders. `measure`
    /// is resolved for the labels of the study.
    ///
    /// # Errors
    /// A folder has no tables of cntflow, or they cannot be read.
    pub(crate) fn find(
        options: &ReuseOptions,
        measure: &MeasurePlan,
        entries: &[(Arc<CatalogEntry>, bool)],
        hasher: ContentHasher<'_>,
    ) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let mut left: Vec<&(Arc<CatalogEntry>, bool)> = entries
            .iter()
            .filter(|(entry, _)| entry.absent.is_none())
            .collect();
        let mut digests: HashMap<Key, Option<String>> = HashMap::new();
        for folder in &options.folders {
            let source = match Source::open(folder, measure)? {
                Ok(source) => source,
                Err(why_not) => {
                    let folder = folder.display();
                    found.notes.push(format!("{folder}: not reused: {why_not}"));
                    continue;
                }
            };
            if !options.is_lenient {
                source.hash(&left, hasher, &mut digests)?;
            }
            let mut taken = Vec::new();
            left.retain(|(entry, is_last)| {
                let from = source.same(entry, options.is_lenient, &digests);
                let one = from.and_then(|from| source.take(from, entry, *is_last, measure));
                let is_left = one.is_none();
                taken.extend(one);
                is_left
            });
            if options.is_lenient && taken.is_empty() && !left.is_empty() {
                let reasons = source.why_nothing(&left);
                let folder = folder.display();
                found.notes.push(format!("{folder}: not reused: {reasons}"));
            }
            found.taken.push((folder.clone(), taken));
        }
        Ok(found)
    }

    /// Commits the rows, a batch for each folder.
    ///
    /// # Errors
    /// Rows cannot be read or written.
    pub(crate) fn commit(
        &self,
        tables: &TableStore,
        record: &StudyRecord,
        measure: &MeasurePlan,
    ) -> anyhow::Result<()> {
        for (index, (folder, taken)) in self.taken.iter().enumerate() {
            if taken.is_empty() {
                continue;
            }
            tables.take_over(
                &TableStore::new(folder),
                taken,
                &record.labels,
                &record.metadata(),
                OptionalRows {
                    neurons: measure.neurons == NeuronRows::Full,
                    strongest_links: measure.options.strongest_links.into(),
                },
                &format!("{}-reused{index:03}", new_batch_name(0)),
            )?;
        }
        Ok(())
    }
}

/// The size in a stamp, which begins with it.
fn size_in(stamp: &str) -> &str {
    stamp.split(' ').next().unwrap_or_default()
}

/// Makes sure that the folders to reuse are there, before a run makes its own.
///
/// # Errors
/// A folder has no output of cntflow, or cannot be read.
pub(crate) fn require_folders(options: &ReuseOptions) -> anyhow::Result<()> {
    for folder in &options.folders {
        reusable_record(folder)?;
    }
    Ok(())
}

/// The record of a folder to reuse.
///
/// # Errors
/// The folder has no output of cntflow, or cannot be read.
fn reusable_record(folder: &Path) -> anyhow::Result<StudyRecord> {
    StudyRecord::read(folder)?.ok_or_else(|| {
        let message = format!(
            "--reuse {}: no output of cntflow here; name the output folder of another study",
            folder.display()
        );
        UsageError(message).into()
    })
}

/// A folder whose rows may be taken.
struct Source {
    rows: Vec<SourceRow>,
    by_digest: HashMap<String, usize>,
    /// `None` for a stamp that several rows have.
    by_stamp: HashMap<String, Option<usize>>,
    /// Sizes in bytes of all files: others need not be hashed.
    sizes: HashSet<u64>,
    /// Whether its values of populations are those that the study needs.
    has_same_populations: bool,
}

struct SourceRow {
    checkpoint: String,
    /// See [`other_inputs`].
    description: String,
    has_values: bool,
    has_neurons: bool,
    /// Whether it has as many of the strongest links as the study needs.
    has_links: bool,
}

/// Why a folder is not used.
type WhyNot = String;

impl Source {
    fn open(folder: &Path, measure: &MeasurePlan) -> anyhow::Result<Result<Self, WhyNot>> {
        let record = reusable_record(folder)?;
        if record.cntflow != env!("CARGO_PKG_VERSION") {
            let version = env!("CARGO_PKG_VERSION");
            return Ok(Err(format!(
                "measured by version {}, this is {version}",
                record.cntflow
            )));
        }
        if record.measured_with != measure.measured_with() {
            let differences = record.differences_to_options(&measure.measured_with());
            return Ok(Err(format!("measured with {}", differences.join(", "))));
        }
        let tables = TableStore::new(folder);
        let batches = tables.batches()?;
        let Some(networks) = tables.scan_batches(Table::Networks, &batches)? else {
            return Ok(Err("nothing is committed there".to_owned()));
        };
        let known: HashMap<Key, KnownFile> = tables
            .known_files()?
            .into_iter()
            .map(|file| (key_of(&file.checkpoint), file))
            .collect();
        let has_same_populations = match (&record.populations, &measure.populations) {
            (Some(theirs), Some(ours)) => theirs.has_same_values(ours),
            _ => false,
        };
        let with_values = if has_same_populations {
            tables.with_values(&batches)?
        } else {
            BTreeSet::new()
        };
        let with_neurons = match measure.neurons {
            NeuronRows::Full => checkpoints_of(&tables, Table::Neurons, &batches)?,
            NeuronRows::None => HashSet::new(),
        };
        let wanted_links = u64::from(measure.options.strongest_links);
        let with_links = if wanted_links > 0 && record.strongest_links() >= wanted_links {
            checkpoints_of(&tables, Table::Links, &batches)?
        } else {
            HashSet::new()
        };
        let frame = networks
            .filter(col("status").eq(lit("ok")))
            .select(["checkpoint", "digest", "bytes", "reason"].map(col))
            .collect()?;
        let checkpoints = frame.column("checkpoint")?.str()?;
        let digests = frame.column("digest")?.str()?;
        let bytes = frame.column("bytes")?.u64()?;
        let reasons = frame.column("reason")?.str()?;
        let mut source = Self {
            rows: Vec::new(),
            by_digest: HashMap::new(),
            by_stamp: HashMap::new(),
            sizes: bytes.iter().flatten().collect(),
            has_same_populations,
        };
        let has_digests = measure.digest == DigestKind::Blake3;
        for row in 0..frame.height() {
            let (checkpoint, digest) = (checkpoints.get(row), digests.get(row));
            let names_file = reasons.get(row).is_some_and(|reason| {
                reason.contains(NOT_COMPARED)
                    || checkpoint.is_some_and(|checkpoint| reason.contains(checkpoint))
            });
            // The row would differ from one that is measured here.
            if names_file || digest.is_some() != has_digests {
                continue;
            }
            // What its measurement depended on is not known without this.
            let (Some(checkpoint), Some(known)) = (
                checkpoint,
                checkpoint.and_then(|name| known.get(&key_of(name))),
            ) else {
                continue;
            };
            let index = source.rows.len();
            // Of several parts of one file, which all have its stamp, none is the whole.
            match source.by_stamp.entry(known.stamp.clone()) {
                Entry::Vacant(entry) => _ = entry.insert(Some(index)),
                Entry::Occupied(mut entry) => *entry.get_mut() = None,
            }
            if let Some(digest) = digest {
                source.by_digest.insert(digest.to_owned(), index);
            }
            source.rows.push(SourceRow {
                checkpoint: checkpoint.to_owned(),
                description: known.description.clone(),
                has_values: with_values.contains(checkpoint),
                has_neurons: with_neurons.contains(checkpoint),
                has_links: with_links.contains(checkpoint),
            });
        }
        if source.rows.is_empty() {
            return Ok(Err(
                "its list of files (tables/files.parquet) is not there: run its command again, \
                 which makes it"
                    .to_owned(),
            ));
        }
        Ok(Ok(source))
    }

    /// Hashes the files that may be among those of this folder.
    fn hash(
        &self,
        entries: &[&(Arc<CatalogEntry>, bool)],
        hasher: ContentHasher<'_>,
        digests: &mut HashMap<Key, Option<String>>,
    ) -> anyhow::Result<()> {
        let may_be_same = |entry: &CatalogEntry| {
            let location = &entry.location;
            // These have another size than their file.
            let is_part = location.member.is_some() || location.row.is_some();
            let size = location.size().filter(|_| !is_part && !location.is_index());
            size.is_none_or(|size| self.sizes.contains(&size))
        };
        let new: Vec<(Key, Arc<CatalogEntry>)> = entries
            .iter()
            .map(|(entry, _)| (key_of(&entry.checkpoint), Arc::clone(entry)))
            .filter(|(key, entry)| !digests.contains_key(key) && may_be_same(entry))
            .collect();
        digests.extend(hasher.digests(&new)?);
        Ok(())
    }

    /// The row of the same content.
    fn same(
        &self,
        entry: &CatalogEntry,
        is_lenient: bool,
        digests: &HashMap<Key, Option<String>>,
    ) -> Option<&SourceRow> {
        let index = if is_lenient {
            let is_part = entry.location.member.is_some() || entry.location.row.is_some();
            let stamp = Stamp::of_file(&entry.location).ok().filter(|_| !is_part)?;
            self.by_stamp.get(&stamp.text)?.as_ref()
        } else {
            let digest = digests.get(&key_of(&entry.checkpoint))?.as_ref()?;
            self.by_digest.get(digest)
        };
        Some(&self.rows[*index?])
    }

    /// Why none of these checkpoints is taken by the look of its file, with counts.
    fn why_nothing(&self, entries: &[&(Arc<CatalogEntry>, bool)]) -> String {
        let sizes: HashSet<&str> = self.by_stamp.keys().map(|stamp| size_in(stamp)).collect();
        let reason = |entry: &CatalogEntry| {
            let Ok(stamp) = Stamp::of_file(&entry.location) else {
                return "whose file cannot be looked at";
            };
            match self.by_stamp.get(&stamp.text) {
                _ if entry.location.member.is_some() || entry.location.row.is_some() => {
                    "that are parts of a file"
                }
                Some(Some(_)) => {
                    "that need other rows: of neurons, links, populations or architectures"
                }
                Some(None) => "of whose file there are several",
                None if sizes.contains(size_in(&stamp.text)) => {
                    "with other times (copied, moved or written to)"
                }
                None => "with a size that no file there has",
            }
        };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (entry, _) in entries {
            *counts.entry(reason(entry)).or_default() += 1;
        }
        let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, n)| Reverse(*n));
        let counts = counts.iter().map(|(reason, n)| format!("{n} {reason}"));
        let counts: Vec<String> = counts.collect();
        format!(
            "of {} checkpoints, {}; without --lenient their content is compared",
            entries.len(),
            counts.join(", ")
        )
    }

    /// The checkpoint with the row, if that has all that the study needs.
    fn take(
        &self,
        from: &SourceRow,
        entry: &Arc<CatalogEntry>,
        is_last: bool,
        measure: &MeasurePlan,
    ) -> Option<TakenOver> {
        let bin = measure.population_bin(entry, is_last);
        let needs = |is_needed: bool, has: bool| !is_needed || has;
        let is_enough = from.description == other_inputs(entry, measure)
            && needs(measure.neurons == NeuronRows::Full, from.has_neurons)
            && needs(measure.options.strongest_links > 0, from.has_links)
            && needs(bin.is_some(), self.has_same_populations && from.has_values);
        is_enough.then(|| TakenOver {
            from: from.checkpoint.clone(),
            entry: (**entry).clone(),
            bin,
        })
    }
}

/// The checkpoints that have rows in a table.
fn checkpoints_of(
    tables: &TableStore,
    table: Table,
    batches: &[String],
) -> anyhow::Result<HashSet<String>> {
    let Some(rows) = tables.scan_batches(table, batches)? else {
        return Ok(HashSet::new());
    };
    let frame = rows
        .select([col("checkpoint")])
        .unique(None, polars::prelude::UniqueKeepStrategy::Any)
        .collect()?;
    let names = frame.column("checkpoint")?.str()?.clone();
    Ok(names.iter().flatten().map(str::to_owned).collect())
}
