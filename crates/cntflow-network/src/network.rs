//! A graph with its weights: f32 slices, owned or borrowed (from a mapped file, for example).

use std::borrow::Cow;

use crate::{
    Architecture, Graph, LinkLayer, Links, NetworkError, NeuronLayer, Norms, TensorSlice,
    TensorSpec,
};

/// A tensor for a [`Network`]: its shape and its values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, the last dimension fastest.
    pub values: Cow<'a, [f32]>,
}

impl<'a> Tensor<'a> {
    /// A tensor that borrows its values; nothing is copied.
    pub fn borrowed(shape: &[usize], values: &'a [f32]) -> Self {
        Self {
            shape: shape.to_vec(),
            values: Cow::Borrowed(values),
        }
    }

    /// A tensor that owns its values.
    pub fn owned(shape: &[usize], values: Vec<f32>) -> Self {
        Self {
            shape: shape.to_vec(),
            values: Cow::Owned(values),
        }
    }

    /// Checks the tensor against what the architecture expects.
    fn check(&self, spec: &TensorSpec) -> Result<(), NetworkError> {
        let without_ones = |shape: &[usize]| -> Vec<usize> {
            shape.iter().copied().filter(|&size| size != 1).collect()
        };
        let same_shape = if spec.ignore_unit_dimensions {
            without_ones(&self.shape) == without_ones(&spec.shape)
        } else {
            self.shape == spec.shape
        };
        if !same_shape {
            return Err(NetworkError::TensorShape {
                tensor: spec.name.clone(),
                expected: spec.shape.clone(),
                found: self.shape.clone(),
            });
        }
        if self.values.len() != spec.n_values() {
            return Err(NetworkError::TensorLength {
                tensor: spec.name.clone(),
                shape: spec.shape.clone(),
                expected: spec.n_values(),
                found: self.values.len(),
            });
        }
        Ok(())
    }
}

/// Kernel and bias of one layer of links: f32 as they were given, f64 if a norm is folded into
/// them.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkWeights<'a> {
    /// The kernel, row-major:
    ///
    /// - `[n_out, n_in]` for a dense layer or a gate,
    /// - `[filters, channels / groups, rows, columns]` for a convolution,
    /// - `[channels, filters / groups, rows, columns]` for a transposed convolution,
    /// - `[channels]` for a norm,
    /// - `[tokens, units]` for an embedding,
    /// - `None` for poolings, residual additions and constants.
    pub kernel: Option<Weights<'a>>,
    /// The bias: one for each unit or filter; `[n, units]` for constants.
    pub bias: Option<Weights<'a>>,
}

/// Weights in one of two precisions.
#[derive(Clone, Debug, PartialEq)]
pub enum Weights<'a> {
    /// As they were given.
    Single(&'a [f32]),
    /// Scaled or shifted by a norm.
    Double(Vec<f64>),
}

impl Weights<'_> {
    /// Number of weights.
    pub fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Double(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The weights, widened exactly.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::Single(values) => values.iter().map(|&x| f64::from(x)).collect(),
            Self::Double(values) => values.clone(),
        }
    }
}

/// A network: an architecture, the graph it resolves to, and the weights.
#[derive(Clone, Debug)]
pub struct Network<'a> {
    architecture: Architecture,
    graph: Graph,
    tensors: Vec<Cow<'a, [f32]>>,
}

impl<'a> Network<'a> {
    /// Makes a network of an architecture. `tensor` is called once for the name of each tensor.
    /// Values may be NaN or infinite. Norms are folded into the links before them if possible; see
    /// [`Network::with_separate_norms`].
    ///
    /// # Errors
    /// The architecture makes no graph ([`Graph::new`]); a tensor is missing, or its shape or
    /// number of values is not the one that the architecture expects.
    pub fn new(
        architecture: Architecture,
        mut tensor: impl FnMut(&str) -> Option<Tensor<'a>>,
    ) -> Result<Self, NetworkError> {
        let graph = Graph::new(&architecture, Norms::Folded)?;
        let tensors = graph.tensors().iter().map(|spec| match tensor(&spec.name) {
            Some(tensor) => tensor.check(spec).map(|()| tensor.values),
            None => Err(NetworkError::MissingTensor {
                tensor: spec.name.clone(),
                expected: spec.shape.clone(),
            }),
        });
        let tensors = tensors.collect::<Result<_, NetworkError>>()?;
        Ok(Self {
            architecture,
            graph,
            tensors,
        })
    }

