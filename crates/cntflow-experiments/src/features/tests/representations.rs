//! How layers of networks of any depth and kind become columns.

use super::fixture::{INPUT, Row, dense_network, names, read, row, value};
use crate::spec::Representation;

fn mean(place: (u32, &str, &str), metric: &str, value: f64) -> Row {
    row(place, metric, &[("mean", value)])
}

#[test]
fn positions_of_another_depth_share_the_ends() {
    let rows = [
        dense_network("deep", 3, 0.0),
        dense_network("flat", 1, 10.0),
    ]
    .concat();
    let source = read(
        &rows,
        &["flat", "deep", "none"],
        Representation::Position,
        &["fluctuation"],
    );
    let source = source.unwrap();
    let slots = ["end0", "end1", "start1", "start2"];
    let expected = slots.map(|slot| format!("layers_fluctuation.{slot}.mean"));
    assert_eq!(names(&source, "fluctuation"), expected);
    let values = |row| expected.each_ref().map(|name| value(&source, row, name));
    assert_eq!(values(1), [4.0, 3.0, 1.0, 2.0]);
    assert_eq!([values(0)[0], values(0)[2]], [12.0, 11.0]);
    assert!(values(0)[1].is_nan() && values(0)[3].is_nan());
    // A network without rows has no number, and is counted.
    assert!(values(2).iter().all(|value| value.is_nan()));
    assert_eq!(source.without_layers(), [2]);
}

#[test]
fn roles_are_summarised_and_one_hidden_layer_has_no_deviation() {
    let rows = [
        dense_network("deep", 2, 0.0),
        dense_network("flat", 1, 10.0),
    ]
    .concat();
    let source = read(
        &rows,
        &["deep", "flat"],
        Representation::Role,
        &["fluctuation"],
    )
    .unwrap();
    let of = |row, slot: &str| value(&source, row, &format!("layers_fluctuation.{slot}.mean"));
    assert_eq!(
        [of(0, "hidden_mean"), of(0, "hidden_std"), of(0, "output")],
        [1.5, 0.5, 3.0]
    );
    assert_eq!([of(1, "hidden_mean"), of(1, "output")], [11.0, 12.0]);
    assert!(of(1, "hidden_std").is_nan());
}

#[test]
fn values_that_are_not_finite_do_not_count() {
    let hidden = |layer, value| mean((layer, "dense", "hidden"), "layers_fluctuation", value);
    let rows = [
        hidden(1, f64::NAN),
        hidden(2, 4.0),
        hidden(3, f64::INFINITY),
        row((4, "dense", "hidden"), "layers_fluctuation", &[]),
        mean((5, "dense", "output"), "layers_fluctuation", f64::NAN),
    ];
    let source = read(&rows, &["a"], Representation::Role, &["fluctuation"]).unwrap();
    assert_eq!(
        names(&source, "fluctuation"),
        ["layers_fluctuation.hidden_mean.mean"]
    );
    assert_eq!(
        value(&source, 0, "layers_fluctuation.hidden_mean.mean"),
        4.0
    );
}

#[test]
fn poolings_and_dense_tails_are_no_hidden_layers() {
    let fluctuation = |place, value| mean(place, "layers_fluctuation", value);
    let rows = [
        fluctuation(INPUT, 1.0),
        fluctuation((1, "conv2d", "hidden"), 2.0),
        fluctuation((2, "max_pool2d", "hidden"), 3.0),
        fluctuation((3, "conv2d", "hidden"), 4.0),
        fluctuation((4, "dense", "hidden"), 5.0),
        fluctuation((5, "dense", "output"), 6.0),
        fluctuation((1, "dense", "hidden"), 7.0).of("dense"),
        fluctuation((2, "dense", "output"), 8.0).of("dense"),
    ];
    let source = read(
        &rows,
        &["a", "dense"],
        Representation::Role,
        &["fluctuation"],
    )
    .unwrap();
    let of = |row, slot: &str| value(&source, row, &format!("layers_fluctuation.{slot}.mean"));
    let slots = [
        "input",
        "hidden_mean",
        "hidden_std",
        "pool_mean",
        "tail_mean",
        "output",
    ];
    assert_eq!(
        slots.map(|slot| of(0, slot)),
        [1.0, 3.0, 1.0, 3.0, 5.0, 6.0]
    );
    assert_eq!(of(1, "hidden_mean"), 7.0);
    assert!(of(1, "tail_mean").is_nan());
}

