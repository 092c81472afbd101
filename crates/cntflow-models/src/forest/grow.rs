//! Growing one tree on binned columns.

use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::binned::BinnedColumns;
use super::histogram::{Histogram, Split, best_split};
use super::tree::Tree;
use crate::setting::TreeSetting;

/// Size in bytes of the codes that are copied for a small node. They stay in a processor's cache
/// while all nodes below it are split.
const BLOCK_BYTES: usize = 1 << 18;

/// What the growing of all trees of a forest shares. It is made once, so that trees allocate
/// little.
pub(super) struct Grower<'a, H: Histogram> {
    columns: &'a BinnedColumns,
    setting: TreeSetting,
    n_drawn: usize,
    histogram: H,
    /// All columns, in an order that every node shuffles further.
    order: Vec<u32>,
    /// [`BLOCK_BYTES`], except in tests.
    block_bytes: usize,
    /// The codes row by row: what is copied to `block`.
    row_codes: Vec<u8>,
    /// The codes of the latest small node and of all nodes below it, row by row. Its rows in `rows`
    /// are replaced by where their codes start in here.
    block: Vec<u8>,
    /// Where the rows of `block` are in `rows`.
    in_block: Range<usize>,
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
            block_bytes: BLOCK_BYTES,
            row_codes: columns.row_codes(),
            block: Vec::new(),
            in_block: 0..0,
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
        self.in_block = 0..0;
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
        let items = &self.items[node.start..node.end];
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
        self.copy_small_node(node);
        let (rows, items) = (
            &self.rows[node.start..node.end],
            &self.items[node.start..node.end],
        );
        let is_copied = self.in_block.contains(&node.start);
        let mut best: Option<Split> = None;
        for n_seen in 0..self.order.len() {
            if n_seen >= self.n_drawn && best.is_some() {
                break;
            }
            // One step of a Fisher-Yates shuffle draws the next column.
            let other = rng.random_range(n_seen..self.order.len());
            self.order.swap(n_seen, other);
            let column = self.order[n_seen] as usize;
            let codes = if is_copied {
                &self.block[column..]
            } else {
                self.columns.codes(column)
            };
            let found = best_split(
                &mut self.histogram,
                (column, codes),
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

    /// Copies the codes of a small node, unless they are there already. Otherwise each code that is
    /// read would be a miss of the cache: the rows of a small node are far apart in a column.
    ///
    /// All nodes below one are decided before any other, so that one copy at a time is enough.
    fn copy_small_node(&mut self, node: &OpenNode<H::Total>) {
        let n_columns = self.columns.n_columns();
        let is_small = (node.end - node.start) * n_columns <= self.block_bytes;
        if !is_small || self.in_block.contains(&node.start) {
            return;
        }
        self.block.clear();
        for row in &mut self.rows[node.start..node.end] {
            let start = *row as usize * n_columns;
            *row = self.block.len() as u32;
            let codes = &self.row_codes[start..start + n_columns];
            self.block.extend_from_slice(codes);
        }
        self.in_block = node.start..node.end;
    }

    /// Moves a node's rows that are above a split behind those below, each in their order. Returns
    /// where the rows above start.
    fn partition(&mut self, node: &OpenNode<H::Total>, split: Split) -> usize {
        let codes = if self.in_block.contains(&node.start) {
            &self.block[split.column..]
        } else {
            self.columns.codes(split.column)
        };
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

#[cfg(test)]
mod tests {
    use super::super::sums::{TwoClasses, Values};
    use super::*;
    use crate::setting::FeaturesPerNode;
    use cntflow_statistics::random::random_stream;

    const N_ROWS: usize = 400;

    fn columns() -> BinnedColumns {
        let mut rng = random_stream(3, 0, &[]);
        let mut columns = BinnedColumns::new(N_ROWS);
        for levels in [2, 5, 300, 300, 300, 10, 300] {
            let values: Vec<f64> = (0..N_ROWS)
                .map(|_| f64::from(rng.random_range(0..levels)))
                .collect();
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            columns.push(&values, &sorted, 0.0);
        }
        columns
    }

    fn tree<H: Histogram>(
        histogram: H,
        item: impl Fn(usize, u32) -> H::Item,
        block_bytes: usize,
    ) -> (Tree, Vec<f64>) {
        let columns = columns();
        let setting = TreeSetting {
            trees: 1,
            min_leaf: 1,
            max_depth: None,
            features: FeaturesPerNode::SquareRoot,
        };
        let mut grower = Grower::new(&columns, setting, histogram);
        grower.block_bytes = block_bytes;
        let weights: Vec<u32> = (0..N_ROWS as u32).map(|row| row * 7 % 3).collect();
        let mut importance = vec![0.0; columns.n_columns()];
        let mut rng = random_stream(4, 0, &[]);
        // The second tree finds the copies of the first.
        grower.grow(&weights, &item, &mut rng, &mut importance);
        let tree = grower.grow(&weights, &item, &mut rng, &mut importance);
        (tree, importance)
    }

    #[test]
    fn copies_for_small_nodes_change_no_bit() {
        let class = |row: usize| (row * 13 % 17 > 8) as u32;
        let classes = |block_bytes| {
            let item = |row, weight| TwoClasses::item(weight, class(row));
            tree(TwoClasses::new(), item, block_bytes)
        };
        let values = |block_bytes| {
            let item = |row: usize, weight| (f64::from(weight), (row as f64 * 0.7).sin());
            tree(Values::new(0.0), item, block_bytes)
        };
        for block_bytes in [7, 100, 1_000, BLOCK_BYTES] {
            assert_eq!(classes(block_bytes), classes(0));
            assert_eq!(values(block_bytes), values(0));
        }
    }
}