    /// The same network with each norm a layer of its own. It borrows the weights.
    ///
    /// # Errors
    /// With the norms there are more neurons than [`MAX_NEURONS`](crate::MAX_NEURONS).
    pub fn with_separate_norms(&self) -> Result<Network<'_>, NetworkError> {
        let graph = Graph::new(&self.architecture, Norms::Separate)?;
        Ok(Network {
            architecture: self.architecture.clone(),
            graph,
            tensors: self.borrowed_tensors(),
        })
    }

    /// The same architecture with other tensors of the same shapes.
    pub(crate) fn with_tensors<'b>(&self, tensors: Vec<Cow<'b, [f32]>>) -> Network<'b> {
        Network {
            architecture: self.architecture.clone(),
            graph: self.graph.clone(),
            tensors,
        }
    }

    /// The values of all tensors, not copied.
    pub(crate) fn borrowed_tensors(&self) -> Vec<Cow<'_, [f32]>> {
        let tensors = self.tensors.iter();
        tensors.map(|values| Cow::Borrowed(&**values)).collect()
    }

    /// The architecture as it was given.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The layers of links, in the order of the layers that they lead to.
    pub fn links(&self) -> &[LinkLayer] {
        &self.graph.links
    }

    /// The layers of neurons, from `l = 0` to L.
    pub fn neurons(&self) -> &[NeuronLayer] {
        &self.graph.neurons
    }

    /// The weights of a layer of links. Weights with a folded norm are computed at each call, in
    /// f64.
    pub fn weights(&self, links: &LinkLayer) -> LinkWeights<'_> {
        let kernel = links.kernel.as_ref().map(|slice| self.slice(slice));
        let bias = links.bias.as_ref().map(|slice| self.slice(slice));
        match &links.norm {
            None => LinkWeights {
                kernel: kernel.map(Weights::Single),
                bias: bias.map(Weights::Single),
            },
            Some(norm) => {
                let scale_and_shift = norm.scale_and_shift(&self.tensors);
                fold_norm(
                    &links.links,
                    kernel,
                    bias,
                    scale_and_shift,
                    norm.has_shift(),
                )
            }
        }
    }

    /// Weights as they were given, without a folded norm; empty if there is no tensor.
    pub(crate) fn unfolded(&self, slice: Option<&TensorSlice>) -> &[f32] {
        slice.map_or(&[], |slice| self.slice(slice))
    }

    fn slice(&self, slice: &TensorSlice) -> &[f32] {
        &self.tensors[slice.tensor][slice.first..][..slice.n_values()]
    }

    /// The values of a tensor, by its index in [`Graph::tensors`].
    pub(crate) fn tensor(&self, index: usize) -> &[f32] {
        &self.tensors[index]
    }

    pub(crate) fn tensors(&self) -> &[Cow<'a, [f32]>] {
        &self.tensors
    }

    /// Number of parameters: the values of all tensors except running means and variances.
    pub fn n_parameters(&self) -> u64 {
        let trained = self.parameters().filter(|(spec, _)| !spec.buffer);
        trained.map(|(_, values)| values.len() as u64).sum()
    }

    /// All tensors of the network with their values, running means and variances included.
    pub fn parameters(&self) -> impl Iterator<Item = (&TensorSpec, &[f32])> {
        let values = self.tensors.iter().map(|values| &**values);
        self.graph.tensors.iter().zip(values)
    }
}

/// Folds a norm into weights: the kernel is scaled filter by filter, the bias scaled and shifted.
/// Without a kernel, the scale becomes the kernel.
fn fold_norm(
    links: &Links,
    kernel: Option<&[f32]>,
    bias: Option<&[f32]>,
    [scale, mut shift]: [Vec<f64>; 2],
    norm_has_shift: bool,
) -> LinkWeights<'static> {
    if let Some(bias) = bias {
        for (shift, (scale, &b)) in shift.iter_mut().zip(scale.iter().zip(bias)) {
            *shift += scale * f64::from(b);
        }
    }
    let has_bias = norm_has_shift || bias.is_some();
    let scaled_kernel = kernel.map(|kernel| {
        let per_filter = kernel.len() / scale.len();
        let weights = kernel.iter().enumerate();
        weights
            .map(|(index, &w)| scale[filter_of(links, index, per_filter)] * f64::from(w))
            .collect()
    });
    LinkWeights {
        kernel: Some(Weights::Double(scaled_kernel.unwrap_or(scale))),
        bias: has_bias.then_some(Weights::Double(shift)),
    }
}

/// The filter or unit that the entry of a kernel at `index` leads to; `per_filter` entries lead to
/// each.
fn filter_of(links: &Links, index: usize, per_filter: usize) -> usize {
    match *links {
        Links::ConvTranspose2d {
            channels,
            filters,
            groups,
            window,
        } => {
            // Rows of `[channels, filters / groups]`: the channel's group, then the filter within
            // it.
            let (filters_per_group, row) = (filters / groups, index / window.taps());
            let group = row / filters_per_group / (channels / groups);
            group * filters_per_group + row % filters_per_group
        }
        _ => index / per_filter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(shape: &[usize], values: &[f32]) -> String {
        let json = r#"{"input": [2], "layers": [{"kind": "dense", "units": 3, "bias": false}]}"#;
        let architecture = serde_json::from_str(json).unwrap();
        let tensor = Tensor::borrowed(shape, values);
        let network = Network::new(architecture, |name| {
            (name == "layer0.weight" && !shape.is_empty()).then(|| tensor.clone())
        });
        network.map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn tensors_that_do_not_fit_are_named_with_both_shapes() {
        assert_eq!(message(&[3, 2], &[0.0; 6]), "");
        assert_eq!(
            message(&[2, 3], &[0.0; 6]),
            "tensor layer0.weight has shape [2, 3], the architecture expects [3, 2]"
        );
        assert_eq!(
            message(&[3, 2], &[0.0; 5]),
            "tensor layer0.weight [3, 2] holds 5 values, expected 6"
        );
        assert_eq!(message(&[], &[]), "tensor layer0.weight [3, 2] is missing");
    }

    #[test]
    fn borrowed_values_are_not_copied() {
        let values = vec![1.0_f32; 6];
        let json = r#"{"input": [2], "layers": [{"kind": "dense", "units": 3, "bias": false}]}"#;
        let architecture = serde_json::from_str(json).unwrap();
        let tensor = |_: &str| Some(Tensor::borrowed(&[3, 2], &values));
        let network = Network::new(architecture, tensor).unwrap();
        let weights = network.weights(&network.links()[0]);
        assert_eq!(weights.kernel, Some(Weights::Single(&values)));
        assert_eq!(network.tensor(0).as_ptr(), values.as_ptr());
    }
}
