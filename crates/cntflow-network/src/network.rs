//! A graph with its weights: f32 slices borrowed from wherever they lie (a mapped file, say), or owned.

use std::borrow::Cow;

use crate::{Architecture, Graph, LinkLayer, NetworkError, NeuronLayer, TensorSpec};

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
        if self.shape != spec.shape {
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

/// Kernel and bias of one link layer; poolings have neither.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkWeights<'a> {
    kernel: Option<Cow<'a, [f32]>>,
    bias: Option<Cow<'a, [f32]>>,
}

impl LinkWeights<'_> {
    /// The kernel, row-major: `[n_out, n_in]` of a dense layer, `[filters, channels / groups, rows, columns]` of a convolution;
    /// empty for a pooling.
    pub fn kernel(&self) -> &[f32] {
        self.kernel.as_deref().unwrap_or_default()
    }

    /// The bias `[n_out]` or `[filters]`, where there is one.
    pub fn bias(&self) -> Option<&[f32]> {
        self.bias.as_deref()
    }
}

/// A network: an architecture, the graph it resolves to, and the weights.
#[derive(Clone, Debug)]
pub struct Network<'a> {
    architecture: Architecture,
    graph: Graph,
    weights: Vec<LinkWeights<'a>>,
}

impl<'a> Network<'a> {
    /// Fills an architecture with tensors, each asked for by name, once. Values may be anything, NaN and infinities included.
    ///
    /// # Errors
    /// The architecture makes no graph ([`Graph::new`]); a tensor is missing; its shape, or the number of its values, is not the
    /// architecture's.
    pub fn new(
        architecture: Architecture,
        mut tensor: impl FnMut(&str) -> Option<Tensor<'a>>,
    ) -> Result<Self, NetworkError> {
        let graph = Graph::new(&architecture)?;
        let mut take = |spec: &TensorSpec| match tensor(&spec.name) {
            Some(found) => found.fits(spec).map(|()| found.values),
            None => Err(NetworkError::MissingTensor {
                tensor: spec.name.clone(),
                expected: spec.shape.clone(),
            }),
        };
        let weights = graph.links.iter().map(|layer| {
            Ok(LinkWeights {
                kernel: layer.kernel.as_ref().map(&mut take).transpose()?,
                bias: layer.bias.as_ref().map(&mut take).transpose()?,
            })
        });
        let weights = weights.collect::<Result<_, NetworkError>>()?;
        Ok(Self {
            architecture,
            graph,
            weights,
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

    /// The link layers with their weights, from `l = 1` to L.
    pub fn links(&self) -> impl Iterator<Item = (&LinkLayer, &LinkWeights<'a>)> {
        self.graph.links.iter().zip(&self.weights)
    }

    /// The layers of neurons, from `l = 0` to L.
    pub fn neurons(&self) -> &[NeuronLayer] {
        &self.graph.neurons
    }

    /// Number of parameters: all kernels' entries and all biases.
    pub fn n_parameters(&self) -> u64 {
        let sizes = self.weights.iter().map(|weights| {
            let biases = weights.bias().map_or(0, <[f32]>::len);
            (weights.kernel().len() + biases) as u64
        });
        sizes.sum()
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
        let (_, weights) = network.links().next().unwrap();
        assert_eq!(weights.kernel().as_ptr(), values.as_ptr());
    }
}
