//! The forward pass of one batch, layer by layer, in buffers that are reused.

mod attention;
mod convolve;
mod norm;
mod pool;
mod recurrent;
mod view;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::program::{Source, Stage};
use crate::{Activation, LayerBatch, LayerKind, LinkLayer, Links, Network, Real, View};
use convolve::{Convolution, PATCH_VALUES, TransposedConvolution};

/// Kernel entries that are widened to f64 at a time, 2 MiB, so that a large kernel is never copied
/// whole.
const KERNEL_BLOCK: usize = 1 << 18;

/// The buffers of a forward pass, reused for every batch.
pub(crate) struct Pass<'n, 'a, T> {
    network: &'n Network<'a>,
    /// Inputs in the number type of the pass.
    widened: Vec<T>,
    /// Post-activations by layer, from layer 1 on, as long as a later layer takes them.
    values: Vec<Vec<T>>,
    /// The last layer that takes each layer's values.
    last_use: Vec<usize>,
    /// Free buffers.
    spare: Vec<Vec<T>>,
    pre: Vec<T>,
    post: Vec<T>,
    viewed: Vec<T>,
    weights: Vec<T>,
}

impl<'n, 'a, T: Real> Pass<'n, 'a, T> {
    pub(crate) fn new(network: &'n Network<'a>) -> Self {
        Self {
            network,
            widened: Vec::new(),
            values: vec![Vec::new(); network.neurons().len()],
            last_use: last_use(network),
            spare: Vec::new(),
            pre: Vec::new(),
            post: Vec::new(),
            viewed: Vec::new(),
            weights: Vec::new(),
        }
    }

