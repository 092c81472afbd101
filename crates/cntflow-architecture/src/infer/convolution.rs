//! Convolutions by the rank and sizes of their kernels; strides and paddings are assumed.

use cntflow_network::{Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Layer};

use super::chain::{ChainBuilder, Output};
use super::module::{Layout, Module};
use crate::error::{Translated, unsupported};

impl ChainBuilder {
    /// Adds a convolution, of one or two dimensions, plain or transposed, by the rank of its
    /// kernel.
    ///
    /// # Errors
    /// It does not take the channels of what comes before.
    pub(super) fn convolution(&mut self, module: &Module<'_>) -> Translated<()> {
        let shape = module.shape("weight");
        let dimensions = shape.len() - 2;
        let channels = match self.output {
            Output::Undecided => None,
            Output::Channels {
                channels,
                dimensions: given,
            } if given == dimensions => Some(channels),
            _ => {
                return Err(unsupported(format!(
                    "{} is the kernel of a convolution, {} gives no channels of {dimensions} dimensions",
                    module.shown(),
                    self.previous
                )));
            }
        };
        let transposed = match channels {
            None => self.is_alone && is_transposed_alone(module, &shape),
            // In a part, sizes that would make a transposed kernel fit are no proof.
            Some(_) if self.is_alone => is_transposed_alone(module, &shape),
            Some(_) => is_transposed(module, &shape, channels),
        };
        let [filters, n_in] = if transposed {
            [shape[1], shape[0]]
        } else {
            [shape[0], shape[1]]
        };
        let mut groups = 1;
        // A kernel that takes fewer channels than there are is that of a convolution in groups.
        if let Some(given) = channels.filter(|&given| given != n_in) {
            groups = given.checked_div(n_in).unwrap_or(0);
            let fits = groups > 0 && groups * n_in == given && filters.is_multiple_of(groups);
            let fits = fits && (n_in == 1 || !self.is_alone);
            if transposed || !fits {
                return Err(self.does_not_fit(module, n_in, given));
            }
        }
        if channels.is_none() {
            // A depthwise convolution sees one channel at a time, whose number its kernel tells.
            groups = module.depthwise_channels().unwrap_or(1);
            let n_in = n_in * groups;
            self.input = [&[n_in][..], &vec![0; dimensions]].concat();
        }
        let bias = self.has_bias(module, filters)?;
        self.output = Output::Channels {
            channels: filters,
            dimensions,
        };
        let kernel = &shape[2..];
        self.extent.record_convolution(kernel, transposed);
        let layer = self.convolution_layer(module, kernel, [filters, groups], bias, transposed);
        self.add_module(module, layer);
        Ok(())
    }

    /// The layer of a kernel `[columns]` or `[rows, columns]`, with stride 1 and no padding.
    fn convolution_layer(
        &self,
        module: &Module<'_>,
        kernel: &[usize],
        [filters, groups]: [usize; 2],
        bias: bool,
        transposed: bool,
    ) -> Layer {
        let (name, activation) = (module.path.clone(), self.hints.activation);
        match (kernel, transposed) {
            (&[kernel], false) => Layer::Conv1d(Conv1d {
                name,
                filters,
                kernel,
                stride: 1,
                padding: 0.into(),
                dilation: 1,
                groups,
                bias,
                activation,
            }),
            (&[kernel], true) => Layer::ConvTranspose1d(ConvTranspose1d {
                name,
                filters,
                kernel,
                stride: 1,
                padding: 0.into(),
                output_padding: 0,
                dilation: 1,
                groups,
                bias,
                activation,
            }),
            (kernel, false) => Layer::Conv2d(Conv2d {
                name,
                filters,
                kernel: [kernel[0], kernel[1]],
                stride: [1, 1],
                padding: [0, 0].into(),
                dilation: [1, 1],
                groups,
                bias,
                activation,
            }),
            (kernel, true) => Layer::ConvTranspose2d(ConvTranspose2d {
                name,
                filters,
                kernel: [kernel[0], kernel[1]],
                stride: [1, 1],
                padding: [0, 0].into(),
                output_padding: [0, 0],
                dilation: [1, 1],
                groups,
                bias,
                activation,
            }),
        }
    }
}

/// Words in the names of transposed convolutions.
const TRANSPOSED_WORDS: [&str; 3] = ["deconv", "transpos", "convt"];

/// Whether a kernel that begins a part of a network is that of a transposed convolution: if the
/// length of its bias is the second size and not the first or, without a bias that tells, by its
/// name.
fn is_transposed_alone(module: &Module<'_>, shape: &[usize]) -> bool {
    let [outer, inner] = [shape[0], shape[1]];
    if matches!(module.layout, Layout::Depthwise | Layout::Table) {
        return false;
    }
    match module.shape("bias")[..] {
        [n] if n == inner && n != outer => true,
        [n] if n == outer && n != inner => false,
        _ => {
            let path = module.path.to_ascii_lowercase();
            TRANSPOSED_WORDS.iter().any(|word| path.contains(word))
        }
    }
}

/// Whether a kernel is that of a transposed convolution.
///
/// A plain kernel is `[filters, channels / groups, ...]`, a transposed one `[channels, filters,
/// ...]`. So a kernel is plain unless its first size is the number of channels before it. If it is,
/// these decide, in this order:
/// 1. the length of the bias, if it equals just one of the two sizes;
/// 2. a word such as `deconv` in the name of the module;
/// 3. the sizes: the kernel is transposed unless the second size equals the first, or is 1 as that
///    of a depthwise convolution.
fn is_transposed(module: &Module<'_>, shape: &[usize], channels: Option<usize>) -> bool {
    let [outer, inner] = [shape[0], shape[1]];
    if channels != Some(outer) {
        return false;
    }
    match module.shape("bias")[..] {
        [n] if n == outer && n != inner => return false,
        [n] if n == inner && n != outer => return true,
        _ => {}
    }
    let path = module.path.to_ascii_lowercase();
    let words_of_transposed = ["deconv", "transpos", "convt", "decoder", "upconv", "up."];
    let is_named = words_of_transposed.iter().any(|word| path.contains(word));
    is_named || (inner != outer && inner != 1)
}
