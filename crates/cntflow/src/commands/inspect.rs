//! `cntflow inspect`.

use cntflow_architecture::{Coverage, ResolvedArchitecture, resolve_architecture};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::{LayerRow, MeasureOptions, NetworkMetrics};
use cntflow_storage::Location;
use serde_json::{Value, json};

use crate::args::{InspectArguments, Neurons};
use crate::exit::ExitStatus;
use crate::graph_view::GraphView;
use crate::layer_view::{self, layer_views};
use crate::limit_setting::reason;
use crate::measure::{Measured, coverage_rows, measure_understood, measure_weights};
use crate::populations::Populations;
use crate::printer;
use crate::study::MeasurePlan;

/// Shows one checkpoint: the graph that was understood, its metrics, and what every tensor is used as. Where its architecture cannot be
/// told, its weights are shown by themselves.
pub(crate) fn inspect(arguments: &InspectArguments) -> anyhow::Result<ExitStatus> {
    let mut plan = MeasurePlan::new(
        MeasureOptions::default(),
        arguments.probe.as_deref(),
        Neurons::None,
    )?;
    if arguments.densities {
        plan.populations = Some(Populations::by_default(plan.probe.is_some()));
    }
    let checkpoint = OpenCheckpoint::open_at(
        &Location::from(arguments.file.as_path()),
        &arguments.limits.limits(),
    )
    .map_err(|error| anyhow::anyhow!(reason(&error)))?;
    let (understood, coverage) = resolve_architecture(&checkpoint, None);
    let measured = match understood {
        Ok(understood) => {
            let shown = understood.clone();
            measure_understood(&checkpoint, understood, &plan).map(|found| (Some(shown), found))
        }
        Err(error) => measure_weights(&checkpoint, error, &plan).map(|found| (None, found)),
    };
    let failure = match &measured {
        Ok((_, measured)) => measured.not_finite.clone(),
        Err(error) => Some(reason(error)),
    };
    let measured = measured.ok();
    if arguments.json {
        printer::json(&document(
            &checkpoint,
            measured.as_ref(),
            &coverage,
            failure.as_deref(),
        ));
    } else {
        printer::result(&text(
            &checkpoint,
            measured.as_ref(),
            &coverage,
            failure.as_deref(),
        ));
    }
    Ok(if failure.is_some() {
        ExitStatus::SomeFailed
    } else {
        ExitStatus::Done
    })
}

/// What was understood, where that could be told, and what was measured.
type Shown = (Option<ResolvedArchitecture>, Measured);

fn text(
    checkpoint: &OpenCheckpoint,
    measured: Option<&Shown>,
    coverage: &[Coverage],
    failure: Option<&str>,
) -> String {
    let mut parts = vec![format!(
        "{}, {}, {} bytes, BLAKE3 {}",
        checkpoint.path().display(),
        checkpoint.format(),
        checkpoint.bytes(),
        checkpoint.digest()
    )];
    if let Some((understood, measured)) = measured {
        let metrics = &measured.metrics;
        if let Some(understood) = understood {
            parts.extend(graph_text(understood, metrics));
        }
        let header = [
            "layer", "name", "kind", "role", "metric", "count", "mean", "std", "min", "q50", "max",
        ];
        parts.push(printer::table(header, metrics.layers.iter().map(layer_row)));
        parts.extend(measured.left_out.clone());
        if !measured.samples.is_empty() {
            parts.push(layer_view::text(&layer_views(&measured.samples)));
        }
    }
    parts.extend(failure.map(|failure| format!("failed: {failure}")));
    let header = ["tensor", "shape", "type", "used as", ""];
    parts.push(printer::table(header, coverage_rows(coverage)));
    parts.join("\n\n")
}

fn graph_text(understood: &ResolvedArchitecture, metrics: &NetworkMetrics) -> Vec<String> {
    let mut parts = vec![format!(
        "architecture from its {}: {} layers of neurons, {} neurons, {} links, {} parameters",
        understood.source,
        metrics.n_layers,
        metrics.n_neurons,
        metrics.n_links,
        metrics.n_parameters
    )];
    let assumptions = understood.assumptions.iter();
    parts.extend(assumptions.map(|assumption| format!("assumed: {assumption}")));
    parts.extend(GraphView::new(understood, metrics).map(|view| view.text()));
    parts
}

fn layer_row(row: &LayerRow) -> Vec<String> {
    let summary = &row.summary;
    let real = |value: f64| {
        if value.is_nan() {
            "-".to_owned()
        } else {
            format!("{value:.6}")
        }
    };
    let mut cells = vec![
        row.layer.to_string(),
        row.name.clone(),
        row.kind.as_str().to_owned(),
        row.role.as_str().to_owned(),
        row.metric.as_str().to_owned(),
        summary.count.to_string(),
    ];
    cells.extend(
        [
            summary.mean,
            summary.std,
            summary.min,
            summary.q50,
            summary.max,
        ]
        .map(real),
    );
    cells
}

fn document(
    checkpoint: &OpenCheckpoint,
    measured: Option<&Shown>,
    coverage: &[Coverage],
    failure: Option<&str>,
) -> Value {
    let coverage: Vec<Value> = coverage
        .iter()
        .map(|row| {
            json!({"tensor": row.tensor.name, "shape": row.tensor.shape, "dtype": row.tensor.element.as_str(), "used_as": row.used_as, "reason": row.reason})
        })
        .collect();
    let metrics = measured.map(|(understood, measured)| {
        let metrics = &measured.metrics;
        json!({
            "architecture": understood.as_ref().map(|known| &known.architecture),
            "architecture_from": understood.as_ref().map(|known| known.source),
            "graph": understood.as_ref().and_then(|known| Some(GraphView::new(known, metrics)?.document())),
            "n_layers": understood.as_ref().map(|_| metrics.n_layers),
            "n_neurons": understood.as_ref().map(|_| metrics.n_neurons),
            "n_links": understood.as_ref().map(|_| metrics.n_links),
            "n_parameters": metrics.n_parameters,
            "doubts": understood.as_ref().map(|known| &known.assumptions),
            "left_out": measured.left_out,
            "densities": (!measured.samples.is_empty()).then(|| layer_view::document(&layer_views(&measured.samples))),
            "layers": metrics.layers.iter().map(layer_document).collect::<Vec<_>>(),
        })
    });
    json!({
        "file": checkpoint.path(),
        "format": checkpoint.format(),
        "bytes": checkpoint.bytes(),
        "digest": checkpoint.digest(),
        "network": metrics,
        "coverage": coverage,
        "failure": failure,
    })
}

fn layer_document(row: &LayerRow) -> Value {
    let mut document = json!({
        "layer": row.layer,
        "name": row.name,
        "kind": row.kind.as_str(),
        "role": row.role.as_str(),
        "metric": row.metric.as_str(),
    });
    for (name, value) in row.summary.columns() {
        document[name] = json!(value);
    }
    document
}
