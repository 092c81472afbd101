//! Convolutions, their transposes, and poolings.

use super::limits::{MAX_KERNEL, too_large};
use super::{Joinable, NewLinks, NewNeurons, Plan, check_positive};
use crate::{
    Activation, Axis, Conv2d, ConvTranspose2d, LayerKind, Links, NetworkError, Padding2d, Pool2d,
    Shape, View, Window,
};

impl Plan {
    pub(super) fn conv(
        &mut self,
        layer: &Conv2d,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let [channels, rows, columns] = self.image_input(kind, name)?;
        let geometry = [channels, layer.filters, layer.groups];
        check_channels(name, kind, geometry, layer.activation)?;
        let sliding = Sliding {
            what: "kernel",
            kernel: layer.kernel,
            stride: layer.stride,
            padding: layer.padding,
            dilation: layer.dilation,
        };
        let window = sliding.over(name, self.current.shape, [rows, columns])?;
        let links = Links::Conv2d {
            channels,
            filters: layer.filters,
            groups: layer.groups,
            window,
        };
        let shape = [layer.filters, channels / layer.groups];
        let kernel = self.own_tensor(
            name,
            "weight",
            "kernel",
            kernel_shape(kind, shape, layer.kernel),
        )?;
        let bias = self.bias(layer.bias, name, layer.filters)?;
        let neurons = NewNeurons {
            name,
            kind,
            shape: spatial(layer.filters, window.rows.output, window.columns.output),
            activation: layer.activation,
        };
        self.push_layer(neurons, NewLinks::new(name, links, Some(kernel), bias))
    }

    pub(super) fn conv_transpose(
        &mut self,
        layer: &ConvTranspose2d,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let [channels, rows, columns] = self.image_input(kind, name)?;
        let geometry = [channels, layer.filters, layer.groups];
        check_channels(name, kind, geometry, layer.activation)?;
        let window = transposed_window(name, layer, self.current.shape, [rows, columns])?;
        let links = Links::ConvTranspose2d {
            channels,
            filters: layer.filters,
            groups: layer.groups,
            window,
        };
        let shape = [channels, layer.filters / layer.groups];
        let kernel = self.own_tensor(
            name,
            "weight",
            "kernel",
            kernel_shape(kind, shape, layer.kernel),
        )?;
        let bias = self.bias(layer.bias, name, layer.filters)?;
        let neurons = NewNeurons {
            name,
            kind,
            shape: spatial(layer.filters, window.rows.input, window.columns.input),
            activation: layer.activation,
        };
        self.push_layer(neurons, NewLinks::new(name, links, Some(kernel), bias))
    }

    pub(super) fn pool(
        &mut self,
        pool: &Pool2d,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let [channels, rows, columns] = self.image_input(kind, name)?;
        let sliding = Sliding {
            what: "window",
            kernel: pool.window,
            stride: pool.stride.unwrap_or(pool.window),
            padding: pool.padding,
            dilation: [1, 1],
        };
        let mut window = sliding.over(name, self.current.shape, [rows, columns])?;
        if may_see_only_padding(pool) {
            return Err(NetworkError::PoolPadding {
                layer: name.to_owned(),
                padding: pool.padding.to_string(),
                window: pool.window,
            });
        }
        if pool.ceil_mode {
            window.rows = window.rows.rounded_up(pool.padding.rows.after);
            window.columns = window.columns.rounded_up(pool.padding.columns.after);
        }
        let links = match kind {
            LayerKind::MaxPool1d | LayerKind::MaxPool2d => Links::MaxPool2d { channels, window },
            _ => Links::AveragePool2d {
                channels,
                window,
                counted: counted(pool, window),
            },
        };
        let shape = spatial(channels, window.rows.output, window.columns.output);
        self.pooled(links, shape, kind, name)
    }

    pub(super) fn adaptive(
        &mut self,
        output: [usize; 2],
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let [channels, rows, columns] = self.image_input(kind, name)?;
        check_positive(name, "output", &output)?;
        let max = matches!(
            kind,
            LayerKind::AdaptiveMaxPool1d | LayerKind::AdaptiveMaxPool2d | LayerKind::GlobalMaxPool
        );
        let links = Links::AdaptivePool {
            max,
            channels,
            input: [rows, columns],
            output,
        };
        let shape = match kind {
            LayerKind::GlobalMaxPool | LayerKind::GlobalAveragePool => Shape::Units(channels),
            _ => spatial(channels, output[0], output[1]),
        };
        self.pooled(links, shape, kind, name)
    }

    fn pooled(
        &mut self,
        links: Links,
        shape: Shape,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let neurons = NewNeurons {
            name,
            kind,
            shape,
            activation: Some(Activation::Linear),
        };
        self.push_layer(neurons, NewLinks::new(name, links, None, None))?;
        // A pooling has no bias or weights to add to: an addition makes a layer of its own.
        self.joinable = Joinable::Activation;
        Ok(())
    }

    /// Channels, rows and columns of the current output, which convolutions and poolings need.
    fn image_input(&self, kind: LayerKind, name: &str) -> Result<[usize; 3], NetworkError> {
        match (self.current.shape, self.current.view) {
            (
                Shape::Spatial {
                    channels,
                    rows,
                    columns,
                },
                View::Same,
            ) => Ok([channels, rows, columns]),
            (shape, _) => Err(NetworkError::NotSpatial {
                layer: name.to_owned(),
                kind: kind.as_str(),
                input: shape.to_string(),
            }),
        }
    }
}

