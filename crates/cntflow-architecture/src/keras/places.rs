//! Convolutions and poolings.

use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::{Sizes, activation, ones, yes};
use super::shape::Shape;
use super::window::{Padding, Slide, Window, padding, sizes};
use super::{Chain, Node, zeros};
use crate::TensorSlice;

#[derive(Deserialize)]
struct ConvolutionSettings {
    #[serde(default)]
    filters: usize,
    kernel_size: Sizes,
    #[serde(default = "ones")]
    strides: Sizes,
    #[serde(default)]
    padding: Padding,
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

#[derive(Deserialize)]
struct PoolSettings {
    pool_size: Sizes,
    strides: Option<Sizes>,
    #[serde(default)]
    padding: Padding,
}

fn one() -> usize {
    1
}

impl Chain<'_> {
    /// The window of a layer over an image, or over a line where its class says so.
    fn window(
        &self,
        node: &Node,
        kernel: &Sizes,
        stride: &Sizes,
        dilation: &Sizes,
    ) -> Result<Window, String> {
        let line = node.class.contains("1D");
        let places = match (self.at.shape, line) {
            (Shape::Image(places), false) | (Shape::Line(places), true) => places,
            (shape, _) => {
                let shape = shape.channels_last();
                return Err(node.says(format!("behind an output {shape:?} it cannot be expressed")));
            }
        };
        let pair = |sizes: &Sizes| sizes.pair(line, 1).map_err(|text| node.says(text));
        Ok(Window {
            line,
            places,
            kernel: pair(kernel)?,
            stride: pair(stride)?,
            dilation: pair(dilation)?,
        })
    }

    pub(super) fn convolution(&mut self, node: &Node) -> Result<(), String> {
        let settings: ConvolutionSettings = node.settings()?;
        let order: &[usize] = match node.class.contains("1D") {
            true => &[2, 1, 0],
            false => &[3, 2, 0, 1],
        };
        let kernel = |tensor: &str| TensorSlice::reordered(tensor, order);
        self.convolve(node, &settings, settings.filters, settings.groups, &kernel)
    }

    /// A kernel `[rows, columns, channels, multiplier]`: as many groups as channels.
    pub(super) fn depthwise(&mut self, node: &Node) -> Result<(), String> {
        let settings: ConvolutionSettings = node.settings()?;
        let sizes = (
            &settings.kernel_size,
            &settings.strides,
            &settings.dilation_rate,
        );
        let window = self.window(node, sizes.0, sizes.1, sizes.2)?;
        let channels = window.places.channels;
        let filters = channels.checked_mul(settings.depth_multiplier);
        let filters = filters.ok_or_else(|| node.says("it has too many channels"))?;
        let [rows, columns] = window.kernel;
        let (order, shape): (&[usize], &[usize]) = match window.line {
            true => (&[1, 2, 0], &[filters, 1, columns]),
            false => (&[2, 3, 0, 1], &[filters, 1, rows, columns]),
        };
        let kernel = |tensor: &str| TensorSlice::reordered(tensor, order).shaped(shape);
        self.convolve(node, &settings, filters, channels, &kernel)
    }

    fn convolve(
        &mut self,
        node: &Node,
        settings: &ConvolutionSettings,
        filters: usize,
        groups: usize,
        kernel: &dyn Fn(&str) -> TensorSlice,
    ) -> Result<(), String> {
        let sizes_of = (
            &settings.kernel_size,
            &settings.strides,
            &settings.dilation_rate,
        );
        let window = self.window(node, sizes_of.0, sizes_of.1, sizes_of.2)?;
        let (pads, sizes_out) = self.padded(node, &window, settings.padding)?;
        self.kernel_and_bias(node, settings.use_bias, kernel)?;
        let layer = json!({
            "kind": if window.line { "conv1d" } else { "conv2d" },
            "filters": filters,
            "kernel": sizes(window.kernel, window.line),
            "stride": sizes(window.stride, window.line),
            "padding": padding(pads, window.line),
            "dilation": sizes(window.dilation, window.line),
            "groups": groups,
            "bias": settings.use_bias,
            "activation": activation(&settings.activation).map_err(|text| node.says(text))?,
        });
        self.push(node, layer, window.shape(sizes_out, filters));
        Ok(())
    }

