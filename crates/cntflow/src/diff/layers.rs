//! The layers of neurons of two networks: how their strengths differ.

use std::collections::HashMap;

use cntflow_architecture::ArchitectureError;
use cntflow_metrics::{ConvGraph, MeasureOptions, NeuronColumns, StrengthChange, measure};
use cntflow_network::LayerKind;
use cntflow_storage::FullMessage;

use super::side::DiffSide;

/// How the layers of neurons differ.
#[derive(Debug)]
pub(crate) struct LayersDiff {
    /// The layers of B that A has as well.
    pub(crate) layers: Vec<LayerDiff>,
    /// Names of the layers that one of the networks alone has, or that have other shapes.
    pub(crate) unmatched: [Vec<String>; 2],
}

/// How a layer of neurons differs.
#[derive(Debug)]
pub(crate) struct LayerDiff {
    /// Index in the network of B, 0 for the inputs.
    pub(crate) layer: usize,
    /// Name in the network of B.
    pub(crate) name: String,
    /// Kind of the layer.
    pub(crate) kind: LayerKind,
    /// Number of neurons.
    pub(crate) n_neurons: usize,
    /// Change of their strengths.
    pub(crate) change: StrengthChange,
}

/// Compares the strengths of two networks. The error says why they cannot be compared.
pub(super) fn compare(sides: &[DiffSide; 2]) -> Result<LayersDiff, String> {
    let is_of_channels = sides
        .iter()
        .any(|side| side.resolved.as_ref().is_ok_and(|r| r.image_size_unknown));
    let options = MeasureOptions {
        metrics: Vec::new(),
        conv_graph: if is_of_channels {
            ConvGraph::Channel
        } else {
            ConvGraph::default()
        },
        ..MeasureOptions::default()
    };
    let a = neurons(&sides[0], &options)?;
    let b = neurons(&sides[1], &options)?;
    Ok(compare_layers(&a, &b))
}

/// The neurons of a checkpoint's network. The network itself is gone when this returns.
fn neurons(side: &DiffSide, options: &MeasureOptions) -> Result<Vec<NeuronColumns>, String> {
    match &side.resolved {
        Ok(resolved) => {
            let network = resolved.clone().network(&side.checkpoint);
            let network = network.map_err(|error| error.full_message())?;
            Ok(measure(&network, options).neurons)
        }
        Err(ArchitectureError::NoArchitecture { path, source }) => {
            let (path, reason) = (path.display(), source.full_message());
            Err(format!("{path}: the architecture is unknown: {reason}"))
        }
        Err(error) => Err(error.full_message()),
    }
}

/// Compares layers at the same place if all have the same shapes, else those of the same name and
/// shape.
fn compare_layers(a: &[NeuronColumns], b: &[NeuronColumns]) -> LayersDiff {
    let shapes = |layers: &[NeuronColumns]| -> Vec<_> {
        let shapes = layers.iter().map(|layer| (layer.kind, layer.shape));
        shapes.collect()
    };
    let are_alike = shapes(a) == shapes(b);
    let by_name: HashMap<&str, usize> = a
        .iter()
        .enumerate()
        .map(|(index, layer)| (layer.name.as_str(), index))
        .collect();
    let mut is_matched = vec![false; a.len()];
    let mut diff = LayersDiff {
        layers: Vec::new(),
        unmatched: [Vec::new(), Vec::new()],
    };
    for (index, layer) in b.iter().enumerate() {
        let before = if are_alike {
            Some(index)
        } else {
            let same = by_name.get(layer.name.as_str()).copied();
            same.filter(|&before| a[before].shape == layer.shape)
        };
        let Some(before) = before else {
            diff.unmatched[1].push(layer.name.clone());
            continue;
        };
        is_matched[before] = true;
        diff.layers.push(LayerDiff {
            layer: layer.layer,
            name: layer.name.clone(),
            kind: layer.kind,
            n_neurons: layer.len(),
            change: StrengthChange::between(&a[before].strength, &layer.strength),
        });
    }
    let left = a
        .iter()
        .zip(is_matched)
        .filter(|(_, is_matched)| !is_matched);
    diff.unmatched[0].extend(left.map(|(layer, _)| layer.name.clone()));
    diff
}
