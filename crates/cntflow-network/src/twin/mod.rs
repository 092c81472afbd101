//! Twins of a network: the same architecture with other weights, as controls for what metrics say.

mod arrangement;
mod error;
mod kind;
mod neurons;
mod random;
mod weights;

use std::borrow::Cow;

use crate::{Network, TensorSlice};
pub use error::{FixedBecause, TwinError};
pub use kind::Twin;
use neurons::permute_neurons;
use random::RandomStream;
use weights::{draw_gaussian, draw_signs};

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
