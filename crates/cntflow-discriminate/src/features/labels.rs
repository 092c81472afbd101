//! Features of the baselines: label columns that say how a network was trained,
//! and the training step.

use std::collections::BTreeSet;

use super::table::FeatureTable;
use crate::columns::LabelColumn;

/// Label columns whose feature is their base-10 logarithm. A value that is not positive
/// has none and becomes NaN.
const LOGARITHMIC: [&str; 2] = ["learning_rate", "initialisation_scale"];

/// Features of the label columns, for `n_rows` networks. Numbers are used as they are or by their
/// logarithm; a text column becomes one column per value.
pub(crate) fn hyperparameter_features(
    labels: &[(String, LabelColumn)],
    n_rows: usize,
) -> FeatureTable {
    let mut columns = Vec::new();
    for (name, column) in labels {
        match column {
            LabelColumn::Numbers(values) if LOGARITHMIC.contains(&name.as_str()) => {
                columns.push((
                    format!("{name}.log10"),
                    values.iter().map(log10_or_nan).collect(),
                ));
            }
            LabelColumn::Numbers(values) => columns.push((name.clone(), values.clone())),
            LabelColumn::Texts(values) => columns.extend(one_hot(name, values)),
        }
    }
    FeatureTable::from_columns(&columns, n_rows)
}

fn log10_or_nan(value: &f64) -> f64 {
    if *value > 0.0 {
        value.log10()
    } else {
        f64::NAN
    }
}

/// The checkpoint's step as the only feature.
pub(crate) fn step_feature(steps: &[f64]) -> FeatureTable {
    FeatureTable::from_columns(&[("step".to_owned(), steps.to_vec())], steps.len())
}

/// One column of 0 and 1 per value; a missing value is 0 in all of them. A value that no training
/// row has makes a constant column among the training rows, which [`super::Preparation`] drops.
fn one_hot(name: &str, values: &[Option<String>]) -> Vec<(String, Vec<f64>)> {
    let distinct: BTreeSet<&String> = values.iter().flatten().collect();
    let column = |value: &String| {
        values
            .iter()
            .map(|other| f64::from(other.as_ref() == Some(value)))
            .collect()
    };
    distinct
        .into_iter()
        .map(|value| (format!("{name}={value}"), column(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_one_column_per_value() {
        let columns = one_hot(
            "activation",
            &[Some("relu".into()), None, Some("gelu".into())],
        );
        assert_eq!(
            columns[0],
            ("activation=gelu".to_owned(), vec![0.0, 0.0, 1.0])
        );
        assert_eq!(
            columns[1],
            ("activation=relu".to_owned(), vec![1.0, 0.0, 0.0])
        );
    }

    #[test]
    fn a_learning_rate_counts_by_its_logarithm_and_zero_has_none() {
        let labels = [(
            "learning_rate".to_owned(),
            LabelColumn::Numbers(vec![0.01, 0.0]),
        )];
        let table = hyperparameter_features(&labels, 2);
        assert_eq!(table.names, ["learning_rate.log10"]);
        assert_eq!(table.value(0, 0), -2.0);
        assert!(table.value(1, 0).is_nan());
    }
}
