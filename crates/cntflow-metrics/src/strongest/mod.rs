//! The strongest links of a layer of links: those with the largest absolute weights.

mod ends;
mod selection;

use cntflow_network::{LinkLayer, LinkWeights, Weights, Window};

use crate::graph_links::GraphLinks;
use crate::{MeasureOptions, Padding, StrongLink, StrongestLinks};
pub(crate) use ends::LayerNodes;
use ends::{KernelEntries, spatial_window, tap_of};
use selection::{KernelWeight, Selection};

/// The strongest links of a layer, [`MeasureOptions::strongest_links`] at most. `nodes` are those
/// of the layers that they come from and lead to. `None` if no links are asked for, or none has a
/// weight of its own.
pub(crate) fn strongest_links(
    layer: &LinkLayer,
    weights: &LinkWeights<'_>,
    graph: &GraphLinks,
    nodes: [LayerNodes; 2],
    options: &MeasureOptions,
) -> Option<StrongestLinks> {
    let kernel = weights.kernel.as_ref()?;
    if options.strongest_links == 0 {
        return None;
    }
    let window = spatial_window(layer, options.conv_graph);
    let entries = KernelEntries::new(layer, nodes, window.as_ref());
    let mut selection = Selection::new(options.strongest_links.into());
    match (graph.summed_kernel(), kernel) {
        (Some(summed), _) => selection.add_each(summed, &entries),
        (None, Weights::Single(kernel)) => {
            add_kernel(
                &mut selection,
                kernel,
                window.as_ref(),
                &entries,
                options.padding,
            );
        }
        (None, Weights::Double(kernel)) => {
            add_kernel(
                &mut selection,
                kernel,
                window.as_ref(),
                &entries,
                options.padding,
            );
        }
    }
    let n_links = selection.n_links();
    let chosen = selection.into_sorted().into_iter();
    let links: Vec<StrongLink> = chosen
        .map(|(index, weight)| {
            let [from, to] = entries.ends(index);
            StrongLink {
                from,
                to,
                tap: window.map(|window| tap_of(&window, index)),
                weight,
            }
        })
        .collect();
    let (first, [before, after]) = (links.first()?, nodes);
    Some(StrongestLinks {
        layer: layer.to,
        name: layer.name.clone(),
        from_layer: layer.from,
        n_from: before.n_like(first.from),
        n_to: after.n_like(first.to),
        n_links,
        links,
    })
}

/// Chooses among the entries of a kernel; of a convolution among the largest of each pair of
/// channels.
fn add_kernel<T: KernelWeight>(
    selection: &mut Selection,
    kernel: &[T],
    window: Option<&Window>,
    entries: &KernelEntries<'_>,
    padding: Padding,
) {
    match (window, padding) {
        (None, _) => selection.add_each(kernel, entries),
        // A tap that meets nothing but padding makes no links.
        (Some(window), Padding::Real) => {
            selection.add_runs(kernel, &window.outputs_per_tap(), entries);
        }
        (Some(window), Padding::Whole) => {
            selection.add_runs(kernel, &vec![1; window.taps()], entries);
        }
    }
}

#[cfg(test)]
mod tests;
