//! A random forest of our own, in which `linfa-trees` finds every single split.
//!
//! linfa 0.8.1's trees and its `RandomForest` are not used as a whole, for these reasons:
//!
//! - A tree of more than one level misses splits if the next row in a feature's order has the same
//!   value but belongs to another branch. That is the case for every two-valued feature.
//! - A row exactly at a split's value goes to one side in fitting and to the other in prediction.
//! - Ties are broken by the order of a hash map, and so are the forest's votes.
//! - The forest draws its features per tree, with replacement.
//!
//! A linfa tree of one level, fitted on the rows of one node, has none of these flaws.
//! Everything else is done here.

use linfa::DatasetBase;
use linfa::traits::Fit as _;
use linfa_trees::DecisionTree;
use ndarray::{Array1, Array2, ArrayView1};
use rand::RngExt;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::fit_failure::FitFailure;
use super::training_rows::TrainingRows;
use crate::exact_floats;

/// Number of trees in a random forest: 51. It is odd, so that votes of pure leaves cannot tie.
pub const FOREST_TREES: usize = 51;

/// The child index of a leaf. Node 0 is the root, so it is nobody's child.
const NO_CHILD: u32 = 0;

/// A random forest. The score of a row is the share of high training rows in its
/// leaf, averaged over trees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forest {
    n_features: usize,
    trees: Vec<Tree>,
}

/// One tree as lists with one entry per node. Node 0 is the root, and children
/// come after their parent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tree {
    /// The feature by which a node splits.
    features: Vec<u32>,
    /// The child for values at or below the split; `NO_CHILD` in a leaf.
    below: Vec<u32>,
    /// The child for values above the split; `NO_CHILD` in a leaf.
    above: Vec<u32>,
    /// The value of a split, or the share of high rows in a leaf.
    #[serde(with = "exact_floats")]
    values: Vec<f64>,
}

impl Forest {
    pub(super) fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        self.trees.iter().map(|tree| tree.score(row)).sum::<f64>() / self.trees.len() as f64
    }

    pub(super) fn is_consistent(&self, n_features: usize) -> bool {
        self.n_features == n_features
            && !self.trees.is_empty()
            && self.trees.iter().all(|tree| tree.is_consistent(n_features))
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

    /// Whether every index exists, and every child comes after its parent, so that scoring ends.
    fn is_consistent(&self, n_features: usize) -> bool {
        let n_nodes = self.values.len();
        let is_later_node =
            |node: usize, child: u32| child as usize > node && (child as usize) < n_nodes;
        let is_valid = |node: usize| {
            let is_leaf = self.below[node] == NO_CHILD && self.above[node] == NO_CHILD;
            is_leaf
                || (self.features[node] as usize) < n_features
                    && is_later_node(node, self.below[node])
                    && is_later_node(node, self.above[node])
        };
        n_nodes > 0
            && [&self.features, &self.below, &self.above]
                .iter()
                .all(|list| list.len() == n_nodes)
            && (0..n_nodes).all(is_valid)
    }

    /// Adds a leaf and returns its index.
    fn push_leaf(&mut self, share: f64) -> usize {
        self.features.push(0);
        self.below.push(NO_CHILD);
        self.above.push(NO_CHILD);
        self.values.push(share);
        self.values.len() - 1
    }
}

pub(super) fn fit(training: &TrainingRows, seed: u64) -> Result<Forest, FitFailure> {
    if training.is_one_class() {
        return Err(FitFailure::OneClass);
    }
    let rows_of_group = rows_of_groups(&training.groups);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let trees: Result<_, FitFailure> = (0..FOREST_TREES)
        .map(|_| grow_tree(training, &rows_of_group, &mut rng))
        .collect();
    Ok(Forest {
        n_features: training.records.ncols(),
        trees: trees?,
    })
}

