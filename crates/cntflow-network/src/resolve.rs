//! One layer of an architecture, resolved where it stands: what it links, the shape it gives, the tensors it takes.

use crate::plan::too_large;
use crate::{
    Activation, Axis, Conv2d, Dense, Layer, LayerKind, Links, NetworkError, Pool2d, Shape, Window,
};

/// Most rows, and most columns, of a kernel or window.
pub const MAX_KERNEL: usize = 1 << 16;

/// One layer resolved, before it joins the plan.
pub(crate) struct Resolved {
    pub(crate) kind: LayerKind,
    pub(crate) shape: Shape,
    pub(crate) activation: Option<Activation>,
    pub(crate) links: Links,
    pub(crate) kernel: Option<Vec<usize>>,
    pub(crate) bias: Option<usize>,
}

/// Where a layer stands.
pub(crate) struct Site<'a> {
    pub(crate) name: &'a str,
    pub(crate) before: Shape,
    pub(crate) flattened: bool,
}

impl Site<'_> {
    /// The layer resolved; nothing for one that only flattens.
    pub(crate) fn resolve(&self, layer: &Layer) -> Result<Option<Resolved>, NetworkError> {
        let resolved = match layer {
            Layer::Flatten => return Ok(None),
            Layer::Dense(dense) => self.dense(dense)?,
            Layer::Conv2d(convolution) => self.conv2d(convolution)?,
            Layer::MaxPool2d(pool) => self.pool(LayerKind::MaxPool2d, pool)?,
            Layer::AveragePool2d(pool) => self.pool(LayerKind::AveragePool2d, pool)?,
        };
        Ok(Some(resolved))
    }

    fn dense(&self, dense: &Dense) -> Result<Resolved, NetworkError> {
        positive(self.name, "units", &[dense.units])?;
        let (n_in, n_out) = (self.before.n_neurons(), dense.units);
        Ok(Resolved {
            kind: LayerKind::Dense,
            shape: Shape::Units(n_out),
            activation: dense.activation,
            links: Links::Dense { n_in, n_out },
            kernel: Some(vec![n_out, n_in]),
            bias: dense.bias.then_some(n_out),
        })
    }

    fn conv2d(&self, layer: &Conv2d) -> Result<Resolved, NetworkError> {
        let (channels, rows, columns) = self.places(LayerKind::Conv2d)?;
        self.check_filters(layer, channels)?;
        let window = Sliding {
            what: "kernel",
            kernel: layer.kernel,
            stride: layer.stride,
            padding: layer.padding,
            dilation: layer.dilation,
        }
        .over(self.name, self.before, [rows, columns])?;
        let [kernel_rows, kernel_columns] = layer.kernel;
        let fan_in = channels / layer.groups;
        Ok(Resolved {
            kind: LayerKind::Conv2d,
            shape: output(layer.filters, &window),
            activation: layer.activation,
            links: Links::Conv2d {
                channels,
                filters: layer.filters,
                groups: layer.groups,
                window,
            },
            kernel: Some(vec![layer.filters, fan_in, kernel_rows, kernel_columns]),
            bias: layer.bias.then_some(layer.filters),
        })
    }

    fn pool(&self, kind: LayerKind, pool: &Pool2d) -> Result<Resolved, NetworkError> {
        let (channels, rows, columns) = self.places(kind)?;
        let window = Sliding {
            what: "window",
            kernel: pool.window,
            stride: pool.stride.unwrap_or(pool.window),
            padding: pool.padding,
            dilation: [1, 1],
        }
        .over(self.name, self.before, [rows, columns])?;
        if (0..2).any(|axis| pool.padding[axis] >= pool.window[axis]) {
            return Err(NetworkError::PoolPadding {
                layer: self.name.to_owned(),
                padding: pool.padding,
                window: pool.window,
            });
        }
        let links = match kind {
            LayerKind::MaxPool2d => Links::MaxPool2d { channels, window },
            _ => Links::AveragePool2d { channels, window },
        };
        Ok(Resolved {
            kind,
            shape: output(channels, &window),
            activation: Some(Activation::Linear),
            links,
            kernel: None,
            bias: None,
        })
    }

    /// Channels, rows and columns of the layer before, which a sliding layer needs.
    fn places(&self, kind: LayerKind) -> Result<(usize, usize, usize), NetworkError> {
        match self.before {
            Shape::Places {
                channels,
                rows,
                columns,
            } if !self.flattened => Ok((channels, rows, columns)),
            before => Err(NetworkError::NotSpatial {
                layer: self.name.to_owned(),
                kind: kind.as_str(),
                input: format!("[{}]", before.n_neurons()),
            }),
        }
    }

    fn check_filters(&self, layer: &Conv2d, channels: usize) -> Result<(), NetworkError> {
        positive(self.name, "filters", &[layer.filters])?;
        positive(self.name, "groups", &[layer.groups])?;
        if layer.activation == Some(Activation::Softmax) {
            return Err(NetworkError::Softmax {
                layer: self.name.to_owned(),
                kind: LayerKind::Conv2d.as_str(),
            });
        }
        let divides = |n: usize| n.is_multiple_of(layer.groups);
        if !divides(channels) || !divides(layer.filters) {
            return Err(NetworkError::Groups {
                layer: self.name.to_owned(),
                groups: layer.groups,
                channels,
                filters: layer.filters,
            });
        }
        Ok(())
    }
}

/// A kernel or window as the architecture gives it.
struct Sliding {
    what: &'static str,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
}

impl Sliding {
    fn over(
        &self,
        name: &str,
        input: Shape,
        [rows, columns]: [usize; 2],
    ) -> Result<Window, NetworkError> {
        positive(name, self.what, &self.kernel)?;
        positive(name, "stride", &self.stride)?;
        positive(name, "dilation", &self.dilation)?;
        if self.kernel.iter().any(|&size| size > MAX_KERNEL) {
            let what = "rows or columns of a kernel or window";
            return Err(too_large(name, what, MAX_KERNEL as u64));
        }
        let axis = |axis: usize, input: usize| {
            let (kernel, stride) = (self.kernel[axis], self.stride[axis]);
            Axis::new(
                input,
                kernel,
                stride,
                self.padding[axis],
                self.dilation[axis],
            )
        };
        match (axis(0, rows), axis(1, columns)) {
            (Some(rows), Some(columns)) => Ok(Window { rows, columns }),
            _ => Err(NetworkError::DoesNotFit {
                layer: name.to_owned(),
                what: self.what,
                kernel: self.kernel,
                dilation: self.dilation,
                input: input.to_string(),
                padding: self.padding,
            }),
        }
    }
}

fn output(channels: usize, window: &Window) -> Shape {
    Shape::Places {
        channels,
        rows: window.rows.output,
        columns: window.columns.output,
    }
}

fn positive(layer: &str, what: &'static str, found: &[usize]) -> Result<(), NetworkError> {
    match found.contains(&0) {
        true => Err(NetworkError::NotPositive {
            layer: layer.to_owned(),
            what,
            found: found.to_vec(),
        }),
        false => Ok(()),
    }
}
