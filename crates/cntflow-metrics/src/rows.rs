//! The rows of one layer, metric by metric.

use cntflow_network::{LinkLayer, LinkWeights, Links, Role, Weights};

use crate::fluctuation::{Normalised, correlation};
use crate::links::GraphLinks;
use crate::moments::Moments;
use crate::order::Quantiles;
use crate::sample::{Sample, Scratch, Times};
use crate::scan::Scan;
use crate::sums::KernelShape;
use crate::{MeasureOptions, Metric, NeuronColumns, NeuronData, Summary};

/// Makes summaries of the metrics that are asked for, in buffers that are used again.
pub(crate) struct Rows<'o> {
    options: &'o MeasureOptions,
    scratch: Scratch,
    found: Vec<(Metric, Summary)>,
}

/// A layer of links with what is known of it so far.
pub(crate) struct Part<'p> {
    pub(crate) layer: &'p LinkLayer,
    pub(crate) weights: &'p LinkWeights<'p>,
    pub(crate) graph: &'p GraphLinks,
    /// What a pass over the kernel told, where it has rows and columns.
    pub(crate) scan: Option<&'p Scan>,
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
    pub(crate) fn take(&mut self) -> Vec<(Metric, Summary)> {
        self.found.sort_by_key(|&(metric, _)| metric);
        std::mem::take(&mut self.found)
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

    /// Rows of a layer of links; gives the moments of the kernel's entries and of the biases.
    pub(crate) fn links(&mut self, part: &Part<'_>) -> [Moments; 2] {
        let sample = |weights: &'_ Option<Weights<'_>>| -> Option<Moments> {
            let weights = weights.as_ref()?;
            Some(Moments::of(&Sample::of(weights, Times::Once)))
        };
        let of_kernel = match part.scan {
            Some(scan) => Some(scan.moments),
            None => sample(&part.weights.kernel),
        };
        let of_bias = sample(&part.weights.bias);
        if let Some(links) = part.graph.sample(part.weights) {
            self.link_weights(part, &links, [of_kernel.as_ref(), of_bias.as_ref()]);
        }
        if let (Some(bias), Some(moments)) = (&part.weights.bias, &of_bias) {
            self.add_sample(Metric::Biases, &Sample::of(bias, Times::Once), moments);
        }
        if let Some(scan) = part.scan {
            self.normalised(part, scan);
        }
        [of_kernel, of_bias].map(Option::unwrap_or_default)
    }

    /// Link weights and the kernel's entries. Where the links are these entries, and maybe biases behind them, both in one go.
    fn link_weights(
        &mut self,
        part: &Part<'_>,
        links: &Sample<'_>,
        [of_kernel, of_bias]: [Option<&Moments>; 2],
    ) {
        let (Some(kernel), Some(of_kernel)) = (&part.weights.kernel, of_kernel) else {
            if self.asks(Metric::LinkWeights) {
                self.add_sample(Metric::LinkWeights, links, &Moments::of(links));
            }
            return;
        };
        let kernel = Sample::of(kernel, Times::Once);
        if !part.graph.is_kernel_and_bias() {
            if self.asks(Metric::LinkWeights) {
                self.add_sample(Metric::LinkWeights, links, &Moments::of(links));
            }
            return self.add_sample(Metric::KernelWeights, &kernel, of_kernel);
        }
        let of_links = match (links.parts.len(), of_bias) {
            (2, Some(of_bias)) => of_kernel.merge(of_bias),
            _ => *of_kernel,
        };
        let metrics = [Metric::KernelWeights, Metric::LinkWeights];
        let (samples, moments) = ([&kernel, links], [of_kernel, &of_links]);
        if !metrics.iter().any(|&metric| self.asks(metric)) {
            return;
        }
        let counted = quantiles(part, moments);
        let both =
            counted.unwrap_or_else(|| Quantiles::of_nested(samples, moments, &mut self.scratch));
        for (index, metric) in metrics.into_iter().enumerate() {
            let summary = || Summary::from_parts(moments[index], &both[index]);
            self.add(metric, summary);
        }
    }

    fn normalised(&mut self, part: &Part<'_>, scan: &Scan) {
        let asked = NORMALISED.iter().flatten().any(|&metric| self.asks(metric));
        let (Some(kernel), Some(shape), true) = (
            &part.weights.kernel,
            KernelShape::of(&part.layer.links),
            asked,
        ) else {
            return;
        };
        let normalised = match kernel {
            Weights::Single(kernel) => Normalised::of(kernel, shape, scan),
            Weights::Double(kernel) => Normalised::of(kernel, shape, scan),
        };
        // The rows of these kernels are what the links come from.
        let sides = match part.layer.links {
            Links::ConvTranspose2d { .. } | Links::Embedding { .. } => {
                [normalised.from, normalised.into]
            }
            _ => [normalised.into, normalised.from],
        };
        for (metrics, summaries) in NORMALISED.iter().zip(sides) {
            for (&metric, summary) in metrics.iter().zip(summaries) {
                self.add(metric, || summary);
            }
        }
    }

    /// Rows of the neurons' strengths; `abs` are the absolute sums over the links that lead to and from every neuron.
    pub(crate) fn strengths(&mut self, columns: &NeuronColumns, abs: &[Vec<f64>; 2]) {
        if !STRENGTHS.iter().any(|&metric| self.asks(metric)) {
            return;
        }
        let sums = [columns.s_in.as_slice(), &columns.s_out];
        let of_sums = sums.map(|sums| Moments::of(&Sample::each(sums)));
        for (metric, (sums, moments)) in [Metric::StrengthIn, Metric::StrengthOut]
            .into_iter()
            .zip(sums.into_iter().zip(&of_sums))
        {
            self.add_sample(metric, &Sample::each(sums), moments);
        }
        self.add_values(Metric::StrengthAbs, &columns.s_abs);
        let strength = Sample::each(&columns.strength);
        let moments = Moments::of(&strength);
        self.add_sample(Metric::NodesStrength, &strength, &moments);
        let counts = [moments.count, moments.nan, moments.infinite];
        self.add(Metric::LayersFluctuation, || {
            Summary::single(moments.std(), counts)
        });
        if columns.role == Role::Hidden {
            let [into, from] = &of_sums;
            self.add(Metric::Coupling, || correlation(sums, [into, from]));
            self.add(Metric::CouplingAbs, || {
                let abs = [abs[0].as_slice(), &abs[1]];
                let [into, from] = abs.map(|abs| Moments::of(&Sample::each(abs)));
                correlation(abs, [&into, &from])
            });
        }
    }

    /// Rows of what the neurons do over inputs; those of gates are apart.
    pub(crate) fn data(&mut self, data: &NeuronData) {
        if let Some(pre) = &data.pre {
            self.add_values(Metric::NeuronsStrength, &pre.mean);
            self.add_values(Metric::NeuronsStrengthStd, &pre.std);
        }
        if let Some(post) = &data.post {
            self.add_values(Metric::NeuronsActivation, &post.mean);
            self.add_values(Metric::NeuronsActivationStd, &post.std);
            self.add_values(Metric::NeuronsActivationZeroShare, &post.zero_share);
        }
    }

    /// Rows of one gate.
    pub(crate) fn gate(&mut self, pre: &crate::Seen) {
        self.add_values(Metric::NeuronsStrength, &pre.mean);
        self.add_values(Metric::NeuronsStrengthStd, &pre.std);
    }
}

/// Quantiles of a kernel, and of it and its bias where that is among the links, by what was counted in passing.
fn quantiles(part: &Part<'_>, moments: [&Moments; 2]) -> Option<[Quantiles; 2]> {
    let counts = part.scan?.counts.as_ref()?;
    let Some(Weights::Single(kernel)) = part.weights.kernel else {
        return None;
    };
    let bias = match part.weights.bias {
        Some(Weights::Single(bias)) if moments[1].count > moments[0].count => bias,
        _ => &[],
    };
    counts.quantiles(kernel, bias, moments)
}

/// What is told of the neurons' strengths.
const STRENGTHS: [Metric; 7] = [
    Metric::StrengthIn,
    Metric::StrengthOut,
    Metric::StrengthAbs,
    Metric::NodesStrength,
    Metric::LayersFluctuation,
    Metric::Coupling,
    Metric::CouplingAbs,
];

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
