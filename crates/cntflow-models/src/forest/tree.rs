//! A tree as it is kept: splits by value, and one list of numbers for all leaves.

use serde::{Deserialize, Serialize};

use crate::exact_floats;

/// The child of a leaf. Node 0 is the root, so it is nobody's child.
const NO_CHILD: u32 = 0;

/// One tree as lists with one entry per node. Node 0 is the root. Children come after their parent,
/// side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    /// The feature by which a node splits; in a leaf, the leaf's index.
    features: Vec<u32>,
    /// The child for values at or below the threshold; the next node is the other child. `NO_CHILD`
    /// in a leaf.
    children: Vec<u32>,
    /// The value by which a node splits; 0 in a leaf.
    #[serde(with = "exact_floats")]
    thresholds: Vec<f64>,
    /// The leaves one after the other, as many numbers each.
    #[serde(with = "exact_floats")]
    leaves: Vec<f64>,
}

impl Tree {
    /// Adds a node that is not decided yet, and returns its index.
    pub(crate) fn push(&mut self) -> usize {
        self.features.push(0);
        self.children.push(NO_CHILD);
        self.thresholds.push(0.0);
        self.features.len() - 1
    }

    /// Lets a node split; adds its two children and returns the index of the first.
    pub(crate) fn split(&mut self, node: usize, feature: u32, threshold: f64) -> usize {
        let below = self.push();
        self.push();
        self.features[node] = feature;
        self.thresholds[node] = threshold;
        self.children[node] = below as u32;
        below
    }

    /// Makes a leaf of a node.
    pub(crate) fn end(&mut self, node: usize, numbers: &[f64]) {
        self.features[node] = (self.leaves.len() / numbers.len()) as u32;
        self.leaves.extend_from_slice(numbers);
    }

    /// The numbers of the leaf that a row belongs to, `width` of them.
    pub(crate) fn leaf(&self, row: &[f64], width: usize) -> &[f64] {
        let mut node = 0;
        while self.children[node] != NO_CHILD {
            let is_above = row[self.features[node] as usize] > self.thresholds[node];
            node = self.children[node] as usize + usize::from(is_above);
        }
        let leaf = self.features[node] as usize;
        &self.leaves[leaf * width..(leaf + 1) * width]
    }

    /// Whether every index exists, and every child comes after its parent, so that prediction ends.
    /// They do unless a file was damaged.
    pub(crate) fn is_consistent(&self, n_features: usize, width: usize) -> bool {
        let n_nodes = self.features.len();
        let n_leaves = self.leaves.len() / width;
        let is_valid = |node: usize| {
            let (feature, child) = (self.features[node] as usize, self.children[node]);
            if child == NO_CHILD {
                feature < n_leaves
            } else {
                let child = child as usize;
                feature < n_features
                    && child > node
                    && child + 1 < n_nodes
                    && self.thresholds[node].is_finite()
            }
        };
        n_nodes > 0
            && self.children.len() == n_nodes
            && self.thresholds.len() == n_nodes
            && self.leaves.len() == n_leaves * width
            && self.leaves.iter().all(|number| number.is_finite())
            && (0..n_nodes).all(is_valid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_at_the_threshold_goes_below() {
        let mut tree = Tree::default();
        let root = tree.push();
        let below = tree.split(root, 1, 2.5);
        tree.end(below, &[1.0, 2.0]);
        tree.end(below + 1, &[3.0, 4.0]);
        assert!(tree.is_consistent(2, 2));
        assert_eq!(tree.leaf(&[9.0, 2.5], 2), [1.0, 2.0]);
        assert_eq!(tree.leaf(&[9.0, 2.6], 2), [3.0, 4.0]);
    }

    #[test]
    fn a_tree_with_a_child_that_does_not_exist_is_inconsistent() {
        let mut tree = Tree::default();
        let root = tree.push();
        tree.end(root, &[0.5]);
        assert!(tree.is_consistent(1, 1));
        tree.children[0] = 7;
        assert!(!tree.is_consistent(1, 1));
        tree.children[0] = 0;
        tree.features[0] = 1;
        assert!(!tree.is_consistent(1, 1));
    }
}
