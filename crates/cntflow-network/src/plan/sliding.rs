//! Convolutions, their transposes, and poolings.

use super::limits::{MAX_KERNEL, too_large};
use super::{Made, Open, Part, Plan, positive};
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
        let [channels, rows, columns] = self.places(kind, name)?;
        let geometry = [channels, layer.filters, layer.groups];
        check_channels(name, kind, geometry, layer.activation)?;
        let sliding = Sliding {
            what: "kernel",
            kernel: layer.kernel,
            stride: layer.stride,
            padding: layer.padding,
            dilation: layer.dilation,
        };
        let window = sliding.over(name, self.at.shape, [rows, columns])?;
        let links = Links::Conv2d {
            channels,
            filters: layer.filters,
            groups: layer.groups,
            window,
        };
        let shape = [layer.filters, channels / layer.groups];
        let kernel = self.tensor(name, "weight", "kernel", kernel(kind, shape, layer.kernel))?;
        let bias = self.bias(layer.bias, name, layer.filters)?;
        let made = Made {
            name,
            kind,
            shape: places(layer.filters, window.rows.output, window.columns.output),
            activation: layer.activation,
        };
        self.make(made, Part::of(name, links, Some(kernel), bias))
    }

    pub(super) fn conv_transpose(
        &mut self,
        layer: &ConvTranspose2d,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let [channels, rows, columns] = self.places(kind, name)?;
        let geometry = [channels, layer.filters, layer.groups];
        check_channels(name, kind, geometry, layer.activation)?;
        let window = transposed(name, layer, self.at.shape, [rows, columns])?;
        let links = Links::ConvTranspose2d {
            channels,
            filters: layer.filters,
            groups: layer.groups,
            window,
        };
        let shape = [channels, layer.filters / layer.groups];
        let kernel = self.tensor(name, "weight", "kernel", kernel(kind, shape, layer.kernel))?;
        let bias = self.bias(layer.bias, name, layer.filters)?;
        let made = Made {
            name,
            kind,
            shape: places(layer.filters, window.rows.input, window.columns.input),
            activation: layer.activation,
        };
        self.make(made, Part::of(name, links, Some(kernel), bias))
    }

    pub(super) fn pool(
        &mut self,
        pool: &Pool2d,
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let [channels, rows, columns] = self.places(kind, name)?;
        let sliding = Sliding {
            what: "window",
            kernel: pool.window,
            stride: pool.stride.unwrap_or(pool.window),
            padding: pool.padding,
            dilation: [1, 1],
        };
        let mut window = sliding.over(name, self.at.shape, [rows, columns])?;
        if pads_whole_windows(pool) {
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
        let shape = places(channels, window.rows.output, window.columns.output);
        self.pooled(links, shape, kind, name)
    }

    pub(super) fn adaptive(
        &mut self,
        output: [usize; 2],
        kind: LayerKind,
        name: &str,
    ) -> Result<(), NetworkError> {
        let [channels, rows, columns] = self.places(kind, name)?;
        positive(name, "output", &output)?;
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
            _ => places(channels, output[0], output[1]),
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
        let made = Made {
            name,
            kind,
            shape,
            activation: Some(Activation::Linear),
        };
        self.make(made, Part::of(name, links, None, None))?;
        // What is added to a pooling is a sum of its own.
        self.open = Open::Activation;
        Ok(())
    }

    /// Channels, rows and columns of what the next layer takes, which a sliding layer needs.
    fn places(&self, kind: LayerKind, name: &str) -> Result<[usize; 3], NetworkError> {
        match (self.at.shape, self.at.view) {
            (
                Shape::Places {
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

fn places(channels: usize, rows: usize, columns: usize) -> Shape {
    Shape::Places {
        channels,
        rows,
        columns,
    }
}

fn kernel(kind: LayerKind, channels: [usize; 2], [rows, columns]: [usize; 2]) -> Vec<usize> {
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
    positive(name, "filters", &[filters])?;
    positive(name, "groups", &[groups])?;
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
fn pads_whole_windows(pool: &Pool2d) -> bool {
    let mut axes = pool.padding.axes().into_iter().zip(pool.window);
    axes.any(|(padding, window)| padding.before.max(padding.after) >= window)
}

/// The windows of an average pooling over the places that the mean counts.
fn counted(pool: &Pool2d, window: Window) -> Window {
    match pool.count_padding {
        true => Window {
            rows: window.rows.with_padding_real(pool.padding.rows.after),
            columns: window.columns.with_padding_real(pool.padding.columns.after),
        },
        false => window,
    }
}

/// A kernel or window as the architecture gives it.
struct Sliding {
    what: &'static str,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding2d,
    dilation: [usize; 2],
}

impl Sliding {
    fn over(&self, name: &str, input: Shape, sizes: [usize; 2]) -> Result<Window, NetworkError> {
        positive(name, self.what, &self.kernel)?;
        positive(name, "stride", &self.stride)?;
        positive(name, "dilation", &self.dilation)?;
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

/// The window of the convolution the other way, whose input is this layer's output.
fn transposed(
    name: &str,
    layer: &ConvTranspose2d,
    input: Shape,
    sizes: [usize; 2],
) -> Result<Window, NetworkError> {
    positive(name, "kernel", &layer.kernel)?;
    positive(name, "stride", &layer.stride)?;
    let does_not_fit = || NetworkError::OutputPadding {
        layer: name.to_owned(),
        kernel: layer.kernel,
        padding: layer.padding.to_string(),
        output_padding: layer.output_padding,
        input: input.to_string(),
    };
    let padding = layer.padding.axes();
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
    let fits = [window.rows.output, window.columns.output] == sizes;
    if fits {
        Ok(window)
    } else {
        Err(does_not_fit())
    }
}
