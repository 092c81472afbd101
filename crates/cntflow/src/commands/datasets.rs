//! `cntflow datasets`.

use cntflow_zoo::{DatasetInfo, datasets as known, verify};
use serde_json::json;

use crate::args::DatasetsCommand;
use crate::exit::ExitStatus;
use crate::printer;

/// Lists or verifies the data sets that come with the program.
pub(crate) fn datasets(command: &DatasetsCommand) -> anyhow::Result<ExitStatus> {
    match command {
        DatasetsCommand::List { json: true } => {
            let list: Vec<_> = known()
                .iter()
                .map(|info| {
                    json!({"name": info.name, "description": info.description, "licence": info.licence, "n_train": info.n_train,
                        "n_test": info.n_test, "n_classes": info.n_classes, "shape": info.shape, "bytes": info.bytes})
                })
                .collect();
            printer::json(&json!(list));
        }
        DatasetsCommand::List { json: false } => {
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
            printer::result(&printer::table(header, known().iter().map(row)));
            printer::note(
                "any folder with the four IDX files of MNIST or Fashion-MNIST (.gz or not) is a data set by its path",
            );
        }
        DatasetsCommand::Verify { name } => {
            let all: Vec<String> = known().iter().map(|info| info.name.to_owned()).collect();
            for name in if name.is_empty() { &all } else { name } {
                let files = verify(name)?;
                printer::result(&format!("{name}: {files} files as published"));
            }
        }
    }
    Ok(ExitStatus::Done)
}

fn row(info: &DatasetInfo) -> Vec<String> {
    let numbers = [info.n_train, info.n_test, info.n_classes].map(|number| number.to_string());
    let mut cells = vec![info.name.to_owned()];
    cells.extend(numbers);
    cells.extend([
        format!("{:?}", info.shape),
        info.bytes.to_string(),
        info.licence.to_owned(),
        info.description.to_owned(),
    ]);
    cells
}
