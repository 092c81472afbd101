//! How sure a classifier is of each input, and how often it is right: the rivals of metrics over
//! inputs.

use cntflow_network::{Activation, LayerBatch, Network, Real, Role, Shape};

use crate::{MeasureOptions, Metric};

/// The classes of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels<'l> {
    /// The class of each input, below `n_classes`.
    pub classes: &'l [usize],
    /// Number of classes.
    pub n_classes: usize,
}

/// Statistics of the outputs, a value per input.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OutputValues {
    /// `-sum_k p_k ln p_k`, in nats.
    pub(crate) entropy: Vec<f64>,
    /// Largest minus second largest p.
    pub(crate) margin: Vec<f64>,
    /// Largest p.
    pub(crate) largest: Vec<f64>,
    /// `None` without labels of the same classes.
    pub(crate) labelled: Option<LabelledValues>,
}

/// Statistics of the outputs against the labels, a value per input.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LabelledValues {
    /// 1 where the first of the largest outputs is that of the label, else 0.
    pub(crate) correct: Vec<f64>,
    /// `-ln p_label`, in nats.
    pub(crate) loss: Vec<f64>,
}

/// Takes the outputs, batch by batch.
pub(crate) struct OutputObserver<'l> {
    classes: &'l [usize],
    values: OutputValues,
    logits: Vec<f64>,
}

impl<'l> OutputObserver<'l> {
    /// `None` if the outputs are no probabilities of classes, or nothing about them is asked for.
    ///
    /// Softmax outputs are. Linear outputs are logits if there is one for each class of the labels.
    /// Of a network with several layers of outputs it is not known which of them are.
    pub(crate) fn new(
        network: &Network<'_>,
        labels: Option<Labels<'l>>,
        options: &MeasureOptions,
    ) -> Option<Self> {
        let last = network.neurons().last()?;
        let outputs = network.neurons().iter();
        if outputs.filter(|layer| layer.role == Role::Output).count() > 1 {
            return None;
        }
        let Shape::Units(n_outputs) = last.shape else {
            return None;
        };
        let labels = labels.filter(|labels| labels.n_classes == n_outputs);
        let has_classes = match last.activation {
            Some(Activation::Softmax) => true,
            Some(Activation::Linear) => labels.is_some(),
            _ => false,
        };
        let is_asked_for = PROBE_METRICS.iter().any(|&metric| options.asks_for(metric));
        (has_classes && n_outputs >= 2 && is_asked_for).then(|| Self {
            classes: labels.map_or(&[], |labels| labels.classes),
            values: OutputValues {
                labelled: labels.map(|_| LabelledValues::default()),
                ..OutputValues::default()
            },
            logits: Vec::new(),
        })
    }

    pub(crate) fn add<T: Real>(&mut self, batch: &LayerBatch<'_, T>) {
        // Pre-activations are logits for both kinds of outputs; their softmax in f64 loses no
        // probability to the range of f32.
        for (row, outputs) in batch.pre.chunks_exact(batch.n_neurons).enumerate() {
            self.logits.clear();
            self.logits.extend(outputs.iter().map(|&x| x.to_f64()));
            let label = self.classes.get(batch.first_input + row).copied();
            self.values.add(&self.logits, label);
        }
    }

    pub(crate) fn finish(self) -> OutputValues {
        self.values
    }
}

impl OutputValues {
    /// Adds the statistics of one input, by its logits and its label.
    fn add(&mut self, logits: &[f64], label: Option<usize>) {
        let [mut first, mut second] = [f64::NEG_INFINITY; 2];
        let mut predicted = 0;
        for (class, &logit) in logits.iter().enumerate() {
            if logit > first {
                [first, second] = [logit, first];
                predicted = class;
            } else if logit > second {
                second = logit;
            }
        }
        // A network with NaN or infinite outputs predicts nothing: all its statistics are NaN.
        let is_finite = logits.iter().all(|logit| logit.is_finite());
        let or_nan = |value: f64| if is_finite { value } else { f64::NAN };
        // The largest logit is subtracted, so that no exponential overflows.
        let sum: f64 = logits.iter().map(|logit| (logit - first).exp()).sum();
        let log_sum = sum.ln();
        // -sum p ln p, with ln p = logit - first - ln(sum) and sum p = 1.
        let mean_logit = logits
            .iter()
            .map(|logit| (logit - first).exp() * (logit - first));
        let entropy = log_sum - mean_logit.sum::<f64>() / sum;
        self.entropy.push(or_nan(entropy.max(0.0)));
        self.margin
            .push(or_nan((1.0 - (second - first).exp()) / sum));
        self.largest.push(or_nan(1.0 / sum));
        if let (Some(labelled), Some(label)) = (&mut self.labelled, label) {
            let correct = if predicted == label { 1.0 } else { 0.0 };
            labelled.correct.push(or_nan(correct));
            let logit = logits.get(label).copied().unwrap_or(f64::NAN);
            labelled.loss.push(or_nan(log_sum - (logit - first)));
        }
    }
}

/// The metrics of the outputs.
const PROBE_METRICS: [Metric; 5] = [
    Metric::ProbeEntropy,
    Metric::ProbeMargin,
    Metric::ProbeLargest,
    Metric::ProbeCorrect,
    Metric::ProbeLoss,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_one_input_are_those_worked_out_by_hand() {
        let mut values = OutputValues {
            labelled: Some(LabelledValues::default()),
            ..OutputValues::default()
        };
        // p = 1/2, 1/4, 1/4.
        let logits = [1.0, 1.0 - 2.0_f64.ln(), 1.0 - 2.0_f64.ln()];
        values.add(&logits, Some(0));
        values.add(&logits, Some(2));
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-15);
        close(values.entropy[0], 1.5 * 2.0_f64.ln());
        close(values.margin[0], 0.25);
        close(values.largest[0], 0.5);
        let labelled = values.labelled.unwrap();
        assert_eq!(labelled.correct, [1.0, 0.0]);
        close(labelled.loss[0], 2.0_f64.ln());
        close(labelled.loss[1], 4.0_f64.ln());
    }

    #[test]
    fn outputs_that_are_not_finite_have_no_statistics() {
        let mut values = OutputValues::default();
        values.add(&[f64::NAN, 1.0], None);
        values.add(&[f64::INFINITY, 1.0], None);
        assert!(values.entropy.iter().all(|value| value.is_nan()));
    }
}
