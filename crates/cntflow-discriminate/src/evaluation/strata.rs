//! Strata: parts of a population that are evaluated separately, each the networks
//! with one value of a label.

use std::collections::BTreeSet;

use super::figures::RankedPredictions;
use crate::population::Population;

/// Name of the stratum of all networks.
pub const WHOLE_POPULATION: &str = "all";

/// Largest number of values with which a label column makes strata: 24.
const MAX_VALUES: usize = 24;

/// A part of the rows, with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stratum {
    /// `all`, or `column=value`.
    pub(crate) name: String,
    /// For each row, whether it belongs to the stratum.
    pub(crate) contains: Vec<bool>,
}

impl Stratum {
    /// The predictions of the stratum's rows, for each repeat.
    pub(crate) fn select(&self, repeats: &[RankedPredictions]) -> Vec<RankedPredictions> {
        let inside = |ranked: &RankedPredictions| {
            let predictions = ranked
                .predictions()
                .iter()
                .filter(|prediction| self.contains[prediction.row]);
            RankedPredictions::new(predictions.copied().collect())
        };
        repeats.iter().map(inside).collect()
    }
}

/// The stratum of all networks, then one per value of each stratum column. A column with one
/// value makes no strata.
pub(crate) fn strata(population: &Population) -> Vec<Stratum> {
    let n_rows = population.checkpoints.len();
    let mut strata = vec![Stratum {
        name: WHOLE_POPULATION.to_owned(),
        contains: vec![true; n_rows],
    }];
    for (column, values) in &population.strata {
        let texts = values.texts();
        let distinct: BTreeSet<&String> = texts.iter().flatten().collect();
        if (2..=MAX_VALUES).contains(&distinct.len()) {
            strata.extend(distinct.into_iter().map(|value| {
                Stratum {
                    name: format!("{column}={value}"),
                    contains: texts
                        .iter()
                        .map(|text| text.as_ref() == Some(value))
                        .collect(),
                }
            }));
        }
    }
    strata
}
