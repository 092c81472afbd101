//! Networks as graphs: layers are columns of neurons, links are lines between them.
//!
//! All networks of a drawing share their places and scales: the neuron with the same index in the
//! same layer stands at the same height, and a weight has the same width everywhere.

mod data;
mod layout;
mod texts;

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::canvas::Canvas;
use super::drawing::Drawing;
use super::legend::Legend;
use super::look::Part;
use super::panel::px;
use crate::number;
pub(crate) use data::{Graph, GraphLayer, GraphLink, GraphRoom};
use layout::{Layout, Place};
use texts::of;

/// Width of the widest line in the page.
const WIDEST_LINE: f64 = 4.0;

/// Width of the thinnest line that can be seen.
const THINNEST_LINE: f64 = 0.5;

/// Radius of the smallest circle that can be seen.
const SMALLEST_CIRCLE: f64 = 1.5;

/// Radius of the largest circle, if there is room for it.
const LARGEST_CIRCLE: f64 = 7.0;

/// How wide a line to the same layer stands out in the page.
const LOOP: f64 = 26.0;

/// Half the height of a line from a node to itself in the page.
const SELF_LOOP: f64 = 9.0;

/// The networks as one drawing. `about` is its title and its description.
pub(crate) fn graphs(
    canvas: Canvas,
    id: &str,
    about: (&str, &str),
    graphs: &[Graph],
    room: GraphRoom,
) -> Drawing {
    let layout = Layout::new(canvas, graphs, room);
    let scale = Scale::of(canvas, graphs, room, &layout);
    let cells = graphs.iter().enumerate();
    let cells: Vec<Markup> = cells
        .map(|(index, graph)| network(graph, &layout.place(index), &scale))
        .collect();
    let class = (canvas == Canvas::Page).then_some("network");
    let content = html! {
        @for cell in &cells { g class=[class] { (cell) } }
    };
    let widest = format!(
        "widest line: absolute weight {}",
        number::real(scale.largest_weight)
    );
    let positive = "positive weight or strength".to_owned();
    let negative = "negative: dashed line, hollow circle".to_owned();
    let entries = [
        (positive, positive_colour(canvas)),
        (negative, negative_colour(canvas)),
        (widest, canvas.muted()),
    ];
    let legend = Legend::of(canvas, "", entries);
    Drawing::new(id, about, layout.size(), legend, content)
}

fn positive_colour(canvas: Canvas) -> String {
    canvas.series(0)
}

fn negative_colour(canvas: Canvas) -> String {
    canvas.series(1)
}

/// What widths and radii are shares of.
struct Scale {
    canvas: Canvas,
    largest_weight: f64,
    /// By layer.
    largest_nodes: BTreeMap<usize, f64>,
    largest_radius: f64,
}

impl Scale {
    fn of(canvas: Canvas, graphs: &[Graph], room: GraphRoom, layout: &Layout) -> Self {
        let links = graphs.iter().flat_map(|graph| &graph.links);
        // All networks have the same places.
        let place = layout.place(0);
        let drawn = links.filter(|link| place.has(link.from) && place.has(link.to));
        let mut largest_nodes: BTreeMap<usize, f64> = BTreeMap::new();
        for (index, layer) in graphs.iter().flat_map(|graph| &graph.layers) {
            let largest = largest_nodes.entry(*index).or_default();
            *largest = layer.nodes.values().fold(*largest, |a, b| a.max(b.abs()));
        }
        Self {
            canvas,
            largest_weight: drawn.fold(0.0, |a, link| a.max(link.weight.abs())),
            largest_nodes,
            largest_radius: canvas.length(LARGEST_CIRCLE.min(room.node * 0.6)),
        }
    }

    fn width(&self, weight: f64) -> f64 {
        let share = weight.abs() / self.largest_weight;
        if share.is_finite() {
            (self.canvas.length(WIDEST_LINE) * share).max(THINNEST_LINE)
        } else {
            THINNEST_LINE
        }
    }

