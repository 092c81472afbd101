//! The figures of a two-class prediction, with a weight per group so that a bootstrap draw is a list of weights.

/// One held-out prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prediction {
    pub(crate) row: usize,
    pub(crate) group: usize,
    /// The row's class by the thresholds of the training groups.
    pub(crate) is_high: bool,
    /// The higher, the more it looks high.
    pub(crate) score: f64,
    /// The class predicted.
    pub(crate) says_high: bool,
}

/// Numbers of predictions; means over repeats, hence no integers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Confusion {
    /// High networks called high.
    pub true_high: f64,
    /// Low networks called high.
    pub false_high: f64,
    /// Low networks called low.
    pub true_low: f64,
    /// High networks called low.
    pub false_low: f64,
}

impl Confusion {
    fn high(&self) -> f64 {
        self.true_high + self.false_low
    }

    fn low(&self) -> f64 {
        self.true_low + self.false_high
    }

    /// All predictions.
    pub fn total(&self) -> f64 {
        self.high() + self.low()
    }

    /// Share of high networks, in [0, 1]; NaN without networks.
    pub fn prevalence(&self) -> f64 {
        self.high() / self.total()
    }

    /// Share of predictions that are right, in [0, 1]; NaN without networks.
    pub fn accuracy(&self) -> f64 {
        (self.true_high + self.true_low) / self.total()
    }

    /// Mean of the two classes' shares of right predictions, in [0, 1]; NaN if a class has no network.
    pub fn balanced_accuracy(&self) -> f64 {
        (self.true_high / self.high() + self.true_low / self.low()) / 2.0
    }

    /// Matthews' correlation coefficient, in [-1, 1]: `(TH TL - FH FL) / sqrt((TH+FH)(TH+FL)(TL+FH)(TL+FL))`; 0 where only
    /// one class is predicted, NaN if a class has no network.
    ///
    /// ```
    /// let confusion =
    ///     cntflow_discriminate::Confusion { true_high: 6.0, false_high: 1.0, true_low: 3.0, false_low: 2.0 };
    /// assert!((confusion.matthews() - 16.0 / 1120_f64.sqrt()).abs() < 1e-12);
    /// ```
    pub fn matthews(&self) -> f64 {
        if self.high() == 0.0 || self.low() == 0.0 {
            return f64::NAN;
        }
        let said = (self.true_high + self.false_high) * (self.true_low + self.false_low);
        if said == 0.0 {
            return 0.0;
        }
        let agreement = self.true_high * self.true_low - self.false_high * self.false_low;
        agreement / (said.sqrt() * (self.high() * self.low()).sqrt())
    }
}

/// The four figures, in this order wherever they are an array: accuracy, balanced accuracy, Matthews, AUC.
pub(crate) type Figures = [f64; 4];
pub(crate) const BALANCED_ACCURACY: usize = 1;
pub(crate) const AUC: usize = 3;

/// Predictions of one repeat, sorted by score, ready to be weighted many times.
#[derive(Clone, Debug)]
pub(crate) struct Ranked {
    predictions: Vec<Prediction>,
}

