//! Growing one tree on binned columns.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::binned::BinnedColumns;
use super::histogram::{Histogram, Split, best_split};
use super::tree::Tree;
use crate::setting::TreeSetting;

/// What the growing of all trees of a forest shares. It is made once, so that trees allocate
/// little.
pub(super) struct Grower<'a, H: Histogram> {
    columns: &'a BinnedColumns,
    setting: TreeSetting,
    n_drawn: usize,
    histogram: H,
    /// All columns, in an order that every node shuffles further.
    order: Vec<u32>,
    /// The rows of all nodes that are not split yet, and what each adds to a histogram. A node's
    /// rows are neighbours, in ascending order.
    rows: Vec<u32>,
    items: Vec<H::Item>,
    /// Rows that move above a split, until they are put back.
    moved_rows: Vec<u32>,
    moved_items: Vec<H::Item>,
}

/// A node that is not decided yet.
struct OpenNode<T> {
    node: usize,
    start: usize,
    end: usize,
    depth: u32,
    total: T,
}

impl<'a, H: Histogram> Grower<'a, H> {
    pub(super) fn new(columns: &'a BinnedColumns, setting: TreeSetting, histogram: H) -> Self {
        Self {
            columns,
            setting,
            n_drawn: setting.features.count(columns.n_columns()),
            histogram,
            order: Vec::new(),
            rows: Vec::new(),
            items: Vec::new(),
            moved_rows: Vec::new(),
            moved_items: Vec::new(),
        }
    }

    /// Grows a tree on the rows whose weight is above 0. `item` is what a row of some weight adds
    /// to a histogram. Each column's share of the total decrease of impurity is added to
    /// `importance`.
    pub(super) fn grow(
        &mut self,
        weights: &[u32],
        item: impl Fn(usize, u32) -> H::Item,
        rng: &mut ChaCha8Rng,
        importance: &mut [f64],
    ) -> Tree {
        let drawn = weights
            .iter()
            .enumerate()
            .filter(|(_, weight)| **weight > 0);
        self.rows = drawn.clone().map(|(row, _)| row as u32).collect();
        self.items = drawn.map(|(row, &weight)| item(row, weight)).collect();
        // Each tree starts from the same order, so that it depends on its own random stream alone.
        self.order = (0..self.columns.n_columns() as u32).collect();
        let mut decreases = vec![0.0; importance.len()];
        let mut tree = Tree::default();
        // A list of open nodes instead of recursion: a tree may be as deep as it has rows.
        let root = OpenNode {
            node: tree.push(),
            start: 0,
            end: self.rows.len(),
            depth: 0,
            total: self.histogram.total(&self.items),
        };
        let mut open = vec![root];
        while let Some(node) = open.pop() {
            let Some(split) = self.find_split(&node, rng) else {
                tree.end(node.node, &self.histogram.leaf(&node.total));
                continue;
            };
            decreases[split.column] += (split.rating - H::rating(&node.total)).max(0.0);
            let threshold = self
                .columns
                .threshold(split.column, split.lower, split.upper);
            let below = tree.split(node.node, split.column as u32, threshold);
            let middle = self.partition(&node, split);
            for (child, start, end) in [(below, node.start, middle), (below + 1, middle, node.end)]
            {
                let total = self.histogram.total(&self.items[start..end]);
                open.push(OpenNode {
                    node: child,
                    start,
                    end,
                    depth: node.depth + 1,
                    total,
                });
            }
        }
        let sum: f64 = decreases.iter().sum();
        if sum > 0.0 {
            for (share, decrease) in importance.iter_mut().zip(&decreases) {
                *share += decrease / sum;
            }
        }
        tree
    }

    /// The best split of a node among columns drawn at random without replacement. `None` makes a
    /// leaf of it.
    ///
    /// A split that does not decrease the impurity counts as well: of two features that matter only
    /// together (XOR), the first decreases nothing.
    fn find_split(&mut self, node: &OpenNode<H::Total>, rng: &mut ChaCha8Rng) -> Option<Split> {
        let (rows, items) = (
            &self.rows[node.start..node.end],
            &self.items[node.start..node.end],
        );
        let min_leaf = f64::from(self.setting.min_leaf);
        if self
            .setting
            .max_depth
            .is_some_and(|limit| node.depth >= limit)
            || H::weight(&node.total) < 2.0 * min_leaf
            || H::is_pure(&node.total, items)
        {
            return None;
        }
        let mut best: Option<Split> = None;
        for n_seen in 0..self.order.len() {
            if n_seen >= self.n_drawn && best.is_some() {
                break;
            }
            // One step of a Fisher-Yates shuffle draws the next column.
            let other = rng.random_range(n_seen..self.order.len());
            self.order.swap(n_seen, other);
            let column = self.order[n_seen] as usize;
            let codes = (column, self.columns.codes(column));
            let found = best_split(
                &mut self.histogram,
                codes,
                (rows, items),
                &node.total,
                min_leaf,
            );
            if let Some(split) = found
                && best.is_none_or(|best| split.rating > best.rating)
            {
                best = Some(split);
            }
        }
        best
    }

    /// Moves a node's rows that are above a split behind those below, each in their order. Returns
    /// where the rows above start.
    fn partition(&mut self, node: &OpenNode<H::Total>, split: Split) -> usize {
        let codes = self.columns.codes(split.column);
        self.moved_rows.clear();
        self.moved_items.clear();
        let mut middle = node.start;
        for index in node.start..node.end {
            let (row, item) = (self.rows[index], self.items[index]);
            if codes[row as usize] <= split.lower {
                self.rows[middle] = row;
                self.items[middle] = item;
                middle += 1;
            } else {
                self.moved_rows.push(row);
                self.moved_items.push(item);
            }
        }
        self.rows[middle..node.end].copy_from_slice(&self.moved_rows);
        self.items[middle..node.end].copy_from_slice(&self.moved_items);
        middle
    }
}
