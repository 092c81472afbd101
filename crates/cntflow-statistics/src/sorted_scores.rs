//! AUC of many selections of the same rows, as a bootstrap or a permutation makes them.

use crate::error::{Result, check_lengths, check_not_nan};
use crate::rank::dense_ranks;

/// Scores that are sorted once. A figure of a selection of N rows then takes O(N) additions for
/// each class, and no sort.
///
/// ```
/// use cntflow_statistics::SortedScores;
/// use cntflow_statistics::binary::auc;
///
/// let (scores, is_positive) = ([0.1, 0.4, 0.3, 0.8], [false, true, false, true]);
/// let sorted = SortedScores::new(&[&scores])?;
/// let selected = sorted.auc(&is_positive, &[0, 1, 1, 2]);
/// assert_eq!(selected, auc(&[0.1, 0.4, 0.4, 0.3], &[false, true, true, false])?);
/// # Ok::<(), cntflow_statistics::StatisticsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SortedScores {
    lists: Vec<SortedList>,
}

/// One list of scores.
#[derive(Clone, Debug)]
struct SortedList {
    /// The rows in ascending order of score.
    order: Vec<usize>,
    /// The rank of each row among the different scores, from 0.
    rank: Vec<usize>,
}

impl SortedScores {
    /// Sorts the rows of each list: one list of two classes, one per class of more.
    ///
    /// # Errors
    /// If lists differ in length or a score is NaN.
    pub fn new(scores: &[&[f64]]) -> Result<Self> {
        let sort = |list: &&[f64]| {
            check_lengths(
                ("scores", list.len()),
                ("scores of class 0", scores[0].len()),
            )?;
            check_not_nan("scores", list)?;
            let (rank, _) = dense_ranks(list);
            let mut order: Vec<usize> = (0..list.len()).collect();
            order.sort_by_key(|&row| rank[row]);
            Ok(SortedList { order, rank })
        };
        Ok(Self {
            lists: scores.iter().map(sort).collect::<Result<_>>()?,
        })
    }

    /// [`crate::binary::auc`] of the rows in `selection` by the first list, each as often as it
    /// occurs there, in [0, 1]; NaN if one of the classes has no row. `is_positive` has one value
    /// per row of the list. The result has the same bits.
    ///
    /// # Panics
    /// Without a list, or if a row of `selection` is not in it.
    pub fn auc(&self, is_positive: &[bool], selection: &[usize]) -> f64 {
        let classes: Vec<usize> = is_positive
            .iter()
            .map(|&class| usize::from(class))
            .collect();
        let rows = Selected::new(&classes, 2, selection);
        self.lists[0].auc_against(&rows, 1)[0]
    }

    /// [`crate::multiclass::hand_till_auc`] of the rows in `selection`, each as often as it occurs
    /// there, in [0, 1]; NaN if a class has no row. `actual` has the class of each row of a list,
    /// below the number of lists. The result has the same bits.
    ///
    /// # Panics
    /// If a class is not below the number of lists, or a row of `selection` is not in them.
    pub fn hand_till_auc(&self, actual: &[usize], selection: &[usize]) -> f64 {
        let n_classes = self.lists.len();
        let rows = Selected::new(actual, n_classes, selection);
        let mut sum = 0.0;
        for (class, list) in self.lists.iter().enumerate() {
            let of_others = list.auc_against(&rows, class);
            for (_, auc) in of_others
                .iter()
                .enumerate()
                .filter(|&(other, _)| other != class)
            {
                sum += auc;
            }
        }
        sum / (n_classes * n_classes.saturating_sub(1)) as f64
    }
}

/// A selection of rows, counted.
struct Selected<'a> {
    class: &'a [usize],
    copies: Vec<u64>,
    n_of_class: Vec<u64>,
}

