//! The table `links`: of those checkpoints alone that were measured with it.

use std::sync::Arc;

use cntflow_metrics::{MeasureOptions, measure};
use cntflow_network::{Network, Tensor};
use cntflow_tables::{Batch, BatchLimits, OptionalRows, Record, Table, TableStore, TakenOver};
use polars::prelude::{DataFrame, SortMultipleOptions};

use crate::support::record;

/// A batch of one checkpoint, with so many of the strongest links of three.
fn commit(store: &TableStore, checkpoint: &str, strongest_links: u16) {
    let weights = [1.0, -3.0, 2.0];
    let json = r#"{"input": [3], "layers": [{"kind": "dense", "units": 1, "bias": false}]}"#;
    let architecture = serde_json::from_str(json).unwrap();
    let network = Network::new(architecture, |_| Some(Tensor::borrowed(&[1, 3], &weights)));
    let options = MeasureOptions {
        strongest_links,
        ..MeasureOptions::default()
    };
    let name = format!("w-{checkpoint}");
    let limits = BatchLimits::default();
    let mut batch = Batch::new(store.clone(), limits, Arc::new([]), Arc::new([]), name);
    batch.add(Record {
        metrics: Some(measure(&network.unwrap(), &options)),
        ..record(checkpoint)
    });
    batch.commit().unwrap();
}

fn links(store: &TableStore) -> DataFrame {
    let rows = store.scan(Table::Links).unwrap();
    let order = SortMultipleOptions::default();
    rows.sort(["checkpoint", "rank"], order).collect().unwrap()
}

/// Checkpoint, rank, where the link comes from, and its weight.
fn rows(store: &TableStore) -> Vec<(String, u32, u32, f64)> {
    let frame = links(store);
    let column = |name: &str| frame.column(name).unwrap().clone();
    let (checkpoint, rank) = (column("checkpoint"), column("rank"));
    let (from, weight) = (column("from_neuron"), column("weight"));
    (0..frame.height())
        .map(|row| {
            (
                checkpoint.str().unwrap().get(row).unwrap().to_owned(),
                rank.u32().unwrap().get(row).unwrap(),
                from.u32().unwrap().get(row).unwrap(),
                weight.f64().unwrap().get(row).unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_batch_has_the_strongest_links_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    commit(&store, "none", 0);
    assert!(store.scan(Table::Links).is_err(), "no part of the table");
    commit(&store, "a", 2);
    let of_a = |rank, from, weight| ("a".to_owned(), rank, from, weight);
    assert_eq!(rows(&store), [of_a(1, 1, -3.0), of_a(2, 2, 2.0)]);
    let frame = links(&store);
    for (column, value) in [("n_from", 3), ("n_to", 1), ("n_links", 3)] {
        let counts = frame.column(column).unwrap().u64().unwrap().get(0);
        assert_eq!(counts, Some(value), "{column}");
    }
    assert_eq!(frame.column("kernel_row").unwrap().null_count(), 2);
}

#[test]
fn rows_of_links_are_withdrawn_and_merged_with_their_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let store = TableStore::new(folder.path());
    for checkpoint in ["a", "b", "c"] {
        commit(&store, checkpoint, 2);
    }
    let removed = ["b".to_owned()].into();
    store.withdraw(&removed, "first").unwrap();
    let names = |store: &TableStore| rows(store).into_iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(names(&store), ["a", "a", "c", "c"]);
    // Batches that were merged have the rows once.
    let removed = ["x".to_owned(), "c".to_owned()].into();
    store.withdraw(&removed, "second").unwrap();
    assert_eq!(names(&store), ["a", "a"]);
}

#[test]
fn links_are_taken_over_up_to_a_rank() {
    let folder = tempfile::tempdir().unwrap();
    let store = |name: &str| TableStore::new(&folder.path().join(name));
    commit(&store("source"), "a", 3);
    let taken = TakenOver {
        from: "a".to_owned(),
        entry: record("renamed").entry,
        bin: None,
    };
    for n in 0..=3 {
        let optional = OptionalRows {
            neurons: false,
            strongest_links: n,
        };
        let to = store(&format!("to-{n}"));
        let taken = std::slice::from_ref(&taken);
        to.take_over(&store("source"), taken, &[], &[], optional, "b")
            .unwrap();
        assert!(to.scan(Table::Neurons).is_err());
        match n {
            0 => assert!(to.scan(Table::Links).is_err()),
            _ => assert_eq!(rows(&to).len(), n as usize),
        }
    }
}
