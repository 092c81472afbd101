//! Networks as graphs: two beside each other, and one over its run.

mod choice;
mod networks;
mod query;

use polars::prelude::{DataFrame, PolarsError};

use crate::error::ReportError;
use crate::figure::{Figure, FigureSpec};
use crate::section::{Context, Section};
use crate::svg::{Canvas, Drawing, GraphRoom, graphs};
use choice::{Choice, Network, chosen_pair, steps_of_run};
use networks::Networks;
use query::links_of;

/// How networks of a figure are drawn.
struct Style {
    id: &'static str,
    /// Links that lead to a layer, at most.
    most_links: usize,
    room: GraphRoom,
}

const PAIR: Style = Style {
    id: "graphs-pair",
    most_links: 24,
    room: GraphRoom {
        in_row: 2,
        node: 9.0,
        most_nodes: 96,
    },
};

const STEPS: Style = Style {
    id: "graphs-steps",
    most_links: 12,
    room: GraphRoom {
        in_row: 3,
        node: 6.0,
        most_nodes: 120,
    },
};

pub(super) fn section(context: &Context<'_>) -> Result<Option<Section>, ReportError> {
    if !context.tables.has("links") {
        return Ok(None);
    }
    let choice = chosen_pair(context)?;
    let Some(first) = choice.networks.first() else {
        return Ok(None);
    };
    let section = Section::new("graphs", "Networks as graphs").sentence(
        "The strongest links of each layer. Columns are layers from left to right, circles neurons \
         in the order of their index, lines links. Biases, poolings and residual additions are not \
         drawn; all positions of a channel are one circle.",
    );
    let steps = steps_of_run(context, first)?;
    Ok(Some(
        section
            .with(pair(context, &choice)?)
            .with(run(context, first, &steps)?),
    ))
}

fn pair(context: &Context<'_>, choice: &Choice) -> Result<Option<Figure>, ReportError> {
    let description = format!(
        "{} The {} strongest links that lead to each layer, at most. Equal weights have equal \
         widths in both networks. In networks of one architecture the same neuron stands at the same \
         height. {AREAS}",
        choice.description, PAIR.most_links
    );
    let spec = FigureSpec {
        id: PAIR.id,
        title: &choice.title,
        description: &description,
        sql: links_of(context, &choice.networks, PAIR.most_links),
    };
    let about = (&*choice.title, "Layers, neurons and the strongest links.");
    spec.draw(context.tables, context.columns, |canvas, frame| {
        drawing(canvas, &PAIR, about, frame, &choice.networks, context)
    })
}

fn run(
    context: &Context<'_>,
    first: &Network,
    steps: &[Network],
) -> Result<Option<Figure>, ReportError> {
    if steps.len() < 2 {
        return Ok(None);
    }
    let title = match &first.name.twin {
        Some(twin) => format!("{twin} twins of {} over its run", first.run),
        None => format!("{} over its run", first.run),
    };
    let description = format!(
        "The first and the last step, and up to three between them. The {} strongest \
         links that lead to each layer, with one scale of widths for all steps. {AREAS}",
        STEPS.most_links,
    );
    let spec = FigureSpec {
        id: STEPS.id,
        title: &title,
        description: &description,
        sql: links_of(context, steps, STEPS.most_links),
    };
    let about = (
        &*title,
        "Layers, neurons and the strongest links at each step.",
    );
    spec.draw(context.tables, context.columns, |canvas, frame| {
        drawing(canvas, &STEPS, about, frame, steps, context)
    })
}

/// What the areas of circles mean.
const AREAS: &str = "The area of a circle is the neuron's strength, of a channel their mean; where \
                     the tables have no neurons it is the sum of its drawn weights. Areas compare \
                     within a layer. A pair of channels counts as one link, and biases do not \
                     count.";

fn drawing(
    canvas: Canvas,
    style: &Style,
    about: (&str, &str),
    frame: &DataFrame,
    networks: &[Network],
    context: &Context<'_>,
) -> Result<Drawing, PolarsError> {
    let rows = Networks::read(frame)?;
    let drawn: Vec<_> = networks
        .iter()
        .map(|network| rows.graph(network, context.label(), style.most_links))
        .collect();
    Ok(graphs(canvas, style.id, about, &drawn, style.room))
}
