//! What the report says of the study beside its tables.

use std::time::SystemTime;

use cntflow_report::Fact;
use cntflow_tables::{Table, TableStore};
use serde_json::Value;

use crate::folder::differences::options_by_name;
use crate::folder::record::StudyRecord;

/// What is known of the study, and of the machine that makes the report.
pub(super) fn facts(record: &StudyRecord, tables: &TableStore) -> Vec<Fact> {
    let version = |version: &str| format!("cntflow {version}");
    let mut facts = vec![
        fact("measured by", version(&record.cntflow)),
        fact("report by", version(env!("CARGO_PKG_VERSION"))),
        fact("report made on", machine()),
        fact("scale", record.scale.to_string()),
        fact("identity", record.identity.clone()),
    ];
    if let Some(time) = last_written(tables) {
        let time = humantime::format_rfc3339_seconds(time).to_string();
        facts.push(fact("tables last written", time));
    }
    facts
}

/// Processor, number of threads and operating system.
fn machine() -> String {
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (processor, system) = (processor(), std::env::consts::OS);
    format!("{processor}, threads: {n_threads}, {system}")
}

/// The processor's name where the system tells it, else its architecture.
fn processor() -> String {
    let text = fs_err::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names = text.lines().filter_map(|line| line.split_once(':'));
    let mut names = names.filter(|(key, _)| key.trim() == "model name");
    let name = names.next().map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// When the last file of the table of networks was written, by the file system; `None` where none
/// says it, as on object stores.
fn last_written(tables: &TableStore) -> Option<SystemTime> {
    let parts = tables.committed_parts(Table::Networks).ok()?;
    let written = parts.iter().filter_map(|part| {
        let metadata = fs_err::metadata(part).ok()?;
        metadata.modified().ok()
    });
    written.max()
}

/// What the record says of how its networks were measured.
pub(super) fn options(record: &StudyRecord) -> Vec<Fact> {
    let options = options_by_name(&record.measured_with);
    let options = options.into_iter().filter(|(_, value)| !value.is_null());
    options
        .map(|(name, value)| fact(&name, value_text(&value)))
        .collect()
}

fn fact(name: &str, value: String) -> Fact {
    Fact {
        name: name.to_owned(),
        value,
    }
}

/// A value of JSON without the quotes around texts.
fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(value_text).collect();
            values.join(", ")
        }
        other => other.to_string(),
    }
}
