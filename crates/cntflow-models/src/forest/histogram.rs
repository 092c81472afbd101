//! Sums over the rows of each bin of a column, and the best split between two bins.
//!
//! A split is rated by `sum_k L_k^2 / L + sum_k R_k^2 / R`. L and R are the weights on both sides,
//! and L_k the weight of class k. The split with the largest rating decreases the Gini impurity
//! `1 - sum_k share_k^2` most. For values, `S_L^2 / L + S_R^2 / R` with the sums S of the values
//! decreases the variance most. For two classes the latter, of values 0 and 1, is half the former,
//! so that one sum per bin serves both.

use super::binned::MAX_BINS;

/// Up to this many rows, the bins that have rows are found by bits instead of a look at every bin.
const FEW_ROWS: usize = 256;

/// What the bins of a histogram add up, and how a split is rated.
pub(super) trait Histogram {
    /// What one row adds.
    type Item: Copy;
    /// The sums over the rows of a node.
    type Total: Clone;

    fn total(&self, items: &[Self::Item]) -> Self::Total;
    fn weight(total: &Self::Total) -> f64;
    /// The rating of a node that is not split.
    fn rating(total: &Self::Total) -> f64;
    /// Whether no split could improve the node.
    fn is_pure(total: &Self::Total, items: &[Self::Item]) -> bool;
    /// The numbers of a leaf.
    fn leaf(&self, total: &Self::Total) -> Vec<f64>;

    fn add(&mut self, bin: usize, item: Self::Item);
    fn is_empty(&self, bin: usize) -> bool;
    /// Begins a walk over the bins: every row is on the upper side.
    fn start(&mut self, total: &Self::Total);
    /// Moves the rows of a bin to the lower side, and empties the bin. Returns the weights of both
    /// sides and the rating of a split above this bin.
    fn advance(&mut self, bin: usize) -> (f64, f64, f64);
}

/// A split of a node by one column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    pub(super) column: usize,
    pub(super) rating: f64,
    /// The last bin below, and the first bin above.
    pub(super) lower: u8,
    pub(super) upper: u8,
}

/// The best split of a node by one column; of equal ratings that of the smallest values. `None` if
/// all rows are in one bin or every split leaves less than `min_leaf` on one side. The code of a
/// row is `codes[row]`.
pub(super) fn best_split<H: Histogram>(
    histogram: &mut H,
    (column, codes): (usize, &[u8]),
    (rows, items): (&[u32], &[H::Item]),
    total: &H::Total,
    min_leaf: f64,
) -> Option<Split> {
    let mut occupied = [0_u64; MAX_BINS / 64];
    if rows.len() <= FEW_ROWS {
        for (&row, &item) in rows.iter().zip(items) {
            let bin = codes[row as usize];
            histogram.add(usize::from(bin), item);
            occupied[usize::from(bin >> 6)] |= 1 << (bin & 63);
        }
    } else {
        for (&row, &item) in rows.iter().zip(items) {
            histogram.add(usize::from(codes[row as usize]), item);
        }
        for bin in (0..MAX_BINS).filter(|&bin| !histogram.is_empty(bin)) {
            occupied[bin >> 6] |= 1 << (bin & 63);
        }
    }
    histogram.start(total);
    // Plain numbers instead of options: this loop takes a large part of a fit.
    let mut best = f64::NEG_INFINITY;
    let (mut best_lower, mut best_upper) = (0, 0);
    // The rating of a split above the bin before; negative infinity where a side would be too
    // small.
    let (mut lower, mut rating) = (0, f64::NEG_INFINITY);
    for (word, mut bits) in occupied.into_iter().enumerate() {
        while bits != 0 {
            let bin = word * 64 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if rating > best {
                best = rating;
                (best_lower, best_upper) = (lower, bin as u8);
            }
            let (below, above, next) = histogram.advance(bin);
            let is_split = below >= min_leaf && above >= min_leaf;
            (lower, rating) = (bin as u8, if is_split { next } else { f64::NEG_INFINITY });
        }
    }
    (best > f64::NEG_INFINITY).then_some(Split {
        column,
        rating: best,
        lower: best_lower,
        upper: best_upper,
    })
}
