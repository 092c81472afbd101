//! The networks that `cntflow report --graph` names.

use cntflow_experiments::population::nearest_names;
use cntflow_network::Twin;
use cntflow_report::NetworkName;
use cntflow_tables::SqlTables;

use crate::exit::UsageError;

/// Most networks that are drawn beside each other.
const MOST: usize = 2;

/// The networks of these names.
///
/// # Errors
/// There are more than two names, or one is of no network with rows in the table `links`; a table
/// cannot be read.
pub(super) fn graph_names(
    names: &[String],
    tables: &SqlTables,
) -> anyhow::Result<Vec<NetworkName>> {
    if names.len() > MOST {
        let message = format!("--graph: {} names, {MOST} at most", names.len());
        return Err(UsageError(message).into());
    }
    names.iter().map(|name| graph_name(name, tables)).collect()
}

fn graph_name(name: &str, tables: &SqlTables) -> anyhow::Result<NetworkName> {
    let of_networks = with_links("links", tables)?;
    if of_networks.iter().any(|known| known == name) {
        return Ok(NetworkName {
            checkpoint: name.to_owned(),
            twin: None,
        });
    }
    let twin = name.split_once(':').and_then(|(twin, checkpoint)| {
        let twin: Twin = twin.parse().ok()?;
        Some((twin.as_str(), checkpoint))
    });
    let Some((twin, checkpoint)) = twin else {
        return Err(unknown(name, "", &of_networks).into());
    };
    let of_twins = with_links(&format!("links_{twin}"), tables)?;
    if of_twins.iter().any(|known| known == checkpoint) {
        return Ok(NetworkName {
            checkpoint: checkpoint.to_owned(),
            twin: Some(twin.to_owned()),
        });
    }
    Err(unknown(checkpoint, &format!("{twin}:"), &of_twins).into())
}

/// Names of the checkpoints with rows in a table of links; none if it is not there.
fn with_links(table: &str, tables: &SqlTables) -> anyhow::Result<Vec<String>> {
    if !tables.has(table) {
        return Ok(Vec::new());
    }
    let answer = tables.query(&format!("SELECT DISTINCT checkpoint FROM {table}"))?;
    let names = answer.column("checkpoint")?.str()?.clone();
    Ok(names.iter().flatten().map(str::to_owned).collect())
}

fn unknown(name: &str, prefix: &str, known: &[String]) -> UsageError {
    let similar = nearest_names(name, known);
    let hint = if known.is_empty() && prefix.is_empty() {
        "; the tables have no links: measure with strongest_links, in another folder or with --fresh"
            .to_owned()
    } else if known.is_empty() {
        "; the tables have no links of this twin".to_owned()
    } else if similar.is_empty() {
        String::new()
    } else {
        let similar: Vec<String> = similar
            .iter()
            .map(|name| format!("{prefix}{name}"))
            .collect();
        format!("; similar names: {}", similar.join(", "))
    };
    UsageError(format!(
        "--graph {prefix}{name}: no such network in the table 'links'{hint}"
    ))
}
