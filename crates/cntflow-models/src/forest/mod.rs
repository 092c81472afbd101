//! Random forests of our own, for two classes, many classes and values.
//!
//! linfa-trees 0.8.1 and linfa-ensemble 0.8.1 are not used, for these reasons:
//!
//! - A tree of more than one level misses splits if the next row in a feature's order has the same
//!   value but belongs to another branch. That is the case for every two-valued feature.
//! - A row exactly at a split's value goes to one side in fitting and to the other in prediction.
//! - Ties are broken by the order of a hash map, and so are the forest's votes. The Gini impurity
//!   of three classes and more sums a hash map of `f32`, so that it differs from run to run.
//! - The forest draws its features per tree, with replacement. Bootstrap samples drop the weights.
//! - Each node sorts its rows anew by every feature. There are no regression trees.
//!
//! Here columns are put into at most 256 bins once ([`binned`]). A node adds up its rows by bin and
//! looks for the best split between two bins ([`histogram`]). Sums of classes are whole numbers.
//! Sums of values are taken in the order of the rows. So nothing depends on hash maps or threads.
//!
//! The codes of small nodes are copied next to each other ([`grow`]), which takes a third off the
//! time of 28,000 rows and 400 columns. `examples/time_settings.rs` times every setting.

pub(crate) mod binned;
mod grow;
mod histogram;
mod sums;
mod tree;

use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::exact_floats;
use crate::preparation::Preparation;
use crate::random::Purpose;
use crate::setting::TreeSetting;
use crate::training_rows::rows_of_groups;
use binned::BinnedColumns;
use cntflow_statistics::random::random_stream;
use grow::Grower;
use histogram::Histogram;
use sums::{ManyClasses, TwoClasses, Values};
use tree::Tree;

/// A random forest. Its output is the mean over trees of what a row's leaf holds: the share of
/// class 1, the shares of many classes, or the mean value of the training rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forest {
    /// Numbers per leaf: 1, or the number of classes if there are more than two.
    width: u32,
    trees: Vec<Tree>,
    /// For each feature, its share of the decrease of impurity, as a mean over trees.
    #[serde(with = "exact_floats")]
    importance: Vec<f64>,
}

/// What a forest is fitted to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ForestTargets<'a> {
    /// Classes 0 to `n_classes - 1`, each with at least one row.
    Classes { of_row: &'a [u32], n_classes: usize },
    /// One value per row.
    Values(&'a [f64]),
}

impl Forest {
    /// Fits a forest to binned columns. `groups` has one group per row.
    pub(crate) fn fit(
        columns: &BinnedColumns,
        targets: ForestTargets<'_>,
        groups: &[u32],
        setting: TreeSetting,
        seed: u64,
    ) -> Self {
        match targets {
            ForestTargets::Classes {
                of_row,
                n_classes: 2,
            } => {
                let grower = Grower::new(columns, setting, TwoClasses::new());
                let item = |row: usize, weight| TwoClasses::item(weight, of_row[row]);
                Self::grow(columns, grower, item, groups, (setting, seed, 1))
            }
            ForestTargets::Classes { of_row, n_classes } => {
                let grower = Grower::new(columns, setting, ManyClasses::new(n_classes));
                let item = |row: usize, weight| (weight, of_row[row]);
                Self::grow(
                    columns,
                    grower,
                    item,
                    groups,
                    (setting, seed, n_classes as u32),
                )
            }
            ForestTargets::Values(values) => {
                // Shares first: the sum of many huge values would be infinite.
                let n = values.len() as f64;
                let centre: f64 = values.iter().map(|value| value / n).sum();
                let grower = Grower::new(columns, setting, Values::new(centre));
                let item = |row: usize, weight| (f64::from(weight), values[row] - centre);
                Self::grow(columns, grower, item, groups, (setting, seed, 1))
            }
        }
    }

    fn grow<H: Histogram>(
        columns: &BinnedColumns,
        mut grower: Grower<'_, H>,
        item: impl Fn(usize, u32) -> H::Item,
        groups: &[u32],
        (setting, seed, width): (TreeSetting, u64, u32),
    ) -> Self {
        let rows_of_group = rows_of_groups(groups);
        let mut importance = vec![0.0; columns.n_columns()];
        let trees = (0..setting.trees)
            .map(|index| {
                let mut rng = random_stream(seed, Purpose::Tree as u64, &[index as usize]);
                // As many groups as there are, drawn with replacement. The rows of a group that is
                // drawn twice have twice the weight.
                let mut weights = vec![0_u32; columns.n_rows()];
                for _ in 0..rows_of_group.len() {
                    for &row in &rows_of_group[rng.random_range(0..rows_of_group.len())] {
                        weights[row as usize] += 1;
                    }
                }
                grower.grow(&weights, &item, &mut rng, &mut importance)
            })
            .collect();
        for share in &mut importance {
            *share /= f64::from(setting.trees);
        }
        Self {
            width,
            trees,
            importance,
        }
    }

    /// The outputs for rows of unprepared features, `[rows, width]`.
    pub(crate) fn outputs(
        &self,
        preparation: &Preparation,
        features: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        let width = self.width as usize;
        let mut outputs = Array2::zeros((features.nrows(), width));
        // Row by row, so that a large matrix is not copied.
        for (row, mut output) in features.rows().into_iter().zip(outputs.rows_mut()) {
            let prepared = preparation.apply(row.insert_axis(ndarray::Axis(0)));
            let prepared = prepared.as_slice().unwrap_or_default();
            for tree in &self.trees {
                for (sum, number) in output.iter_mut().zip(tree.leaf(prepared, width)) {
                    *sum += number;
                }
            }
            output /= self.trees.len() as f64;
        }
        outputs
    }

    /// For each feature, its share of the decrease of impurity.
    pub(crate) fn importance(&self) -> Vec<f64> {
        self.importance.clone()
    }

    pub(crate) fn is_consistent(&self, n_features: usize, n_outputs: usize) -> bool {
        let width = self.width as usize;
        width == n_outputs
            && width > 0
            && self.importance.len() == n_features
            && !self.trees.is_empty()
            && self
                .trees
                .iter()
                .all(|tree| tree.is_consistent(n_features, width))
    }
}
