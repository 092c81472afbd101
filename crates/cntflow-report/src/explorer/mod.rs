//! The data of the explorer: columns of the networks as codes of 16 bits, and their names. The
//! README of `crates/cntflow-report/explorer` says what the script in the page reads.

mod codes;
mod columns;
mod names;

use maud::{Markup, PreEscaped, html};
use serde_json::json;

use crate::error::ReportError;
use crate::section::Context;

const SCRIPT: &str = include_str!("../../explorer/dist/explorer.js");
const STYLE: &str = include_str!("../../explorer/dist/explorer.css");
const LICENCES: &str = include_str!("../../explorer/dist/THIRD-PARTY.txt");

/// Which script starts the explorer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// One of its own, behind its data.
    Own,
    /// That of a live page, which can put another explorer in its place.
    OfPage,
}

/// The explorer of the networks; `None` if there are none.
///
/// # Errors
/// A table cannot be read.
pub(crate) fn explorer(
    context: &Context<'_>,
    script: Script,
) -> Result<Option<Markup>, ReportError> {
    let Some(networks) = columns::networks(context)? else {
        return Ok(None);
    };
    let columns: Vec<_> = networks.columns.iter().map(columns::Column::json).collect();
    let data = json!({
        "n": networks.names.len(),
        "columns": columns,
        "checkpoints": names::encode(&networks.names),
    });
    // Within a script element only this letter could end it.
    let data = data.to_string().replace('<', "\\u003c");
    Ok(Some(html! {
        section id="explore" aria-labelledby="explore-heading" {
            h2 id="explore-heading" { "Explore" }
            p {
                "Any two columns against each other, coloured by a third. A rectangle and filters \
                 select checkpoints; the selection is there as a list and as SQL."
            }
            section id="explorer" data-state="waiting" {
                p {
                    "The explorer needs scripts. Without them, the figures above and "
                    code { "cntflow query" }
                    " tell the same."
                }
            }
            script type="application/json" id="explorer-data" { (PreEscaped(data)) }
            style { (PreEscaped(STYLE)) }
            @if script == Script::Own { script { (PreEscaped(SCRIPT)) } }
            details {
                summary { "Licences of the explorer's packages" }
                pre { (LICENCES) }
            }
        }
    }))
}
