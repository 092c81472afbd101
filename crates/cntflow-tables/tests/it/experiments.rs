//! Tables of experiments: files of their own, one table in queries.

use cntflow_tables::{Table, TableStore, TablesError};
use polars::prelude::{DataFrame, LazyFrame, df};

/// The table `folds` of an experiment with one network in the test set and one in a fold.
fn folds(experiment: &str) -> DataFrame {
    df!(
        "experiment" => [experiment, experiment],
        "checkpoint" => ["a", "b"],
        "group" => ["a", "b"],
        "set" => ["test", "training"],
        "repeat" => [None, Some(0_i64)],
        "fold" => [None, Some(1_i64)],
    )
    .unwrap()
}

/// The values of a column of texts of one of the frames.
fn texts(frames: &[(&str, LazyFrame)], table: &str, column: &str) -> Vec<String> {
    let (_, frame) = frames.iter().find(|(name, _)| *name == table).unwrap();
    let frame = frame.clone().collect().unwrap();
    let values = frame.column(column).unwrap().str().unwrap();
    values.iter().flatten().map(str::to_owned).collect()
}

#[test]
fn every_table_of_an_experiment_begins_with_its_name() {
    for table in Table::OF_EXPERIMENT {
        assert!(!table.is_batched(), "{}", table.name());
        assert_eq!(Table::from_name(table.name()), Some(table));
        let columns = table.columns();
        assert_eq!(columns[0].name, "experiment", "{}", table.name());
        assert!(
            columns.iter().all(|column| !column.doc.is_empty()),
            "{}",
            table.name()
        );
    }
}

#[test]
fn experiments_are_apart_on_the_disk_and_together_in_queries() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    assert!(store.scan_experiments(&["first"]).unwrap().is_empty());
    for name in ["first", "second"] {
        let own = store.experiment(name);
        own.write_whole(Table::Folds, &folds(name), &[]).unwrap();
        let path = folder.path().join(format!("tables/experiments/{name}"));
        assert!(path.join("folds/all.parquet").exists());
        // Each experiment has other feature columns.
        let features = df!("experiment" => [name], "checkpoint" => ["a"], name => [1.5]);
        own.write_features(&features.unwrap(), &[]).unwrap();
        assert!(path.join("features/all.parquet").exists());
    }
    let frames = store.scan_experiments(&[]).unwrap();
    let names: Vec<&str> = frames.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["folds", "features"]);
    let both = ["first", "first", "second", "second"];
    assert_eq!(texts(&frames, "folds", "experiment"), both);
    assert_eq!(
        texts(&frames, "features", "experiment"),
        ["first", "second"]
    );
    let features = frames[1].1.clone().collect().unwrap();
    assert_eq!(features.column("first").unwrap().null_count(), 1);
    assert_eq!(features.column("second").unwrap().null_count(), 1);

    let described = store.describe_features(&[]).unwrap();
    let columns: Vec<&str> = described.iter().map(|column| &*column.name).collect();
    assert_eq!(columns, ["experiment", "checkpoint", "first", "second"]);
    assert_eq!(described[3].data_type, "float64");
    let empty = tempfile::tempdir().unwrap();
    let nothing = TableStore::new(empty.path()).describe_features(&[]);
    assert!(nothing.unwrap().is_empty());

    let second = store.experiment("second");
    second
        .write_whole(Table::Folds, &folds("again"), &[])
        .unwrap();
    let frames = store.scan_experiments(&[]).unwrap();
    let replaced = ["first", "first", "again", "again"];
    assert_eq!(texts(&frames, "folds", "experiment"), replaced);
}

#[test]
fn parts_have_the_metadata_of_the_caller_and_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let own = TableStore::new(folder.path()).experiment("first");
    let metadata = [("cntflow.experiment".to_owned(), "0123".to_owned())];
    own.write_part(Table::Folds, "one", &folds("first"), &metadata)
        .unwrap();
    let value = own.part_metadata(Table::Folds, "cntflow.experiment");
    assert_eq!(value.unwrap().as_deref(), Some("0123"));
    assert_eq!(own.part_metadata(Table::Folds, "other").unwrap(), None);
    assert_eq!(own.part_names(Table::Folds).unwrap(), ["one"]);
    own.remove_part(Table::Folds, "one").unwrap();
    assert!(own.part_names(Table::Folds).unwrap().is_empty());
    let empty = own.scan(Table::Folds).err();
    assert!(
        matches!(empty, Some(TablesError::Empty { .. })),
        "{empty:?}"
    );
}

#[test]
fn what_a_killed_writer_left_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let own = TableStore::new(folder.path()).experiment("first");
    own.write_whole(Table::Folds, &folds("first"), &[]).unwrap();
    let path = folder.path().join("tables/experiments/first/folds");
    std::fs::write(path.join(".all.parquet.x1y2z3.part"), "half").unwrap();
    std::fs::write(path.join("notes.txt"), "mine").unwrap();
    own.remove_temporary_files().unwrap();
    assert!(!path.join(".all.parquet.x1y2z3.part").exists());
    assert!(path.join("notes.txt").exists());
    assert_eq!(own.part_names(Table::Folds).unwrap(), ["all"]);
}

#[test]
fn a_frame_with_other_columns_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let own = TableStore::new(folder.path()).experiment("first");
    let frame = folds("first").drop("fold").unwrap();
    let refused = own.write_whole(Table::Folds, &frame, &[]).unwrap_err();
    assert!(
        matches!(refused, TablesError::ColumnMismatch { .. }),
        "{refused}"
    );
    assert!(own.part_names(Table::Folds).unwrap().is_empty());
}
