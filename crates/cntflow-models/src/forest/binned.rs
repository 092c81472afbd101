//! Feature columns in bins: the form in which trees look for splits.

/// Largest number of bins of a column: a code is one byte.
pub(crate) const MAX_BINS: usize = 256;

/// Columns as codes of one byte per value.
///
/// A column of at most 256 distinct values has one bin for each. Otherwise its bins are quantiles
/// of the training rows, and no two rows with equal values are in different bins.
#[derive(Clone, Debug, Default)]
pub(crate) struct BinnedColumns {
    n_rows: usize,
    /// The columns one after the other, `n_rows` codes each.
    codes: Vec<u8>,
    /// For each column, the bins in ascending order.
    bins: Vec<Vec<Bin>>,
}

/// The smallest and the largest training value in a bin.
#[derive(Clone, Copy, Debug)]
struct Bin {
    smallest: f64,
    largest: f64,
}

impl BinnedColumns {
    /// No columns yet, of this many rows.
    pub(crate) fn new(n_rows: usize) -> Self {
        Self {
            n_rows,
            ..Self::default()
        }
    }

    /// Adds a column. `imputed` has one value per row. `sorted` has the same values in ascending
    /// order, but for those that were missing; these are `median`.
    pub(crate) fn push(&mut self, imputed: &[f64], sorted: &[f64], median: f64) {
        let n_missing = imputed.len() - sorted.len();
        let bins = bins_of_sorted(sorted, n_missing, median);
        // Eight steps without branches: which bin a value is in is a coin toss, as a processor sees
        // it. Infinity stands where there are no bins.
        let mut smallest = [f64::INFINITY; MAX_BINS];
        for (smallest, bin) in smallest.iter_mut().zip(&bins) {
            *smallest = bin.smallest;
        }
        self.codes.extend(imputed.iter().map(|value| {
            let mut code = 0_u8;
            for step in [128, 64, 32, 16, 8, 4, 2, 1] {
                // A product: an `if` becomes a branch.
                code |= step * u8::from(smallest[usize::from(code | step)] <= *value);
            }
            code
        }));
        self.bins.push(bins);
    }

