//! AUC with DeLong's variance, and the paired difference of two AUCs on the same rows.
//!
//! DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988) 837; computed from midranks as Sun and
//! Xu, IEEE Signal Processing Letters 21 (2014) 1389.

use crate::binary::check_scores;
use crate::distribution::two_sided_p;
use crate::error::Result;
use crate::interval::{Comparison, Confidence, Estimate, Method, half_width};
use crate::quantile::variance;
use crate::rank::midranks;

/// AUC with its DeLong standard error and interval. Rows must be independent: one per group.
///
/// The interval is symmetric on the logit scale, `logit(AUC) ± z SE / (AUC (1 - AUC))` (Pepe 2003),
/// for every AUC. It never leaves [0, 1] and holds its level near the ends, where the plain one
/// does not.
///
/// An AUC of exactly 0 or 1 has a DeLong variance of 0, which says nothing. Its standard error is
/// then NaN, and its interval the one of [`Method::DisjointPairs`]: with `k = min(m, n)`, k
/// disjoint pairs of a positive and a negative row are all in order with probability `AUC^k` at
/// most, so the lower bound is `((1 - confidence) / 2)^(1/k)` for an AUC of 1. It errs on the wide
/// side. Constant scores have the interval [0.5, 0.5], for nothing else is possible. There is no
/// interval if a class has fewer than two rows and the AUC is between the ends.
///
/// # Errors
/// If the lists differ in length or a score is NaN.
pub fn auc_interval(
    scores: &[f64],
    is_positive: &[bool],
    confidence: Confidence,
) -> Result<Estimate> {
    let placements = Placements::new(scores, is_positive)?;
    Ok(interval_of(&placements, confidence))
}

/// The difference of two AUCs on the same rows, `AUC(a) - AUC(b)`, with DeLong's paired standard
/// error, the interval `difference ± z SE`, and the two-sided p-value of `difference / SE`.
///
/// Rows that both lists place alike add nothing to the variance. If no row is placed differently,
/// and the AUC is between the ends, the interval is [0, 0] and p is 1. If both lists have AUC 0 or
/// 1, or one has and the other is constant, the variance of 0 says nothing. The interval then is
/// the one of [`Method::DisjointPairs`]: differences of the bounds of each AUC, each at half the
/// error rate; p is 1 for equal AUCs and `4 / 2^k` otherwise, at most 1, with k as in
/// [`auc_interval`]. In the rare other cases without variance there is no interval. If one list
/// alone has AUC 0 or 1, the variance is that of the other list, and the interval is somewhat too
/// narrow.
///
/// # Errors
/// If the lists differ in length or a score is NaN.
pub fn auc_difference(
    scores_a: &[f64],
    scores_b: &[f64],
    is_positive: &[bool],
    confidence: Confidence,
) -> Result<Comparison> {
    let a = Placements::new(scores_a, is_positive)?;
    let b = Placements::new(scores_b, is_positive)?;
    let difference = a.auc() - b.auc();
    let subtracted = a.minus(&b);
    let variance = subtracted.variance();
    if variance > 0.0 {
        let standard_error = variance.sqrt();
        let half = half_width(confidence, None) * standard_error;
        let statistic = difference / standard_error;
        return Ok(Comparison {
            difference,
            low: difference - half,
            high: difference + half,
            standard_error,
            statistic,
            degrees_of_freedom: None,
            p: two_sided_p(statistic, None),
            method: Method::Delong,
        });
    }
    if a.is_end() && (b.is_end() || b.is_constant()) || b.is_end() && a.is_constant() {
        return Ok(difference_of_ends(&a, &b, confidence));
    }
    if variance == 0.0 && subtracted.is_zero() {
        return Ok(Comparison::of_equals(Method::Delong));
    }
    Ok(Comparison::without_interval(difference, Method::Delong))
}

fn interval_of(placements: &Placements, confidence: Confidence) -> Estimate {
    let value = placements.auc();
    if placements.is_end() {
        return interval_of_end(placements, confidence.tail());
    }
    let standard_error = placements.variance().sqrt();
    if standard_error.is_nan() && !placements.is_constant() {
        return Estimate::without_interval(value, Method::Delong);
    }
    if placements.is_constant() {
        return Estimate {
            value,
            low: value,
            high: value,
            standard_error: 0.0,
            method: Method::Delong,
        };
    }
    let logit = (value / (1.0 - value)).ln();
    let half = half_width(confidence, None) * standard_error / (value * (1.0 - value));
    let auc_at = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    Estimate {
        value,
        low: auc_at(logit - half),
        high: auc_at(logit + half),
        standard_error,
        method: Method::Delong,
    }
}

/// The interval of an AUC of 0 or 1, with a share `tail` of error.
fn interval_of_end(placements: &Placements, tail: f64) -> Estimate {
    let bound = tail.powf(1.0 / placements.disjoint_pairs());
    let value = placements.auc();
    let (low, high) = if value == 1.0 {
        (bound, 1.0)
    } else {
        (0.0, 1.0 - bound)
    };
    Estimate {
        value,
        low,
        high,
        standard_error: f64::NAN,
        method: Method::DisjointPairs,
    }
}

