//! Convolutions, their transposes, and pooling.

use cntflow_formats::onnx::node::Node;
use cntflow_network::{
    Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d, GlobalPool, Layer, Pool1d, Pool2d,
};

use super::axes::{Axis, checked_size};
use super::flow::Flow;
use super::translator::Translator;
use super::weight::Weight;
use super::window::{SlidingInput, SlidingWindow, axes_of_channels, columns, rows_and_columns};
use crate::error::{Translated, unsupported};

/// Largest output padding that is read: far more than is reasonable, but too little for any size to
/// overflow.
const MAX_OUTPUT_PADDING: i64 = 1 << 16;

/// A convolution whose sizes have been read and checked.
struct Convolution<'a> {
    flow: Flow,
    input: SlidingInput,
    kernel: Weight<'a>,
    bias: Option<Weight<'a>>,
    window: SlidingWindow,
    groups: i64,
    /// The first two sizes of the kernel: filters, and channels per group; of a transposed
    /// convolution channels, and filters per group.
    leading: [i64; 2],
}

impl<'a> Translator<'_, 'a> {
    fn read_convolution(&self, node: &Node<'a>) -> Translated<Convolution<'a>> {
        let flow = self.flow(node, 0)?;
        let kernel = self.weight(node, 1)?;
        let input = SlidingInput::of(&flow.axes)?;
        if kernel.shape.len() != input.sizes.len() + 2 {
            return Err(unsupported(format!(
                "its kernel has shape {:?}, its data {:?}",
                kernel.shape, flow.axes
            )));
        }
        let groups = checked_size("its group", node.int("group").unwrap_or(1))?;
        let size = |&size: &usize| i64::try_from(size).unwrap_or(-1);
        let window = kernel.shape[2..].iter().map(size).collect();
        Ok(Convolution {
            window: SlidingWindow::of(node, window, &input.sizes)?,
            leading: [size(&kernel.shape[0]), size(&kernel.shape[1])],
            bias: self.optional_weight(node, 2)?,
            flow,
            input,
            kernel,
            groups,
        })
    }

    /// Continues from the convolution's input, and sets the recipes of its tensors; gives its name.
    fn enter_convolution(
        &mut self,
        node: &Node<'a>,
        convolution: &Convolution<'a>,
    ) -> Translated<String> {
        let bias = convolution.bias.as_ref();
        let names = [convolution.kernel.name(), bias.map_or("", Weight::name)];
        self.continue_from(&convolution.flow);
        let name = self.layer_name(&names, node);
        self.set_weight(format!("{name}.weight"), &convolution.kernel)?;
        if let Some(bias) = bias {
            self.set_weight(format!("{name}.bias"), bias)?;
        }
        Ok(name)
    }

    /// A convolution of a kernel `[filters, channels / groups, ...]`.
    pub(super) fn convolution(&mut self, node: &Node<'a>) -> Translated<()> {
        let convolution = self.read_convolution(node)?;
        let [filters, per_group] = convolution.leading;
        let groups = convolution.groups;
        checked_size("the number of its filters", filters)?;
        check_channels(per_group.saturating_mul(groups), convolution.input.channels)?;
        let window = &convolution.window;
        let sizes = convolution.input.sizes.iter().enumerate();
        let sizes = sizes.map(|(axis, &size)| window.output(axis, size));
        let sizes = sizes.collect::<Translated<Vec<i64>>>()?;
        let name = self.enter_convolution(node, &convolution)?;
        let bias = convolution.bias.is_some();
        self.builder
            .add_layer(match rows_and_columns(&window.kernel) {
                None => Layer::Conv1d(Conv1d {
                    name,
                    filters: filters as usize,
                    kernel: columns(&window.kernel),
                    stride: columns(&window.stride),
                    padding: window.sides(0).into(),
                    dilation: columns(&window.dilation),
                    groups: groups as usize,
                    bias,
                    activation: None,
                }),
                Some(kernel) => Layer::Conv2d(Conv2d {
                    name,
                    filters: filters as usize,
                    kernel,
                    stride: rows_and_columns(&window.stride).unwrap_or([1, 1]),
                    padding: [window.sides(0), window.sides(1)].into(),
                    dilation: rows_and_columns(&window.dilation).unwrap_or([1, 1]),
                    groups: groups as usize,
                    bias,
                    activation: None,
                }),
            });
        self.set_layer_output(node, axes_of_channels(filters, &sizes));
        Ok(())
    }

    /// A transposed convolution of a kernel `[channels, filters / groups, ...]`.
    pub(super) fn transposed_convolution(&mut self, node: &Node<'a>) -> Translated<()> {
        let convolution = self.read_convolution(node)?;
        let [channels, per_group] = convolution.leading;
        let groups = convolution.groups;
        let filters = per_group.saturating_mul(groups);
        checked_size("the number of its filters", filters)?;
        check_channels(channels, convolution.input.channels)?;
        let window = &convolution.window;
        let output_padding = output_padding(node, convolution.input.sizes.len())?;
        let sizes = convolution.input.sizes.iter().zip(&output_padding);
        let sizes = sizes
            .enumerate()
            .map(|(axis, (&size, &added))| window.transposed_output(axis, size, added));
        let sizes = sizes.collect::<Translated<Vec<i64>>>()?;
        let name = self.enter_convolution(node, &convolution)?;
        let bias = convolution.bias.is_some();
        self.builder
            .add_layer(match rows_and_columns(&window.kernel) {
                None => Layer::ConvTranspose1d(ConvTranspose1d {
                    name,
                    filters: filters as usize,
                    kernel: columns(&window.kernel),
                    stride: columns(&window.stride),
                    padding: window.sides(0).into(),
                    output_padding: columns(&output_padding),
                    dilation: columns(&window.dilation),
                    groups: groups as usize,
                    bias,
                    activation: None,
                }),
                Some(kernel) => Layer::ConvTranspose2d(ConvTranspose2d {
                    name,
                    filters: filters as usize,
                    kernel,
                    stride: rows_and_columns(&window.stride).unwrap_or([1, 1]),
                    padding: [window.sides(0), window.sides(1)].into(),
                    output_padding: rows_and_columns(&output_padding).unwrap_or([0, 0]),
                    dilation: rows_and_columns(&window.dilation).unwrap_or([1, 1]),
                    groups: groups as usize,
                    bias,
                    activation: None,
                }),
            });
        self.set_layer_output(node, axes_of_channels(filters, &sizes));
        Ok(())
    }

    pub(super) fn max_pool(&mut self, node: &Node<'a>) -> Translated<()> {
        self.pool(node, Layer::MaxPool1d, Layer::MaxPool2d)
    }

    pub(super) fn average_pool(&mut self, node: &Node<'a>) -> Translated<()> {
        self.pool(node, Layer::AveragePool1d, Layer::AveragePool2d)
    }

    fn pool(
        &mut self,
        node: &Node<'a>,
        layer_1d: fn(Pool1d) -> Layer,
        layer_2d: fn(Pool2d) -> Layer,
    ) -> Translated<()> {
        let flow = self.flow(node, 0)?;
        let SlidingInput { channels, sizes } = SlidingInput::of(&flow.axes)?;
        let kernel = node.ints("kernel_shape").unwrap_or_default();
        if kernel.len() != sizes.len() {
            return Err(unsupported(format!(
                "its window is {kernel:?}, its data {:?}",
                flow.axes
            )));
        }
        let window = SlidingWindow::of(node, kernel, &sizes)?;
        check_pool(node, &window, &sizes)?;
        let outputs = sizes.iter().enumerate();
        let outputs = outputs.map(|(axis, &size)| window.output(axis, size));
        let outputs = outputs.collect::<Translated<Vec<i64>>>()?;
        self.continue_from(&flow);
        self.builder
            .add_layer(match rows_and_columns(&window.kernel) {
                None => layer_1d(Pool1d {
                    name: String::new(),
                    window: columns(&window.kernel),
                    stride: Some(columns(&window.stride)),
                    padding: window.sides(0).into(),
                    count_padding: true,
                    ceil_mode: false,
                }),
                Some(kernel) => layer_2d(Pool2d {
                    name: String::new(),
                    window: kernel,
                    stride: rows_and_columns(&window.stride),
                    padding: [window.sides(0), window.sides(1)].into(),
                    count_padding: true,
                    ceil_mode: false,
                }),
            });
        self.set_layer_output(node, axes_of_channels(channels, &outputs));
        Ok(())
    }

    /// `GlobalAveragePool` or `GlobalMaxPool`.
    pub(super) fn global_pool(&mut self, node: &Node<'a>) -> Translated<()> {
        let flow = self.flow(node, 0)?;
        let SlidingInput { channels, sizes } = SlidingInput::of(&flow.axes)?;
        self.continue_from(&flow);
        let pool = GlobalPool::default();
        self.builder.add_layer(if node.operator == "GlobalMaxPool" {
            Layer::GlobalMaxPool(pool)
        } else {
            Layer::GlobalAveragePool(pool)
        });
        let mut axes = vec![Axis::Batch, Axis::Channels(channels)];
        axes.extend(sizes.iter().map(|_| Axis::One));
        self.set_layer_output(node, axes);
        Ok(())
    }
}