    /// The area of a circle is a share of the largest value of its layer.
    fn radius(&self, layer: usize, value: f64) -> f64 {
        let largest = self.largest_nodes.get(&layer).copied().unwrap_or_default();
        let share = (value.abs() / largest).sqrt();
        if share.is_finite() {
            (self.largest_radius * share).max(SMALLEST_CIRCLE)
        } else {
            SMALLEST_CIRCLE
        }
    }
}

/// One network: links, then nodes on them, then texts.
fn network(graph: &Graph, place: &Place<'_>, scale: &Scale) -> Markup {
    let mut links: Vec<&GraphLink> = graph.links.iter().collect();
    // Wide lines are on top of thin ones.
    links.sort_by(|a, b| a.weight.abs().total_cmp(&b.weight.abs()));
    let drawn: Vec<&GraphLink> = links
        .into_iter()
        .filter(|link| place.has(link.from) && place.has(link.to))
        .collect();
    let lines = drawn.iter().map(|link| line(graph, link, place, scale));
    let lines: Vec<Markup> = lines.collect();
    let layers: Vec<Markup> = place
        .columns()
        .filter_map(|layer| {
            Some(column(
                layer,
                graph.layers.get(&layer)?,
                &drawn,
                place,
                scale,
            ))
        })
        .collect();
    let title = format!("{}: {}", graph.title, graph.subtitle);
    let look = scale.canvas.look(Part::Title, "");
    let shown = |text: &str| place.fitted(text, place.width());
    html! {
        title { (title) }
        text class=[look.class] style=[look.style] x=(px(place.left())) y=(px(place.head_line(0))) {
            (shown(&graph.title))
        }
        text x=(px(place.left())) y=(px(place.head_line(1))) { (shown(&graph.subtitle)) }
        text x=(px(place.left())) y=(px(place.head_line(2))) {
            (shown(&left_out(graph, &drawn, place)))
        }
        @for line in &lines { (line) }
        @for layer in &layers { (layer) }
    }
}

/// What is drawn of the network, and of how much.
fn left_out(graph: &Graph, drawn: &[&GraphLink], place: &Place<'_>) -> String {
    let n_links: u64 = graph.layers.values().map(|layer| layer.n_links).sum();
    let n_nodes: u64 = graph.layers.values().map(|layer| layer.n_nodes).sum();
    let n_drawn: usize = place
        .columns()
        .filter_map(|layer| graph.layers.get(&layer).map(|of| (layer, of)))
        .map(|(layer, of)| {
            of.nodes
                .keys()
                .filter(|&&node| place.has((layer, node)))
                .count()
        })
        .sum();
    let links = format!("{} links", of(drawn.len(), n_links));
    let nodes = format!("{} nodes", of(n_drawn, n_nodes));
    let n_columns = graph.layers.len();
    let shown = place
        .columns()
        .filter(|layer| graph.layers.contains_key(layer));
    let n_shown = shown.count();
    if n_shown < n_columns {
        format!("the first {n_shown} of {n_columns} layers; {links}, {nodes}")
    } else {
        format!("{links}, {nodes}")
    }
}

