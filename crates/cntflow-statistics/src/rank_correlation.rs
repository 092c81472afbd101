//! How well two lists agree on the order of rows.

use crate::error::{Result, check_lengths, check_not_nan};
use crate::quantile::mean;
use crate::rank::{midranks, pairs, tied_pairs};

/// Kendall's tau-b, in [-1, 1]: `(C - D) / sqrt((P - T_x) (P - T_y))`, with C pairs of rows in the
/// same order, D in opposite order, P pairs in all, and T pairs tied in each list. Computed in
/// O(N log N) by counting the swaps of a merge sort (Knight 1966). NaN if a list is constant.
///
/// # Errors
/// If the lists differ in length or a value is NaN.
pub fn kendall_tau(x: &[f64], y: &[f64]) -> Result<f64> {
    check(x, y)?;
    // Midranks instead of values: equal values have equal bits, and all can be sorted.
    let mut rows: Vec<(f64, f64)> = midranks(x).into_iter().zip(midranks(y)).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let tied_x = tied_pairs(&rows, |a, b| a.0 == b.0);
    let tied_both = tied_pairs(&rows, |a, b| a == b);
    let mut by_y: Vec<f64> = rows.into_iter().map(|row| row.1).collect();
    let mut buffer = by_y.clone();
    // Rows tied in x are in the order of y already, so a swap is a pair in opposite order.
    let discordant = sort_and_count_swaps(&mut by_y, &mut buffer);
    let tied_y = tied_pairs(&by_y, |a, b| a == b);
    let all = pairs(x.len());
    let untied = (all - tied_x - tied_y + tied_both) as f64;
    // One root per factor: the product of two counts of pairs may not be exact.
    let scale = ((all - tied_x) as f64).sqrt() * ((all - tied_y) as f64).sqrt();
    Ok(((untied - 2.0 * discordant as f64) / scale).clamp(-1.0, 1.0))
}

/// Sorts, and counts the pairs that stood in descending order.
fn sort_and_count_swaps(values: &mut [f64], buffer: &mut [f64]) -> u64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(n / 2);
    let (left_buffer, right_buffer) = buffer.split_at_mut(n / 2);
    let mut swaps =
        sort_and_count_swaps(left, left_buffer) + sort_and_count_swaps(right, right_buffer);
    let (mut from_left, mut from_right) = (0, 0);
    for merged in buffer.iter_mut() {
        let takes_left = from_right == right.len()
            || from_left < left.len() && left[from_left] <= right[from_right];
        if takes_left {
            *merged = left[from_left];
            from_left += 1;
        } else {
            *merged = right[from_right];
            from_right += 1;
            // It moves past all that is left on the left, which is larger.
            swaps += (left.len() - from_left) as u64;
        }
    }
    values.copy_from_slice(buffer);
    swaps
}

/// Spearman's rank correlation, in [-1, 1]: Pearson's correlation of the midranks. NaN if a list is
/// constant.
///
/// # Errors
/// If the lists differ in length or a value is NaN.
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64> {
    check(x, y)?;
    let (x, y) = (midranks(x), midranks(y));
    let (mean_x, mean_y) = (mean(&x), mean(&y));
    let (mut product, mut square_x, mut square_y) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        product += (x - mean_x) * (y - mean_y);
        square_x += (x - mean_x).powi(2);
        square_y += (y - mean_y).powi(2);
    }
    Ok((product / (square_x.sqrt() * square_y.sqrt())).clamp(-1.0, 1.0))
}

fn check(x: &[f64], y: &[f64]) -> Result<()> {
    check_lengths(("x", x.len()), ("y", y.len()))?;
    check_not_nan("x", x)?;
    check_not_nan("y", y)
}