    /// Keeps only the columns at these positions, in ascending order.
    pub(crate) fn keep(&mut self, positions: &[usize]) {
        let codes = positions
            .iter()
            .flat_map(|&position| self.codes(position).to_vec())
            .collect();
        self.bins = positions
            .iter()
            .map(|&position| self.bins[position].clone())
            .collect();
        self.codes = codes;
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(crate) fn n_columns(&self) -> usize {
        self.bins.len()
    }

    /// Number of bins of a column, at least 1. Each has a training row.
    pub(crate) fn n_bins(&self, column: usize) -> usize {
        self.bins[column].len()
    }

    /// The codes of a column.
    pub(crate) fn codes(&self, column: usize) -> &[u8] {
        &self.codes[column * self.n_rows..(column + 1) * self.n_rows]
    }

    /// The codes row by row.
    pub(crate) fn row_codes(&self) -> Vec<u8> {
        // A few rows at a time, whose codes stay in a processor's cache.
        const ROWS_AT_ONCE: usize = 64;
        let n_columns = self.n_columns();
        let mut by_row = vec![0; self.codes.len()];
        for (chunk, first) in by_row
            .chunks_mut(ROWS_AT_ONCE * n_columns)
            .zip((0..).step_by(ROWS_AT_ONCE))
        {
            for column in 0..n_columns {
                let codes = &self.codes(column)[first..];
                for (row, &code) in chunk.chunks_exact_mut(n_columns).zip(codes) {
                    row[column] = code;
                }
            }
        }
        by_row
    }

    /// The value by which a node splits between two of a column's bins: halfway between the largest
    /// of the lower bin and the smallest of the upper bin. Values at or below it go below.
    pub(crate) fn threshold(&self, column: usize, lower: u8, upper: u8) -> f64 {
        let below = self.bins[column][usize::from(lower)].largest;
        let above = self.bins[column][usize::from(upper)].smallest;
        // Halves first: the sum of two huge values would be infinite.
        let middle = below / 2.0 + above / 2.0;
        // The middle of neighbouring floats may round to either.
        if middle >= below && middle < above {
            middle
        } else {
            below
        }
    }
}

/// The bins of a column whose values are `sorted` and `n_missing` times `median`.
fn bins_of_sorted(sorted: &[f64], n_missing: usize, median: f64) -> Vec<Bin> {
    let mut runs: Vec<(f64, usize)> = sorted
        .chunk_by(|a, b| a == b)
        .map(|equal| (equal[0], equal.len()))
        .collect();
    if n_missing > 0 {
        let at = runs.partition_point(|(value, _)| *value < median);
        match runs.get_mut(at) {
            Some((value, count)) if *value == median => *count += n_missing,
            _ => runs.insert(at, (median, n_missing)),
        }
    }
    if runs.len() <= MAX_BINS {
        return runs
            .iter()
            .map(|&(value, _)| Bin {
                smallest: value,
                largest: value,
            })
            .collect();
    }
    let mut n_left = sorted.len() + n_missing;
    let (mut bins, mut n_in_bin) = (Vec::with_capacity(MAX_BINS), 0);
    let mut smallest = runs[0].0;
    for (index, &(value, count)) in runs.iter().enumerate() {
        n_in_bin += count;
        // What is left is shared out anew after each bin, so that frequent values take no bins from
        // the others.
        let is_full = n_in_bin * (MAX_BINS - bins.len()) >= n_left;
        if is_full || index + 1 == runs.len() {
            bins.push(Bin {
                smallest,
                largest: value,
            });
            n_left -= n_in_bin;
            n_in_bin = 0;
            smallest = runs.get(index + 1).map_or(value, |run| run.0);
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binned(values: &[f64]) -> BinnedColumns {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let mut columns = BinnedColumns::new(values.len());
        columns.push(values, &sorted, 0.0);
        columns
    }

    #[test]
    fn few_distinct_values_have_a_bin_each() {
        let columns = binned(&[3.0, -1.0, 3.0, 1e300, 0.0, -0.0]);
        assert_eq!(columns.codes(0), [2, 0, 2, 3, 1, 1]);
        assert_eq!(columns.threshold(0, 0, 1), -0.5);
        assert_eq!(columns.threshold(0, 1, 3), 5e299);
    }

    #[test]
    fn many_distinct_values_share_bins_of_about_equal_size() {
        let values: Vec<f64> = (0..10_000)
            .map(|row| f64::from(row * 7_919 % 10_000))
            .collect();
        let columns = binned(&values);
        let mut counts = [0; MAX_BINS];
        for (row, &code) in columns.codes(0).iter().enumerate() {
            let bin = columns.bins[0][usize::from(code)];
            assert!(bin.smallest <= values[row] && values[row] <= bin.largest);
            counts[usize::from(code)] += 1;
        }
        assert!(
            counts.iter().all(|count| (38..=41).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn codes_by_row_are_those_by_column() {
        let mut columns = BinnedColumns::new(150);
        for factor in [7, 11, 13] {
            let values: Vec<f64> = (0..150).map(|row| f64::from(row * factor % 150)).collect();
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            columns.push(&values, &sorted, 0.0);
        }
        for (row, codes) in columns.row_codes().chunks_exact(3).enumerate() {
            let expected = [0, 1, 2].map(|column| columns.codes(column)[row]);
            assert_eq!(codes, expected);
        }
    }

    #[test]
    fn the_threshold_between_neighbouring_floats_is_the_lower_one() {
        let next = 1.0_f64.next_up();
        assert_eq!(binned(&[1.0, next]).threshold(0, 0, 1), 1.0);
    }
}
