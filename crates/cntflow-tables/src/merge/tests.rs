//! Merging batches, and what is left when it fails.

use std::time::Duration;

use cntflow_catalog::{CatalogEntry, Label, LabelColumn, LabelKind};
use cntflow_storage::Location;
use fs_err as fs;

use super::*;
use crate::{Batch, BatchLimits, Record, Status};

pub(crate) fn commit(store: &TableStore, name: &str, checkpoints: &[&str], label: &str) {
    let labels = vec![LabelColumn {
        name: label.to_owned(),
        kind: LabelKind::Integer,
    }];
    let limits = BatchLimits {
        age: Duration::ZERO,
        bytes: 1,
    };
    let mut batch = Batch::new(
        store.clone(),
        limits,
        labels.into(),
        Arc::new([]),
        name.to_owned(),
    );
    for checkpoint in checkpoints {
        batch.add(record(checkpoint, label));
    }
    batch.commit().unwrap();
}

pub(crate) fn record(checkpoint: &str, label: &str) -> Record {
    Record {
        entry: CatalogEntry {
            checkpoint: checkpoint.to_owned(),
            location: Location::default(),
            run: "r".into(),
            step: 0,
            architecture: None,
            labels: [(label.to_owned(), Label::Integer(1))]
                .into_iter()
                .collect(),
            parent: None,
            absent: None,
        },
        status: Status::Ok,
        reason: None,
        digest: None,
        bytes: None,
        metrics: None,
        coverage: Vec::new(),
        samples: None,
        seconds: 0.0,
    }
}

pub(crate) fn checkpoints(store: &TableStore) -> Vec<String> {
    let frame = store.scan(Table::Networks).unwrap().collect().unwrap();
    let column = frame.column("checkpoint").unwrap().str().unwrap();
    let mut names: Vec<String> = column.iter().flatten().map(str::to_owned).collect();
    names.sort();
    names
}

/// Ten batches of one checkpoint each, of two sets of label columns.
pub(crate) fn ten_batches() -> (tempfile::TempDir, TableStore, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    let names: Vec<String> = (0..10).map(|i| format!("c{i}")).collect();
    for (i, name) in names.iter().enumerate() {
        commit(
            &store,
            &format!("b{i}"),
            &[name],
            if i < 5 { "first" } else { "second" },
        );
    }
    (folder, store, names)
}

#[test]
fn a_part_without_its_networks_part_is_not_seen_and_is_removed() {
    let (_folder, store, names) = ten_batches();
    fs::remove_file(store.part(Table::Networks, "b3-00000")).unwrap();
    let left: Vec<String> = names.into_iter().filter(|name| name != "c3").collect();
    assert_eq!(checkpoints(&store), left);
    assert_eq!(
        store.remove_leftovers().unwrap(),
        2,
        "layers and coverage of the batch"
    );
    assert!(!store.part(Table::Layers, "b3-00000").exists());
}

#[test]
fn merging_keeps_every_row_and_every_label() {
    let (_folder, store, names) = ten_batches();
    assert!(store.merge("x").unwrap());
    assert_eq!(store.batches().unwrap(), ["merged-x"]);
    assert_eq!(checkpoints(&store), names);
    let frame = store.scan(Table::Networks).unwrap().collect().unwrap();
    assert_eq!(frame.column("first").unwrap().null_count(), 5);
    assert_eq!(frame.column("second").unwrap().null_count(), 5);
    assert!(!store.merge("y").unwrap(), "nothing to merge");
}

#[test]
fn a_merge_that_fails_leaves_no_merged_part() {
    let (folder, store, names) = ten_batches();
    // A folder in the place of the merged part of the table that is written last.
    let merged = folder.path().join("tables/networks/m-x.parquet");
    let merged = merged.with_file_name(file_name(&format!("{MERGED}x")));
    fs::create_dir(&merged).unwrap();
    assert!(store.merge("x").is_err());
    fs::remove_dir(&merged).unwrap();
    let parts = store.folder(Table::Layers).files().unwrap();
    assert!(parts.iter().all(|part| !part.name.starts_with(MERGED)));
    assert_eq!(checkpoints(&store), names);
}

/// Other programs would not read them as one table.
#[test]
fn two_batches_with_different_labels_are_merged_with_the_labels_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    commit(&store, "b0", &["a"], "zeta");
    commit(&store, "b1", &["b"], "alpha");
    assert!(store.has_several_schemas().unwrap());
    assert!(store.merge("x").unwrap());
    assert!(!store.has_several_schemas().unwrap());
    let frame = store.scan(Table::Networks).unwrap().collect().unwrap();
    let names = frame.get_column_names();
    let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    assert_eq!(names[3..8], ["step", "parent", "alpha", "zeta", "status"]);
}

#[test]
fn a_committed_batch_without_its_layers_is_an_error_that_names_the_part() {
    let (_folder, store, _) = ten_batches();
    fs::remove_file(store.part(Table::Layers, "b3-00000")).unwrap();
    let text = store
        .scan(Table::Layers)
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("b3-00000.parquet") && text.contains("missing"),
        "{text}"
    );
}

#[test]
fn a_merge_killed_before_it_removed_what_it_replaces_counts_nothing_twice() {
    let (folder, store, names) = ten_batches();
    let copy = folder.path().join("old");
    fs::create_dir(&copy).unwrap();
    for batch in store.batches().unwrap() {
        fs::copy(
            store.part(Table::Networks, &batch),
            copy.join(format!("{batch}.parquet")),
        )
        .unwrap();
    }
    store.merge("x").unwrap();
    for file in fs::read_dir(&copy).unwrap() {
        let file = file.unwrap();
        fs::copy(
            file.path(),
            folder.path().join("tables/networks").join(file.file_name()),
        )
        .unwrap();
    }
    assert_eq!(checkpoints(&store), names);
    assert_eq!(store.committed().unwrap().len(), 10);
    assert_eq!(store.remove_leftovers().unwrap(), 10);
}