#[test]
fn gates_are_kept_apart() {
    let lstm = (1, "lstm", "hidden");
    let links = |name: &str, value| mean(lstm, "link_weights", value).named(name);
    let output = mean((2, "dense", "output"), "link_weights", 9.0);
    let rows = [
        links("lstm.ih.i", 1.0),
        links("lstm.ih.f", 2.0),
        links("lstm.hh.i", 3.0),
        output,
    ];
    let source = read(&rows, &["a"], Representation::Position, &["link_weights"]).unwrap();
    let slots = ["end0", "start1.hh.i", "start1.ih.f", "start1.ih.i"];
    let expected = slots.map(|slot| format!("link_weights.{slot}.mean"));
    assert_eq!(names(&source, "link_weights"), expected);
    assert_eq!(
        expected.map(|name| value(&source, 0, &name)),
        [9.0, 3.0, 2.0, 1.0]
    );
    let source = read(&rows, &["a"], Representation::Role, &["link_weights"]).unwrap();
    assert_eq!(value(&source, 0, "link_weights.hidden_mean.ih.f.mean"), 2.0);
    assert!(
        source
            .table()
            .column("link_weights.hidden_mean.mean")
            .is_none()
    );
}

#[test]
fn the_order_of_rows_changes_no_bit() {
    let mut rows = Vec::new();
    for (network, name) in ["a", "b", "c"].into_iter().enumerate() {
        rows.extend(dense_network(
            name,
            3 + network as u32,
            0.1 + 1.0 / 3.0 * network as f64,
        ));
    }
    for representation in [
        Representation::Position,
        Representation::Role,
        Representation::RoleNormalised,
    ] {
        let sets = ["cnt", "tensor_7", "norms"];
        let of = |rows: &[Row]| read(rows, &["c", "a", "b"], representation, &sets).unwrap();
        let expected = of(&rows);
        let mut shuffled = rows.clone();
        for step in [7, 5, 11] {
            shuffled.reverse();
            shuffled.rotate_left(step);
            shuffled.sort_by_key(|row| format!("{row:?}").len() % step);
            let table = of(&shuffled);
            assert_eq!(table.table().names(), expected.table().names());
            let pairs = table.table().values().into_owned();
            for (value, other) in pairs.iter().zip(expected.table().values()) {
                assert_eq!(value.to_bits(), other.to_bits());
            }
        }
    }
}

#[test]
fn tensors_of_unknown_architecture_have_a_role_of_their_own() {
    let tensor = |layer, value| mean((layer, "tensor", "unknown"), "kernel_weights", value);
    let rows = [tensor(0, 1.0), tensor(1, 3.0)];
    let source = read(&rows, &["a"], Representation::Role, &["tensor_7"]).unwrap();
    assert_eq!(value(&source, 0, "kernel_weights.start0.mean"), 1.0);
    assert_eq!(value(&source, 0, "kernel_weights.end0.mean"), 3.0);
}

#[test]
fn networks_may_share_a_checkpoint() {
    let rows = dense_network("a", 1, 10.0);
    let checkpoints = ["", "a", "a", ""];
    let source = read(&rows, &checkpoints, Representation::Role, &["fluctuation"]).unwrap();
    let of = |row| value(&source, row, "layers_fluctuation.output.mean");
    assert_eq!([of(1), of(2)], [12.0, 12.0]);
    assert!(of(0).is_nan() && of(3).is_nan());
    assert_eq!(source.without_layers(), [0, 3]);
}
