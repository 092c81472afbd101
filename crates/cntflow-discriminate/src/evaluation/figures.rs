//! Figures that evaluate two-class predictions. Each group has a weight, so that a bootstrap
//! draw is a list of weights.

/// The prediction for one held-out row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prediction {
    pub(crate) row: usize,
    pub(crate) group: usize,
    /// The row's true class, by the thresholds of the training groups.
    pub(crate) is_high: bool,
    /// The classifier's score, larger for rows that look high.
    pub(crate) score: f64,
    /// The predicted class.
    pub(crate) predicted_high: bool,
}

/// The confusion matrix. Its entries are means over repeats, and therefore not always integers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confusion {
    /// High networks predicted to be high.
    pub true_high: f64,
    /// Low networks predicted to be high.
    pub false_high: f64,
    /// Low networks predicted to be low.
    pub true_low: f64,
    /// High networks predicted to be low.
    pub false_low: f64,
}

impl Confusion {
    fn high(&self) -> f64 {
        self.true_high + self.false_low
    }

    fn low(&self) -> f64 {
        self.true_low + self.false_high
    }

    /// Number of predictions.
    pub fn total(&self) -> f64 {
        self.high() + self.low()
    }

    /// Share of high networks, in [0, 1]; NaN without networks.
    pub fn prevalence(&self) -> f64 {
        self.high() / self.total()
    }

    /// Share of right predictions, in [0, 1]; NaN without networks.
    pub fn accuracy(&self) -> f64 {
        (self.true_high + self.true_low) / self.total()
    }

    /// Share of right predictions in each class, averaged over the two classes, in [0, 1]; NaN if
    /// a class has no network.
    pub fn balanced_accuracy(&self) -> f64 {
        (self.true_high / self.high() + self.true_low / self.low()) / 2.0
    }

    /// Matthews' correlation coefficient, in [-1, 1]: `(TH TL - FH FL) /
    /// sqrt((TH+FH)(TH+FL)(TL+FH)(TL+FL))`, with T for true, F for false, H for high and L for low.
    /// 0 if only one class is predicted, NaN if a class has no network.
    ///
    /// ```
    /// use cntflow_discriminate::Confusion;
    ///
    /// let (true_high, false_high, true_low, false_low) = (6.0, 1.0, 3.0, 2.0);
    /// let confusion = Confusion { true_high, false_high, true_low, false_low };
    /// assert!((confusion.matthews() - 16.0 / 1120_f64.sqrt()).abs() < 1e-12);
    /// ```
    pub fn matthews(&self) -> f64 {
        if self.high() == 0.0 || self.low() == 0.0 {
            return f64::NAN;
        }
        let predicted = (self.true_high + self.false_high) * (self.true_low + self.false_low);
        if predicted == 0.0 {
            return 0.0;
        }
        let agreement = self.true_high * self.true_low - self.false_high * self.false_low;
        agreement / (predicted.sqrt() * (self.high() * self.low()).sqrt())
    }
}

/// The four figures, indexed by [`ACCURACY`], [`BALANCED_ACCURACY`], [`MATTHEWS`] and [`AUC`].
pub(crate) type Figures = [f64; 4];
pub(crate) const ACCURACY: usize = 0;
pub(crate) const BALANCED_ACCURACY: usize = 1;
pub(crate) const MATTHEWS: usize = 2;
pub(crate) const AUC: usize = 3;

/// The predictions of one repeat in ascending order of score, sorted once so that they can
/// be weighted many times.
#[derive(Clone, Debug)]
pub(crate) struct RankedPredictions {
    predictions: Vec<Prediction>,
}

impl RankedPredictions {
    /// Sorts by score, and by row if scores are equal.
    pub(crate) fn new(mut predictions: Vec<Prediction>) -> Self {
        predictions.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.row.cmp(&b.row)));
        Self { predictions }
    }

    pub(crate) fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }

    /// The confusion matrix in which each prediction has the weight of its group.
    pub(crate) fn confusion(&self, weight_of_group: &[f64]) -> Confusion {
        let mut counts = Confusion::default();
        for prediction in &self.predictions {
            let count = match (prediction.is_high, prediction.predicted_high) {
                (true, true) => &mut counts.true_high,
                (false, true) => &mut counts.false_high,
                (false, false) => &mut counts.true_low,
                (true, false) => &mut counts.false_low,
            };
            *count += weight_of_group[prediction.group];
        }
        counts
    }

    /// AUC, the area under the ROC curve: the probability that a high network scores above a low
    /// one. A pair of equal scores counts as one half. NaN if a class has no weight.
    pub(crate) fn auc(&self, weight_of_group: &[f64]) -> f64 {
        // One pass in ascending order: each high network is above all low ones passed so far, and
        // ties with the low ones of its own score.
        let (mut low_below, mut high_total, mut ordered_pairs) = (0.0, 0.0, 0.0);
        for tied in self.predictions.chunk_by(|a, b| a.score == b.score) {
            let (mut low, mut high) = (0.0, 0.0);
            for prediction in tied {
                let weight = weight_of_group[prediction.group];
                if prediction.is_high {
                    high += weight;
                } else {
                    low += weight;
                }
            }
            ordered_pairs += high * (low_below + low / 2.0);
            low_below += low;
            high_total += high;
        }
        ordered_pairs / (low_below * high_total)
    }

    /// All four figures.
    pub(crate) fn figures(&self, weight_of_group: &[f64]) -> Figures {
        let counts = self.confusion(weight_of_group);
        [
            counts.accuracy(),
            counts.balanced_accuracy(),
            counts.matthews(),
            self.auc(weight_of_group),
        ]
    }
}

