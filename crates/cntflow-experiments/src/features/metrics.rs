//! Which metrics and statistics of the table `layers` belong to which feature sets.

use std::collections::BTreeSet;

use super::error::{FeatureError, Remedy, Result};
use crate::spec::{FeatureExpression, FeatureSet, Representation};

/// Feature sets as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sets(u32);

impl Sets {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn of(sets: &[FeatureSet]) -> Self {
        Self::of_all(sets)
    }

    pub(super) fn of_all<'a>(sets: impl IntoIterator<Item = &'a FeatureSet>) -> Self {
        let sets = sets.into_iter();
        Self(sets.fold(0, |bits, set| bits | 1 << *set as u32))
    }

    /// All sets that the expressions take columns from.
    pub(super) fn taken_by(expressions: &[FeatureExpression]) -> Self {
        Self::of_all(expressions.iter().flat_map(|expression| &expression.plus))
    }

    pub(super) fn contains(self, set: FeatureSet) -> bool {
        self.meets(Self::of(&[set]))
    }

    /// Whether the two have a set in common.
    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Statistics of CNT metrics. Some are left out on purpose: `count`, `l1`, `l2`, `zeros`, `nan` and
/// `infinite` tell a layer's size or whether a metric exists, and `min` and `max` grow with the
/// size.
pub const CNT_STATISTICS: [&str; 11] = [
    "mean", "std", "skewness", "kurtosis", "q01", "q05", "q25", "q50", "q75", "q95", "q99",
];

/// Statistics of CNT metrics in the representation `role_normalised`. The others are left out
/// because those of few values are less extreme than those of many.
pub const NORMALISED_STATISTICS: [&str; 6] = ["mean", "std", "skewness", "q25", "q50", "q75"];

/// The seven statistics of the weight-statistics baselines.
pub const SEVEN_STATISTICS: [&str; 7] = ["min", "q25", "q50", "q75", "max", "std", "mean"];

/// Statistics of the probe's metrics.
pub const PROBE_STATISTICS: [&str; 7] = ["mean", "std", "q05", "q25", "q50", "q75", "q95"];

/// All of them, in the order in which they are read.
pub(super) const ALL_STATISTICS: [&str; 15] = [
    "mean", "std", "skewness", "kurtosis", "q01", "q05", "q25", "q50", "q75", "q95", "q99", "min",
    "max", "l1", "l2",
];

const NORMS: [&str; 2] = ["l1", "l2"];

/// The metric of the whole network, whose rows have the role `network`.
pub(super) const ALL_WEIGHTS: &str = "all_weights";

/// Whether a metric is of the network's outputs over labelled or unlabelled inputs.
pub(super) fn is_of_probe(metric: &str) -> bool {
    metric.starts_with("probe_")
}

/// The statistics of CNT metrics in a representation.
pub(super) fn cnt_statistics(representation: Representation) -> &'static [&'static str] {
    match representation {
        Representation::Position | Representation::Role => &CNT_STATISTICS,
        Representation::RoleNormalised => &NORMALISED_STATISTICS,
    }
}

/// The sets of a CNT metric; none for metrics of the baselines alone.
pub(super) fn cnt_sets(metric: &str) -> Sets {
    use FeatureSet::{
        Cnt, CntWithoutBiases, DataDependent, Fluctuation, LinkWeights, Strengths, Wiring,
    };
    let starts_with_any =
        |prefixes: &[&str]| prefixes.iter().any(|prefix| metric.starts_with(prefix));
    // Metrics against a parent are of few networks, and say how a network was trained.
    if metric.ends_with("_change") {
        Sets::NONE
    } else if metric == "link_weights" {
        Sets::of(&[LinkWeights, Cnt])
    } else if metric == "biases" {
        Sets::of(&[Cnt])
    } else if metric == "kernel_weights" {
        Sets::of(&[Cnt, CntWithoutBiases])
    } else if starts_with_any(&["nodes_strength", "strength_"]) {
        Sets::of(&[Strengths, Cnt, CntWithoutBiases])
    } else if metric == "layers_fluctuation" {
        Sets::of(&[Fluctuation, Cnt, CntWithoutBiases])
    } else if starts_with_any(&["normalised_fluctuation", "coupling"]) {
        Sets::of(&[Wiring, Cnt, CntWithoutBiases])
    } else if starts_with_any(&["neurons_strength", "neurons_activation"]) {
        Sets::of(&[DataDependent])
    } else {
        Sets::NONE
    }
}

