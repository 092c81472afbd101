//! Norms of a chain, distinguished by their parameters and by what they normalise.

use cntflow_network::{BatchNorm, GroupNorm, Layer, LayerNorm};

use super::chain::{ChainBuilder, EPSILON, EPSILON_ASSUMED, Output};
use super::module::Module;
use crate::error::{Translated, unsupported};

impl ChainBuilder {
    /// Adds a norm: a batch norm where it has running means, else a layer norm of units or a group
    /// norm of channels.
    ///
    /// # Errors
    /// It has another number of values than the layer before gives.
    pub(super) fn norm(&mut self, module: &Module<'_>) -> Translated<()> {
        let n = match module.shape("running_mean")[..] {
            [n] => n,
            _ => module.shape("weight").iter().product(),
        };
        let (given, of_channels) = match self.output {
            Output::Units(given) | Output::Steps(given) => (given, false),
            Output::Channels { channels, .. } => (channels, true),
            Output::Undecided => {
                let reason = format!("nothing comes before the norm {}", module.shown());
                return Err(unsupported(reason));
            }
        };
        if given != n {
            return Err(self.does_not_fit(module, n, given));
        }
        let activation = self.take_activation();
        let (name, affine, epsilon) = (module.path.clone(), module.has("weight"), EPSILON);
        let layer = if module.has("running_mean") {
            Layer::BatchNorm(BatchNorm {
                name,
                epsilon,
                affine,
                activation,
            })
        } else if of_channels {
            self.assume(format!(
                "{} is taken for a group norm of one group: groups are not in the weights, and no weight metric depends on them",
                module.path
            ));
            Layer::GroupNorm(GroupNorm {
                name,
                groups: 1,
                epsilon,
                affine,
                activation,
            })
        } else {
            Layer::LayerNorm(LayerNorm {
                name,
                epsilon,
                affine,
                bias: module.has("bias"),
                activation,
            })
        };
        self.assume(EPSILON_ASSUMED);
        self.add_module(module, layer);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cntflow_formats::{Element, TensorEntry};

    use super::super::hints::Hints;
    use super::super::modules::modules;
    use super::*;

    #[test]
    fn a_norm_that_comes_first_is_an_error_of_its_own() {
        let tensors = [TensorEntry {
            name: "norm.weight".to_owned(),
            shape: vec![64],
            element: Element::F32,
            excluded_because: None,
        }];
        let (modules, _) = modules(&tensors);
        let mut chain = ChainBuilder::new(Hints::new(&BTreeMap::new()));
        let error = chain.norm(&modules[0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "nothing comes before the norm norm.weight [64]"
        );
    }
}
