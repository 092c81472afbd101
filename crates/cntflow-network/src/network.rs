//! A graph with its weights: f32 slices borrowed from wherever they lie (a mapped file, say), or owned.

use std::borrow::Cow;

use crate::{
    Architecture, Graph, LinkLayer, Links, NetworkError, NeuronLayer, Norms, TensorSlice,
    TensorSpec,
};

/// A tensor handed to a [`Network`]: its shape and its values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, the last dimension fastest.
    pub values: Cow<'a, [f32]>,
}

impl<'a> Tensor<'a> {
    /// A tensor whose values lie elsewhere; nothing is copied.
    pub fn borrowed(shape: &[usize], values: &'a [f32]) -> Self {
        Self {
            shape: shape.to_vec(),
            values: Cow::Borrowed(values),
        }
    }

    /// A tensor that holds its values.
    pub fn owned(shape: &[usize], values: Vec<f32>) -> Self {
        Self {
            shape: shape.to_vec(),
            values: Cow::Owned(values),
        }
    }

    /// Checks the tensor against what the architecture expects.
    fn fits(&self, spec: &TensorSpec) -> Result<(), NetworkError> {
        let without_ones = |shape: &[usize]| -> Vec<usize> {
            shape.iter().copied().filter(|&size| size != 1).collect()
        };
        let same = match spec.loose {
            true => without_ones(&self.shape) == without_ones(&spec.shape),
            false => self.shape == spec.shape,
        };
        if !same {
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

/// Kernel and bias of one layer of links, in the precision they have in its graph: f32 as they were given, f64 where a norm is
/// folded into them.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkWeights<'a> {
    /// The kernel, row-major: `[n_out, n_in]` of a dense layer or a gate, `[filters, channels / groups, rows, columns]` of a
    /// convolution, `[channels, filters / groups, rows, columns]` of a transposed one, `[channels]` of a norm,
    /// `[tokens, units]` of an embedding; `None` of poolings, residual additions and constants.
    pub kernel: Option<Weights<'a>>,
    /// The bias: one for each unit or filter, `[n, units]` of constants.
    pub bias: Option<Weights<'a>>,
}

/// Weights.
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
    /// Fills an architecture with tensors, each asked for by name, once. Values may be anything, NaN and infinities included.
    /// Norms are folded into the links before them where they can be; see [`Network::with_norms_apart`].
    ///
    /// # Errors
    /// The architecture makes no graph ([`Graph::new`]); a tensor is missing; its shape, or the number of its values, is not the
    /// architecture's.
    pub fn new(
        architecture: Architecture,
        mut tensor: impl FnMut(&str) -> Option<Tensor<'a>>,
    ) -> Result<Self, NetworkError> {
        let graph = Graph::new(&architecture, Norms::Folded)?;
        let tensors = graph.tensors().iter().map(|spec| match tensor(&spec.name) {
            Some(found) => found.fits(spec).map(|()| found.values),
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

    /// The same network with every norm a layer of its own. The weights are borrowed.
    ///
    /// # Errors
    /// There are more neurons then than [`MAX_NEURONS`](crate::MAX_NEURONS).
    pub fn with_norms_apart(&self) -> Result<Network<'_>, NetworkError> {
        let graph = Graph::new(&self.architecture, Norms::Apart)?;
        let borrowed = self.tensors.iter().map(|values| Cow::Borrowed(&**values));
        Ok(Network {
            architecture: self.architecture.clone(),
            graph,
            tensors: borrowed.collect(),
        })
    }

    /// The architecture as it was given.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The layers of links, in the order of the layers they lead to.
    pub fn links(&self) -> &[LinkLayer] {
        &self.graph.links
    }

    /// The layers of neurons, from `l = 0` to L.
    pub fn neurons(&self) -> &[NeuronLayer] {
        &self.graph.neurons
    }

    /// The weights of a layer of links. Those that a norm is folded into are worked out anew each time, in f64.
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
                folded(&links.links, kernel, bias, scale_and_shift, norm.shifts())
            }
        }
    }

    /// Weights as they were given, whatever norm is folded into them in the graph; none where there is no tensor.
    pub(crate) fn unfolded(&self, slice: Option<&TensorSlice>) -> &[f32] {
        slice.map_or(&[], |slice| self.slice(slice))
    }

    fn slice(&self, slice: &TensorSlice) -> &[f32] {
        &self.tensors[slice.tensor][slice.first..][..slice.n_values()]
    }

    /// The values of a tensor, by its place in [`Graph::tensors`].
    pub(crate) fn tensor(&self, place: usize) -> &[f32] {
        &self.tensors[place]
    }

    pub(crate) fn tensors(&self) -> &[Cow<'a, [f32]>] {
        &self.tensors
    }

    /// Number of parameters: the values of all tensors but running means and variances.
    pub fn n_parameters(&self) -> u64 {
        let trained = self.parameters().filter(|(spec, _)| !spec.buffer);
        trained.map(|(_, values)| values.len() as u64).sum()
    }

    /// Every tensor that the network took, with its values, running means and variances among them.
    pub fn parameters(&self) -> impl Iterator<Item = (&TensorSpec, &[f32])> {
        let values = self.tensors.iter().map(|values| &**values);
        self.graph.tensors.iter().zip(values)
    }
}

/// A kernel scaled filter by filter, and the bias scaled and shifted; without a kernel the scale is one.
fn folded(
    links: &Links,
    kernel: Option<&[f32]>,
    bias: Option<&[f32]>,
    [scale, mut shift]: [Vec<f64>; 2],
    shifts: bool,
) -> LinkWeights<'static> {
    if let Some(bias) = bias {
        let scaled = scale
            .iter()
            .zip(bias)
            .map(|(scale, &b)| scale * f64::from(b));
        shift
            .iter_mut()
            .zip(scaled)
            .for_each(|(shift, b)| *shift += b);
    }
    let has_bias = shifts || bias.is_some();
    let kernel = kernel.map(|kernel| {
        let scaled = kernel.iter().enumerate().map(|(place, &w)| {
            scale[filter(links, place, kernel.len() / scale.len())] * f64::from(w)
        });
        scaled.collect()
    });
    LinkWeights {
        kernel: Some(Weights::Double(kernel.unwrap_or(scale))),
        bias: has_bias.then_some(Weights::Double(shift)),
    }
}

/// The filter or unit that an entry of a kernel leads to; `n` entries lead to each.
fn filter(links: &Links, place: usize, n: usize) -> usize {
    match *links {
        Links::ConvTranspose2d {
            channels,
            filters,
            groups,
            window,
        } => {
            let (per_group, row) = (filters / groups, place / window.taps());
            row / per_group / (channels / groups) * per_group + row % per_group
        }
        _ => place / n,
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