/// The statistics of `metric` that features are made of, in some representations. Nothing else of a
/// row is read but `count`, and the texts that tell its place.
pub fn feature_statistics(
    metric: &str,
    representations: &BTreeSet<Representation>,
) -> BTreeSet<&'static str> {
    let of_baselines = ALL_STATISTICS
        .into_iter()
        .filter(|statistic| baseline_sets_of_statistic(metric, statistic, true) != Sets::NONE);
    let is_cnt = cnt_sets(metric) != Sets::NONE;
    let of_cnt = representations
        .iter()
        .filter(|_| is_cnt)
        .flat_map(|representation| cnt_statistics(*representation));
    of_baselines.chain(of_cnt.copied()).collect()
}

/// The baselines that a metric is in, by any of its statistics.
pub(super) fn baseline_sets(metric: &str) -> Sets {
    use FeatureSet::{Global7, Last7, Norms, ProbeAccuracy, ProbeConfidence, Tensor7};
    match metric {
        "kernel_weights" | "biases" => Sets::of(&[Norms, Last7, Tensor7]),
        ALL_WEIGHTS => Sets::of(&[Global7]),
        "probe_entropy" | "probe_margin" | "probe_largest" => Sets::of(&[ProbeConfidence]),
        "probe_correct" | "probe_loss" => Sets::of(&[ProbeAccuracy]),
        _ => Sets::NONE,
    }
}

/// The baselines that one statistic of a metric is in. `is_output`: of the output layer.
pub(super) fn baseline_sets_of_statistic(metric: &str, statistic: &str, is_output: bool) -> Sets {
    use FeatureSet::{Last7, Norms, Tensor7};
    let sets = baseline_sets(metric);
    match metric {
        "kernel_weights" | "biases" if NORMS.contains(&statistic) => Sets::of(&[Norms]),
        "kernel_weights" | "biases" if SEVEN_STATISTICS.contains(&statistic) => {
            if is_output {
                Sets::of(&[Tensor7, Last7])
            } else {
                Sets::of(&[Tensor7])
            }
        }
        ALL_WEIGHTS if SEVEN_STATISTICS.contains(&statistic) => sets,
        // The mean of zeros and ones is the accuracy; their other statistics say nothing more.
        "probe_correct" if statistic == "mean" => sets,
        "probe_correct" => Sets::NONE,
        _ if is_of_probe(metric) && PROBE_STATISTICS.contains(&statistic) => sets,
        _ => Sets::NONE,
    }
}

const OF_STRENGTHS: [&str; 4] = [
    "nodes_strength",
    "strength_in",
    "strength_out",
    "strength_abs",
];
const OF_WIRING: [&str; 2] = ["normalised_fluctuation_in", "normalised_fluctuation_out"];