/// The figures averaged over repeats. A figure is NaN if it is NaN in any repeat.
pub(crate) fn mean_figures(repeats: &[RankedPredictions], weight_of_group: &[f64]) -> Figures {
    let mut means = [0.0; 4];
    for ranked in repeats {
        for (mean, figure) in means.iter_mut().zip(ranked.figures(weight_of_group)) {
            *mean += figure / repeats.len() as f64;
        }
    }
    means
}

/// The confusion matrix averaged over repeats.
pub(crate) fn mean_confusion(repeats: &[RankedPredictions], weight_of_group: &[f64]) -> Confusion {
    let mut mean = Confusion::default();
    let share = 1.0 / repeats.len() as f64;
    for counts in repeats
        .iter()
        .map(|ranked| ranked.confusion(weight_of_group))
    {
        mean.true_high += counts.true_high * share;
        mean.false_high += counts.false_high * share;
        mean.true_low += counts.true_low * share;
        mean.false_low += counts.false_low * share;
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Predictions from (is high, score) with one group each. A score of at
    /// least 0.5 predicts high.
    fn ranked(lines: &[(bool, f64)]) -> RankedPredictions {
        let predictions = lines
            .iter()
            .enumerate()
            .map(|(row, &(is_high, score))| Prediction {
                row,
                group: row,
                is_high,
                score,
                predicted_high: score >= 0.5,
            });
        RankedPredictions::new(predictions.collect())
    }

    fn check(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 1e-12,
            "{actual} is not {expected}"
        );
    }

    #[test]
    fn figures_equal_those_worked_out_by_hand() {
        // High: .9 .8 .5 .3; low: .7 .5 .2. Pairs in order: 3 + 3 + (1 + .5) + 1 = 8.5 of 12.
        let lines = [
            (true, 0.9),
            (true, 0.8),
            (true, 0.5),
            (true, 0.3),
            (false, 0.7),
            (false, 0.5),
            (false, 0.2),
        ];
        let [accuracy, balanced, matthews, auc] = ranked(&lines).figures(&[1.0; 7]);
        // TH 3, FL 1, FH 2, TL 1.
        check(accuracy, 4.0 / 7.0);
        check(balanced, (3.0 / 4.0 + 1.0 / 3.0) / 2.0);
        check(matthews, (3.0 - 2.0) / (5.0 * 4.0 * 3.0 * 2.0_f64).sqrt());
        check(auc, 8.5 / 12.0);
    }

    #[test]
    fn a_weight_counts_like_repeated_rows() {
        let lines = [(true, 0.9), (true, 0.4), (false, 0.4), (false, 0.6)];
        let repeated = [
            (true, 0.9),
            (true, 0.4),
            (true, 0.4),
            (true, 0.4),
            (false, 0.6),
            (false, 0.6),
        ];
        let weighted = ranked(&lines).figures(&[1.0, 3.0, 0.0, 2.0]);
        assert_eq!(weighted, ranked(&repeated).figures(&[1.0; 6]));
    }

    #[test]
    fn constant_scores_are_chance_and_a_single_class_has_no_figures_but_accuracy() {
        let constant = ranked(&[(true, 0.0), (false, 0.0), (false, 0.0)]).figures(&[1.0; 3]);
        assert_eq!(constant[1..], [0.5, 0.0, 0.5]);
        let one_class = ranked(&[(true, 0.1), (true, 0.9)]).figures(&[1.0; 2]);
        assert_eq!(one_class[0], 0.5);
        assert!(one_class[1..].iter().all(|figure| figure.is_nan()));
    }

    #[test]
    fn perfect_and_inverted_rankings_are_the_ends_of_the_scales() {
        let perfect = ranked(&[(true, 0.9), (false, 0.1)]).figures(&[1.0; 2]);
        assert_eq!(perfect, [1.0, 1.0, 1.0, 1.0]);
        let inverted = ranked(&[(true, 0.1), (false, 0.9)]).figures(&[1.0; 2]);
        assert_eq!(inverted, [0.0, 0.0, -1.0, 0.0]);
    }
}
