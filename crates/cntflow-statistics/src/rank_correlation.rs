//! How well two lists agree on the order of rows.

use crate::error::{Result, check_lengths, check_not_nan};
use crate::quantile::mean;
use crate::rank::{dense_ranks, midranks, pairs, tied_pairs};

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
    let counts = PairCounts {
        all: pairs(x.len()),
        tied_x,
        tied_y: tied_pairs(&by_y, |a, b| a == b),
        tied_both,
        discordant,
    };
    Ok(counts.tau())
}

/// Kendall's tau-b of many selections of the same rows, as a bootstrap makes them. The rows are
/// sorted once. A selection of N rows then takes O(N log N) additions and no sort.
///
/// ```
/// use cntflow_statistics::rank_correlation::{KendallRows, kendall_tau};
///
/// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [1.0, 3.0, 2.0, 4.0]);
/// let rows = KendallRows::new(&x, &y)?;
/// assert_eq!(rows.tau(&[0, 1, 1, 2]), kendall_tau(&[1.0, 2.0, 2.0, 3.0], &[1.0, 3.0, 3.0, 2.0])?);
/// # Ok::<(), cntflow_statistics::StatisticsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KendallRows {
    /// The rows by x, those tied in x by y.
    order: Vec<usize>,
    /// The rank of each row among the different values of x, from 0.
    x: Vec<usize>,
    /// The same of y.
    y: Vec<usize>,
    n_values_of_y: usize,
}

impl KendallRows {
    /// Sorts the rows.
    ///
    /// # Errors
    /// If the lists differ in length or a value is NaN.
    pub fn new(x: &[f64], y: &[f64]) -> Result<Self> {
        check(x, y)?;
        let ((x, _), (y, n_values_of_y)) = (dense_ranks(x), dense_ranks(y));
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by_key(|&row| (x[row], y[row]));
        Ok(Self {
            order,
            x,
            y,
            n_values_of_y,
        })
    }

    /// [`kendall_tau`] of the rows in `selection`, each as often as it occurs there. The result has
    /// the same bits.
    pub fn tau(&self, selection: &[usize]) -> f64 {
        let mut copies = vec![0; self.order.len()];
        for &row in selection {
            copies[row] += 1;
        }
        let mut seen = PrefixSums::new(self.n_values_of_y);
        let (mut tied_x, mut tied_both, mut discordant) = (0, 0, 0);
        for of_x in self.order.chunk_by(|&a, &b| self.x[a] == self.x[b]) {
            let n_before = seen.total;
            for &row in of_x {
                discordant += copies[row] as u64 * (n_before - seen.up_to(self.y[row]));
            }
            let mut n_of_x = 0;
            for of_both in of_x.chunk_by(|&a, &b| self.y[a] == self.y[b]) {
                let n: usize = of_both.iter().map(|&row| copies[row]).sum();
                seen.add(self.y[of_both[0]], n as u64);
                tied_both += pairs(n);
                n_of_x += n;
            }
            tied_x += pairs(n_of_x);
        }
        let mut of_y = vec![0; self.n_values_of_y];
        for (row, n) in copies.iter().enumerate() {
            of_y[self.y[row]] += n;
        }
        let counts = PairCounts {
            all: pairs(selection.len()),
            tied_x,
            tied_y: of_y.into_iter().map(pairs).sum(),
            tied_both,
            discordant,
        };
        counts.tau()
    }
}

/// Counts by rank, with sums over the first ranks in logarithmic time (Fenwick 1994).
struct PrefixSums {
    nodes: Vec<u64>,
    total: u64,
}

impl PrefixSums {
    fn new(n: usize) -> Self {
        Self {
            nodes: vec![0; n + 1],
            total: 0,
        }
    }

    fn add(&mut self, rank: usize, n: u64) {
        self.total += n;
        let mut node = rank + 1;
        while node < self.nodes.len() {
            self.nodes[node] += n;
            node += node & node.wrapping_neg();
        }
    }

    /// The sum over the ranks up to and including this one.
    fn up_to(&self, rank: usize) -> u64 {
        let mut node = rank + 1;
        let mut sum = 0;
        while node > 0 {
            sum += self.nodes[node];
            node &= node - 1;
        }
        sum
    }
}

/// Numbers of pairs of rows.
struct PairCounts {
    all: u64,
    tied_x: u64,
    tied_y: u64,
    tied_both: u64,
    discordant: u64,
}

impl PairCounts {
    fn tau(&self) -> f64 {
        let untied = (self.all - self.tied_x - self.tied_y + self.tied_both) as f64;
        let [untied_x, untied_y] = [self.tied_x, self.tied_y].map(|tied| (self.all - tied) as f64);
        // One root per factor: the product of two counts of pairs may not be exact.
        let scale = untied_x.sqrt() * untied_y.sqrt();
        ((untied - 2.0 * self.discordant as f64) / scale).clamp(-1.0, 1.0)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_has_the_tau_of_its_rows() {
        // Values of few digits, so that there are ties in x, in y and in both.
        let value = |row: usize, factor: usize| ((row * factor) % 23 / 3) as f64;
        let x: Vec<f64> = (0..60).map(|row| value(row, 7)).collect();
        let y: Vec<f64> = (0..60).map(|row| value(row, 11) - value(row, 5)).collect();
        let rows = KendallRows::new(&x, &y).unwrap();
        for start in 0..40 {
            let selection: Vec<usize> = (0..50).map(|i| (start * i * i + i / 3) % 60).collect();
            let pick = |list: &[f64]| -> Vec<f64> { selection.iter().map(|&i| list[i]).collect() };
            let expected = kendall_tau(&pick(&x), &pick(&y)).unwrap();
            assert_eq!(
                rows.tau(&selection).to_bits(),
                expected.to_bits(),
                "{start}"
            );
        }
    }

    #[test]
    fn a_constant_selection_has_no_tau() {
        let rows = KendallRows::new(&[1.0, 2.0, 2.0], &[3.0, 3.0, 4.0]).unwrap();
        for selection in [&[][..], &[0], &[0, 1], &[1, 2]] {
            assert!(rows.tau(selection).is_nan(), "{selection:?}");
        }
    }
}