/// The difference of two AUCs that are each 0, 1 or that of constant scores.
fn difference_of_ends(a: &Placements, b: &Placements, confidence: Confidence) -> Comparison {
    // Half the error rate for each AUC: both intervals hold with the confidence asked for.
    let interval = |placements: &Placements| {
        if placements.is_end() {
            interval_of_end(placements, confidence.tail() / 2.0)
        } else {
            interval_of(placements, confidence)
        }
    };
    let (interval_a, interval_b) = (interval(a), interval(b));
    let difference = interval_a.value - interval_b.value;
    // The interval reaches 0 where the bound of an end reaches 1/2: (p / 4)^(1/k) = 1/2.
    let p = if difference == 0.0 {
        1.0
    } else {
        (4.0 * 0.5_f64.powf(a.disjoint_pairs())).min(1.0)
    };
    Comparison {
        difference,
        low: interval_a.low - interval_b.high,
        high: interval_a.high - interval_b.low,
        standard_error: f64::NAN,
        statistic: f64::NAN,
        degrees_of_freedom: None,
        p,
        method: Method::DisjointPairs,
    }
}

/// For each row, how many rows of the other class it is in right order with; ties are halves. All
/// counts are multiples of one half and therefore exact.
struct Placements {
    /// Negative rows below each positive row.
    positive: Vec<f64>,
    /// Positive rows above each negative row.
    negative: Vec<f64>,
}

impl Placements {
    fn new(scores: &[f64], is_positive: &[bool]) -> Result<Self> {
        check_scores(scores, is_positive)?;
        let of_class = |class: bool| -> Vec<f64> {
            let rows = scores.iter().zip(is_positive);
            rows.filter_map(|(&score, &positive)| (positive == class).then_some(score))
                .collect()
        };
        let ranks_among_all = midranks(scores);
        // A row's rank among all minus its rank in its class counts the other class below it.
        let mut rank_in_class = [of_class(false), of_class(true)]
            .map(|class_scores| midranks(&class_scores).into_iter());
        let mut placements = Self {
            positive: Vec::new(),
            negative: Vec::new(),
        };
        let n_positive = rank_in_class[1].len() as f64;
        for (&rank, &positive) in ranks_among_all.iter().zip(is_positive) {
            let Some(own) = rank_in_class[usize::from(positive)].next() else {
                continue;
            };
            if positive {
                placements.positive.push(rank - own);
            } else {
                placements.negative.push(n_positive - (rank - own));
            }
        }
        Ok(placements)
    }

    fn n_pairs(&self) -> f64 {
        (self.positive.len() * self.negative.len()) as f64
    }

    /// Largest number of pairs of a positive and a negative row that share no row.
    fn disjoint_pairs(&self) -> f64 {
        self.positive.len().min(self.negative.len()) as f64
    }

    fn auc(&self) -> f64 {
        self.positive.iter().sum::<f64>() / self.n_pairs()
    }

    /// DeLong's variance: `var(V10) / m + var(V01) / n`, with placements as shares. NaN if a class
    /// has fewer than two rows.
    fn variance(&self) -> f64 {
        let (m, n) = (self.positive.len() as f64, self.negative.len() as f64);
        // Equal counts have no variance. Their mean may be off by a rounding, so it is not asked.
        let of_counts = |counts: &[f64]| {
            if counts.len() > 1 && counts.iter().all(|&count| count == counts[0]) {
                0.0
            } else {
                variance(counts)
            }
        };
        of_counts(&self.positive) / (n * n * m) + of_counts(&self.negative) / (m * m * n)
    }

    /// Placements whose AUC and variance are those of the difference.
    fn minus(&self, other: &Self) -> Self {
        let subtract = |own: &[f64], other: &[f64]| {
            let pairs = own.iter().zip(other);
            pairs.map(|(own, other)| own - other).collect()
        };
        Self {
            positive: subtract(&self.positive, &other.positive),
            negative: subtract(&self.negative, &other.negative),
        }
    }

    fn is_zero(&self) -> bool {
        self.positive
            .iter()
            .chain(&self.negative)
            .all(|&count| count == 0.0)
    }

    /// Whether the AUC is 0 or 1.
    fn is_end(&self) -> bool {
        let auc = self.auc();
        auc == 0.0 || auc == 1.0
    }

    /// Whether all scores are equal: each row is tied with all rows of the other class.
    fn is_constant(&self) -> bool {
        let (m, n) = (self.positive.len() as f64, self.negative.len() as f64);
        m > 0.0
            && n > 0.0
            && self.positive.iter().all(|&count| count == n / 2.0)
            && self.negative.iter().all(|&count| count == m / 2.0)
    }
}
