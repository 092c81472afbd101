//! Ranks, with ties.

/// Row indices in ascending order of value, equal values by row. Values must not be NaN.
pub(crate) fn ascending(values: &[f64]) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..values.len()).collect();
    // Not `total_cmp`, for which -0 and 0 differ.
    rows.sort_by(|&a, &b| {
        let order = values[a].partial_cmp(&values[b]);
        order.unwrap_or(std::cmp::Ordering::Equal)
    });
    rows
}

/// Ranks from 1 in ascending order. Equal values share the mean of their ranks (midranks), which
/// is a multiple of one half and therefore exact.
pub(crate) fn midranks(values: &[f64]) -> Vec<f64> {
    let order = ascending(values);
    let mut ranks = vec![0.0; values.len()];
    let mut n_below = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = n_below as f64 + (tied.len() + 1) as f64 / 2.0;
        for &row in tied {
            ranks[row] = rank;
        }
        n_below += tied.len();
    }
    ranks
}

/// The rank of each value among the different values, from 0, and the number of these.
pub(crate) fn dense_ranks(values: &[f64]) -> (Vec<usize>, usize) {
    let mut ranks = vec![0; values.len()];
    let order = ascending(values);
    let runs = order.chunk_by(|&a, &b| values[a] == values[b]);
    let mut n_values = 0;
    for run in runs {
        run.iter().for_each(|&row| ranks[row] = n_values);
        n_values += 1;
    }
    (ranks, n_values)
}

/// Number of tied pairs: the sum of `t (t - 1) / 2` over runs of `t` equal neighbours.
pub(crate) fn tied_pairs<T>(sorted: &[T], is_equal: impl Fn(&T, &T) -> bool) -> u64 {
    let runs = sorted.chunk_by(|a, b| is_equal(a, b));
    runs.map(|run| pairs(run.len())).sum()
}

/// Number of unordered pairs among `n` rows.
pub(crate) fn pairs(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_rank() {
        // scipy.stats.rankdata([3, 1, 3, -0., 0.])
        assert_eq!(
            midranks(&[3.0, 1.0, 3.0, -0.0, 0.0]),
            [4.5, 3.0, 4.5, 1.5, 1.5]
        );
    }

    #[test]
    fn pairs_of_runs_are_counted() {
        assert_eq!(tied_pairs(&[1, 1, 1, 2, 3, 3], |a, b| a == b), 4);
        assert_eq!((pairs(0), pairs(1), pairs(5)), (0, 0, 10));
    }
}
