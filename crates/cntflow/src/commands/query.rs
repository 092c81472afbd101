//! `cntflow query`.

use cntflow_experiments::spec::ExperimentSpec;
use cntflow_network::Twin;
use cntflow_tables::schema::ColumnDescription;
use cntflow_tables::{Table, TableStore, TablesError, write_frame};
use polars::prelude::{Column, DataFrame};
use polars::sql::SQLContext;

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

/// The tables that can be queried. The summaries in `populations` are bytes that SQL cannot use.
fn queryable() -> impl Iterator<Item = Table> {
    Table::ALL
        .into_iter()
        .filter(|table| *table != Table::Populations)
}

/// The tables of twins that can be queried.
const OF_TWINS: [Table; 2] = [Table::Networks, Table::Layers];

/// All tables that can be queried, by their names in SQL: `networks`, `networks_shuffle`, ...
fn named_tables(tables: &TableStore) -> Vec<(String, TableStore, Table)> {
    let real = queryable().map(|table| (table.name().to_owned(), tables.clone(), table));
    let twins = Twin::ALL.into_iter().flat_map(|twin| {
        let store = tables.twin(twin.as_str());
        OF_TWINS.map(|table| (format!("{}_{twin}", table.name()), store.clone(), table))
    });
    let of_experiments =
        Table::OF_EXPERIMENT.map(|table| (table.name().to_owned(), tables.clone(), table));
    real.chain(of_experiments).chain(twins).collect()
}

/// The table of feature columns, which every experiment has of its own.
const FEATURES: &str = "features";

fn answer(tables: &TableStore, arguments: &QueryArguments) -> anyhow::Result<DataFrame> {
    let mut context = SQLContext::new();
    let mut present = Vec::new();
    for (name, store, table) in named_tables(tables) {
        match store.scan(table) {
            Ok(frame) => {
                context.register(&name, frame);
                present.push(name);
            }
            Err(TablesError::Empty { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let record = StudyRecord::read(&arguments.folder)?;
    let names = record.map_or_else(Vec::new, |record| experiment_names(tables, &record));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (name, frame) in tables.scan_experiments(&names)? {
        context.register(name, frame);
        present.push(name.to_owned());
    }
    if present.is_empty() {
        return Err(UsageError(format!("{}: no tables here", arguments.folder.display())).into());
    }
    // `collect_schema` looks up all columns. An error up to that point means that the query is
    // wrong (exit code 2). A later error means that a table cannot be read (exit code 1).
    let wrong = |error| {
        let present = present.join(", ");
        UsageError(format!("query: {error}\ntables here: {present}"))
    };
    let sql = arguments.sql.as_deref().unwrap_or_default();
    let mut plan = context.execute(sql).map_err(wrong)?;
    plan.collect_schema().map_err(wrong)?;
    let mut answer = plan.collect()?;
    answer.rechunk_mut();
    Ok(answer)
}

/// Names of the experiments of a study, with those that a section stands for.
fn experiment_names(tables: &TableStore, record: &StudyRecord) -> Vec<String> {
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

/// One row per column of a table, or of all tables that can be queried.
fn describe(tables: &TableStore, table: Option<&str>) -> anyhow::Result<DataFrame> {
    let Some(name) = table else {
        return describe_all(tables);
    };
    if name == FEATURES {
        return frame(&tables.describe_features(&[])?, None);
    }
    let all = named_tables(tables);
    let Some((_, store, table)) = all.iter().find(|(known, ..)| known == name) else {
        let mut names: Vec<&str> = all.iter().map(|(known, ..)| known.as_str()).collect();
        names.push(FEATURES);
        let names = names.join(", ");
        return Err(UsageError(format!("no table '{name}'; tables: {names}")).into());
    };
    frame(&store.describe_columns(*table)?, None)
}

fn describe_all(tables: &TableStore) -> anyhow::Result<DataFrame> {
    let (mut descriptions, mut names) = (Vec::new(), Vec::new());
    for (name, store, table) in named_tables(tables) {
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