impl<'a> Selected<'a> {
    fn new(class: &'a [usize], n_classes: usize, selection: &[usize]) -> Self {
        let mut copies = vec![0; class.len()];
        let mut n_of_class = vec![0; n_classes];
        for &row in selection {
            copies[row] += 1;
            n_of_class[class[row]] += 1;
        }
        Self {
            class,
            copies,
            n_of_class,
        }
    }
}

impl SortedList {
    /// For each other class the AUC of `class` against it; NaN if one of both has no row.
    fn auc_against(&self, rows: &Selected<'_>, class: usize) -> Vec<f64> {
        let n_classes = rows.n_of_class.len();
        // Pairs that the class wins, twice, so that half a pair of equal scores is a whole number.
        let mut wins = vec![0_u64; n_classes];
        let mut below = vec![0_u64; n_classes];
        let mut tied = vec![0_u64; n_classes];
        for equal in self.order.chunk_by(|&a, &b| self.rank[a] == self.rank[b]) {
            for &row in equal {
                tied[rows.class[row]] += rows.copies[row];
            }
            let own = tied[class];
            for other in 0..n_classes {
                wins[other] += own * (2 * below[other] + tied[other]);
                below[other] += tied[other];
                tied[other] = 0;
            }
        }
        let n_own = rows.n_of_class[class] as f64;
        wins.iter()
            .zip(&rows.n_of_class)
            .map(|(&wins, &n_other)| wins as f64 / 2.0 / (n_own * n_other as f64))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::auc;
    use crate::multiclass::hand_till_auc;

    /// Values of few digits, so that there are ties.
    fn scores(factor: usize) -> Vec<f64> {
        (0..60)
            .map(|row| ((row * factor) % 23 / 3) as f64)
            .collect()
    }

    fn selection(start: usize) -> Vec<usize> {
        (0..50).map(|i| (start * i * i + i / 3) % 60).collect()
    }

    #[test]
    fn a_selection_has_the_auc_of_its_rows() {
        let scores = scores(7);
        let is_positive: Vec<bool> = (0..60).map(|row| row % 5 < 2).collect();
        let sorted = SortedScores::new(&[&scores]).unwrap();
        for start in 0..40 {
            let rows = selection(start);
            let of_rows: (Vec<f64>, Vec<bool>) = rows
                .iter()
                .map(|&row| (scores[row], is_positive[row]))
                .unzip();
            let expected = auc(&of_rows.0, &of_rows.1).unwrap();
            let found = sorted.auc(&is_positive, &rows);
            assert_eq!(found.to_bits(), expected.to_bits(), "{start}");
        }
    }

    #[test]
    fn a_selection_has_the_mean_auc_of_pairs_of_its_rows() {
        let lists = [scores(7), scores(11), scores(13), scores(5)];
        let lists: Vec<&[f64]> = lists.iter().map(Vec::as_slice).collect();
        let actual: Vec<usize> = (0..60).map(|row| (row * row + row / 7) % 4).collect();
        let sorted = SortedScores::new(&lists).unwrap();
        for start in 0..40 {
            let rows = selection(start);
            let pick = |list: &[f64]| -> Vec<f64> { rows.iter().map(|&row| list[row]).collect() };
            let picked: Vec<Vec<f64>> = lists.iter().map(|list| pick(list)).collect();
            let picked: Vec<&[f64]> = picked.iter().map(Vec::as_slice).collect();
            let classes: Vec<usize> = rows.iter().map(|&row| actual[row]).collect();
            let expected = hand_till_auc(&picked, &classes).unwrap();
            let found = sorted.hand_till_auc(&actual, &rows);
            assert!(
                found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
                "{start}: {found}, {expected}"
            );
        }
    }

    #[test]
    fn a_selection_of_one_class_has_no_auc() {
        let sorted = SortedScores::new(&[&[1.0, 2.0, 3.0]]).unwrap();
        assert!(sorted.auc(&[true, true, false], &[0, 1, 1]).is_nan());
        assert!(sorted.auc(&[true, true, false], &[]).is_nan());
    }
}
