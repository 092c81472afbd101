//! Parts of a population that are evaluated apart: the networks with one value of a label.

use std::collections::BTreeSet;

use super::scores::Ranked;
use crate::population::Population;

/// The stratum of all networks.
pub const ALL: &str = "all";

/// Values of a label column above which the column is no stratum, is 24.
const MOST_VALUES: usize = 24;

/// A named part of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stratum {
    /// `all`, or `column=value`.
    pub(crate) name: String,
    /// For each row, whether it is in.
    pub(crate) holds: Vec<bool>,
}

impl Stratum {
    /// Those of the predictions that are of the stratum's rows.
    pub(crate) fn of(&self, repeats: &[Ranked]) -> Vec<Ranked> {
        let part = |ranked: &Ranked| {
            let inside = ranked
                .predictions()
                .iter()
                .filter(|prediction| self.holds[prediction.row]);
            Ranked::new(inside.copied().collect())
        };
        repeats.iter().map(part).collect()
    }
}

/// All networks, then each value of each stratum column that has more than one.
pub(crate) fn strata(population: &Population) -> Vec<Stratum> {
    let n = population.checkpoints.len();
    let mut strata = vec![Stratum {
        name: ALL.to_owned(),
        holds: vec![true; n],
    }];
    for (column, values) in &population.strata {
        let texts = values.texts();
        let distinct: BTreeSet<&String> = texts.iter().flatten().collect();
        if (2..=MOST_VALUES).contains(&distinct.len()) {
            strata.extend(distinct.into_iter().map(|value| {
                Stratum {
                    name: format!("{column}={value}"),
                    holds: texts
                        .iter()
                        .map(|text| text.as_ref() == Some(value))
                        .collect(),
                }
            }));
        }
    }
    strata
}