    /// Runs a batch through the network. `observe` is called for every layer in turn.
    pub(crate) fn batch(
        &mut self,
        inputs: &[f32],
        first_input: usize,
        observe: &mut impl FnMut(&LayerBatch<'_, T>),
    ) {
        let neurons = self.network.neurons();
        let n_inputs = inputs.len() / neurons[0].shape.n_values();
        let mut widened = std::mem::take(&mut self.widened);
        let z0 = T::widen(inputs, &mut widened);
        let others = &neurons[1..];
        for layer in others
            .iter()
            .take_while(|layer| layer.kind != LayerKind::Input)
        {
            let n_neurons = layer.shape.n_neurons();
            let n_gates = self.compute(layer.index, z0, n_inputs);
            // Pre- and post-activations of a linear layer are the same. A gated layer has computed
            // `post` already. So has an Elman layer; computing it again gives the same.
            let has_post = n_gates > 1;
            let is_linear = layer.activation == Some(Activation::Linear);
            if let (Some(activation), false) = (layer.activation, has_post || is_linear) {
                self.post.clear();
                self.post.resize(self.pre.len(), T::default());
                activation.apply(&self.pre, &mut self.post, n_neurons);
            }
            let post = if is_linear { &self.pre } else { &self.post };
            observe(&LayerBatch {
                layer: layer.index,
                first_input,
                n_inputs,
                n_rows: n_inputs * layer.shape.steps(),
                n_neurons,
                n_gates,
                pre: &self.pre,
                post: layer.activation.map(|_| post.as_slice()),
            });
            if layer.activation.is_none() {
                break;
            }
            self.store(layer.index, is_linear);
        }
        self.spare
            .extend(self.values.iter_mut().skip(1).map(std::mem::take));
        self.widened = widened;
    }

    /// Keeps a layer's post-activations for later layers, and frees the values that no later layer
    /// takes.
    fn store(&mut self, layer: usize, is_linear: bool) {
        let post = if is_linear {
            &mut self.pre
        } else {
            &mut self.post
        };
        self.values[layer] = std::mem::replace(post, self.spare.pop().unwrap_or_default());
        for before in 1..=layer {
            if self.last_use[before] == layer && !self.values[before].is_empty() {
                self.spare.push(std::mem::take(&mut self.values[before]));
            }
        }
    }

    /// Computes the pre-activations of a layer, and of a recurrent one the hidden states too.
    /// Returns the number of gates.
    fn compute(&mut self, layer: usize, z0: &[T], n_inputs: usize) -> usize {
        let Self {
            network,
            values,
            pre,
            post,
            viewed,
            weights,
            ..
        } = self;
        let shape = network.neurons()[layer].shape;
        let (steps, n_neurons) = (shape.steps(), shape.n_neurons());
        let layer_values = view::LayerValues {
            network,
            inputs: z0,
            values,
            n_inputs,
        };
        pre.clear();
        for stage in &network.graph().program[layer - 1] {
            match stage {
                Stage::Links(index) => {
                    let links = &network.links()[*index];
                    let source = Source {
                        layer: links.from,
                        view: links.view,
                    };
                    let z = layer_values.view(source, viewed);
                    apply(network, links, z, pre, weights);
                }
                Stage::Values(source) => {
                    let z = layer_values.view(*source, viewed);
                    if pre.is_empty() {
                        pre.extend_from_slice(z);
                    } else {
                        pre.iter_mut().zip(z).for_each(|(s, &z)| *s += z);
                    }
                }
                Stage::Beside { source, first } => {
                    let z = layer_values.view(*source, viewed);
                    view::put_beside(z, [n_inputs * steps, n_neurons], *first, pre);
                }
                Stage::Norm(norm) => norm::apply(norm, network.tensors(), pre),
                Stage::Prepend(tensor) => view::prepend(network.tensor(*tensor), pre, n_inputs),
                Stage::Constants(tensor) => {
                    let constants = network.tensor(*tensor).iter().cycle();
                    pre.iter_mut()
                        .zip(constants)
                        .for_each(|(s, &x)| *s += T::from_f32(x));
                }
                Stage::Recurrent(recurrence) => {
                    let z = layer_values.view(recurrence.source, viewed);
                    let pass = recurrent::RecurrentPass {
                        recurrence,
                        network,
                        n_inputs,
                        steps,
                    };
                    pass.run(z, pre, post);
                    return recurrence.cell.gates().len();
                }
            }
        }
        1
    }
}

/// The last layer that takes each layer's values; 0 if none does.
fn last_use(network: &Network<'_>) -> Vec<usize> {
    let mut last_use = vec![0; network.neurons().len()];
    let mut note_use = |layer: usize, source: Source| {
        last_use[source.layer] = layer;
        if let View::Attended { query, key, .. } = source.view {
            last_use[query] = layer;
            last_use[key] = layer;
        }
    };
    for (program, layer) in network.graph().program.iter().zip(1..) {
        for stage in program {
            match stage {
                Stage::Links(index) => {
                    let LinkLayer { from, view, .. } = network.links()[*index];
                    note_use(layer, Source { layer: from, view });
                }
                Stage::Values(source) | Stage::Beside { source, .. } => note_use(layer, *source),
                Stage::Recurrent(recurrence) => note_use(layer, recurrence.source),
                Stage::Norm(_) | Stage::Prepend(_) | Stage::Constants(_) => {}
            }
        }
    }
    last_use
}

/// Computes the pre-activations of links with their bias, before any norm.
fn apply<T: Real>(
    network: &Network<'_>,
    layer: &LinkLayer,
    z: &[T],
    pre: &mut Vec<T>,
    scratch: &mut Vec<T>,
) {
    let kernel = network.given_values(layer.kernel.as_ref());
    let bias = network.given_values(layer.bias.as_ref());
    match layer.links {
        Links::Dense { n_in, n_out } => {
            pre.resize(z.len() / n_in * n_out, T::default());
            dense(kernel, [n_in, n_out], z, pre, scratch);
            add_bias(bias, 1, pre);
        }
        Links::Conv2d {
            channels,
            filters,
            groups,
            window,
        } => {
            let (fan_in, fan_out) = (channels / groups, filters / groups);
            let n = z.len() / (channels * window.inputs());
            pre.resize(n * filters * window.outputs(), T::default());
            let kernel = T::widen(kernel, scratch);
            let mut convolution = Convolution::new(window, fan_in, PATCH_VALUES);
            let kernels = kernel
                .chunks_exact(fan_out * fan_in * window.taps())
                .cycle();
            let outputs = pre.chunks_exact_mut(fan_out * window.outputs());
            let inputs = z.chunks_exact(fan_in * window.inputs());
            for ((z, s), kernel) in inputs.zip(outputs).zip(kernels) {
                convolution.apply(z, kernel, s);
            }
            add_bias(bias, window.outputs(), pre);
        }
        Links::ConvTranspose2d {
            channels,
            filters,
            groups,
            window,
        } => {
            let (fan_in, fan_out) = (channels / groups, filters / groups);
            let n = z.len() / (channels * window.outputs());
            pre.resize(n * filters * window.inputs(), T::default());
            let kernel = T::widen(kernel, scratch);
            let mut transpose = TransposedConvolution::new(window, fan_out, PATCH_VALUES);
            let kernels = kernel
                .chunks_exact(fan_in * fan_out * window.taps())
                .cycle();
            let outputs = pre.chunks_exact_mut(fan_out * window.inputs());
            let inputs = z.chunks_exact(fan_in * window.outputs());
            for ((z, s), kernel) in inputs.zip(outputs).zip(kernels) {
                transpose.apply(z, kernel, s);
            }
            add_bias(bias, window.inputs(), pre);
        }
        Links::MaxPool2d { channels, window } => {
            pre.resize(z.len() / window.inputs() * window.outputs(), T::default());
            debug_assert!(z.len().is_multiple_of(channels));
            pool::max(window, z, pre);
        }
        Links::AveragePool2d {
            channels,
            window,
            counted,
        } => {
            pre.resize(z.len() / window.inputs() * window.outputs(), T::default());
            debug_assert!(z.len().is_multiple_of(channels));
            pool::average(window, counted, z, pre);
        }
        Links::AdaptivePool {
            max, input, output, ..
        } => pool::adaptive(max, input, output, z, pre),
        Links::Embedding { units, .. } => {
            for token in z {
                let row = token.to_f64() as usize * units;
                pre.extend(kernel[row..][..units].iter().map(|&w| T::from_f32(w)));
            }
        }
        // A program has `Stage::Values`, `Norm`, `Beside` and `Constants` for these.
        Links::Diagonal { .. }
        | Links::Identity { .. }
        | Links::Beside { .. }
        | Links::Constants { .. } => {}
    }
}

/// `S = Z W^T`, some rows of W at a time. A row-major matrix `[rows, n]` is a column-major one
/// `[n, rows]`, which saves transposing.
fn dense<T: Real>(
    kernel: &[f32],
    [n_in, n_out]: [usize; 2],
    z: &[T],
    s: &mut [T],
    scratch: &mut Vec<T>,
) {
    let rows = (KERNEL_BLOCK / n_in).max(1);
    let n = z.len() / n_in;
    let z = MatRef::from_column_major_slice(z, n_in, n);
    let mut s = MatMut::from_column_major_slice_mut(s, n_out, n);
    for (block, kernel) in kernel.chunks(rows * n_in).enumerate() {
        let n_rows = kernel.len() / n_in;
        let w = T::widen(kernel, scratch);
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

/// Adds the bias of every unit or filter to its `positions` pre-activations, in every row.
fn add_bias<T: Real>(bias: &[f32], positions: usize, s: &mut [T]) {
    // Without positions, the loop over units is the quicker one.
    if positions == 1 && !bias.is_empty() {
        for row in s.chunks_exact_mut(bias.len()) {
            row.iter_mut()
                .zip(bias)
                .for_each(|(s, &b)| *s += T::from_f32(b));
        }
        return;
    }
    let runs = s.chunks_exact_mut(positions);
    for (run, &bias) in runs.zip(bias.iter().cycle()) {
        let bias = T::from_f32(bias);
        run.iter_mut().for_each(|s| *s += bias);
    }
}
