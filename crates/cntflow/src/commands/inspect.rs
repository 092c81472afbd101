//! `cntflow inspect`.

use std::collections::BTreeSet;

use cntflow_architecture::{ArchitectureError, ResolvedArchitecture, resolve_architecture};
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::MeasureOptions;
use cntflow_metrics::OneByOne;

use super::open::open_named;
use crate::args::InspectArguments;
use crate::error_text::checkpoint_reason;
use crate::exit::ExitStatus;
use crate::measure::network::{measure_with_architecture, measure_without_architecture};
use crate::output::inspection::{InspectedNetwork, Inspection};
use crate::output::plot::{PlotStyle, Terminal};
use crate::output::sample_plots;
use crate::output::structure::Structure;
use crate::printer;
use crate::study::measure_plan::{MeasurePlan, NeuronRows};
use crate::study::populations::PopulationsSpec;

/// Shows one checkpoint: its graph, its metrics, and how each tensor is used. Without an
/// architecture, only the weights are measured.
pub(crate) fn inspect(arguments: &InspectArguments) -> anyhow::Result<ExitStatus> {
    if arguments.structure {
        return show_structure(arguments);
    }
    let probe = arguments.probe.as_deref();
    let mut plan = MeasurePlan::new(
        MeasureOptions::default(),
        probe,
        NeuronRows::None,
        &BTreeSet::new(),
    )?;
    let plots = plots(arguments);
    let with_probe = plan.probe.is_some();
    if arguments.densities {
        plan.populations = Some(PopulationsSpec::with_defaults(with_probe));
    } else if plots.is_some() {
        plan.populations = Some(PopulationsSpec {
            metrics: sample_plots::METRICS.to_vec(),
            ..PopulationsSpec::with_defaults(with_probe)
        });
    }
    let checkpoint = open_named(&arguments.file, &arguments.limits.limits())?;
    let (resolved, coverage) = resolve_architecture(&checkpoint, None);
    let (network, failure) = match measure(&checkpoint, resolved, &plan) {
        Ok(network) => {
            let not_finite = network.measured.not_finite.clone();
            (Some(network), not_finite)
        }
        Err(error) => (None, Some(checkpoint_reason(&error))),
    };
    let status = if failure.is_some() {
        ExitStatus::SomeFailed
    } else {
        ExitStatus::Done
    };
    let inspection = Inspection {
        checkpoint,
        network,
        coverage,
        failure,
        compares_layers: arguments.densities,
        plots,
    };
    if arguments.json {
        printer::json(&inspection.json());
    } else {
        printer::result(&inspection.text());
    }
    Ok(status)
}

/// Shows the graph and the use of the tensors, without weights.
fn show_structure(arguments: &InspectArguments) -> anyhow::Result<ExitStatus> {
    let checkpoint = open_named(&arguments.file, &arguments.limits.limits())?;
    let (resolved, coverage) = resolve_architecture(&checkpoint, None);
    let structure = Structure {
        checkpoint,
        resolved,
        coverage,
    };
    if arguments.json {
        printer::json(&structure.json());
    } else {
        printer::result(&structure.text());
    }
    Ok(ExitStatus::Done)
}

/// How the values of layers are plotted, if they are.
fn plots(arguments: &InspectArguments) -> Option<PlotStyle> {
    let terminal = Terminal::of_stdout();
    PlotStyle::of(arguments.plots, &terminal).filter(|_| !arguments.json)
}

fn measure(
    checkpoint: &OpenCheckpoint,
    resolved: Result<ResolvedArchitecture, ArchitectureError>,
    plan: &MeasurePlan,
) -> Result<InspectedNetwork, ArchitectureError> {
    match resolved {
        Ok(resolved) => Ok(InspectedNetwork {
            measured: measure_with_architecture(
                checkpoint,
                resolved.clone(),
                plan,
                plan.sampled_metrics(true),
                &OneByOne,
            )?,
            resolved: Some(resolved),
        }),
        Err(error) => Ok(InspectedNetwork {
            measured: measure_without_architecture(checkpoint, error, plan)?,
            resolved: None,
        }),
    }
}
