//! Names of an architecture's layers, and which of them others refer to.

use std::collections::{HashMap, HashSet};

use crate::{Layer, NetworkError};

/// Names of the layers.
pub(super) struct Names {
    layers: Vec<String>,
    referred_to: HashSet<String>,
}

impl Names {
    /// Of every layer its own name, or `layer<i>` by its place in the list, from 0.
    pub(super) fn of(layers: &[Layer]) -> Result<Self, NetworkError> {
        let mut places = HashMap::new();
        let named = layers.iter().enumerate().map(|(place, layer)| {
            let name = match layer.name() {
                "" => format!("layer{place}"),
                own => own.to_owned(),
            };
            match places.insert(name.clone(), place) {
                Some(first) => Err(NetworkError::SameName {
                    name,
                    first,
                    second: place,
                }),
                None => Ok(name),
            }
        });
        let referred_to = layers.iter().filter_map(|layer| match layer {
            Layer::Add(add) => Some(add.from.clone()),
            Layer::Branch(branch) => Some(branch.from.clone()),
            _ => None,
        });
        Ok(Self {
            layers: named.collect::<Result<_, _>>()?,
            referred_to: referred_to.collect(),
        })
    }

    pub(super) fn of_layers(&self) -> impl Iterator<Item = &str> {
        self.layers.iter().map(String::as_str)
    }

    pub(super) fn are_referred_to(&self, name: &str) -> bool {
        self.referred_to.contains(name)
    }
}
