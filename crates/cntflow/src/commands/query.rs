//! `cntflow query`.

use std::path::Path;

use cntflow_experiments::spec::ExperimentSpec;
use cntflow_network::Twin;
use cntflow_tables::schema::ColumnDescription;
use cntflow_tables::{
    NamedTable, SqlError, SqlTables, Table, TableStore, named_tables, write_frame,
};
use polars::prelude::{Column, DataFrame};

use crate::args::{Format, QueryArguments};
use crate::exit::{ExitStatus, UsageError};
use crate::folder::record::StudyRecord;
use crate::output::frames;
use crate::printer;

/// Runs one SQL query over the committed tables of a folder, or prints the columns of its tables.
pub(crate) fn query(arguments: &QueryArguments) -> anyhow::Result<ExitStatus> {
    let format = format(arguments);
    if format == Format::Parquet && arguments.output.is_none() {
        return Err(UsageError("--format parquet needs --output FILE".to_owned()).into());
    }
    let tables = TableStore::new(&arguments.folder);
    let frame = if let Some(table) = &arguments.schema {
        describe(&tables, table.as_deref())?
    } else {
        answer(&tables, arguments)?
    };
    let text = match format {
        Format::Table => frames::to_text(&frame)?,
        Format::Csv => frames::to_csv(&frame)?,
        Format::Json => serde_json::to_string_pretty(&frames::to_json(&frame)?)?,
        Format::Parquet => String::new(),
    };
    match &arguments.output {
        Some(path) if format == Format::Parquet => write_frame(&frame, path)?,
        Some(path) => frames::write_bytes(path, format!("{text}\n").as_bytes())?,
        None => printer::result(&text),
    }
    Ok(ExitStatus::Done)
}

/// The format of `--format`, or by the extension of `--output`.
fn format(arguments: &QueryArguments) -> Format {
    let extension = arguments
        .output
        .as_ref()
        .and_then(|path| path.extension()?.to_str());
    arguments.format.unwrap_or(match extension {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some("parquet") => Format::Parquet,
        _ => Format::Table,
    })
}

/// The table of feature columns, which every experiment has of its own.
const FEATURES: &str = "features";

fn answer(tables: &TableStore, arguments: &QueryArguments) -> anyhow::Result<DataFrame> {
    let sql_tables = open_sql(&arguments.folder, tables)?;
    let sql = arguments.sql.as_deref().unwrap_or_default();
    match sql_tables.query(sql) {
        Err(error @ SqlError::Wrong { .. }) => Err(UsageError(error.to_string()).into()),
        Err(SqlError::Read(error)) => Err(error.into()),
        Ok(answer) => Ok(answer),
    }
}

/// The tables of an output folder, with those of twins and experiments.
///
/// # Errors
/// There are none, or they cannot be read.
pub(super) fn open_sql(folder: &Path, tables: &TableStore) -> anyhow::Result<SqlTables> {
    let sql_tables = sql_tables(folder, tables)?;
    if sql_tables.is_empty() {
        return Err(UsageError(format!("{}: no tables here", folder.display())).into());
    }
    Ok(sql_tables)
}

/// As [`open_sql`], of a folder that may not have tables yet.
///
/// # Errors
/// They cannot be read.
pub(crate) fn sql_tables(folder: &Path, tables: &TableStore) -> anyhow::Result<SqlTables> {
    let record = StudyRecord::read(folder)?;
    let names = record.map_or_else(Vec::new, |record| experiment_names(tables, &record));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(SqlTables::open(
        tables,
        &Twin::ALL.map(Twin::as_str),
        &names,
    )?)
}

/// Names of the experiments of a study, with those that a section stands for.
pub(crate) fn experiment_names(tables: &TableStore, record: &StudyRecord) -> Vec<String> {
    let names = |spec: &ExperimentSpec| -> Vec<String> {
        let expanded = tables
            .scan(Table::Networks)
            .ok()
            .and_then(|networks| spec.expand(networks, &record.label_aliases).ok());
        match expanded {
            Some(specs) => specs.into_iter().map(|spec| spec.name).collect(),
            None => vec![spec.name.clone()],
        }
    };
    record.experiments.iter().flat_map(names).collect()
}

fn all_tables(tables: &TableStore) -> Vec<NamedTable> {
    named_tables(tables, &Twin::ALL.map(Twin::as_str))
}

/// One row per column of a table, or of all tables that can be queried.
fn describe(tables: &TableStore, table: Option<&str>) -> anyhow::Result<DataFrame> {
    let Some(name) = table else {
        return describe_all(tables);
    };
    if name == FEATURES {
        return frame(&tables.describe_features(&[])?, None);
    }
    let all = all_tables(tables);
    let Some(known) = all.iter().find(|known| known.name == name) else {
        let mut names: Vec<&str> = all.iter().map(|known| known.name.as_str()).collect();
        names.push(FEATURES);
        let names = names.join(", ");
        return Err(UsageError(format!("no table '{name}'; tables: {names}")).into());
    };
    frame(&known.store.describe_columns(known.table)?, None)
}

fn describe_all(tables: &TableStore) -> anyhow::Result<DataFrame> {
    let (mut descriptions, mut names) = (Vec::new(), Vec::new());
    for NamedTable { name, store, table } in all_tables(tables) {
        // Every folder has the tables of networks; those of twins are only where they are measured.
        if Table::from_name(&name).is_none() && store.batches()?.is_empty() {
            continue;
        }
        let columns = store.describe_columns(table)?;
        names.extend(std::iter::repeat_n(name, columns.len()));
        descriptions.extend(columns);
    }
    frame(&descriptions, Some(Column::new("table".into(), names)))
}

fn frame(columns: &[ColumnDescription], table: Option<Column>) -> anyhow::Result<DataFrame> {
    let texts = |name: &str, text: fn(&ColumnDescription) -> Option<&str>| {
        let texts: Vec<Option<&str>> = columns.iter().map(text).collect();
        Column::new(name.into(), texts)
    };
    let described = [
        texts("column", |column| Some(&column.name)),
        texts("type", |column| Some(&column.data_type)),
        texts("unit", |column| column.unit),
        texts("meaning", |column| Some(column.doc)),
    ];
    let all = table.into_iter().chain(described).collect();
    Ok(DataFrame::new(columns.len(), all)?)
}
