//! `cntflow report`.

use std::path::{Path, PathBuf};

use cntflow_report::{NetworkName, Report, ReportError};
use cntflow_storage::store::Folder;
use cntflow_tables::{SqlTables, Table, TableStore};

use super::graph_names::graph_names;
use super::query::{open_sql, sql_tables};
use super::report_facts::{facts, options};
use crate::args::ReportArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::folder::record::StudyRecord;
use crate::output::{figures, frames};
use crate::printer;

/// Name of the page in an output folder.
const FILE: &str = "report.html";

/// Labels that usually tell how good a network is.
const USUAL_LABELS: [&str; 3] = ["test_accuracy", "val_accuracy", "accuracy"];

/// Writes the page of a folder, and with `--figures` its figures for papers.
pub(crate) fn report(arguments: &ReportArguments) -> anyhow::Result<ExitStatus> {
    let (folder, graphs) = (&arguments.folder, &*arguments.graph);
    let Some(figures) = &arguments.figures else {
        write_page(arguments, &page(folder, graphs)?)?;
        return Ok(ExitStatus::Done);
    };
    if figures.is_file() {
        let message = format!(
            "--figures {}: this is a file, not a folder",
            figures.display()
        );
        return Err(UsageError(message).into());
    }
    let (page, drawn) = with_folder(folder, graphs, |report| report.html_and_figures())?;
    write_page(arguments, &page)?;
    for path in figures::write(&Folder::at(figures), &drawn)? {
        printer::result(&path.display().to_string());
    }
    Ok(ExitStatus::Done)
}

/// Writes the page to its place and prints that.
fn write_page(arguments: &ReportArguments, page: &str) -> anyhow::Result<()> {
    let path = match &arguments.output {
        Some(path) => {
            frames::write_bytes(path, page.as_bytes())?;
            path.clone()
        }
        None => write_into(&arguments.folder, page)?,
    };
    printer::result(&path.display().to_string());
    Ok(())
}

/// Writes the page of a folder into it, complete or not at all, and returns its path.
///
/// # Errors
/// A table cannot be read, or the page not written.
pub(super) fn write_report(folder: &Path) -> anyhow::Result<PathBuf> {
    write_into(folder, &page(folder, &[])?)
}

fn write_into(folder: &Path, page: &str) -> anyhow::Result<PathBuf> {
    let folder = Folder::at(folder);
    folder.write::<std::io::Error>(FILE, |file| file.write_all(page.as_bytes()))?;
    Ok(folder.path_of(FILE))
}

/// The page of a folder, with these networks as graphs.
fn page(folder: &Path, graphs: &[String]) -> anyhow::Result<String> {
    with_folder(folder, graphs, |report| report.html())
}

/// What is made of the report of a folder that has tables, with these networks as graphs.
fn with_folder<T>(
    folder: &Path,
    graphs: &[String],
    make: impl FnOnce(&Report<'_>) -> Result<T, ReportError>,
) -> anyhow::Result<T> {
    let tables = TableStore::new(folder);
    let sql_tables = open_sql(folder, &tables)?;
    let graphs = graph_names(graphs, &sql_tables)?;
    with_report(folder, (&tables, &sql_tables), &graphs, make)
}

/// The page of a folder as a server of it sends it; the folder may not have tables yet.
///
/// # Errors
/// A table cannot be read.
pub(crate) fn live_page(folder: &Path, version: &str) -> anyhow::Result<String> {
    let tables = TableStore::new(folder);
    let sql_tables = sql_tables(folder, &tables)?;
    with_report(folder, (&tables, &sql_tables), &[], |report| {
        report.live_html(version)
    })
}

/// What is made of the report of a folder.
fn with_report<T>(
    folder: &Path,
    (tables, sql_tables): (&TableStore, &SqlTables),
    graphs: &[NetworkName],
    make: impl FnOnce(&Report<'_>) -> Result<T, ReportError>,
) -> anyhow::Result<T> {
    let record = StudyRecord::read(folder)?;
    let record = record.as_ref();
    let labels = tables.label_columns(Table::Networks)?.unwrap_or_default();
    let names: Vec<String> = labels.iter().map(|(name, _)| name.clone()).collect();
    let report = Report {
        name: record.map_or("measured networks", |record| &record.name),
        facts: &record.map_or_else(Vec::new, |record| facts(record, tables)),
        options: &record.map_or_else(Vec::new, options),
        label: judged_by(record, &labels),
        labels: &names,
        graphs,
        tables: sql_tables,
    };
    Ok(make(&report)?)
}

/// The label of numbers that tells good networks from bad ones: that of the populations, else of an
/// experiment, else one that is usual.
fn judged_by<'a>(record: Option<&StudyRecord>, labels: &'a [(String, String)]) -> Option<&'a str> {
    let records = record.iter();
    let of_populations = records
        .clone()
        .filter_map(|record| record.populations.as_ref());
    let of_populations = of_populations.map(|spec| spec.label.as_str());
    let experiments = records.flat_map(|record| &record.experiments);
    let of_experiments = experiments.map(|experiment| experiment.target.label());
    let mut candidates = of_populations.chain(of_experiments).chain(USUAL_LABELS);
    candidates.find_map(|candidate| {
        let mut labels = labels.iter();
        let found = labels.find(|(name, data_type)| {
            name == candidate && matches!(data_type.as_str(), "float64" | "int64")
        });
        found.map(|(name, _)| name.as_str())
    })
}