    /// A kernel `[rows, columns, filters, channels]`.
    pub(super) fn transposed(&mut self, node: &Node) -> Result<(), String> {
        let settings: ConvolutionSettings = node.settings()?;
        if settings.output_padding.is_some() {
            return Err(node.says("an output_padding of its own is not read"));
        }
        let sizes_of = (
            &settings.kernel_size,
            &settings.strides,
            &settings.dilation_rate,
        );
        let window = self.window(node, sizes_of.0, sizes_of.1, sizes_of.2)?;
        let [rows, columns] = window.slides();
        let [n_rows, n_columns] = window.places.sizes;
        let over = |slide: Slide, n| slide.transposed(n, settings.padding, self.torch);
        let (row_cuts, add_rows, n_rows) = over(rows, n_rows).map_err(|text| node.says(text))?;
        let (column_cuts, add_columns, n_columns) =
            over(columns, n_columns).map_err(|text| node.says(text))?;
        self.doubt_uneven(node, [row_cuts, column_cuts], "cut its output")?;
        let order: &[usize] = match window.line {
            true => &[2, 1, 0],
            false => &[3, 2, 0, 1],
        };
        self.kernel_and_bias(node, settings.use_bias, &|tensor| {
            TensorSlice::reordered(tensor, order)
        })?;
        let layer = json!({
            "kind": if window.line { "conv_transpose1d" } else { "conv_transpose2d" },
            "filters": settings.filters,
            "kernel": sizes(window.kernel, window.line),
            "stride": sizes(window.stride, window.line),
            "padding": padding([row_cuts, column_cuts], window.line),
            "output_padding": sizes([add_rows, add_columns], window.line),
            "dilation": sizes(window.dilation, window.line),
            "bias": settings.use_bias,
            "activation": activation(&settings.activation).map_err(|text| node.says(text))?,
        });
        self.push(
            node,
            layer,
            window.shape([n_rows, n_columns], settings.filters),
        );
        Ok(())
    }

    /// Where the sides of a padding differ, PyTorch does something of its own below Keras.
    fn doubt_uneven(
        &mut self,
        node: &Node,
        pads: [[usize; 2]; 2],
        what: &str,
    ) -> Result<(), String> {
        if pads.iter().all(|[before, after]| before == after) {
            return Ok(());
        }
        if self.torch {
            return Err(node.says("what Keras on PyTorch makes of its padding cannot be expressed"));
        }
        self.assumptions
            .push(node.says(format!("it is taken as TensorFlow and JAX {what}")));
        Ok(())
    }

    fn kernel_and_bias(
        &mut self,
        node: &Node,
        bias: bool,
        excerpt: &dyn Fn(&str) -> TensorSlice,
    ) -> Result<(), String> {
        let kernel = match bias {
            true => {
                let [kernel, bias] = self.weights(node)?;
                self.fill_with(node, "bias", TensorSlice::whole(bias));
                kernel
            }
            false => {
                let [kernel] = self.weights(node)?;
                kernel
            }
        };
        self.fill_with(node, "weight", excerpt(&kernel));
        Ok(())
    }

    pub(super) fn pool(&mut self, node: &Node, kind: &str) -> Result<(), String> {
        let settings: PoolSettings = node.settings()?;
        let strides = settings.strides.as_ref().unwrap_or(&settings.pool_size);
        let window = self.window(node, &settings.pool_size, strides, &ones())?;
        let has_zeros = self.at.zeros != zeros::NONE;
        if has_zeros && !self.pools_zeros(kind, settings.padding) {
            return Err(node.says("zeros around its input are not what its own padding would be"));
        }
        let (pads, sizes_out) = self.padded(node, &window, settings.padding)?;
        let dimensions = if window.line { 1 } else { 2 };
        let mut layer = json!({
            "kind": format!("{kind}{dimensions}d"),
            "window": sizes(window.kernel, window.line),
            "stride": sizes(window.stride, window.line),
            "padding": padding(pads, window.line),
        });
        if kind == "average_pool" && !has_zeros && pads != zeros::NONE {
            layer["count_padding"] = json!(false);
            self.doubt_uneven(node, pads, "leave out the padding of its means")?;
        }
        let channels = window.places.channels;
        self.push(node, layer, window.shape(sizes_out, channels));
        Ok(())
    }
}
