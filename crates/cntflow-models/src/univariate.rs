//! How much one feature alone says of the targets, for the selection of features.

use crate::training_rows::Targets;

/// A feature's score among the training rows; larger is better, and 0 says nothing.
///
/// - Two classes: `|AUC - 0.5|`. AUC is the probability that a row of class 1 has the larger value;
///   ties count half.
/// - More classes: the F of an analysis of variance, `(between / (k - 1)) / (within / (n - k))`. k
///   is the number of classes that have rows.
/// - Values: the magnitude of Pearson's correlation.
pub(crate) fn univariate_score(values: &[f64], targets: &Targets<'_>) -> f64 {
    let score = match targets {
        Targets::Classes {
            of_row,
            n_classes: ..=2,
        } => (rank_auc(values, of_row) - 0.5).abs(),
        Targets::Classes { of_row, n_classes } => anova_f(values, of_row, *n_classes as usize),
        Targets::Values(targets) => correlation(values, targets).abs(),
    };
    if score.is_nan() { 0.0 } else { score }
}

/// The positions of the n largest scores, in ascending order. Of equal scores the earlier wins.
pub(crate) fn best_positions(scores: &[f64], n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.truncate(n);
    order.sort_unstable();
    order
}

fn rank_auc(values: &[f64], classes: &[u32]) -> f64 {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let (mut n_below, mut n_high, mut wins) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let high = tied.iter().filter(|&&row| classes[row] == 1).count() as f64;
        let low = tied.len() as f64 - high;
        wins += high * (n_below + low / 2.0);
        n_below += low;
        n_high += high;
    }
    wins / (n_below * n_high)
}

fn anova_f(values: &[f64], classes: &[u32], n_classes: usize) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let (mut counts, mut sums) = (vec![0.0; n_classes], vec![0.0; n_classes]);
    for (value, &class) in values.iter().zip(classes) {
        counts[class as usize] += 1.0;
        sums[class as usize] += value - mean;
    }
    let present = || counts.iter().zip(&sums).filter(|(count, _)| **count > 0.0);
    let between: f64 = present().map(|(count, sum)| sum * sum / count).sum();
    let total: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let k = present().count() as f64;
    (between / (k - 1.0)) / ((total - between).max(0.0) / (n - k))
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut products, mut squares_a, mut squares_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        products += (x - mean_a) * (y - mean_b);
        squares_a += (x - mean_a).powi(2);
        squares_b += (y - mean_b).powi(2);
    }
    products / (squares_a * squares_b).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_their_definitions() {
        let values = [1.0, 2.0, 2.0, 4.0, 7.0];
        let two = Targets::Classes {
            of_row: &[0, 0, 1, 0, 1],
            n_classes: 2,
        };
        // Pairs of (low, high): 2 ranks above 1, ties with 2, is below 4; 7 is above all three.
        assert!((univariate_score(&values, &two) - (4.5 / 6.0 - 0.5)).abs() < 1e-15);
        // scipy.stats.f_oneway([1, 2], [2, 4], [7]).statistic
        let three = Targets::Classes {
            of_row: &[0, 0, 1, 1, 2],
            n_classes: 4,
        };
        assert!((univariate_score(&values, &three) - 8.12).abs() < 1e-12);
        // numpy.corrcoef([1, 2, 2, 4, 7], [3, 1, 1, 0, 0])[0, 1]
        let targets = Targets::Values(&[3.0, 1.0, 1.0, 0.0, 0.0]);
        assert!((univariate_score(&values, &targets) - 0.769_483_764_1).abs() < 1e-9);
    }

    #[test]
    fn of_equal_scores_the_earlier_wins() {
        assert_eq!(best_positions(&[0.1, 0.3, 0.2, 0.3, 0.3], 2), [1, 3]);
    }
}