fn check_channels(taken: i64, given: i64) -> Translated<()> {
    if taken != given {
        return Err(unsupported(format!(
            "its kernel takes {taken} channels, the data has {given}"
        )));
    }
    Ok(())
}

/// Places that a transposed convolution adds at the end of `n` axes.
fn output_padding(node: &Node<'_>, n: usize) -> Translated<Vec<i64>> {
    let has_auto_pad = node.text("auto_pad").unwrap_or("NOTSET") != "NOTSET";
    if node.ints("output_shape").is_some() || has_auto_pad {
        return Err(unsupported(
            "its padding is given by output_shape or auto_pad, which is not read",
        ));
    }
    let added = node.ints("output_padding").unwrap_or_else(|| vec![0; n]);
    let is_in_range = |added: &i64| (0..MAX_OUTPUT_PADDING).contains(added);
    if added.len() != n || !added.iter().all(is_in_range) {
        return Err(unsupported(format!("its output_padding is {added:?}")));
    }
    Ok(added)
}

/// Checks that a pooling does what those of architectures do.
fn check_pool(node: &Node<'_>, window: &SlidingWindow, sizes: &[i64]) -> Translated<()> {
    if window.dilation.iter().any(|&dilation| dilation != 1) {
        return Err(unsupported(format!(
            "its dilations are {:?}",
            window.dilation
        )));
    }
    let is_padded = window.padding.iter().any(|&sides| sides != [0, 0]);
    let counts_padding = node.int("count_include_pad").unwrap_or(0) != 0;
    if node.operator == "AveragePool" && is_padded && !counts_padding {
        return Err(unsupported("its means do not count the padding"));
    }
    // Rounding sizes up changes nothing where no places are left over.
    if node.int("ceil_mode").unwrap_or(0) != 0 {
        for (axis, &size) in sizes.iter().enumerate() {
            window.output(axis, size)?;
            let [before, after] = window.padding[axis];
            let rest = (size + before + after - window.kernel[axis]) % window.stride[axis];
            if rest != 0 {
                return Err(unsupported("its last windows go beyond the data"));
            }
        }
    }
    Ok(())
}
