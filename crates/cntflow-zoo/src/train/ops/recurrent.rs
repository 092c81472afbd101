//! Recurrent layers, one on the other, over the rows of images, up to the hidden state after the last row: one
//! operation, so that what is passed from step to step and from layer to layer never becomes a tensor.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use crate::train::ops::cells::{Cell, Kernels, Layer, Trace};
use crate::train::ops::{WeightGradients, cpu_values, output, values};

/// A kernel with its biases and their gradients.
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) kernel: Tensor,
    pub(crate) biases: Tensor,
    pub(crate) gradients: Arc<Mutex<WeightGradients>>,
}

/// The operation: images `[n, channels, rows, columns]` to `[n, units]`. Its other two arguments are any of its
/// parameters: they tell the tensor library that there is something to differentiate by.
#[derive(Debug)]
pub(crate) struct Recurrent {
    cell: Cell,
    units: usize,
    /// Channels, rows and columns of an image.
    image: [usize; 3],
    /// Of each layer: of its input kernel and of its recurrent one.
    layers: Vec<[Parameters; 2]>,
    /// What the forward pass leaves for the backward pass: the rows, and a trace of each layer.
    traces: Mutex<Option<(Vec<f32>, Vec<Trace>)>>,
}

impl Recurrent {
    pub(crate) fn new(
        cell: Cell,
        units: usize,
        image: [usize; 3],
        layers: Vec<[Parameters; 2]>,
    ) -> Self {
        Self {
            cell,
            units,
            image,
            layers,
            traces: Mutex::default(),
        }
    }

    /// The layer at `depth` over `n_images`.
    fn layer(&self, depth: usize, n_images: usize) -> Layer {
        let [channels, n_steps, columns] = self.image;
        Layer {
            cell: self.cell,
            n_steps,
            n_images,
            n_in: if depth == 0 {
                channels * columns
            } else {
                self.units
            },
            units: self.units,
        }
    }

    /// `[n, channels, rows, columns]` to `[rows, n, channels * columns]`.
    fn rows(&self, images: &[f32]) -> Vec<f32> {
        let [channels, rows, columns] = self.image;
        let mut by_row = Vec::with_capacity(images.len());
        for row in 0..rows {
            for image in images.chunks_exact(channels * rows * columns) {
                for channel in image.chunks_exact(rows * columns) {
                    by_row.extend_from_slice(&channel[row * columns..][..columns]);
                }
            }
        }
        by_row
    }

    fn forward(&self, images: &[f32]) -> Result<Vec<f32>> {
        let n_images = images.len() / self.image.iter().product::<usize>();
        let rows = self.rows(images);
        let mut traces: Vec<Trace> = Vec::with_capacity(self.layers.len());
        for (depth, parameters) in self.layers.iter().enumerate() {
            let x = match traces.last() {
                Some(below) => below.states(&self.layer(depth - 1, n_images)),
                None => &rows,
            };
            let layer = self.layer(depth, n_images);
            traces.push(with_kernels(parameters, |kernels| {
                layer.forward(kernels, x)
            })?);
        }
        let top = self.layer(self.layers.len() - 1, n_images);
        let last = traces.last().map(|trace| trace.last_state(&top).to_vec());
        *self.traces.lock().expect("no pass panics") = Some((rows, traces));
        Ok(last.unwrap_or_default())
    }

    fn backward(&self, last_gradient: &[f32]) -> Result<()> {
        let left = self.traces.lock().expect("no pass panics").take();
        let Some((rows, mut traces)) = left else {
            candle_core::bail!("a backward pass follows a forward pass");
        };
        let n_images = last_gradient.len() / self.units;
        // Of the top layer only the last state is taken.
        let mut gradients = vec![0.0; (self.image[1] - 1) * last_gradient.len()];
        gradients.extend_from_slice(last_gradient);
        while let Some(trace) = traces.pop() {
            let depth = traces.len();
            let x = match traces.last() {
                Some(below) => below.states(&self.layer(depth - 1, n_images)),
                None => &rows,
            };
            let parameters = &self.layers[depth];
            let mut locks = parameters
                .each_ref()
                .map(|one| one.gradients.lock().expect("no pass panics"));
            let of_weights = locks.each_mut().map(|lock| &mut **lock);
            let layer = self.layer(depth, n_images);
            gradients = with_kernels(parameters, |kernels| {
                layer.backward(kernels, x, trace, &gradients, of_weights, depth > 0)
            })?;
        }
        Ok(())
    }
}

/// Calls `work` with the values of a layer's parameters.
fn with_kernels<T>(
    [input, recurrent]: &[Parameters; 2],
    work: impl FnOnce(Kernels) -> T,
) -> Result<T> {
    let tensors = [
        &input.kernel,
        &input.biases,
        &recurrent.kernel,
        &recurrent.biases,
    ];
    let storages = tensors.map(Tensor::storage_and_layout);
    let [a, b, c, d] = storages
        .each_ref()
        .map(|(storage, layout)| cpu_values(storage, layout));
    Ok(work(Kernels {
        input: [a?, b?],
        recurrent: [c?, d?],
    }))
}

impl CustomOp3 for Recurrent {
    fn name(&self) -> &'static str {
        "recurrent"
    }

    fn cpu_fwd(
        &self,
        images: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let last = self.forward(values(images, layout)?)?;
        let n_images = last.len() / self.units;
        output(last, (n_images, self.units))
    }

    fn bwd(
        &self,
        images: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _last: &Tensor,
        last_gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        if images.track_op() {
            candle_core::bail!(
                "rows are taken of the images themselves, not of what is made of them"
            );
        }
        let (storage, layout) = last_gradient.storage_and_layout();
        self.backward(cpu_values(&storage, layout)?)?;
        Ok((None, None, None))
    }
}
