//! `cntflow datasets`.

use cntflow_zoo::{DatasetInfo, datasets as builtin_datasets, verify};
use serde_json::{Value, json};

use crate::args::DatasetsCommand;
use crate::exit::ExitStatus;
use crate::printer;

/// Lists or verifies the data sets that come with cntflow.
pub(crate) fn datasets(command: &DatasetsCommand) -> anyhow::Result<ExitStatus> {
    match command {
        DatasetsCommand::List { json } if *json => print_json(),
        DatasetsCommand::List { .. } => print_table(),
        DatasetsCommand::Verify { name } => verify_all(name)?,
    }
    Ok(ExitStatus::Done)
}

fn print_json() {
    let datasets: Value = builtin_datasets().iter().map(dataset_json).collect();
    printer::json(&datasets);
}

fn print_table() {
    let header = [
        "name",
        "train",
        "test",
        "classes",
        "shape",
        "bytes",
        "licence",
        "description",
    ];
    let datasets = builtin_datasets();
    let rows = datasets.iter().map(dataset_row);
    printer::result(&printer::table(header, rows));
    printer::note(
        "in place of a name, the path of a folder may be given that holds the four IDX files of \
         MNIST or Fashion-MNIST (.gz or not)",
    );
}

/// Verifies the data sets of these names, or all of them if there is no name.
fn verify_all(names: &[String]) -> anyhow::Result<()> {
    let builtin: Vec<String> = builtin_datasets()
        .iter()
        .map(|info| info.name.to_owned())
        .collect();
    for name in if names.is_empty() { &builtin } else { names } {
        let n_files = verify(name)?;
        printer::result(&format!(
            "{name}: {n_files} files have their published digests"
        ));
    }
    Ok(())
}

fn dataset_json(info: &DatasetInfo) -> Value {
    json!({
        "name": info.name,
        "description": info.description,
        "licence": info.licence,
        "n_train": info.n_train,
        "n_test": info.n_test,
        "n_classes": info.n_classes,
        "shape": info.shape,
        "bytes": info.bytes,
    })
}

fn dataset_row(info: &DatasetInfo) -> Vec<String> {
    vec![
        info.name.to_owned(),
        info.n_train.to_string(),
        info.n_test.to_string(),
        info.n_classes.to_string(),
        format!("{:?}", info.shape),
        info.bytes.to_string(),
        info.licence.to_owned(),
        info.description.to_owned(),
    ]
}
