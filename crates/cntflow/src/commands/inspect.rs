//! `cntflow inspect`.

use std::collections::BTreeSet;
use std::path::Path;

use cntflow_architecture::{ArchitectureError, ResolvedArchitecture, resolve_architecture};
use cntflow_catalog::CatalogOptions;
use cntflow_formats::OpenCheckpoint;
use cntflow_metrics::MeasureOptions;
use cntflow_metrics::OneByOne;
use cntflow_sources::scan_within;
use cntflow_storage::store::{HubUrl, is_url};
use cntflow_storage::{Limits, Location};

use super::open::open_named;
use crate::args::InspectArguments;
use crate::error_text::checkpoint_reason;
use crate::exit::ExitStatus;
use crate::measure::network::{measure_with_architecture, measure_without_architecture};
use crate::output::inspection::{InspectedNetwork, Inspection};
use crate::output::plot::{PlotStyle, Terminal};
use crate::output::sample_plots;
use crate::printer;
use crate::run::sources::with_usage;
use crate::study::measure_plan::{MeasurePlan, NeuronRows};
use crate::study::populations::PopulationsSpec;

/// Shows one checkpoint: its graph, its metrics, and how each tensor is used. Without an
/// architecture, only the weights are measured.
pub(crate) fn inspect(arguments: &InspectArguments) -> anyhow::Result<ExitStatus> {
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
    let file = &arguments.file;
    if !file.try_exists().unwrap_or(true) && !is_url(&file.to_string_lossy()) {
        let message = format!("{}: no such file; check the name", file.display());
        return Err(UsageError(message).into());
    }
    let limits = arguments.limits.limits();
    let location = location(file, &limits)?;
    let checkpoint = OpenCheckpoint::open_at(&location, &limits)
        .map_err(|error| anyhow!(checkpoint_reason(&error)))?;
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

/// The checkpoint that is named; of a repository of the hub the only one that it has.
fn location(file: &Path, limits: &Limits) -> anyhow::Result<Location> {
    let url = file.to_str().filter(|text| {
        let url = HubUrl::parse(text);
        url.is_some_and(|url| url.path.is_empty())
    });
    let Some(url) = url else {
        return Ok(file.into());
    };
    let sources = [url.to_owned()];
    let (catalog, _) = scan_within(&sources, &CatalogOptions::default(), limits)
        .map_err(|error| with_usage(error.into()))?;
    let first = catalog.entries().next();
    match first.filter(|_| catalog.len() == 1) {
        Some(entry) => Ok(entry.location.clone()),
        None => {
            let n_found = catalog.len();
            let message = format!(
                "{url}: {n_found} checkpoints; name a file of one, as cntflow catalog does"
            );
            Err(UsageError(message).into())
        }
    }
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
