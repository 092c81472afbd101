//! Names of an architecture's layers, and which of them other layers refer to.

use std::collections::{HashMap, HashSet};

use crate::{Layer, NetworkError};

/// Names of the layers.
pub(super) struct Names {
    layers: Vec<String>,
    referred_to: HashSet<String>,
}

impl Names {
    /// The name of each layer: its own, or `layer<i>` by its index in the list, from 0. A layer
    /// that cannot have a name of its own gives way to one that is called like this.
    pub(super) fn of(layers: &[Layer]) -> Result<Self, NetworkError> {
        let own: HashSet<&str> = layers.iter().map(Layer::name).collect();
        let mut index_of_name = HashMap::new();
        let named = layers.iter().enumerate().map(|(index, layer)| {
            let mut name = match layer.name() {
                "" => format!("layer{index}"),
                own => own.to_owned(),
            };
            if layer.is_nameless() && own.contains(&*name) {
                name.push('.');
            }
            match index_of_name.insert(name.clone(), index) {
                Some(first) => Err(NetworkError::SameName {
                    name,
                    first,
                    second: index,
                }),
                None => Ok(name),
            }
        });
        let referred_to = layers.iter().flat_map(|layer| match layer {
            Layer::Add(add) => vec![add.from.clone()],
            Layer::Branch(branch) => vec![branch.from.clone()],
            Layer::Concat(concat) => concat.from.clone(),
            _ => Vec::new(),
        });
        Ok(Self {
            layers: named.collect::<Result<_, _>>()?,
            referred_to: referred_to.collect(),
        })
    }

    pub(super) fn of_layers(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().map(String::as_str)
    }

    pub(super) fn is_referred_to(&self, name: &str) -> bool {
        self.referred_to.contains(name)
    }
}
