//! A random forest of our own, every split of which `linfa-trees` finds.
//!
//! linfa 0.8.1's own trees and its `RandomForest` are not used as they are: a tree of more than one level passes over splits
//! where the next row in a feature's order has the same value but belongs to another branch (any two-valued feature),
//! puts a row that lies on a split on one side when it fits and on the other when it predicts, and breaks ties by a hash
//! map's order; the forest draws features per tree with replacement and counts votes in a hash map. Fitting one level at a
//! time, on the rows of one node only, meets none of these; leaves, votes and features are drawn and counted here.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_trees::DecisionTree;
use ndarray::{Array1, Array2, ArrayView1};
use rand::RngExt;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Fit, FitFailure, Model, TrainingRows};
use crate::exact;

/// Trees of a forest, is 51: odd, so that pure leaves cannot vote to a tie.
pub const TREES: usize = 51;

/// Place of a leaf's children.
const NO_CHILD: u32 = 0;

/// The mean over trees of the share of high training rows in the leaf that a row falls into.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forest {
    n_features: usize,
    trees: Vec<Tree>,
}

/// One tree; node 0 is its root, and children come after their parent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tree {
    /// The feature that a node looks at.
    features: Vec<u32>,
    /// The child for values at or below the split, or `NO_CHILD` in a leaf.
    below: Vec<u32>,
    /// The child for values above the split, or `NO_CHILD` in a leaf.
    above: Vec<u32>,
    /// A split's value, or a leaf's share of high rows.
    #[serde(with = "exact")]
    values: Vec<f64>,
}

impl Forest {
    pub(super) fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        self.trees.iter().map(|tree| tree.score(row)).sum::<f64>() / self.trees.len() as f64
    }

    pub(super) fn fits(&self, features: usize) -> bool {
        self.n_features == features
            && !self.trees.is_empty()
            && self.trees.iter().all(|tree| tree.fits(features))
    }
}

impl Tree {
    fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        let mut node = 0;
        while self.below[node] != NO_CHILD {
            let is_below = row[self.features[node] as usize] <= self.values[node];
            node = if is_below {
                self.below[node]
            } else {
                self.above[node]
            } as usize;
        }
        self.values[node]
    }

    /// Children come after their parents, so a walk ends; and all places exist.
    fn fits(&self, features: usize) -> bool {
        let n = self.values.len();
        let child_fits = |node: usize, child: u32| child as usize > node && (child as usize) < n;
        let node_fits = |node: usize| {
            let is_leaf = self.below[node] == NO_CHILD && self.above[node] == NO_CHILD;
            is_leaf
                || (self.features[node] as usize) < features
                    && child_fits(node, self.below[node])
                    && child_fits(node, self.above[node])
        };
        n > 0
            && [&self.features, &self.below, &self.above]
                .iter()
                .all(|list| list.len() == n)
            && (0..n).all(node_fits)
    }

    /// Adds a leaf and returns its place.
    fn push_leaf(&mut self, share: f64) -> usize {
        self.features.push(0);
        self.below.push(NO_CHILD);
        self.above.push(NO_CHILD);
        self.values.push(share);
        self.values.len() - 1
    }
}

pub(super) fn fit(training: &TrainingRows, seed: u64) -> Result<Fit, FitFailure> {
    if training
        .classes
        .iter()
        .all(|class| *class == training.classes[0])
    {
        return Err(FitFailure("all training rows are of one class".to_owned()));
    }
    let rows_of_group = rows_of_groups(&training.groups);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let trees: Result<_, _> = (0..TREES)
        .map(|_| grow_tree(training, &rows_of_group, &mut rng))
        .collect();
    Ok(Fit::plain(Model::RandomForest(Forest {
        n_features: training.records.ncols(),
        trees: trees?,
    })))
}

/// Rows by group, in the order of the groups' numbers.
fn rows_of_groups(groups: &[usize]) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new(); groups.iter().max().map_or(0, |last| last + 1)];
    for (row, &group) in groups.iter().enumerate() {
        rows[group].push(row);
    }
    rows.retain(|rows| !rows.is_empty());
    rows
}