impl Ranked {
    /// Sorts; of equal scores the lower row comes first.
    pub(crate) fn new(mut predictions: Vec<Prediction>) -> Self {
        predictions.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.row.cmp(&b.row)));
        Self { predictions }
    }

    pub(crate) fn predictions(&self) -> &[Prediction] {
        &self.predictions
    }

    /// The confusion counts, each prediction weighing what its group weighs.
    pub(crate) fn confusion(&self, weight_of_group: &[f64]) -> Confusion {
        let mut counts = Confusion::default();
        for prediction in &self.predictions {
            let count = match (prediction.is_high, prediction.says_high) {
                (true, true) => &mut counts.true_high,
                (false, true) => &mut counts.false_high,
                (false, false) => &mut counts.true_low,
                (true, false) => &mut counts.false_low,
            };
            *count += weight_of_group[prediction.group];
        }
        counts
    }

    /// The area under the ROC curve: the chance that a high network scores above a low one, equal scores counting half
    /// (midranks). NaN if a class has no weight.
    pub(crate) fn area_under_curve(&self, weight_of_group: &[f64]) -> f64 {
        let (mut low_below, mut high_total, mut ordered) = (0.0, 0.0, 0.0);
        for tied in self.predictions.chunk_by(|a, b| a.score == b.score) {
            let (mut low, mut high) = (0.0, 0.0);
            for prediction in tied {
                let weight = weight_of_group[prediction.group];
                *(if prediction.is_high {
                    &mut high
                } else {
                    &mut low
                }) += weight;
            }
            ordered += high * (low_below + low / 2.0);
            low_below += low;
            high_total += high;
        }
        ordered / (low_below * high_total)
    }

    /// All four figures.
    pub(crate) fn figures(&self, weight_of_group: &[f64]) -> Figures {
        let counts = self.confusion(weight_of_group);
        let area = self.area_under_curve(weight_of_group);
        [
            counts.accuracy(),
            counts.balanced_accuracy(),
            counts.matthews(),
            area,
        ]
    }
}

/// The figures' mean over repeats; a figure is NaN if it is in any repeat.
pub(crate) fn mean_figures(repeats: &[Ranked], weight_of_group: &[f64]) -> Figures {
    let mut means = [0.0; 4];
    for ranked in repeats {
        for (mean, figure) in means.iter_mut().zip(ranked.figures(weight_of_group)) {
            *mean += figure / repeats.len() as f64;
        }
    }
    means
}

/// The confusion counts' mean over repeats.
pub(crate) fn mean_confusion(repeats: &[Ranked], weight_of_group: &[f64]) -> Confusion {
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

    /// Predictions from (is high, score), one group each; from 0.5 on they say high.
    fn ranked(lines: &[(bool, f64)]) -> Ranked {
        let predictions = lines
            .iter()
            .enumerate()
            .map(|(row, &(is_high, score))| Prediction {
                row,
                group: row,
                is_high,
                score,
                says_high: score >= 0.5,
            });
        Ranked::new(predictions.collect())
    }

    fn check(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 1e-12,
            "{actual} is not {expected}"
        );
    }

    #[test]
    fn figures_worked_by_hand() {
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
        let [accuracy, balanced, matthews, area] = ranked(&lines).figures(&[1.0; 7]);
        // TH 3, FL 1, FH 2, TL 1.
        check(accuracy, 4.0 / 7.0);
        check(balanced, (3.0 / 4.0 + 1.0 / 3.0) / 2.0);
        check(matthews, (3.0 - 2.0) / (5.0 * 4.0 * 3.0 * 2.0_f64).sqrt());
        check(area, 8.5 / 12.0);
    }

    #[test]
    fn weights_are_repetitions() {
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
    fn constant_scores_are_chance_and_one_class_is_nothing() {
        let constant = ranked(&[(true, 0.0), (false, 0.0), (false, 0.0)]).figures(&[1.0; 3]);
        assert_eq!(constant[1..], [0.5, 0.0, 0.5]);
        let one_class = ranked(&[(true, 0.1), (true, 0.9)]).figures(&[1.0; 2]);
        assert_eq!(one_class[0], 0.5);
        assert!(one_class[1..].iter().all(|figure| figure.is_nan()));
    }

    #[test]
    fn perfect_and_inverted() {
        let perfect = ranked(&[(true, 0.9), (false, 0.1)]).figures(&[1.0; 2]);
        assert_eq!(perfect, [1.0, 1.0, 1.0, 1.0]);
        let inverted = ranked(&[(true, 0.1), (false, 0.9)]).figures(&[1.0; 2]);
        assert_eq!(inverted, [0.0, 0.0, -1.0, 0.0]);
    }
}
