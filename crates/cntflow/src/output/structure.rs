//! What `cntflow inspect --structure` prints: the graph and the use of the tensors, without
//! weights.

use cntflow_architecture::{ArchitectureError, Coverage, ResolvedArchitecture, n_left_over};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::KnownGraph;
use cntflow_storage::FullMessage;
use serde_json::{Value, json};

use super::graph::GraphView;
use super::inspection::{coverage_json, coverage_table};

/// An opened checkpoint whose weights are not read.
pub(crate) struct Structure {
    pub(crate) checkpoint: OpenCheckpoint,
    pub(crate) resolved: Result<ResolvedArchitecture, ArchitectureError>,
    pub(crate) coverage: Vec<Coverage>,
}

/// How many parameters there are, and how many of them have a place.
struct Parameters {
    known: KnownGraph,
    placed: u64,
    all: u64,
}

impl Structure {
    /// The file, the graph, or why there is none, and a table of the tensors.
    pub(crate) fn text(&self) -> String {
        let checkpoint = &self.checkpoint;
        let mut parts = vec![format!(
            "{}, {}, {} bytes",
            checkpoint.path().display(),
            checkpoint.format(),
            checkpoint.bytes()
        )];
        match &self.resolved {
            Ok(resolved) => {
                let Parameters { known, placed, all } = self.parameters(resolved);
                parts.push(format!(
                    "architecture from {}, {}: {placed} of {all} parameters have a place in the graph",
                    resolved.source,
                    known.as_str()
                ));
                parts.extend(
                    resolved
                        .in_parts
                        .iter()
                        .map(|why| format!("in parts: {why}")),
                );
                let assumptions = resolved.assumptions.iter();
                parts.extend(assumptions.map(|assumption| format!("assumed: {assumption}")));
                parts.extend(GraphView::new(resolved, None).map(|graph| graph.text()));
            }
            Err(error) => parts.push(error.full_message()),
        }
        parts.push(coverage_table(&self.coverage));
        parts.join("\n\n")
    }

    /// The same as JSON.
    pub(crate) fn json(&self) -> Value {
        let resolved = self.resolved.as_ref().ok();
        let parameters = resolved.map(|resolved| self.parameters(resolved));
        let graph = resolved.and_then(|resolved| GraphView::new(resolved, None));
        json!({
            "file": self.checkpoint.path(),
            "format": self.checkpoint.format(),
            "bytes": self.checkpoint.bytes(),
            "network": resolved.map(|resolved| json!({
                "architecture": resolved.architecture,
                "architecture_from": resolved.source,
                "graph": graph.map(|graph| graph.json()),
                "known_graph": parameters.as_ref().map(|parameters| parameters.known.as_str()),
                "n_parameters": parameters.as_ref().map(|parameters| parameters.all),
                "placed_parameters": parameters.as_ref().map(|parameters| parameters.placed),
                "doubts": resolved.assumptions,
                "in_parts": resolved.in_parts,
            })),
            "coverage": self.coverage.iter().map(coverage_json).collect::<Vec<_>>(),
            "failure": self.resolved.as_ref().err().map(FullMessage::full_message),
        })
    }

    fn parameters(&self, resolved: &ResolvedArchitecture) -> Parameters {
        let specs = resolved.architecture.tensors().unwrap_or_default();
        let trained = specs.iter().filter(|spec| !spec.buffer);
        let placed = trained.map(|spec| spec.n_values() as u64).sum();
        let left_over = match resolved.in_parts {
            Some(_) => n_left_over(resolved, &self.checkpoint),
            None => 0,
        };
        Parameters {
            known: match resolved.in_parts {
                Some(_) => KnownGraph::Parts,
                None => KnownGraph::Whole,
            },
            placed,
            all: placed + left_over,
        }
    }
}
