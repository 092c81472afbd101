//! The summaries of one layer, metric by metric.

use cntflow_network::{LinkLayer, LinkWeights, Links, Network, Role, Weights};

use crate::graph_links::GraphLinks;
use crate::kernel::{KernelScan, KernelShape, NormalisedFluctuation, correlation};
use crate::moments::Moments;
use crate::outputs::OutputValues;
use crate::quantiles::Quantiles;
use crate::sample::{Sample, Scratch, Times};
use crate::{MeasureOptions, Metric, NeuronColumns, NeuronData, NeuronStatistics, Summary};

/// Summarises the metrics that are asked for, in buffers that are reused from layer to layer.
pub(crate) struct RowBuilder<'o> {
    options: &'o MeasureOptions,
    scratch: Scratch,
    summaries: Vec<(Metric, Summary)>,
}

/// A layer of links, and what has been computed of it before its rows are made.
pub(crate) struct MeasuredLinks<'l> {
    pub(crate) layer: &'l LinkLayer,
    pub(crate) weights: &'l LinkWeights<'l>,
    pub(crate) graph: &'l GraphLinks,
    /// The scan of the kernel; `None` for links without a kernel of rows and columns.
    pub(crate) scan: Option<&'l KernelScan>,
}

impl<'o> RowBuilder<'o> {
    pub(crate) fn new(options: &'o MeasureOptions) -> Self {
        Self {
            options,
            scratch: Scratch::default(),
            summaries: Vec::new(),
        }
    }

    /// Takes the summaries since the last call, in the order of the metrics.
    pub(crate) fn take(&mut self) -> Vec<(Metric, Summary)> {
        self.summaries.sort_by_key(|&(metric, _)| metric);
        std::mem::take(&mut self.summaries)
    }

    fn asks(&self, metric: Metric) -> bool {
        self.options.asks_for(metric)
    }

    fn add(&mut self, metric: Metric, summary: impl FnOnce() -> Summary) {
        if self.asks(metric) {
            self.summaries.push((metric, summary()));
        }
    }

    fn add_values(&mut self, metric: Metric, values: &[f64]) {
        if self.asks(metric) {
            let summary = Summary::of_sample(&Sample::each(values), &mut self.scratch);
            self.summaries.push((metric, summary));
        }
    }

    fn add_sample(&mut self, metric: Metric, sample: &Sample<'_>, moments: &Moments) {
        if self.asks(metric) {
            let quantiles = Quantiles::of(sample, moments, &mut self.scratch);
            let summary = Summary::from_parts(moments, &quantiles);
            self.summaries.push((metric, summary));
        }
    }

    /// Adds the metrics of a layer of links. Returns the moments of the kernel's entries and of the
    /// biases.
    pub(crate) fn add_links(&mut self, links: &MeasuredLinks<'_>) -> [Moments; 2] {
        let moments_of = |weights: &'_ Option<Weights<'_>>| -> Option<Moments> {
            let weights = weights.as_ref()?;
            Some(Moments::of(&Sample::of(weights, Times::Once)))
        };
        let kernel_moments = match links.scan {
            Some(scan) => Some(scan.moments),
            None => moments_of(&links.weights.kernel),
        };
        let bias_moments = moments_of(&links.weights.bias);
        if let Some(sample) = links.graph.sample(links.weights) {
            self.add_weights(
                links,
                &sample,
                [kernel_moments.as_ref(), bias_moments.as_ref()],
            );
        }
        if let (Some(bias), Some(moments)) = (&links.weights.bias, &bias_moments) {
            self.add_sample(Metric::Biases, &Sample::of(bias, Times::Once), moments);
        }
        if let Some(scan) = links.scan {
            self.add_normalised_fluctuation(links, scan);
        }
        [kernel_moments, bias_moments].map(Option::unwrap_or_default)
    }

    /// Adds the link weights (`sample`) and the kernel's entries. Where the links are the kernel's
    /// entries, and maybe the biases, the quantiles of both are selected together.
    fn add_weights(
        &mut self,
        links: &MeasuredLinks<'_>,
        sample: &Sample<'_>,
        [kernel_moments, bias_moments]: [Option<&Moments>; 2],
    ) {
        let (Some(kernel), Some(kernel_moments)) = (&links.weights.kernel, kernel_moments) else {
            if self.asks(Metric::LinkWeights) {
                self.add_sample(Metric::LinkWeights, sample, &Moments::of(sample));
            }
            return;
        };
        let kernel = Sample::of(kernel, Times::Once);
        if !links.graph.is_kernel_and_bias() {
            if self.asks(Metric::LinkWeights) {
                self.add_sample(Metric::LinkWeights, sample, &Moments::of(sample));
            }
            return self.add_sample(Metric::KernelWeights, &kernel, kernel_moments);
        }
        // A sample of two parts is the kernel followed by its biases.
        let link_moments = match (sample.parts.len(), bias_moments) {
            (2, Some(bias_moments)) => kernel_moments.merge(bias_moments),
            _ => *kernel_moments,
        };
        let metrics = [Metric::KernelWeights, Metric::LinkWeights];
        let (samples, moments) = ([&kernel, sample], [kernel_moments, &link_moments]);
        if !metrics.iter().any(|&metric| self.asks(metric)) {
            return;
        }
        let quantiles = counted_quantiles(links, moments)
            .unwrap_or_else(|| Quantiles::of_nested(samples, moments, &mut self.scratch));
        for (index, metric) in metrics.into_iter().enumerate() {
            let summary = || Summary::from_parts(moments[index], &quantiles[index]);
            self.add(metric, summary);
        }
    }

