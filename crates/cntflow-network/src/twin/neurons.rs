//! Permutes hidden neurons together with all their links: the network computes the same. Neurons of
//! layers with an open side stay where they are.

use std::borrow::Cow;
use std::collections::HashSet;

use super::arrangement::{Arrangement, permute_matrix};
use super::error::{FixedBecause, TwinError};
use super::random::RandomStream;
use crate::norm::{Norm, NormOver};
use crate::program::Stage;
use crate::{Graph, LayerKind, LinkLayer, Links, Role, TensorSlice, View};

/// Permutes the channels of all hidden layers in `tensors`. `stream` gives the random numbers of a
/// tensor's name.
pub(super) fn permute_neurons(
    graph: &Graph,
    tensors: &mut [Cow<'_, [f32]>],
    stream: impl Fn(&str) -> RandomStream,
) -> Result<(), TwinError> {
    let orders = Orders::of(graph, stream)?;
    for links in &graph.links {
        let into = &orders.of_layer[links.to][links.first_neurons[0]..];
        if let Some(kernel) = &links.kernel {
            permute_kernel(graph, links, kernel, &orders, tensors);
        }
        if let Some(bias) = &links.bias {
            permute_bias(&links.links, bias, into, links.first_neurons[0], tensors);
        }
    }
    for norm in norms(graph) {
        let (layer, norm) = norm;
        let order = &orders.of_layer[layer];
        let running = match norm.over {
            NormOver::Training(running) => running.map(Some),
            NormOver::Groups(_) => [None; 2],
        };
        for tensor in norm.affine.into_iter().chain(running).flatten() {
            let values = tensors[tensor].to_mut();
            let per_channel = values.len() / order.len();
            permute_matrix(values, order, &[0], per_channel);
        }
    }
    Ok(())
}

/// The norms with the layer whose neurons they scale, each once: those of a layer's program, folded
/// or not.
fn norms(graph: &Graph) -> impl Iterator<Item = (usize, &Norm)> {
    let layers = graph.program.iter().enumerate();
    layers.flat_map(|(before, stages)| {
        stages.iter().filter_map(move |stage| match stage {
            Stage::Norm(norm) => Some((before + 1, norm)),
            _ => None,
        })
    })
}

/// The kernel of one layer of links: rows by one side, columns by the other.
fn permute_kernel(
    graph: &Graph,
    links: &LinkLayer,
    kernel: &TensorSlice,
    orders: &Orders,
    tensors: &mut [Cow<'_, [f32]>],
) {
    let [first_to, first_from] = links.first_neurons;
    let (n_rows, n_columns) = (kernel.shape[0], kernel.shape[1]);
    let block = kernel.n_values() / (n_rows * n_columns).max(1);
    let run = |layer: usize, first: usize, n: usize| -> Vec<usize> {
        let order = orders.of_layer[layer][first..].iter().take(n);
        order.map(|channel| channel - first).collect()
    };
    let [rows, columns] = match links.links {
        // Each filter sees its own channel alone, so only rows move.
        Links::Conv2d { groups, .. } | Links::ConvTranspose2d { groups, .. } if groups > 1 => {
            [run(links.to, 0, n_rows), vec![0]]
        }
        Links::ConvTranspose2d { .. } => [run(links.from, 0, n_rows), run(links.to, 0, n_columns)],
        // Tokens are inputs, which stay.
        Links::Embedding { .. } => [(0..n_rows).collect(), run(links.to, 0, n_columns)],
        _ => {
            let shape = graph.neurons[links.from].shape;
            let rows = run(links.to, first_to, n_rows);
            let columns = if first_from > 0 || links.to == links.from {
                run(links.from, first_from, n_columns)
            } else {
                let arrangement = match links.links {
                    Links::Dense { .. } => Arrangement::of_columns(shape, links.view),
                    _ => Arrangement::Blocks(1),
                };
                arrangement.places(&orders.of_layer[links.from], n_columns)
            };
            [rows, columns]
        }
    };
    let values = &mut tensors[kernel.tensor].to_mut()[kernel.first..][..kernel.n_values()];
    permute_matrix(values, &rows, &columns, block);
}

/// A bias has one value for each channel; constants have one for each channel and step.
fn permute_bias(
    links: &Links,
    bias: &TensorSlice,
    order: &[usize],
    first: usize,
    tensors: &mut [Cow<'_, [f32]>],
) {
    let n_rows = match *links {
        Links::Constants { n, .. } => n,
        _ => 1,
    };
    let n_values = bias.n_values();
    let order = order.iter().take(n_values / n_rows.max(1));
    let columns: Vec<usize> = order.map(|channel| channel - first).collect();
    let rows: Vec<usize> = (0..n_rows).collect();
    let values = &mut tensors[bias.tensor].to_mut()[bias.first..][..n_values];
    permute_matrix(values, &rows, &columns, 1);
}

/// The new order of every layer's channels: channel `c` takes the place of `of_layer[l][c]`.
struct Orders {
    of_layer: Vec<Vec<usize>>,
}

impl Orders {
    fn of(graph: &Graph, stream: impl Fn(&str) -> RandomStream) -> Result<Self, TwinError> {
        let leaders = shared_orders(graph)?;
        let outer = graph.neurons.iter().filter(|l| l.role != Role::Hidden);
        let stay: HashSet<usize> = outer.map(|l| leaders[l.index]).collect();
        let mut of_layer: Vec<Vec<usize>> = Vec::new();
        for (layer, &leader) in leaders.iter().enumerate() {
            if leader < layer {
                of_layer.push(of_layer[leader].clone());
                continue;
            }
            let channels = graph.neurons[layer].shape.channels();
            let mut order: Vec<usize> = (0..channels).collect();
            if !stay.contains(&leader) {
                let mut random = stream(stream_name(graph, layer));
                let members = (0..leaders.len()).filter(|&other| leaders[other] == leader);
                let mut directions = members.filter_map(|member| first_reverse(graph, member));
                // Units move within their direction of a bidirectional layer.
                let (forward, reverse) = order.split_at_mut(directions.next().unwrap_or(channels));
                random.shuffle(forward);
                random.shuffle(reverse);
            }
            of_layer.push(order);
        }
        Ok(Self { of_layer })
    }
}

/// The name by which a layer's order is drawn: that of the first kernel that leads to it, or its
/// own.
fn stream_name(graph: &Graph, layer: usize) -> &str {
    let mut kernels = graph
        .links_into(layer)
        .filter_map(|(_, links)| links.kernel.as_ref());
    match kernels.next() {
        Some(kernel) => &graph.tensors[kernel.tensor].name,
        None => &graph.neurons[layer].name,
    }
}

/// The first unit of the second direction of a bidirectional layer.
fn first_reverse(graph: &Graph, layer: usize) -> Option<usize> {
    let mut links = graph
        .links_into(layer)
        .map(|(_, links)| links.first_neurons[0]);
    links.find(|&first| first > 0)
}

/// For every layer the first one with which it must share its order.
fn shared_orders(graph: &Graph) -> Result<Vec<usize>, TwinError> {
    let attention = graph
        .neurons
        .iter()
        .find(|layer| layer.kind == LayerKind::Attention);
    if let Some(layer) = attention {
        return Err(fixed(&layer.name, FixedBecause::AttentionHeads));
    }
    for (layer, norm) in norms(graph) {
        let groups_move = match norm.over {
            NormOver::Training(_) => true,
            NormOver::Groups(groups) => groups == 1 || groups == norm.channels,
        };
        if !groups_move {
            let name = &graph.neurons[layer].name;
            return Err(fixed(name, FixedBecause::NormGroups));
        }
    }
    let mut leaders: Vec<usize> = (0..graph.neurons.len()).collect();
    for links in &graph.links {
        if share_order(graph, links)? {
            let pair = [leaders[links.from], leaders[links.to]];
            let (first, second) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            for leader in leaders.iter_mut().filter(|leader| **leader == second) {
                *leader = first;
            }
        }
    }
    Ok(leaders)
}

/// Whether the layers on both sides of some links must have one order.
fn share_order(graph: &Graph, links: &LinkLayer) -> Result<bool, TwinError> {
    match links.links {
        Links::Dense { .. } | Links::Embedding { .. } | Links::Constants { .. } => Ok(false),
        Links::Conv2d {
            channels,
            filters,
            groups,
            ..
        }
        | Links::ConvTranspose2d {
            channels,
            filters,
            groups,
            ..
        } => match groups {
            1 => Ok(false),
            _ if groups == channels && groups == filters => Ok(true),
            _ => Err(fixed(&links.name, FixedBecause::ConvolutionGroups)),
        },
        Links::Beside { .. } => Err(fixed(&links.name, FixedBecause::Concatenation)),
        Links::MaxPool2d { .. }
        | Links::AveragePool2d { .. }
        | Links::AdaptivePool { .. }
        | Links::Diagonal { .. }
        | Links::Identity { .. } => {
            let channels = [links.from, links.to].map(|l| graph.neurons[l].shape.channels());
            if channels[0] == channels[1] && links.view != View::Rows {
                Ok(true)
            } else {
                Err(fixed(&links.name, FixedBecause::ReshapedAddition))
            }
        }
    }
}

fn fixed(layer: &str, reason: FixedBecause) -> TwinError {
    TwinError::Fixed {
        layer: layer.to_owned(),
        reason,
    }
}