fn line(graph: &Graph, link: &GraphLink, place: &Place<'_>, scale: &Scale) -> Markup {
    let ((x1, y1), (x2, y2)) = (place.point(link.from), place.point(link.to));
    let path = if link.from.0 == link.to.0 {
        let out = x1 + scale.canvas.length(LOOP);
        let half = scale.canvas.length(SELF_LOOP);
        // A link from a node to itself needs some height to be seen.
        let (above, below) = if link.from == link.to {
            (y1 - half, y2 + half)
        } else {
            (y1, y2)
        };
        format!(
            "M{} {}C{} {} {} {} {} {}",
            px(x1),
            px(y1),
            px(out),
            px(above),
            px(out),
            px(below),
            px(x2),
            px(y2)
        )
    } else {
        format!("M{} {}L{} {}", px(x1), px(y1), px(x2), px(y2))
    };
    let (colour, dashes) = if link.weight < 0.0 {
        let (dash, gap) = (scale.canvas.length(5.0), scale.canvas.length(3.0));
        let dashes = format!(";stroke-dasharray:{} {}", px(dash), px(gap));
        (negative_colour(scale.canvas), dashes)
    } else {
        (positive_colour(scale.canvas), String::new())
    };
    let width = px(scale.width(link.weight));
    let about = format!(
        "{} to {}: weight {}",
        node_name(graph, link.from),
        node_name(graph, link.to),
        number::real(link.weight)
    );
    html! {
        path d=(path) style=(format!("fill:none;opacity:.7;stroke:{colour};stroke-width:{width}{dashes}")) {
            title { (about) }
        }
    }
}

fn node_name(graph: &Graph, (layer, node): (usize, usize)) -> String {
    match graph.layers.get(&layer) {
        Some(of) => format!("{} {node} of {}", of.unit.trim_end_matches('s'), of.name),
        None => format!("{node} of layer {layer}"),
    }
}

/// The nodes of a layer, with texts below.
fn column(
    layer: usize,
    of_graph: &GraphLayer,
    drawn: &[&GraphLink],
    place: &Place<'_>,
    scale: &Scale,
) -> Markup {
    let nodes = of_graph.nodes.iter();
    let nodes: Vec<(usize, f64)> = nodes
        .map(|(node, value)| (*node, *value))
        .filter(|(node, _)| place.has((layer, *node)))
        .collect();
    let circles: Vec<Markup> = nodes
        .iter()
        .map(|&(node, value)| circle(of_graph, (layer, node), value, place, scale))
        .collect();
    let (x, step) = (place.x(layer), place.step());
    let n_into = drawn.iter().filter(|link| link.to.0 == layer).count();
    let name = place.fitted(&of_graph.name, step);
    let count = of(nodes.len(), of_graph.n_nodes);
    let links = of(n_into, of_graph.n_links);
    let look = scale.canvas.look(Part::Middle, "");
    let text = |x: f64, line: f64, text: &Markup| {
        html! {
            text class=[look.class] style=[look.style.as_deref()] x=(px(x)) y=(px(place.foot_line(line))) {
                (text)
            }
        }
    };
    let name = html! {
        (name)
        @if name != of_graph.name { title { (of_graph.name) } }
    };
    html! {
        @for circle in &circles { (circle) }
        (text(x, 0.0, &name))
        @if place.fits(&count, step) { (text(x, 1.0, &html! { (count) })) }
        @if of_graph.n_links > 0 && place.fits(&links, step) {
            (text(x - step / 2.0, 2.1, &html! { (links) }))
            (text(x - step / 2.0, 3.0, &html! { "links" }))
        }
    }
}

fn circle(
    of_graph: &GraphLayer,
    node: (usize, usize),
    value: f64,
    place: &Place<'_>,
    scale: &Scale,
) -> Markup {
    let (x, y) = place.point(node);
    let canvas = scale.canvas;
    let style = if value < 0.0 {
        let (paper, stroke) = (canvas.paper(), negative_colour(canvas));
        let width = px(canvas.length(1.5));
        format!("fill:{paper};stroke:{stroke};stroke-width:{width}")
    } else {
        format!("fill:{}", positive_colour(canvas))
    };
    let about = format!(
        "{} {} of {}: {}",
        of_graph.unit.trim_end_matches('s'),
        node.1,
        of_graph.name,
        number::real(value)
    );
    html! {
        circle cx=(px(x)) cy=(px(y)) r=(px(scale.radius(node.0, value))) style=(style) {
            title { (about) }
        }
    }
}

#[cfg(test)]
mod tests;