    fn add_normalised_fluctuation(&mut self, links: &MeasuredLinks<'_>, scan: &KernelScan) {
        let mut metrics = NORMALISED_FLUCTUATIONS.iter().flatten();
        if !metrics.any(|&metric| self.asks(metric)) {
            return;
        }
        let shape = KernelShape::of_links(&links.layer.links);
        let (Some(kernel), Some(shape)) = (&links.weights.kernel, shape) else {
            return;
        };
        let normalised = match kernel {
            Weights::Single(kernel) => NormalisedFluctuation::of(kernel, shape, scan),
            Weights::Double(kernel) => NormalisedFluctuation::of(kernel, shape, scan),
        };
        // In these kernels a row belongs to a neuron that the links come from. In all others it
        // belongs to one that they lead to.
        let sides = match links.layer.links {
            Links::ConvTranspose2d { .. } | Links::Embedding { .. } => {
                [normalised.columns, normalised.rows]
            }
            _ => [normalised.rows, normalised.columns],
        };
        for (metrics, summaries) in NORMALISED_FLUCTUATIONS.iter().zip(sides) {
            for (&metric, summary) in metrics.iter().zip(summaries) {
                self.add(metric, || summary);
            }
        }
    }

    /// Adds the metrics of the neurons' strengths. `abs` has the absolute sums over the links that
    /// lead to every neuron and from it.
    pub(crate) fn add_strengths(&mut self, columns: &NeuronColumns, abs: &[Vec<f64>; 2]) {
        if !STRENGTHS.iter().any(|&metric| self.asks(metric)) {
            return;
        }
        let sums = [columns.s_in.as_slice(), &columns.s_out];
        let sum_moments = sums.map(|sums| Moments::of(&Sample::each(sums)));
        let sides = [
            (Metric::StrengthIn, columns.open.into),
            (Metric::StrengthOut, columns.open.from),
        ];
        for ((metric, is_open), (sums, moments)) in
            sides.into_iter().zip(sums.iter().zip(&sum_moments))
        {
            if !is_open {
                self.add_sample(metric, &Sample::each(sums), moments);
            }
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
            let [into, from] = &sum_moments;
            self.add(Metric::Coupling, || correlation(sums, [into, from]));
            self.add(Metric::CouplingAbs, || {
                let abs = [abs[0].as_slice(), &abs[1]];
                let [into, from] = abs.map(|abs| Moments::of(&Sample::each(abs)));
                correlation(abs, [&into, &from])
            });
        }
    }

    /// Adds the metrics of the neurons over inputs. Gates have rows of their own.
    pub(crate) fn add_activations(&mut self, data: &NeuronData) {
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

    /// Adds the metrics of the outputs over the probe's inputs.
    pub(crate) fn add_outputs(&mut self, outputs: &OutputValues) {
        self.add_values(Metric::ProbeEntropy, &outputs.entropy);
        self.add_values(Metric::ProbeMargin, &outputs.margin);
        self.add_values(Metric::ProbeLargest, &outputs.largest);
        if let Some(labelled) = &outputs.labelled {
            self.add_values(Metric::ProbeCorrect, &labelled.correct);
            self.add_values(Metric::ProbeLoss, &labelled.loss);
        }
    }

    /// Adds the entries of all kernels and biases, as the layers' rows have them: with the norms
    /// that are folded into them.
    pub(crate) fn add_all_weights(&mut self, network: &Network<'_>) {
        if !self.asks(Metric::AllWeights) {
            return;
        }
        let weights: Vec<LinkWeights<'_>> = network
            .links()
            .iter()
            .map(|links| network.weights(links))
            .collect();
        let mut sample = Sample::default();
        for weights in &weights {
            for part in [&weights.kernel, &weights.bias].into_iter().flatten() {
                sample = sample.with_weights(part, Times::Once);
            }
        }
        let moments = Moments::of(&sample);
        self.add_sample(Metric::AllWeights, &sample, &moments);
    }

    /// Adds the metrics of one gate.
    pub(crate) fn add_gate(&mut self, pre: &NeuronStatistics) {
        self.add_values(Metric::NeuronsStrength, &pre.mean);
        self.add_values(Metric::NeuronsStrengthStd, &pre.std);
    }
}

/// Quantiles of a kernel, and of the kernel together with its bias, from the counts of the scan.
/// `None` if the scan has no counts, or they do not help. A bias that is no link is left out of the
/// second.
fn counted_quantiles(links: &MeasuredLinks<'_>, moments: [&Moments; 2]) -> Option<[Quantiles; 2]> {
    let counts = links.scan?.counts.as_ref()?;
    let Some(Weights::Single(kernel)) = links.weights.kernel else {
        return None;
    };
    // The second moments have more values only if the bias is a link.
    let bias = match links.weights.bias {
        Some(Weights::Single(bias)) if moments[1].count > moments[0].count => bias,
        _ => &[],
    };
    counts.quantiles(kernel, bias, moments)
}

/// Metrics of the neurons' strengths.
const STRENGTHS: [Metric; 7] = [
    Metric::StrengthIn,
    Metric::StrengthOut,
    Metric::StrengthAbs,
    Metric::NodesStrength,
    Metric::LayersFluctuation,
    Metric::Coupling,
    Metric::CouplingAbs,
];

/// The normalised fluctuations of w, |w| and w^2: over the neurons that links lead to, and over
/// those that they come from.
const NORMALISED_FLUCTUATIONS: [[Metric; 3]; 2] = [
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