/// The rows of each group that has any, in the order of the groups' indices.
fn rows_of_groups(groups: &[usize]) -> Vec<Vec<usize>> {
    let mut rows = vec![Vec::new(); groups.iter().max().map_or(0, |last| last + 1)];
    for (row, &group) in groups.iter().enumerate() {
        rows[group].push(row);
    }
    rows.retain(|rows| !rows.is_empty());
    rows
}

/// Grows one tree on a bootstrap sample of groups: as many as there are, drawn with replacement. A
/// group drawn twice has twice the weight.
fn grow_tree(
    training: &TrainingRows,
    rows_of_group: &[Vec<usize>],
    rng: &mut ChaCha8Rng,
) -> Result<Tree, FitFailure> {
    let mut weights = vec![0.0_f32; training.classes.len()];
    for _ in 0..rows_of_group.len() {
        for &row in &rows_of_group[rng.random_range(0..rows_of_group.len())] {
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
    // A list of nodes to be split instead of recursion: a tree may be as deep as it has rows.
    let mut unsplit = vec![(root, rows)];
    while let Some((node, rows)) = unsplit.pop() {
        let Some((feature, value)) = grower.find_split(&rows)? else {
            continue;
        };
        let (below, above): (Vec<usize>, Vec<usize>) = rows
            .into_iter()
            .partition(|&row| training.records[(row, feature)] <= value);
        tree.features[node] = feature as u32;
        tree.values[node] = value;
        let [child_below, child_above] =
            [&below, &above].map(|rows| tree.push_leaf(grower.share_high(rows)));
        (tree.below[node], tree.above[node]) = (child_below as u32, child_above as u32);
        unsplit.extend([(child_below, below), (child_above, above)]);
    }
    Ok(tree)
}

/// What the growing of one tree needs at every node.
struct Grower<'a> {
    training: &'a TrainingRows,
    /// For each training row, how often its group was drawn.
    weights: Vec<f32>,
    /// All feature indices, shuffled again at every node.
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

    /// The best split of a node among `sqrt(n_features)` randomly drawn features. If
    /// none of those splits the node, as many again are drawn. `None` if the node is
    /// pure or no feature splits it.
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

    /// The best split by Gini impurity, found by a linfa tree of one level.
    fn split_among(
        &self,
        rows: &[usize],
        features: &[usize],
    ) -> Result<Option<(usize, f64)>, FitFailure> {
        let record =
            |(row, feature): (usize, usize)| self.training.records[(rows[row], features[feature])];
        let records = Array2::from_shape_fn((rows.len(), features.len()), record);
        let classes: Array1<bool> = rows.iter().map(|&row| self.training.classes[row]).collect();
        let weights: Array1<f32> = rows.iter().map(|&row| self.weights[row]).collect();
        let dataset = DatasetBase::new(records.view(), classes).with_weights(weights);
        let settings = DecisionTree::<f64, bool>::params().max_depth(Some(1));
        let stump = settings.fit(&dataset)?;
        let (feature, value, impurity_decrease) = stump.root_node().split();
        // linfa puts the value midway between two rows. If these are neighbouring floats, the
        // midpoint may round to the upper one, and all rows would go below.
        let column = records.column(feature);
        let has_both_sides =
            column.iter().any(|x| *x <= value) && column.iter().any(|x| *x > value);
        let is_split = impurity_decrease > 0.0 && has_both_sides;
        Ok(is_split.then_some((features[feature], value)))
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
        let forest = fit(&training, 1).unwrap();
        for row in 0..64 {
            let score = forest.score(training.records.row(row));
            assert_eq!(score >= 0.5, training.classes[row], "row {row}: {score}");
        }
    }

    #[test]
    fn a_tree_with_a_child_that_does_not_exist_is_inconsistent() {
        let mut tree = Tree::default();
        tree.push_leaf(0.5);
        assert!(tree.is_consistent(1));
        tree.below[0] = 7;
        assert!(!tree.is_consistent(1));
    }
}
