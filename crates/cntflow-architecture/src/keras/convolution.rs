//! Convolutions: plain, depthwise and transposed.

use cntflow_network::{Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, Layer};
use serde::Deserialize;
use serde_json::Value;

use super::config::KerasLayer;
use super::settings::{Sizes, activation, ones, yes};
use super::shape::Shape;
use super::translator::{Translator, wrong_number_of_tensors};
use super::window::{Dimensions, PaddingMode, Sides, Window, padding1d, padding2d};
use crate::error::{Translated, unsupported};
use crate::recipe::TensorSlice;

#[derive(Clone, Deserialize)]
struct ConvolutionSettings {
    #[serde(default)]
    filters: usize,
    kernel_size: Sizes,
    #[serde(default = "ones")]
    strides: Sizes,
    #[serde(default)]
    padding: PaddingMode,
    #[serde(default = "ones")]
    dilation_rate: Sizes,
    #[serde(default = "one")]
    groups: usize,
    #[serde(default = "one")]
    depth_multiplier: usize,
    output_padding: Option<Sizes>,
    #[serde(default = "yes")]
    use_bias: bool,
    #[serde(default)]
    activation: Value,
}

fn one() -> usize {
    1
}

impl Translator<'_> {
    /// The window of a layer; its class says how many dimensions it slides along.
    pub(super) fn window(
        &self,
        layer: &KerasLayer,
        kernel: &Sizes,
        stride: &Sizes,
        dilation: &Sizes,
    ) -> Translated<Window> {
        let dimensions = if layer.class.contains("1D") {
            Dimensions::One
        } else {
            Dimensions::Two
        };
        let input = match (self.current.shape, dimensions) {
            (Shape::Image(spatial), Dimensions::Two) | (Shape::Line(spatial), Dimensions::One) => {
                spatial
            }
            _ => return Err(self.wrong_input()),
        };
        Ok(Window {
            dimensions,
            input,
            kernel: kernel.rows_and_columns(dimensions)?,
            stride: stride.rows_and_columns(dimensions)?,
            dilation: dilation.rows_and_columns(dimensions)?,
        })
    }

    fn convolution_window(
        &self,
        layer: &KerasLayer,
        settings: &ConvolutionSettings,
    ) -> Translated<Window> {
        self.window(
            layer,
            &settings.kernel_size,
            &settings.strides,
            &settings.dilation_rate,
        )
    }

    /// A convolution of a kernel `[rows, columns, channels, filters]`.
    pub(super) fn convolution(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: ConvolutionSettings = layer.settings()?;
        let window = self.convolution_window(layer, &settings)?;
        let outputs_first = outputs_first(window.dimensions);
        let kernel = |tensor: &str| TensorSlice::permuted(tensor, outputs_first);
        let filters = (settings.filters, settings.groups);
        self.push_convolution(layer, &settings, &window, filters, kernel)
    }

    /// A convolution of a kernel `[rows, columns, channels, multiplier]`: every channel is a group
    /// of its own.
    pub(super) fn depthwise_convolution(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: ConvolutionSettings = layer.settings()?;
        let window = self.convolution_window(layer, &settings)?;
        let channels = window.input.channels;
        let filters = channels
            .checked_mul(settings.depth_multiplier)
            .ok_or_else(|| unsupported("it has too many channels"))?;
        let kernel = |tensor: &str| depthwise_kernel(tensor, &window, filters);
        self.push_convolution(layer, &settings, &window, (filters, channels), kernel)
    }

    /// A depthwise convolution, and one of single places behind it. The bias belongs to the second.
    pub(super) fn separable_convolution(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: ConvolutionSettings = layer.settings()?;
        let (depthwise, pointwise, bias) = match (self.tensors_of(layer), settings.use_bias) {
            ([depthwise, pointwise, bias], true) => (depthwise, pointwise, Some(bias)),
            ([depthwise, pointwise], false) => (depthwise, pointwise, None),
            (tensors, has_bias) => {
                let expected = 2 + usize::from(has_bias);
                return Err(wrong_number_of_tensors(expected, tensors.len()));
            }
        };
        let window = self.convolution_window(layer, &settings)?;
        let channels = window.input.channels;
        let filters = channels
            .checked_mul(settings.depth_multiplier)
            .ok_or_else(|| unsupported("it has too many channels"))?;
        let first = KerasLayer {
            name: format!("{}.depthwise", layer.name),
            ..layer.clone()
        };
        let kernel = depthwise_kernel(depthwise, &window, filters);
        self.set_slice(&first, "weight", kernel);
        let of_places = ConvolutionSettings {
            use_bias: false,
            activation: Value::Null,
            ..settings.clone()
        };
        self.add_convolution(&first, &of_places, &window, (filters, channels))?;
        let of_channels = ConvolutionSettings {
            kernel_size: ones(),
            strides: ones(),
            dilation_rate: ones(),
            ..settings
        };
        let window = self.convolution_window(layer, &of_channels)?;
        let outputs_first = outputs_first(window.dimensions);
        self.set_slice(
            layer,
            "weight",
            TensorSlice::permuted(pointwise, outputs_first),
        );
        if let Some(bias) = bias {
            self.set_slice(layer, "bias", TensorSlice::whole(bias));
        }
        self.add_convolution(layer, &of_channels, &window, (of_channels.filters, 1))
    }

    fn push_convolution(
        &mut self,
        layer: &KerasLayer,
        settings: &ConvolutionSettings,
        window: &Window,
        (filters, groups): (usize, usize),
        kernel: impl FnOnce(&str) -> TensorSlice,
    ) -> Translated<()> {
        self.set_kernel_and_bias(layer, settings.use_bias, kernel)?;
        self.add_convolution(layer, settings, window, (filters, groups))
    }

    /// Adds a convolution whose tensors have their recipes.
    fn add_convolution(
        &mut self,
        layer: &KerasLayer,
        settings: &ConvolutionSettings,
        window: &Window,
        (filters, groups): (usize, usize),
    ) -> Translated<()> {
        let (zeros, output) = self.padded(window, settings.padding)?;
        let name = layer.name.clone();
        let bias = settings.use_bias;
        let activation = Some(activation(&settings.activation)?);
        let convolution = match window.dimensions {
            Dimensions::One => Layer::Conv1d(Conv1d {
                name,
                filters,
                kernel: window.kernel[1],
                stride: window.stride[1],
                padding: padding1d(zeros),
                dilation: window.dilation[1],
                groups,
                bias,
                activation,
            }),
            Dimensions::Two => Layer::Conv2d(Conv2d {
                name,
                filters,
                kernel: window.kernel,
                stride: window.stride,
                padding: padding2d(zeros),
                dilation: window.dilation,
                groups,
                bias,
                activation,
            }),
        };
        self.push(convolution, window.output(output, filters));
        Ok(())
    }

    /// A transposed convolution of a kernel `[rows, columns, filters, channels]`.
    pub(super) fn transposed_convolution(&mut self, layer: &KerasLayer) -> Translated<()> {
        let settings: ConvolutionSettings = layer.settings()?;
        if settings.output_padding.is_some() {
            return Err(unsupported("its output_padding cannot be expressed"));
        }
        let window = self.convolution_window(layer, &settings)?;
        let [rows, columns] = window.axes();
        let [n_rows, n_columns] = window.input.sizes;
        let rows = rows.transposed(n_rows, settings.padding, self.is_torch)?;
        let columns = columns.transposed(n_columns, settings.padding, self.is_torch)?;
        let cut = [rows.cut, columns.cut];
        let added = [rows.added, columns.added];
        self.assume_uneven_padding(
            layer,
            cut,
            "the larger half of the surplus is cut at the end",
        )?;
        let outputs_first = outputs_first(window.dimensions);
        self.set_kernel_and_bias(layer, settings.use_bias, |tensor| {
            TensorSlice::permuted(tensor, outputs_first)
        })?;
        let name = layer.name.clone();
        let (filters, bias) = (settings.filters, settings.use_bias);
        let activation = Some(activation(&settings.activation)?);
        let convolution = match window.dimensions {
            Dimensions::One => Layer::ConvTranspose1d(ConvTranspose1d {
                name,
                filters,
                kernel: window.kernel[1],
                stride: window.stride[1],
                padding: padding1d(cut),
                output_padding: added[1],
                dilation: window.dilation[1],
                groups: 1,
                bias,
                activation,
            }),
            Dimensions::Two => Layer::ConvTranspose2d(ConvTranspose2d {
                name,
                filters,
                kernel: window.kernel,
                stride: window.stride,
                padding: padding2d(cut),
                output_padding: added,
                dilation: window.dilation,
                groups: 1,
                bias,
                activation,
            }),
        };
        let output = window.output([rows.output, columns.output], filters);
        self.push(convolution, output);
        Ok(())
    }

    /// If the two sides of a padding differ, records that it is taken as TensorFlow and JAX treat
    /// it; an error if PyTorch ran the model, which treats it in another way.
    pub(super) fn assume_uneven_padding(
        &mut self,
        layer: &KerasLayer,
        sides: Sides,
        treatment: &str,
    ) -> Translated<()> {
        if sides.iter().all(|[before, after]| before == after) {
            return Ok(());
        }
        if self.is_torch {
            return Err(unsupported(
                "what Keras on PyTorch makes of its padding cannot be expressed",
            ));
        }
        self.builder.assume(format!(
            "{}: the two sides of its padding differ; it is assumed that {treatment}, as in TensorFlow and JAX",
            layer.shown()
        ));
        Ok(())
    }
}

/// A kernel `[rows, columns, channels, multiplier]` as `[filters, 1, rows, columns]`.
fn depthwise_kernel(tensor: &str, window: &Window, filters: usize) -> TensorSlice {
    let [rows, columns] = window.kernel;
    let (permutation, shape): (&[usize], &[usize]) = match window.dimensions {
        Dimensions::One => (&[1, 2, 0], &[filters, 1, columns]),
        Dimensions::Two => (&[2, 3, 0, 1], &[filters, 1, rows, columns]),
    };
    TensorSlice::permuted(tensor, permutation).shaped(shape)
}

/// The permutation that makes a kernel of Keras `[rows, columns, channels, filters]` one of
/// architectures, `[filters, channels, rows, columns]`.
fn outputs_first(dimensions: Dimensions) -> &'static [usize] {
    match dimensions {
        Dimensions::One => &[2, 1, 0],
        Dimensions::Two => &[3, 2, 0, 1],
    }
}
