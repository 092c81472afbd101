//! The query for the links of some networks, with what is known of the neurons at their ends.

use super::choice::{Network, table};
use crate::section::{Context, quoted, text};

/// The strongest links of networks, up to a rank.
pub(super) fn links_of(context: &Context<'_>, networks: &[Network], most: usize) -> String {
    let mut twins: Vec<Option<&str>> = Vec::new();
    for network in networks {
        let twin = network.name.twin.as_deref();
        if !twins.contains(&twin) {
            twins.push(twin);
        }
    }
    let of_twins = twins.into_iter().map(|twin| {
        let of_twin = networks
            .iter()
            .filter(|one| one.name.twin.as_deref() == twin);
        let names: Vec<String> = of_twin.map(|one| text(&one.name.checkpoint)).collect();
        links_of_twin(context, twin, &names.join(", "), most)
    });
    let of_twins: Vec<String> = of_twins.collect();
    format!(
        "SELECT * FROM ({}) AS of_networks ORDER BY step, checkpoint, twin, layer, name, rank",
        of_twins.join(" UNION ALL ")
    )
}

/// The links of networks, or of their twins. Only the networks themselves have rows of neurons.
fn links_of_twin(context: &Context<'_>, twin: Option<&str>, names: &str, most: usize) -> String {
    let label = match context.label() {
        Some(label) => quoted(label),
        None => "NULL".to_owned(),
    };
    let layers = table("layers", twin);
    let (layer_names, layer_joins) = if context.tables.has(&layers) {
        let names_of = |end: &str| {
            format!(
                " LEFT JOIN (SELECT DISTINCT checkpoint, layer AS {end}, name AS {end}_name FROM \
                 {layers} WHERE metric IN ('nodes_strength', 'layers_fluctuation') AND checkpoint \
                 IN ({names})) AS names_of_{end} USING (checkpoint, {end})"
            )
        };
        let joins = names_of("from_layer") + &names_of("to_layer");
        ("from_layer_name, to_layer_name", joins)
    } else {
        let none = "CAST(NULL AS VARCHAR) AS from_layer_name, CAST(NULL AS VARCHAR) AS \
                    to_layer_name";
        (none, String::new())
    };
    let has_neurons = twin.is_none() && context.tables.has("neurons");
    let ends = ["from_neuron", "to_neuron", "from_channel", "to_channel"];
    let strengths = ends.map(|end| {
        let strength = strength_of(end);
        if has_neurons {
            strength
        } else {
            format!("CAST(NULL AS DOUBLE) AS {strength}")
        }
    });
    let strength_joins: String = if has_neurons {
        ends.map(|end| strength_join(end, names)).concat()
    } else {
        String::new()
    };
    format!(
        "SELECT checkpoint, {twin} AS twin, step, label, to_layer AS layer, name, rank, \
         from_layer, {layer_names}, from_neuron, from_channel, to_neuron, to_channel, weight, \
         n_from, n_to, n_links, {strengths} FROM (SELECT checkpoint, layer AS to_layer, name, \
         rank, from_layer, from_neuron, from_channel, to_neuron, to_channel, weight, n_from, n_to, \
         n_links FROM {links} WHERE checkpoint IN ({names}) AND rank <= {most}) AS strongest INNER \
         JOIN (SELECT checkpoint, step, {label} AS label FROM {networks}) AS labels USING \
         (checkpoint){layer_joins}{strength_joins}",
        twin = text(twin.unwrap_or_default()),
        strengths = strengths.join(", "),
        links = table("links", twin),
        networks = table("networks", twin),
    )
}

/// The column with the strength of one end of a link.
fn strength_of(end: &str) -> String {
    format!("{end}_strength")
}

/// The strengths of the neurons, or the mean ones of the channels, at one end of links.
fn strength_join(end: &str, names: &str) -> String {
    let strength = strength_of(end);
    let (side, what) = end.split_once('_').unwrap_or_default();
    let values = match what {
        "neuron" => format!(
            "SELECT checkpoint, layer AS {side}_layer, neuron AS {end}, strength AS {strength} FROM \
             neurons WHERE checkpoint IN ({names})"
        ),
        _ => format!(
            "SELECT checkpoint, layer AS {side}_layer, channel AS {end}, AVG(strength) AS {strength} \
             FROM neurons WHERE checkpoint IN ({names}) GROUP BY checkpoint, layer, channel"
        ),
    };
    format!(" LEFT JOIN ({values}) AS strengths_of_{end} USING (checkpoint, {side}_layer, {end})")
}
