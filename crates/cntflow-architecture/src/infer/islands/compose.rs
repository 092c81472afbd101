//! Several parts as one architecture: each begins with inputs of its own.

use std::collections::HashSet;

use cntflow_network::{Architecture, Input, Layer, Output};

use super::super::chain::INFERRED;
use crate::resolved::ResolvedArchitecture;

/// One architecture of several that are parts of a network. All ends are open.
pub(super) fn compose(parts: Vec<ResolvedArchitecture>) -> ResolvedArchitecture {
    let mut whole = ResolvedArchitecture {
        architecture: Architecture {
            input: Vec::new(),
            layers: Vec::new(),
        },
        recipes: Default::default(),
        source: INFERRED,
        assumptions: Vec::new(),
        image_size_unknown: false,
        in_parts: None,
        left_over: Default::default(),
    };
    let named = parts.iter().flat_map(|part| &part.architecture.layers);
    let mut names: HashSet<String> = named.map(|layer| layer.name().to_owned()).collect();
    for part in parts {
        append(&mut whole, part, &mut names);
    }
    whole
}

/// Appends a part. `names` has those of all layers.
fn append(
    whole: &mut ResolvedArchitecture,
    part: ResolvedArchitecture,
    names: &mut HashSet<String>,
) {
    let Architecture { input, layers } = part.architecture;
    let inputs = input_name(&layers, names);
    let first = whole.architecture.layers.len();
    whole.architecture.layers.push(Layer::Input(Input {
        name: inputs.clone(),
        shape: input,
        open: true,
    }));
    let own: HashSet<String> = layers.iter().map(|layer| layer.name().to_owned()).collect();
    let renamed = |from: &str| -> String {
        // A layer without a name has one by its index, which has moved.
        let index = from
            .strip_prefix("layer")
            .and_then(|index| index.parse::<usize>().ok());
        match index {
            _ if from == "input" && !own.contains(from) => inputs.clone(),
            Some(index) if !own.contains(from) => format!("layer{}", first + 1 + index),
            _ => from.to_owned(),
        }
    };
    let moved = layers.into_iter().map(|mut layer| {
        match &mut layer {
            Layer::Add(add) => add.from = renamed(&add.from),
            Layer::Branch(branch) => branch.from = renamed(&branch.from),
            Layer::Output(output) => output.open = true,
            _ => {}
        }
        layer
    });
    whole.architecture.layers.extend(moved);
    whole
        .architecture
        .layers
        .push(Layer::Output(Output { open: true }));
    whole.recipes.extend(part.recipes);
    whole.image_size_unknown |= part.image_size_unknown;
    for assumption in part.assumptions {
        if !whole.assumptions.contains(&assumption) {
            whole.assumptions.push(assumption);
        }
    }
}

/// A name for the inputs of a part: that of its first layer with `.in`.
fn input_name(layers: &[Layer], names: &mut HashSet<String>) -> String {
    let first = layers.iter().map(Layer::name).find(|name| !name.is_empty());
    let mut name = format!("{}.in", first.unwrap_or("part"));
    while !names.insert(name.clone()) {
        name.push('_');
    }
    name
}