/// Metrics that at least one network must have. Not among them are those that the kind of network
/// decides: `biases`, and `coupling`, which needs a hidden layer.
fn required_metrics(set: FeatureSet) -> Vec<&'static str> {
    match set {
        FeatureSet::Majority
        | FeatureSet::Step
        | FeatureSet::Hyperparameters
        | FeatureSet::Counts => Vec::new(),
        FeatureSet::Norms | FeatureSet::Last7 | FeatureSet::Tensor7 => vec!["kernel_weights"],
        FeatureSet::Global7 => vec![ALL_WEIGHTS],
        FeatureSet::ProbeConfidence => vec!["probe_entropy", "probe_margin", "probe_largest"],
        FeatureSet::ProbeAccuracy => vec!["probe_correct", "probe_loss"],
        FeatureSet::LinkWeights => vec!["link_weights"],
        FeatureSet::Strengths => OF_STRENGTHS.to_vec(),
        FeatureSet::Fluctuation => vec!["layers_fluctuation"],
        FeatureSet::Wiring => OF_WIRING.to_vec(),
        FeatureSet::DataDependent => vec!["neurons_strength", "neurons_strength_std"],
        FeatureSet::Cnt => [
            &["link_weights", "kernel_weights", "layers_fluctuation"][..],
            &OF_STRENGTHS,
            &OF_WIRING,
        ]
        .concat(),
        FeatureSet::CntWithoutBiases => [
            &["kernel_weights", "layers_fluctuation"][..],
            &OF_STRENGTHS,
            &OF_WIRING,
        ]
        .concat(),
    }
}

fn remedy(set: FeatureSet) -> Remedy {
    match set {
        FeatureSet::ProbeAccuracy => Remedy::LabelledProbe,
        FeatureSet::Global7 => Remedy::NetworkRows,
        _ if set.needs_probe() => Remedy::Probe,
        _ => Remedy::Metrics,
    }
}

/// The error of a set whose metrics, or some of them, have no row.
pub(super) fn not_measured(set: FeatureSet, missing: &[&str]) -> FeatureError {
    FeatureError::NotMeasured {
        set: set.name(),
        missing: missing.iter().map(|metric| (*metric).to_owned()).collect(),
        remedy: remedy(set),
    }
}

/// Checks that all metrics that the sets need are `present`.
///
/// # Errors
/// [`FeatureError::NotMeasured`] for the first set that lacks any.
pub(super) fn check_measured(wanted: Sets, present: &BTreeSet<&str>) -> Result<()> {
    for &set in FeatureSet::ALL {
        let required = required_metrics(set);
        let missing: Vec<&str> = required
            .into_iter()
            .filter(|metric| !present.contains(metric))
            .collect();
        if wanted.contains(set) && !missing.is_empty() {
            return Err(not_measured(set, &missing));
        }
    }
    Ok(())
}

/// Checks that each measured set has a column.
///
/// # Errors
/// [`FeatureError::NotMeasured`] for the first set that has none.
pub(super) fn check_columns(wanted: Sets, found: Sets) -> Result<()> {
    let without_column =
        |set: &&FeatureSet| set.is_measured() && wanted.contains(**set) && !found.contains(**set);
    match FeatureSet::ALL.iter().find(without_column) {
        None => Ok(()),
        Some(&set) => Err(not_measured(set, &required_metrics(set))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_of_nodes_and_of_neurons_belong_to_different_sets() {
        assert!(cnt_sets("strength_abs").contains(FeatureSet::Strengths));
        assert!(!cnt_sets("neurons_strength").contains(FeatureSet::Strengths));
        assert_eq!(
            cnt_sets("neurons_strength_std"),
            Sets::of(&[FeatureSet::DataDependent])
        );
        assert!(cnt_sets("coupling_abs").contains(FeatureSet::Wiring));
        assert!(!cnt_sets("biases").contains(FeatureSet::CntWithoutBiases));
        assert!(!cnt_sets("link_weights").contains(FeatureSet::CntWithoutBiases));
        for metric in ["n_neurons", "count", "name", ALL_WEIGHTS, "probe_loss"] {
            assert_eq!(cnt_sets(metric), Sets::NONE);
        }
    }

    #[test]
    fn a_missing_metric_is_named_with_the_way_to_get_it() {
        let wanted = Sets::of(&[FeatureSet::DataDependent]);
        let error = check_measured(wanted, &BTreeSet::from(["neurons_strength"])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "data_dependent needs metrics over a probe: measure with --probe; not in the table \
             `layers`: neurons_strength_std"
        );
        assert!(check_measured(Sets::NONE, &BTreeSet::new()).is_ok());
    }
}
