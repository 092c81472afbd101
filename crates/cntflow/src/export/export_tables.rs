//! Writes an export: the tables `networks` and `layers` of a study and of its twins, and its
//! catalog.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cntflow_catalog::{Catalog, CatalogEntry, write_catalog};
use cntflow_experiments::spec::Representation;
use cntflow_network::Twin;
use cntflow_storage::store::Folder;
use cntflow_tables::{Table, TableStore};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, IntoColumn, SortMultipleOptions, StringChunked,
};

use super::digest::rows_digest;
use super::manifest::{ExportedFile, MANIFEST_FILE, Manifest, SourceTable};
use super::rounding::{round_reals, significant_bits};
use super::unread::without_unread;
use crate::exit::UsageError;
use crate::folder::export_folder::prepare_export;
use crate::folder::record::{Contents, StudyRecord};
use crate::folder::study_folder::StudyFolder;
use crate::study::evaluation_plan::EvaluationPlan;
use crate::study::last_checkpoints::{LastCheckpoints, RunPosition};

/// Key of the metadata of `layers`: representations whose statistics an export has, with spaces
/// between them. Without the key it has all.
pub(crate) const REPRESENTATIONS_KEY: &str = "cntflow.representations";

/// Key of the metadata: `last` or `all` checkpoints of each run.
pub(crate) const CHECKPOINTS_KEY: &str = "cntflow.checkpoints";

/// Value of [`CHECKPOINTS_KEY`].
pub(crate) const LAST_CHECKPOINTS: &str = "last";

/// Name of the only part of each table.
const PART: &str = "export";

/// What is exported, and where to.
#[derive(Debug)]
pub(crate) struct ExportOptions {
    /// Output folder of a study, or its URL.
    pub(crate) from: PathBuf,
    /// Folder of the export, on a disk.
    pub(crate) to: PathBuf,
    /// Decimal digits of the statistics in `layers`; `None` to leave them as they are.
    pub(crate) digits: Option<u32>,
    /// Whether only the last checkpoint of each run is exported.
    pub(crate) last: bool,
    /// How many runs are exported, spread evenly over the names of all; `None` for all.
    pub(crate) n_runs: Option<usize>,
    /// Study whose experiments will read the export; `None` to keep all statistics.
    pub(crate) readers: Option<PathBuf>,
    /// Whether an earlier export in `to` is replaced.
    pub(crate) fresh: bool,
}

/// Writes an export and returns its manifest.
///
/// # Errors
/// The folder has no tables of a study, or those of a twin lack checkpoints; the target has other
/// files, or cannot be written to.
pub(crate) fn export(options: &ExportOptions) -> anyhow::Result<Manifest> {
    let from = &options.from;
    let source = StudyRecord::read(from)?
        .with_context(|| format!("{}: no output of cntflow here", from.display()))?;
    if source.contents != Contents::Study {
        let message = format!("{}: {} cannot be exported", from.display(), source.contents);
        return Err(UsageError(message).into());
    }
    let tables = TableStore::new(from);
    require_finished(from, &tables)?;
    let twins = measured_twins(&tables)?;
    let networks = tables.scan(Table::Networks)?.collect()?;
    let kept = kept_checkpoints(&networks, options)?;
    let representations = read_representations(options, &source)?;
    let record = StudyRecord {
        contents: Contents::Export,
        // Paths of this machine are nobody else's business.
        identity_keys: BTreeMap::new(),
        ..source
    };
    prepare_export(&options.to, &record, options.fresh)?;
    let mut writer = ExportWriter {
        options,
        metadata: metadata(&record, options, representations.as_ref()),
        kept,
        representations,
        source_tables: Vec::new(),
        files: Vec::new(),
    };
    writer.write_catalog()?;
    for twin in twins {
        let name = format!("twins/{twin}/");
        let to = TableStore::new(&options.to).twin(twin.as_str());
        writer.write_tables(&name, &tables.twin(twin.as_str()), &to)?;
    }
    let to = TableStore::new(&options.to);
    writer
        .files
        .push(to.write_empty(Table::Coverage, PART, &writer.metadata)?);
    writer.write_tables("", &tables, &to)?;
    writer.write_manifest(record)
}

/// The representations of the experiments that will read the export; `None` if no study is named.
///
/// # Errors
/// The study cannot be read, or has no experiment.
fn read_representations(
    options: &ExportOptions,
    source: &StudyRecord,
) -> Result<Option<BTreeSet<Representation>>, UsageError> {
    let Some(study) = &options.readers else {
        return Ok(None);
    };
    let plan = EvaluationPlan::read(study, source.scale)?;
    if plan.experiments.is_empty() {
        let study = study.display();
        return Err(UsageError(format!(
            "--for {study}: the study has no [[experiment]]"
        )));
    }
    let experiments = plan.experiments.iter();
    Ok(Some(experiments.map(|spec| spec.representation).collect()))
}

