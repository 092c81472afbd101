//! Twins of a network: the same architecture with other weights, as controls for what metrics say.

mod arrangement;
mod neurons;
mod random;
mod weights;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Network, TensorSlice};
use neurons::permute_neurons;
use random::RandomStream;
use weights::{draw_gaussian, draw_signs};

/// How a twin's weights are made of those of a network.
///
/// A kernel here is what one layer of links has: of a recurrent layer the rows of one gate, of an
/// attention those of one projection. Biases and norms stay as they are, except with
/// [`Twin::Neurons`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Twin {
    /// The entries of each kernel, permuted within the kernel. Its distribution stays, its wiring
    /// goes.
    Shuffle,
    /// Hidden units and channels, permuted with all links that lead to them and from them. The
    /// network computes the same, so a metric that changes depends on the order of the neurons.
    Neurons,
    /// Each kernel drawn from the normal distribution with its mean and population standard
    /// deviation.
    Gaussian,
    /// Each entry of a kernel with its magnitude and a random sign.
    Sign,
}

impl Twin {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Shuffle, Self::Neurons, Self::Gaussian, Self::Sign];

    /// The name in study files and of the twin's folder.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shuffle => "shuffle",
            Self::Neurons => "neurons",
            Self::Gaussian => "gaussian",
            Self::Sign => "sign",
        }
    }
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Twin {
    type Err = TwinError;

    fn from_str(name: &str) -> Result<Self, TwinError> {
        let mut all = Self::ALL.into_iter();
        all.find(|twin| twin.as_str() == name)
            .ok_or_else(|| TwinError::UnknownTwin {
                name: name.to_owned(),
            })
    }
}

/// Why a network has no twin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TwinError {
    /// The kind of twin does not exist.
    #[error("unknown twin {name}; there are shuffle, neurons, gaussian, sign")]
    UnknownTwin {
        /// The given name.
        name: String,
    },
    /// The weights are known without a network.
    #[error("the architecture cannot be told")]
    NoArchitecture,
    /// Weights are NaN or infinite.
    #[error("tensor {tensor}: {n_bad} of {n_values} values are NaN or infinite")]
    NotFinite {
        /// The first such tensor.
        tensor: String,
        /// How many of its values are NaN or infinite.
        n_bad: usize,
        /// Number of its values.
        n_values: usize,
    },
    /// The neurons of a layer cannot be permuted.
    #[error("{layer}: its neurons cannot be permuted: {reason}")]
    Fixed {
        /// Name of the layer or of the links.
        layer: String,
        /// What fixes them.
        reason: FixedBecause,
    },
}

/// What fixes the order of a layer's neurons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FixedBecause {
    /// The heads of an attention.
    #[error("attention heads")]
    AttentionHeads,
    /// A convolution in groups that is not one filter per channel.
    #[error("a convolution in groups")]
    ConvolutionGroups,
    /// A norm over groups of channels.
    #[error("a norm over groups of channels")]
    NormGroups,
    /// An addition that sees the positions of an image as units.
    #[error("an addition of a reshaped layer")]
    ReshapedAddition,
}

impl<'a> Network<'a> {
    /// The twin of this network. The random stream depends on `checkpoint`, the tensor's name and
    /// the kind of twin alone, so that every worker makes the same bits. Tensors that the twin
    /// leaves alone are borrowed.
    ///
    /// # Errors
    /// A weight is NaN or infinite; with [`Twin::Neurons`] the neurons of a layer cannot be
    /// permuted.
    ///
    /// ```
    /// use cntflow_network::{Network, Tensor, Twin};
    ///
    /// let json = r#"{"input": [2], "layers": [{"kind": "dense", "units": 2, "bias": false}]}"#;
    /// let network = Network::new(serde_json::from_str(json)?, |_| {
    ///     Some(Tensor::borrowed(&[2, 2], &[1.0, 2.0, 3.0, 4.0]))
    /// })?;
    /// let twin = network.twin(Twin::Shuffle, "run-1/step-00004")?;
    /// let (_, shuffled) = twin.parameters().next().unwrap();
    /// assert_eq!(shuffled.iter().sum::<f32>(), 10.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn twin(&self, twin: Twin, checkpoint: &str) -> Result<Network<'_>, TwinError> {
        self.require_finite()?;
        let mut tensors: Vec<Cow<'_, [f32]>> = self.borrowed_tensors();
        let stream = |name: &str| RandomStream::new(twin, checkpoint, name);
        if twin == Twin::Neurons {
            permute_neurons(self.graph(), &mut tensors, stream)?;
            return Ok(self.with_tensors(tensors));
        }
        // The kernels of a tensor, gate after gate, share its stream.
        let mut current: Option<(usize, RandomStream)> = None;
        for kernel in self.kernels_by_tensor() {
            let mut random = match current.take() {
                Some((tensor, random)) if tensor == kernel.tensor => random,
                _ => stream(&self.graph().tensors[kernel.tensor].name),
            };
            let values = &mut tensors[kernel.tensor].to_mut()[kernel.first..][..kernel.n_values()];
            match twin {
                Twin::Shuffle => random.shuffle(values),
                Twin::Gaussian => draw_gaussian(values, &mut random),
                Twin::Sign | Twin::Neurons => draw_signs(values, &mut random),
            }
            current = Some((kernel.tensor, random));
        }
        Ok(self.with_tensors(tensors))
    }

    /// The kernels of all layers of links, in the order of the tensors.
    fn kernels_by_tensor(&self) -> Vec<&TensorSlice> {
        let kernels = self
            .links()
            .iter()
            .filter_map(|links| links.kernel.as_ref());
        let mut kernels: Vec<&TensorSlice> = kernels.collect();
        kernels.sort_by_key(|kernel| (kernel.tensor, kernel.first));
        kernels.dedup();
        kernels
    }

    fn require_finite(&self) -> Result<(), TwinError> {
        for (spec, values) in self.parameters() {
            let n_bad = values.iter().filter(|value| !value.is_finite()).count();
            if n_bad > 0 {
                return Err(TwinError::NotFinite {
                    tensor: spec.name.clone(),
                    n_bad,
                    n_values: values.len(),
                });
            }
        }
        Ok(())
    }
}
