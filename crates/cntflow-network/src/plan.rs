//! Resolving an architecture into a graph: every size checked, so that nothing later has to.

use std::collections::HashMap;

use crate::resolve::{Resolved, Site};
use crate::{
    Activation, Architecture, Conv2d, Dense, Graph, Layer, LayerKind, LinkLayer, Links,
    NetworkError, NeuronLayer, Role, Shape, TensorSpec,
};

/// Most neurons a network may have over all its layers: 2^23, 64 MiB for one f64 column, of which measuring keeps
/// about twenty.
pub const MAX_NEURONS: u64 = 1 << 23;

/// Most parameters a network may have: 2^40, four terabytes of f32.
pub const MAX_PARAMETERS: u64 = 1 << 40;

/// Most links a network may have, padded places counted: 2^50, so that counts of them are exact in f64.
pub const MAX_LINKS: u64 = 1 << 50;

/// Checks and resolves an architecture; see [`Graph::new`].
pub(crate) fn resolve(architecture: &Architecture) -> Result<Graph, NetworkError> {
    let mut plan = Plan::new(&architecture.input)?;
    let names = names(&architecture.layers)?;
    for (layer, name) in architecture.layers.iter().zip(names) {
        plan.push(layer, name)?;
    }
    plan.finish()
}

/// Name of every layer: its own, or `layer<i>` by its place in the list, from 0.
fn names(layers: &[Layer]) -> Result<Vec<String>, NetworkError> {
    let mut places = HashMap::new();
    let named = layers.iter().enumerate().map(|(place, layer)| {
        let own = match layer {
            Layer::Dense(Dense { name, .. }) | Layer::Conv2d(Conv2d { name, .. }) => name.as_str(),
            Layer::MaxPool2d(_) | Layer::AveragePool2d(_) | Layer::Flatten => "",
        };
        let name = match own {
            "" => format!("layer{place}"),
            _ => own.to_owned(),
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
    named.collect()
}

/// The graph as far as it is resolved.
struct Plan {
    neurons: Vec<NeuronLayer>,
    links: Vec<LinkLayer>,
    flattened: bool,
    n_neurons: u64,
    n_parameters: u64,
    n_links: u64,
}

impl Plan {
    fn new(input: &[usize]) -> Result<Self, NetworkError> {
        let shape = match *input {
            [units] => Shape::Units(units),
            [channels, rows, columns] => Shape::Places {
                channels,
                rows,
                columns,
            },
            _ => Shape::Units(0),
        };
        if shape.dimensions().contains(&0) {
            let shape = input.to_vec();
            return Err(NetworkError::InputShape { shape });
        }
        let mut plan = Self {
            neurons: Vec::new(),
            links: Vec::new(),
            flattened: false,
            n_neurons: 0,
            n_parameters: 0,
            n_links: 0,
        };
        plan.count_neurons("input", shape)?;
        plan.neurons.push(NeuronLayer {
            index: 0,
            name: "input".to_owned(),
            kind: LayerKind::Input,
            role: Role::Input,
            shape,
            activation: Some(Activation::Linear),
        });
        Ok(plan)
    }

    fn push(&mut self, layer: &Layer, name: String) -> Result<(), NetworkError> {
        let site = Site {
            name: &name,
            before: self.neurons[self.neurons.len() - 1].shape,
            flattened: self.flattened,
        };
        let resolved = site.resolve(layer)?;
        self.flattened = resolved.is_none();
        match resolved {
            Some(resolved) => self.join(resolved, name),
            None => Ok(()),
        }
    }

    fn join(&mut self, resolved: Resolved, name: String) -> Result<(), NetworkError> {
        self.count_neurons(&name, resolved.shape)?;
        self.count_links(&name, &resolved)?;
        let spec = |what: &str, shape: Vec<usize>| TensorSpec {
            name: format!("{name}.{what}"),
            shape,
        };
        let kernel = resolved.kernel.map(|shape| spec("weight", shape));
        let bias = resolved.bias.map(|units| spec("bias", vec![units]));
        for tensor in kernel.iter().chain(&bias) {
            self.count_parameters(&name, &tensor.shape)?;
        }
        let index = self.neurons.len();
        self.neurons.push(NeuronLayer {
            index,
            name: name.clone(),
            kind: resolved.kind,
            role: Role::Hidden,
            shape: resolved.shape,
            activation: resolved.activation,
        });
        self.links.push(LinkLayer {
            index,
            name,
            links: resolved.links,
            kernel,
            bias,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Graph, NetworkError> {
        match self.neurons.last_mut() {
            Some(last) if last.index > 0 => last.role = Role::Output,
            _ => return Err(NetworkError::NoLayers),
        }
        Ok(Graph {
            neurons: self.neurons,
            links: self.links,
        })
    }

    fn count_neurons(&mut self, layer: &str, shape: Shape) -> Result<(), NetworkError> {
        let sizes = shape.dimensions();
        self.n_neurons = add_product(self.n_neurons, &sizes, MAX_NEURONS)
            .ok_or_else(|| too_large(layer, "neurons", MAX_NEURONS))?;
        Ok(())
    }

    fn count_parameters(&mut self, layer: &str, shape: &[usize]) -> Result<(), NetworkError> {
        self.n_parameters = add_product(self.n_parameters, shape, MAX_PARAMETERS)
            .ok_or_else(|| too_large(layer, "parameters", MAX_PARAMETERS))?;
        Ok(())
    }

    /// Counts the links, one bias per neuron with them, as if no place were padding.
    fn count_links(&mut self, layer: &str, resolved: &Resolved) -> Result<(), NetworkError> {
        let n_out = resolved.shape.n_neurons();
        let mut factors = match resolved.links {
            Links::Dense { n_in, .. } => vec![n_out, n_in],
            Links::Conv2d {
                channels,
                groups,
                window,
                ..
            } => vec![n_out, channels / groups, window.taps()],
            Links::MaxPool2d { window, .. } | Links::AveragePool2d { window, .. } => {
                vec![n_out, window.taps()]
            }
        };
        let total = add_product(self.n_links, &factors, MAX_LINKS);
        factors.truncate(1);
        self.n_links = total
            .and_then(|total| add_product(total, &factors, MAX_LINKS))
            .ok_or_else(|| too_large(layer, "links", MAX_LINKS))?;
        Ok(())
    }
}

pub(crate) fn too_large(layer: &str, what: &'static str, limit: u64) -> NetworkError {
    NetworkError::TooLarge {
        layer: layer.to_owned(),
        what,
        limit,
    }
}

/// `sum` and the product of `sizes`, if that is at most `limit`.
fn add_product(sum: u64, sizes: &[usize], limit: u64) -> Option<u64> {
    let product = sizes
        .iter()
        .try_fold(1_u64, |product, &size| product.checked_mul(size as u64))?;
    sum.checked_add(product).filter(|&total| total <= limit)
}
