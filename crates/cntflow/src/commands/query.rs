//! `cntflow query`.

use cntflow_tables::{Table, TableStore, TablesError, write_frame};
use polars::prelude::DataFrame;
use polars::sql::SQLContext;

use crate::args::{Format, QueryArguments};
use crate::exit::{ExitStatus, UsageError};
use crate::output::frames;
use crate::printer;

/// Runs one SQL query over the committed tables of a folder.
pub(crate) fn query(arguments: &QueryArguments) -> anyhow::Result<ExitStatus> {
    let format = format(arguments);
    if format == Format::Parquet && arguments.output.is_none() {
        return Err(UsageError("--format parquet needs --output FILE".to_owned()).into());
    }
    let frame = answer(arguments)?;
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

/// The form that is asked for, or that the output's ending tells.
fn format(arguments: &QueryArguments) -> Format {
    let ending = arguments
        .output
        .as_ref()
        .and_then(|path| path.extension()?.to_str());
    arguments.format.unwrap_or(match ending {
        Some("csv") => Format::Csv,
        Some("json") => Format::Json,
        Some("parquet") => Format::Parquet,
        _ => Format::Table,
    })
}

fn answer(arguments: &QueryArguments) -> anyhow::Result<DataFrame> {
    let tables = TableStore::new(&arguments.folder);
    let mut context = SQLContext::new();
    let mut known = Vec::new();
    // Summaries of samples are bytes that no query can do anything with.
    let readable = |table: &Table| *table != Table::Populations;
    for table in Table::ALL.into_iter().filter(readable) {
        match tables.scan(table) {
            Ok(frame) => {
                context.register(table.name(), frame);
                known.push(table.name());
            }
            Err(TablesError::Empty { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if known.is_empty() {
        return Err(UsageError(format!("{}: no tables here", arguments.folder.display())).into());
    }
    // Columns are looked up when the plan is resolved: what is wrong by then is the query, what goes wrong later the tables.
    let wrong = |error| UsageError(format!("query: {error}\ntables here: {}", known.join(", ")));
    let mut plan = context.execute(&arguments.sql).map_err(wrong)?;
    plan.collect_schema().map_err(wrong)?;
    let mut answer = plan.collect()?;
    answer.rechunk_mut();
    Ok(answer)
}