fn spatial(channels: usize, rows: usize, columns: usize) -> Shape {
    Shape::Spatial {
        channels,
        rows,
        columns,
    }
}

/// Shape of a kernel tensor; one-dimensional kernels have no rows.
fn kernel_shape(kind: LayerKind, channels: [usize; 2], [rows, columns]: [usize; 2]) -> Vec<usize> {
    match kind {
        LayerKind::Conv1d | LayerKind::ConvTranspose1d => vec![channels[0], channels[1], columns],
        _ => vec![channels[0], channels[1], rows, columns],
    }
}

fn check_channels(
    name: &str,
    kind: LayerKind,
    [channels, filters, groups]: [usize; 3],
    activation: Option<Activation>,
) -> Result<(), NetworkError> {
    check_positive(name, "filters", &[filters])?;
    check_positive(name, "groups", &[groups])?;
    if activation == Some(Activation::Softmax) {
        return Err(NetworkError::Softmax {
            layer: name.to_owned(),
            kind: kind.as_str(),
        });
    }
    if !channels.is_multiple_of(groups) || !filters.is_multiple_of(groups) {
        return Err(NetworkError::Groups {
            layer: name.to_owned(),
            groups,
            channels,
            filters,
        });
    }
    Ok(())
}

/// Whether a window may see nothing but padding.
fn may_see_only_padding(pool: &Pool2d) -> bool {
    let mut axes = pool.padding.axes().into_iter().zip(pool.window);
    axes.any(|(padding, window)| padding.before.max(padding.after) >= window)
}

/// The windows of an average pooling over the positions that the mean counts.
fn counted(pool: &Pool2d, window: Window) -> Window {
    if pool.count_padding {
        Window {
            rows: window.rows.with_padding_as_input(pool.padding.rows.after),
            columns: window
                .columns
                .with_padding_as_input(pool.padding.columns.after),
        }
    } else {
        window
    }
}

/// A kernel or window, as the architecture has it.
struct Sliding {
    what: &'static str,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding2d,
    dilation: [usize; 2],
}

impl Sliding {
    /// The window over an input with these numbers of rows and columns.
    fn over(&self, name: &str, input: Shape, sizes: [usize; 2]) -> Result<Window, NetworkError> {
        check_positive(name, self.what, &self.kernel)?;
        check_positive(name, "stride", &self.stride)?;
        check_positive(name, "dilation", &self.dilation)?;
        if self.kernel.iter().any(|&size| size > MAX_KERNEL) {
            let what = "rows or columns of a kernel or window";
            return Err(too_large(name, what, MAX_KERNEL as u64));
        }
        let padding = self.padding.axes();
        let [rows, columns] = [0, 1].map(|axis| {
            Axis::new(
                sizes[axis],
                self.kernel[axis],
                self.stride[axis],
                padding[axis],
                self.dilation[axis],
            )
        });
        match (rows, columns) {
            (Some(rows), Some(columns)) => Ok(Window { rows, columns }),
            _ => Err(NetworkError::DoesNotFit {
                layer: name.to_owned(),
                what: self.what,
                kernel: self.kernel,
                dilation: self.dilation,
                input: input.to_string(),
                padding: self.padding.to_string(),
            }),
        }
    }
}

/// The window of a transposed convolution: that of the convolution that it transposes, whose input
/// is this layer's output.
fn transposed_window(
    name: &str,
    layer: &ConvTranspose2d,
    input: Shape,
    sizes: [usize; 2],
) -> Result<Window, NetworkError> {
    check_positive(name, "kernel", &layer.kernel)?;
    check_positive(name, "stride", &layer.stride)?;
    let does_not_fit = || NetworkError::OutputPadding {
        layer: name.to_owned(),
        kernel: layer.kernel,
        padding: layer.padding.to_string(),
        output_padding: layer.output_padding,
        input: input.to_string(),
    };
    let padding = layer.padding.axes();
    // `(n - 1) stride + dilation (kernel - 1) + output_padding + 1 - padding`, without overflow.
    let size = |axis: usize| {
        let step = (sizes[axis] - 1).checked_mul(layer.stride[axis])?;
        let reach = (layer.kernel[axis] - 1).checked_mul(layer.dilation[axis])?;
        let grown = step
            .checked_add(reach)?
            .checked_add(layer.output_padding[axis])?;
        grown
            .checked_add(1)?
            .checked_sub(padding[axis].before.checked_add(padding[axis].after)?)
    };
    let outputs = [size(0), size(1)].map(|size| size.filter(|&size| size > 0));
    let [Some(rows), Some(columns)] = outputs else {
        return Err(does_not_fit());
    };
    let sliding = Sliding {
        what: "kernel",
        kernel: layer.kernel,
        stride: layer.stride,
        padding: layer.padding,
        dilation: layer.dilation,
    };
    let window = sliding.over(name, input, [rows, columns])?;
    // The convolution back must give this input, or the output padding is more than the stride
    // allows.
    let fits = [window.rows.output, window.columns.output] == sizes;
    if fits {
        Ok(window)
    } else {
        Err(does_not_fit())
    }
}
