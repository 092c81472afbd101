//! What an experiment asks, and of which networks: for its summary.

use serde::Serialize;

use crate::evaluation::Experiment;
use crate::population::{MatchedNetworks, PopulationCounts};
use crate::spec::ExperimentSpec;
use crate::target::{LearnedTarget, RawTarget};

/// What an experiment asks, and of which networks.
#[derive(Clone, Debug, Serialize)]
pub struct ExperimentDescription {
    /// The section of the study, with its defaults filled in.
    pub spec: ExperimentSpec,
    /// How many networks there were, and why others were left out.
    pub counts: PopulationCounts,
    /// Groups of the test set.
    pub n_test_groups: usize,
    /// The classes, as learned from the training groups; none for numbers.
    pub classes: Vec<ClassDescription>,
    /// Networks that take part but belong to no class: those between low and high.
    pub n_without_class: usize,
    /// Smallest, median and largest label, if it is a number.
    pub label_range: Option<[f64; 3]>,
    /// The primary figure.
    pub figure: &'static str,
    /// What a matched design kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<MatchedNetworks>,
}

/// One class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassDescription {
    /// Its name.
    pub name: String,
    /// What makes a network belong to it, such as `at or below 0.3100`; `None` for values.
    pub meaning: Option<String>,
    /// Networks of it.
    pub n_networks: usize,
    /// Median label of these networks, if it is a number.
    pub median_label: Option<f64>,
}

impl Experiment {
    /// What the experiment asks, and of which networks.
    pub fn describe(&self) -> ExperimentDescription {
        let raw = &self.population.target;
        let n_rows = self.population.n_rows();
        let mut class_of = vec![None; n_rows];
        for (target, rows) in [
            (&self.target, &self.splits.training),
            (&self.test_target, &self.splits.test),
        ] {
            for &row in rows {
                class_of[row] = target.class(raw, row);
            }
        }
        let names = self.target.class_names();
        let meanings = self.class_meanings();
        let classes: Vec<ClassDescription> = names
            .iter()
            .enumerate()
            .map(|(class, name)| {
                let is_of_class = |row: &usize| class_of[*row] == Some(class as u32);
                let rows: Vec<usize> = (0..n_rows).filter(is_of_class).collect();
                ClassDescription {
                    name: name.clone(),
                    meaning: meanings.get(class).cloned(),
                    n_networks: rows.len(),
                    median_label: label_quantiles(raw, &rows).map(|range| range[1]),
                }
            })
            .collect();
        let all: Vec<usize> = (0..n_rows).collect();
        let n_classed: usize = classes.iter().map(|class| class.n_networks).sum();
        ExperimentDescription {
            spec: self.spec.clone(),
            counts: self.population.counts.clone(),
            n_test_groups: self.n_groups(&self.splits.test),
            n_without_class: if classes.is_empty() {
                0
            } else {
                n_rows - self.splits.away.len() - n_classed
            },
            classes,
            label_range: label_quantiles(raw, &all),
            figure: self.primary_name(),
            matched: self.population.matched.clone(),
        }
    }

    fn class_meanings(&self) -> Vec<String> {
        match &self.target {
            LearnedTarget::LowHigh(thresholds) => thresholds.describe().to_vec(),
            _ => Vec::new(),
        }
    }

    fn n_groups(&self, rows: &[usize]) -> usize {
        let mut groups: Vec<u32> = rows
            .iter()
            .map(|&row| self.population.groups[row])
            .collect();
        groups.sort_unstable();
        groups.dedup();
        groups.len()
    }

    /// The bits of all feature columns, in order: what an identity of the experiment is made of.
    pub fn feature_bits(&self) -> impl Iterator<Item = u64> {
        let tables = self.sources.iter().map(|source| source.table().values());
        tables.flat_map(|values| {
            values
                .iter()
                .map(|value| value.to_bits())
                .collect::<Vec<_>>()
        })
    }

    /// Labels, groups and names of all feature columns as one text, for the same purpose.
    pub fn label_text(&self) -> String {
        let names: Vec<_> = self
            .sources
            .iter()
            .map(|source| source.table().names())
            .collect();
        let text = format!(
            "{:?} {:?} {:?} {names:?}",
            self.population.target, self.population.groups, self.population.checkpoints
        );
        // Only where they matter, so that the digest of other experiments stays as it was.
        let sides = self
            .population
            .sides
            .as_ref()
            .map(|sides| format!(" {sides:?}"));
        let epochs = self
            .has_stopping_rule()
            .then(|| format!(" {:?}", self.population.epochs));
        [Some(text), sides, epochs].into_iter().flatten().collect()
    }
}

/// Smallest, median and largest label of some rows; `None` for texts and without rows.
fn label_quantiles(raw: &RawTarget, rows: &[usize]) -> Option<[f64; 3]> {
    let RawTarget::Numbers(values) = raw else {
        return None;
    };
    let mut sorted: Vec<f64> = rows.iter().map(|&row| values[row]).collect();
    sorted.sort_by(f64::total_cmp);
    let quantile = |q| cntflow_statistics::quantile::quantile_of_sorted(&sorted, q);
    (!sorted.is_empty()).then(|| [0.0, 0.5, 1.0].map(quantile))
}