/// As many groups as there are, drawn with replacement; a group drawn twice weighs twice.
fn grow_tree(
    training: &TrainingRows,
    groups: &[Vec<usize>],
    rng: &mut ChaCha8Rng,
) -> Result<Tree, FitFailure> {
    let mut weights = vec![0.0_f32; training.classes.len()];
    for _ in 0..groups.len() {
        for &row in &groups[rng.random_range(0..groups.len())] {
            weights[row] += 1.0;
        }
    }
    let rows: Vec<usize> = (0..weights.len())
        .filter(|&row| weights[row] > 0.0)
        .collect();
    let mut grower = Grower {
        training,
        weights,
        features: (0..training.records.ncols()).collect(),
        rng,
    };
    let mut tree = Tree::default();
    let root = tree.push_leaf(grower.share_high(&rows));
    let mut open = vec![(root, rows)];
    while let Some((node, rows)) = open.pop() {
        let Some((feature, value)) = grower.find_split(&rows)? else {
            continue;
        };
        let (below, above): (Vec<usize>, Vec<usize>) = rows
            .into_iter()
            .partition(|&row| training.records[(row, feature)] <= value);
        tree.features[node] = feature as u32;
        tree.values[node] = value;
        let [first, second] = [&below, &above].map(|rows| tree.push_leaf(grower.share_high(rows)));
        (tree.below[node], tree.above[node]) = (first as u32, second as u32);
        open.extend([(first, below), (second, above)]);
    }
    Ok(tree)
}

/// What growing one tree needs at every node.
struct Grower<'a> {
    training: &'a TrainingRows,
    weights: Vec<f32>,
    features: Vec<usize>,
    rng: &'a mut ChaCha8Rng,
}

impl Grower<'_> {
    fn share_high(&self, rows: &[usize]) -> f64 {
        let weight = |row: &usize| f64::from(self.weights[*row]);
        let high = rows
            .iter()
            .filter(|&&row| self.training.classes[row])
            .map(weight)
            .sum::<f64>();
        high / rows.iter().map(weight).sum::<f64>()
    }

    /// The best split of a node among sqrt(features) drawn at random; more are drawn while none of those splits it.
    fn find_split(&mut self, rows: &[usize]) -> Result<Option<(usize, f64)>, FitFailure> {
        let first = self.training.classes[rows[0]];
        if rows.iter().all(|&row| self.training.classes[row] == first) {
            return Ok(None);
        }
        self.features.shuffle(self.rng);
        let n_drawn = (self.features.len() as f64).sqrt().ceil() as usize;
        for drawn in self.features.chunks(n_drawn) {
            if let Some(split) = self.split_among(rows, drawn)? {
                return Ok(Some(split));
            }
        }
        Ok(None)
    }

    /// The best split by Gini impurity, as a linfa tree of one level finds it.
    fn split_among(
        &self,
        rows: &[usize],
        features: &[usize],
    ) -> Result<Option<(usize, f64)>, FitFailure> {
        let place =
            |(row, feature): (usize, usize)| self.training.records[(rows[row], features[feature])];
        let records = Array2::from_shape_fn((rows.len(), features.len()), place);
        let classes: Array1<bool> = rows.iter().map(|&row| self.training.classes[row]).collect();
        let weights: Array1<f32> = rows.iter().map(|&row| self.weights[row]).collect();
        let dataset = DatasetBase::new(records.view(), classes).with_weights(weights);
        let settings = DecisionTree::<f64, bool>::params().max_depth(Some(1));
        let stump = settings
            .fit(&dataset)
            .map_err(|error| FitFailure(error.to_string()))?;
        let (feature, value, decrease) = stump.root_node().split();
        let column = records.column(feature);
        let parts = column.iter().any(|x| *x <= value) && column.iter().any(|x| *x > value);
        Ok((decrease > 0.0 && parts).then_some((features[feature], value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_valued_features_are_split_at_every_level() {
        let records = Array2::from_shape_fn((64, 3), |(row, column)| {
            f64::from(u8::from(row >> column & 1 == 1))
        });
        let classes = (0..64_u32).map(|row| (row & 3).count_ones() == 1).collect();
        let training = TrainingRows {
            records,
            classes,
            groups: (0..64).collect(),
        };
        let Model::RandomForest(forest) = fit(&training, 1).unwrap().model else {
            unreachable!()
        };
        for row in 0..64 {
            let score = forest.score(training.records.row(row));
            assert_eq!(score >= 0.5, training.classes[row], "row {row}: {score}");
        }
    }

    #[test]
    fn damaged_trees_do_not_fit() {
        let mut tree = Tree::default();
        tree.push_leaf(0.5);
        assert!(tree.fits(1));
        tree.below[0] = 7;
        assert!(!tree.fits(1));
    }
}
