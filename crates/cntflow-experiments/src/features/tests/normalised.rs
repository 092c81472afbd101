//! The representation `role_normalised`, worked by hand.

use super::fixture::{INPUT, Row, names, read, row, value};
use crate::spec::Representation;

const HIDDEN: (u32, &str, &str) = (1, "dense", "hidden");
const OUTPUT: (u32, &str, &str) = (2, "dense", "output");

/// 4 inputs, `width` hidden neurons, 2 outputs; weights of deviation 0.5 and 0.25. Strengths are
/// sums of independent weights, so that their statistics grow with the width as theirs do.
fn network(checkpoint: &str, width: u64, scale: f64) -> Vec<Row> {
    let n = width as f64;
    let s_in = scale * 2.0 * 0.5;
    let s_out = scale * f64::sqrt(2.0) * 0.25;
    let s_in_of_output = scale * n.sqrt() * 0.25;
    let spread = |std: f64| {
        [
            ("mean", 0.1 * std),
            ("std", std),
            ("q25", -0.6 * std),
            ("skewness", 0.3),
        ]
    };
    let mut rows = vec![
        row(INPUT, "strength_in", &spread(0.0)).with_count(4),
        row(INPUT, "strength_out", &spread(scale * n.sqrt() * 0.5)).with_count(4),
        row(HIDDEN, "kernel_weights", &spread(scale * 0.5)).with_count(4 * width),
        row(HIDDEN, "link_weights", &spread(scale * 0.5)).with_count(4 * width),
        row(HIDDEN, "biases", &spread(scale * 3.0)).with_count(width),
        row(HIDDEN, "strength_in", &spread(s_in)).with_count(width),
        row(HIDDEN, "strength_out", &spread(s_out)).with_count(width),
        row(HIDDEN, "nodes_strength", &spread(s_in.hypot(s_out))).with_count(width),
        row(HIDDEN, "layers_fluctuation", &[("mean", s_in.hypot(s_out))]).with_count(width),
        row(HIDDEN, "normalised_fluctuation_in", &[("mean", 1.25)]),
        row(HIDDEN, "normalised_fluctuation_out", &[("mean", 0.75)]),
        row(OUTPUT, "kernel_weights", &spread(scale * 0.25)).with_count(2 * width),
        row(OUTPUT, "link_weights", &spread(scale * 0.25)).with_count(2 * width),
        row(OUTPUT, "strength_in", &spread(s_in_of_output)).with_count(2),
        row(OUTPUT, "strength_out", &spread(0.0)).with_count(2),
    ];
    // Sums of |w|, whose size is 0.8 sd(w) per link.
    let size = scale * (4.0 * 0.5 + 2.0 * 0.25);
    let spread_abs = 0.6 * s_in.hypot(s_out);
    let statistics = [
        ("mean", 0.8 * size),
        ("std", spread_abs),
        ("q25", 0.8 * size - 0.5 * spread_abs),
    ];
    rows.push(row(HIDDEN, "strength_abs", &statistics).with_count(width));
    rows.into_iter().map(|row| row.of(checkpoint)).collect()
}

#[test]
fn statistics_are_those_of_the_formulas() {
    let source = read(
        &network("a", 16, 1.0),
        &["a"],
        Representation::RoleNormalised,
        &["cnt"],
    );
    let source = source.unwrap();
    for (name, expected) in [
        ("kernel_weights.hidden_mean.mean_normalised", 0.1),
        ("kernel_weights.hidden_mean.q25_normalised", -0.6),
        // 0.5 x sqrt(4) and 0.25 x sqrt(16)
        ("kernel_weights.hidden_mean.std_normalised", 1.0),
        ("link_weights.output.std_normalised", 1.0),
        ("kernel_weights.hidden_mean.skewness", 0.3),
        ("biases.hidden_mean.std_normalised", 6.0),
        ("strength_in.hidden_mean.std_normalised", 1.0),
        ("strength_out.hidden_mean.q25_normalised", -0.6),
        ("strength_out.input.std_normalised", 1.0),
        ("strength_in.output.mean_normalised", 0.1),
        ("nodes_strength.hidden_mean.std_normalised", 1.0),
        ("layers_fluctuation.hidden_mean.mean_normalised", 1.0),
        ("strength_abs.hidden_mean.mean_normalised", 0.8),
        ("strength_abs.hidden_mean.std_normalised", 0.6),
        ("strength_abs.hidden_mean.q25_normalised", -0.3),
        ("normalised_fluctuation_in.hidden_mean.mean", 1.25),
    ] {
        let found = value(&source, 0, name);
        assert!(
            (found - expected).abs() < 1e-12,
            "{name}: {found}, expected {expected}"
        );
    }
    let names = names(&source, "cnt");
    assert!(
        !names
            .iter()
            .any(|name| name.contains("hidden_std") || name.contains("kurtosis"))
    );
    // The inputs' incoming strength is the boundary's 1: no weight, no scale.
    assert!(
        !names
            .iter()
            .any(|name| name.starts_with("strength_in.input.std"))
    );
}

#[test]
fn neither_width_nor_scale_shows_but_in_the_kernels_deviation() {
    let rows = [
        network("narrow", 16, 1.0),
        network("wide", 1024, 1.0),
        network("scaled", 16, 8.0),
    ];
    let checkpoints = ["narrow", "wide", "scaled"];
    let source = read(
        &rows.concat(),
        &checkpoints,
        Representation::RoleNormalised,
        &["cnt"],
    );
    let source = source.unwrap();
    let values = source.table().values();
    for (column, name) in source.table().names().iter().enumerate() {
        let of = |row: usize| values[[row, column]];
        let is_std = name.starts_with("kernel_weights") || name.starts_with("link_weights");
        if is_std && name.ends_with("std_normalised") {
            assert!((of(2) - 8.0 * of(0)).abs() < 1e-9, "{name}");
            continue;
        }
        for row in [1, 2] {
            assert!(
                (of(row) - of(0)).abs() < 1e-9,
                "{name}: {} and {}",
                of(0),
                of(row)
            );
        }
    }
}

#[test]
fn gates_add_up_and_poolings_have_no_scale() {
    let lstm = (1, "lstm", "hidden");
    let pool = (2, "max_pool1d", "hidden");
    let std = |value| [("std", value)];
    let links = |metric: &str, name: &str, value: f64| {
        row(lstm, metric, &std(value)).named(name).with_count(10)
    };
    let rows = [
        links("kernel_weights", "lstm.ih.i", 3.0),
        links("link_weights", "lstm.ih.i", 3.0),
        links("kernel_weights", "lstm.hh.i", 4.0),
        links("link_weights", "lstm.hh.i", 4.0),
        row(lstm, "strength_in", &std(10.0)).with_count(10),
        row(lstm, "strength_out", &std(1.0)).with_count(10),
        row(lstm, "nodes_strength", &std(1.0)).with_count(10),
        row(lstm, "strength_abs", &std(1.0)).with_count(10),
        row(pool, "strength_in", &std(1.0)).with_count(10),
        row((3, "dense", "output"), "strength_in", &std(1.0)),
    ];
    let source = read(
        &rows,
        &["a"],
        Representation::RoleNormalised,
        &["strengths"],
    )
    .unwrap();
    // sqrt(10 x 9 / 10 + 10 x 16 / 10) = 5
    assert_eq!(
        names(&source, "strengths"),
        ["strength_in.hidden_mean.std_normalised"]
    );
    assert_eq!(
        value(&source, 0, "strength_in.hidden_mean.std_normalised"),
        2.0
    );
}
