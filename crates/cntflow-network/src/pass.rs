//! One batch through a network, layer by layer, in buffers that are used again.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::convolve::{Convolution, PATCH_VALUES, average_pool, max_pool};
use crate::{LayerBatch, LinkLayer, LinkWeights, Links, Network, Real};

/// Kernel entries widened at a time: 2 MiB in f64, so that no second copy of a large network is made.
const KERNEL_BLOCK: usize = 1 << 18;

/// The buffers of a forward pass, used again for every batch.
pub(crate) struct Pass<'n, 'a, T> {
    network: &'n Network<'a>,
    current: Vec<T>,
    pre: Vec<T>,
    post: Vec<T>,
    scratch: Vec<T>,
}

impl<'n, 'a, T: Real> Pass<'n, 'a, T> {
    pub(crate) fn new(network: &'n Network<'a>) -> Self {
        Self {
            network,
            current: Vec::new(),
            pre: Vec::new(),
            post: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub(crate) fn batch(
        &mut self,
        inputs: &[f32],
        first_input: usize,
        observe: &mut impl FnMut(&LayerBatch<'_, T>),
    ) {
        let n_inputs = inputs.len() / self.network.neurons()[0].shape.n_neurons();
        self.current.clear();
        self.current.extend(inputs.iter().map(|&x| T::from_f32(x)));
        for (layer, weights) in self.network.links() {
            let neurons = &self.network.neurons()[layer.index];
            let n_neurons = neurons.shape.n_neurons();
            self.pre.clear();
            self.pre.resize(n_inputs * n_neurons, T::default());
            self.pre_activations(layer, weights, n_inputs);
            if let Some(activation) = neurons.activation {
                self.post.clear();
                self.post.resize(self.pre.len(), T::default());
                activation.apply(&self.pre, &mut self.post, n_neurons);
            }
            observe(&LayerBatch {
                layer: layer.index,
                first_input,
                n_inputs,
                n_neurons,
                pre: &self.pre,
                post: neurons.activation.map(|_| self.post.as_slice()),
            });
            if neurons.activation.is_none() {
                return;
            }
            std::mem::swap(&mut self.current, &mut self.post);
        }
    }

    fn pre_activations(&mut self, layer: &LinkLayer, weights: &LinkWeights<'_>, n_inputs: usize) {
        match layer.links {
            Links::Dense { n_in, n_out } => {
                self.dense(weights.kernel(), [n_in, n_out], n_inputs);
                self.add_bias(weights, 1);
            }
            Links::Conv2d { groups, window, .. } => {
                self.conv2d(layer.links, weights.kernel(), groups, n_inputs);
                self.add_bias(weights, window.outputs());
            }
            Links::MaxPool2d { channels, window } => {
                let sizes = [channels * window.inputs(), channels * window.outputs()];
                self.each_input(sizes, |z, s| max_pool(window, z, s));
            }
            Links::AveragePool2d { channels, window } => {
                let sizes = [channels * window.inputs(), channels * window.outputs()];
                self.each_input(sizes, |z, s| average_pool(window, z, s));
            }
        }
    }

    fn each_input(&mut self, [n_in, n_out]: [usize; 2], mut work: impl FnMut(&[T], &mut [T])) {
        let inputs = self.current.chunks_exact(n_in);
        for (z, s) in inputs.zip(self.pre.chunks_exact_mut(n_out)) {
            work(z, s);
        }
    }

    /// `S = Z W^T`, some rows of W at a time. Row-major `[n_inputs, n]` is taken as column-major `[n, n_inputs]`.
    fn dense(&mut self, kernel: &[f32], [n_in, n_out]: [usize; 2], n_inputs: usize) {
        let rows = (KERNEL_BLOCK / n_in).max(1);
        let z = MatRef::from_column_major_slice(&self.current, n_in, n_inputs);
        let mut s = MatMut::from_column_major_slice_mut(&mut self.pre, n_out, n_inputs);
        for (block, kernel) in kernel.chunks(rows * n_in).enumerate() {
            let n_rows = kernel.len() / n_in;
            let w = T::widen(kernel, &mut self.scratch);
            matmul(
                s.as_mut().subrows_mut(block * rows, n_rows),
                Accum::Replace,
                MatRef::from_row_major_slice(w, n_rows, n_in),
                z,
                T::from_f64(1.0),
                Par::Seq,
            );
        }
    }

    fn conv2d(&mut self, links: Links, kernel: &[f32], groups: usize, n_inputs: usize) {
        let Links::Conv2d {
            channels,
            filters,
            window,
            ..
        } = links
        else {
            return;
        };
        let (fan_in, fan_out) = (channels / groups, filters / groups);
        let kernel = T::widen(kernel, &mut self.scratch);
        let mut convolution = Convolution::new(window, fan_in, PATCH_VALUES);
        let groups_of = self.current.chunks_exact(fan_in * window.inputs());
        let outputs = self.pre.chunks_exact_mut(fan_out * window.outputs());
        let kernels = kernel.chunks_exact(fan_out * fan_in * window.taps());
        debug_assert_eq!(groups_of.len(), n_inputs * groups);
        for ((z, s), kernel) in groups_of.zip(outputs).zip(kernels.cycle()) {
            convolution.apply(z, kernel, s);
        }
    }

    /// Adds the bias of every unit or filter to its `places` pre-activations, in every input.
    fn add_bias(&mut self, weights: &LinkWeights<'_>, places: usize) {
        let Some(bias) = weights.bias() else {
            return;
        };
        let runs = self.pre.chunks_exact_mut(places);
        for (run, &bias) in runs.zip(bias.iter().cycle()) {
            let bias = T::from_f32(bias);
            run.iter_mut().for_each(|s| *s += bias);
        }
    }
}