/// Makes sure that all runs are trained, and all of their checkpoints measured. A study on an
/// object store has trained none.
///
/// # Errors
/// Some are not; the tables or the catalog cannot be read.
fn require_finished(from: &Path, tables: &TableStore) -> anyhow::Result<()> {
    if Folder::at(from).is_remote() {
        return Ok(());
    }
    let folder = StudyFolder::read_only(from);
    let (trained, measured) = (folder.trained_catalog()?, tables.committed()?);
    let entries = trained.entries();
    let n_left = entries
        .filter(|entry| !measured.contains_key(&entry.checkpoint))
        .count();
    if folder.has_unmerged_catalog()? || n_left > 0 {
        bail!(
            "{}: the study is not finished: {} of its trained checkpoints are measured, {n_left} \
             are not, and runs may be left to train; run it to its end first",
            from.display(),
            trained.len() - n_left
        );
    }
    Ok(())
}

/// The twins that the study has measured.
///
/// # Errors
/// The tables cannot be read; a twin has not as many checkpoints as the study.
fn measured_twins(tables: &TableStore) -> anyhow::Result<Vec<Twin>> {
    let n_real = tables.committed()?.len();
    let mut twins = Vec::new();
    for twin in Twin::ALL {
        let n_twin = tables.twin(twin.as_str()).committed()?.len();
        if n_twin > 0 && n_twin != n_real {
            bail!(
                "twin {twin} has {n_twin} checkpoints, the study {n_real}: finish the study first"
            );
        }
        twins.extend((n_twin > 0).then_some(twin));
    }
    Ok(twins)
}

/// Names of the checkpoints to export: the last of each run, or all, of some runs or all.
///
/// # Errors
/// A column is missing; there are fewer runs than asked for.
fn kept_checkpoints(
    networks: &DataFrame,
    options: &ExportOptions,
) -> anyhow::Result<HashSet<String>> {
    let checkpoints = networks.column("checkpoint")?.str()?;
    let runs = networks.column("run")?.str()?;
    let steps = networks.column("step")?.i64()?;
    let rows = checkpoints.iter().zip(runs.iter()).zip(steps.iter());
    let positions: Vec<RunPosition<'_>> = rows
        .map(|((checkpoint, run), step)| RunPosition {
            run: run.unwrap_or_default(),
            step: step.unwrap_or_default(),
            checkpoint: checkpoint.unwrap_or_default(),
        })
        .collect();
    let runs: BTreeSet<&str> = positions.iter().map(|row| row.run).collect();
    let runs: Vec<&str> = runs.into_iter().collect();
    let runs: HashSet<&str> = match options.n_runs {
        None => runs.into_iter().collect(),
        Some(n) if n > runs.len() => bail!(
            "{}: --runs {n}: the study has {} runs",
            options.from.display(),
            runs.len()
        ),
        Some(n) => (0..n).map(|index| runs[index * runs.len() / n]).collect(),
    };
    let of_runs = LastCheckpoints::of(positions.iter().copied());
    let kept = positions
        .iter()
        .filter(|row| runs.contains(row.run) && (!options.last || of_runs.contains(**row)));
    Ok(kept.map(|row| row.checkpoint.to_owned()).collect())
}

fn metadata(
    record: &StudyRecord,
    options: &ExportOptions,
    representations: Option<&BTreeSet<Representation>>,
) -> Vec<(String, String)> {
    let mut metadata = record.metadata();
    if let Some(representations) = representations {
        let names: Vec<&str> = representations.iter().map(|one| one.name()).collect();
        metadata.push((REPRESENTATIONS_KEY.to_owned(), names.join(" ")));
    }
    if let Some(digits) = options.digits {
        metadata.push(("cntflow.digits".to_owned(), digits.to_string()));
    }
    metadata.push((CHECKPOINTS_KEY.to_owned(), checkpoints(options).to_owned()));
    metadata
}

fn checkpoints(options: &ExportOptions) -> &'static str {
    if options.last {
        LAST_CHECKPOINTS
    } else {
        "all"
    }
}

/// Writes the files of an export, and notes them for the manifest.
struct ExportWriter<'a> {
    options: &'a ExportOptions,
    metadata: Vec<(String, String)>,
    kept: HashSet<String>,
    /// Representations that the export is read in; `None` to keep all statistics.
    representations: Option<BTreeSet<Representation>>,
    source_tables: Vec<SourceTable>,
    files: Vec<PathBuf>,
}

