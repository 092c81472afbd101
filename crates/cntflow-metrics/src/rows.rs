//! The rows of one layer, metric by metric.

use cntflow_network::{LinkWeights, Role};

use crate::fluctuation::{Normalised, correlation};
use crate::links::GraphLinks;
use crate::moments::Moments;
use crate::order::Quantiles;
use crate::sample::{Sample, Scratch};
use crate::strengths::{LinkSums, Sides};
use crate::sums::{KernelShape, KernelSums};
use crate::{MeasureOptions, Metric, NeuronColumns, NeuronData, Summary};

/// The rows of one layer as they are found.
pub(crate) struct Rows<'o> {
    options: &'o MeasureOptions,
    scratch: Scratch,
    found: Vec<(Metric, Summary)>,
}

impl<'o> Rows<'o> {
    pub(crate) fn new(options: &'o MeasureOptions) -> Self {
        Self {
            options,
            scratch: Scratch::default(),
            found: Vec::new(),
        }
    }

    /// The rows found so far, in the order of the metrics.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (Metric, Summary)> {
        self.found.sort_by_key(|&(metric, _)| metric);
        self.found.drain(..)
    }

    fn asks(&self, metric: Metric) -> bool {
        self.options.asks_for(metric)
    }

    fn add(&mut self, metric: Metric, summary: impl FnOnce() -> Summary) {
        if self.asks(metric) {
            self.found.push((metric, summary()));
        }
    }

    fn add_values(&mut self, metric: Metric, values: &[f64]) {
        if self.asks(metric) {
            let summary = Summary::of_sample(&Sample::each(values), &mut self.scratch);
            self.found.push((metric, summary));
        }
    }

    fn add_sample(&mut self, metric: Metric, sample: &Sample<'_>, moments: &Moments) {
        if self.asks(metric) {
            let quantiles = Quantiles::of(sample, moments, &mut self.scratch);
            let summary = Summary::from_parts(moments, &quantiles);
            self.found.push((metric, summary));
        }
    }

    /// Rows of the links; gives the moments of the kernel's entries and of the biases.
    pub(crate) fn links(
        &mut self,
        graph: &GraphLinks,
        weights: &LinkWeights<'_>,
        sums: &LinkSums,
    ) -> (Moments, Moments) {
        let kernel = Sample::weights(weights.kernel());
        let bias = Sample::weights(weights.bias().unwrap_or_default());
        let (of_kernel, of_bias) = (Moments::of(&kernel), Moments::of(&bias));
        let links = graph.sample(weights);
        if graph.is_kernel_and_bias() {
            let with_bias = links.parts.len() > 1;
            let of_links = with_bias.then(|| of_kernel.merge(&of_bias));
            self.kernel_and_links(
                [&kernel, &links],
                [of_kernel, of_links.unwrap_or(of_kernel)],
            );
        } else {
            if !graph.is_max() && self.asks(Metric::LinkWeights) {
                self.add_sample(Metric::LinkWeights, &links, &Moments::of(&links));
            }
            if sums.kernel.is_some() {
                self.add_sample(Metric::KernelWeights, &kernel, &of_kernel);
            }
        }
        if weights.bias().is_some() {
            self.add_sample(Metric::Biases, &bias, &of_bias);
        }
        if let Some((shape, totals)) = &sums.kernel {
            self.normalised(weights.kernel(), *shape, totals, &of_kernel);
        }
        (of_kernel, of_bias)
    }

    /// The entries of a kernel, and the links, which are these entries and maybe biases behind them: in one go where both are
    /// asked for.
    fn kernel_and_links(&mut self, samples: [&Sample<'_>; 2], moments: [Moments; 2]) {
        let metrics = [Metric::KernelWeights, Metric::LinkWeights];
        if metrics.iter().all(|&metric| self.asks(metric)) {
            let both = Quantiles::of_nested(samples, [&moments[0], &moments[1]], &mut self.scratch);
            for (index, metric) in metrics.into_iter().enumerate() {
                let summary = Summary::from_parts(&moments[index], &both[index]);
                self.found.push((metric, summary));
            }
        } else {
            for (index, metric) in metrics.into_iter().enumerate() {
                self.add_sample(metric, samples[index], &moments[index]);
            }
        }
    }

    fn normalised(
        &mut self,
        kernel: &[f32],
        shape: KernelShape,
        totals: &KernelSums,
        moments: &Moments,
    ) {
        if !NORMALISED.iter().flatten().any(|&metric| self.asks(metric)) {
            return;
        }
        let normalised = Normalised::of(kernel, shape, totals, moments);
        for (metrics, summaries) in NORMALISED.iter().zip([normalised.into, normalised.from]) {
            for (&metric, summary) in metrics.iter().zip(summaries) {
                self.add(metric, || summary);
            }
        }
    }

    /// Rows of the neurons' strengths.
    pub(crate) fn strengths(&mut self, columns: &NeuronColumns, sides: &Sides, role: Role) {
        self.add_values(Metric::StrengthIn, &columns.s_in);
        self.add_values(Metric::StrengthOut, &columns.s_out);
        self.add_values(Metric::StrengthAbs, &columns.s_abs);
        let strength = Summary::of_sample(&Sample::each(&columns.strength), &mut self.scratch);
        self.add(Metric::NodesStrength, || strength);
        let counts = [strength.count, strength.nan, strength.infinite];
        self.add(Metric::LayersFluctuation, || {
            Summary::single(strength.std, counts)
        });
        if role == Role::Hidden {
            let (into, from) = (&sides.into, &sides.from);
            self.add(Metric::Coupling, || correlation(&into.sum, &from.sum));
            self.add(Metric::CouplingAbs, || correlation(&into.abs, &from.abs));
        }
    }

    /// Rows of what the neurons do over inputs.
    pub(crate) fn data(&mut self, data: &NeuronData) {
        self.add_values(Metric::NeuronsStrength, &data.pre.mean);
        self.add_values(Metric::NeuronsStrengthStd, &data.pre.std);
        if let Some(post) = &data.post {
            self.add_values(Metric::NeuronsActivation, &post.mean);
            self.add_values(Metric::NeuronsActivationStd, &post.std);
            self.add_values(Metric::NeuronsActivationZeroShare, &post.zero_share);
        }
    }
}

/// The normalised fluctuations of w, |w| and w^2: over the neurons links lead to, and over those they come from.
const NORMALISED: [[Metric; 3]; 2] = [
    [
        Metric::NormalisedFluctuationIn,
        Metric::NormalisedFluctuationInAbs,
        Metric::NormalisedFluctuationInSquare,
    ],
    [
        Metric::NormalisedFluctuationOut,
        Metric::NormalisedFluctuationOutAbs,
        Metric::NormalisedFluctuationOutSquare,
    ],
];