impl ExportWriter<'_> {
    /// Writes `layers` and `networks` of the networks or of a twin, `networks` last: it says that
    /// the tables are whole. `name` comes before their names in the manifest.
    fn write_tables(
        &mut self,
        name: &str,
        from: &TableStore,
        to: &TableStore,
    ) -> anyhow::Result<()> {
        let layers = self.exported(
            from,
            Table::Layers,
            &["metric", "layer", "name", "checkpoint"],
        )?;
        self.add_source(name, Table::Layers, &layers)?;
        let layers = match &self.representations {
            Some(representations) => without_unread(&layers, representations)?,
            None => layers,
        };
        let layers = match self.options.digits {
            Some(digits) => round_reals(&layers, digits)?,
            None => layers,
        };
        let path = to.write_compact(Table::Layers, PART, &layers, &self.metadata)?;
        self.files.push(path);
        let networks = self.exported(from, Table::Networks, &["checkpoint"])?;
        let networks = without_machine(&networks, &self.options.from)?;
        self.add_source(name, Table::Networks, &networks)?;
        let path = to.write_compact(Table::Networks, PART, &networks, &self.metadata)?;
        self.files.push(path);
        Ok(())
    }

    /// The rows of a table that are exported, sorted.
    fn exported(&self, from: &TableStore, table: Table, key: &[&str]) -> anyhow::Result<DataFrame> {
        let rows = from.scan(table)?.collect()?;
        let checkpoints = rows.column("checkpoint")?.str()?.iter();
        let is_kept: BooleanChunked = checkpoints
            .map(|name| Some(name.is_some_and(|name| self.kept.contains(name))))
            .collect();
        let rows = rows.filter(&is_kept)?;
        Ok(rows.sort(key.iter().copied(), SortMultipleOptions::default())?)
    }

    fn add_source(&mut self, name: &str, table: Table, rows: &DataFrame) -> anyhow::Result<()> {
        self.source_tables.push(SourceTable {
            table: format!("{name}{}", table.name()),
            rows: rows.height(),
            blake3: rows_digest(rows)?,
        });
        Ok(())
    }

    /// Writes the catalog of trained checkpoints, if the study has any.
    fn write_catalog(&mut self) -> anyhow::Result<()> {
        // A catalog on an object store does not exist: populations are trained on a disk.
        if Folder::at(&self.options.from).is_remote() {
            return Ok(());
        }
        let catalog = StudyFolder::read_only(&self.options.from).trained_catalog()?;
        let kept = catalog.entries();
        let kept = kept.filter(|entry| self.kept.contains(&entry.checkpoint));
        let entries: Vec<CatalogEntry> = kept.map(|entry| self.moved(&entry)).collect();
        if entries.is_empty() {
            return Ok(());
        }
        let path = self.options.to.join("catalog.parquet");
        write_catalog(&path, &Catalog::new(entries)?)?;
        self.files.push(path);
        Ok(())
    }

    /// The entry with its location below the export, which makes it relative in the file.
    fn moved(&self, entry: &CatalogEntry) -> CatalogEntry {
        let mut entry = entry.clone();
        if let Ok(below) = entry.location.path.strip_prefix(&self.options.from) {
            entry.location.path = self.options.to.join(below).into();
        }
        entry
    }

    fn write_manifest(mut self, record: StudyRecord) -> anyhow::Result<Manifest> {
        let to = &self.options.to;
        self.files.push(to.join("study.json"));
        self.files.sort();
        let files = self.files.iter().map(|path| ExportedFile::of(to, path));
        let manifest = Manifest {
            cntflow: env!("CARGO_PKG_VERSION").to_owned(),
            study: record.name,
            identity: record.identity,
            scale: record.scale,
            command: command_text(self.options),
            checkpoints: checkpoints(self.options),
            digits: self.options.digits,
            significant_bits: self.options.digits.map(significant_bits),
            n_networks: self.kept.len(),
            source_tables: self.source_tables,
            files: files.collect::<std::io::Result<_>>()?,
        };
        let text = serde_json::to_string_pretty(&manifest)? + "\n";
        Folder::at(to)
            .write::<std::io::Error>(MANIFEST_FILE, |file| file.write_all(text.as_bytes()))?;
        Ok(manifest)
    }
}

/// The table `networks` without what another machine would have otherwise: no `seconds`, and no
/// path of the study's folder in `reason`.
fn without_machine(networks: &DataFrame, from: &Path) -> anyhow::Result<DataFrame> {
    let height = networks.height();
    let folder = format!("{}/", from.display());
    let columns = networks.columns().iter().map(|column| {
        let name = column.name().clone();
        match name.as_str() {
            "seconds" => Ok(Column::full_null(name, height, &DataType::Float64)),
            "reason" => {
                let reasons = column.str()?.iter();
                let reasons: StringChunked = reasons
                    .map(|reason| reason.map(|reason| reason.replace(&folder, "")))
                    .collect();
                let mut reasons = reasons.into_column();
                reasons.rename(name);
                Ok(reasons)
            }
            _ => Ok(column.clone()),
        }
    });
    let columns = columns.collect::<anyhow::Result<Vec<Column>>>()?;
    Ok(DataFrame::new(height, columns)?)
}

/// The command that makes this export. Of an absolute path only the last part is named: the others
/// are of one machine.
fn command_text(options: &ExportOptions) -> String {
    let name = |path: &Path| {
        let last = path.file_name().filter(|_| path.is_absolute());
        last.unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned()
    };
    let (from, to) = (name(&options.from), name(&options.to));
    let mut command = format!("cntflow export {from} --to {to}");
    if options.last {
        command.push_str(" --last");
    }
    if let Some(n_runs) = options.n_runs {
        command.push_str(&format!(" --runs {n_runs}"));
    }
    if let Some(digits) = options.digits {
        command.push_str(&format!(" --digits {digits}"));
    }
    if let Some(readers) = &options.readers {
        command.push_str(&format!(" --for {}", readers.display()));
    }
    command
}
