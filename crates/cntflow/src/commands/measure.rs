//! `cntflow measure`.

use std::path::Path;

use cntflow_metrics::{MeasureOptions, Metric};

use crate::args::MeasureArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::pipeline::{Extent, Setting, carry_out, name_of_sources};
use crate::study::{MeasurePlan, Plan};
use crate::{printer, summary};

/// Measures the checkpoints of some sources into tables.
pub(crate) fn measure(arguments: MeasureArguments) -> anyhow::Result<ExitStatus> {
    let mut options = MeasureOptions::default();
    if !arguments.metrics.is_empty() {
        let metrics: Result<Vec<Metric>, _> =
            arguments.metrics.iter().map(|name| name.parse()).collect();
        options.metrics = metrics.map_err(|error| UsageError(format!("--metrics: {error}")))?;
    }
    let measure = MeasurePlan::new(options, arguments.probe.as_deref(), arguments.neurons)?;
    let name = name_of_sources(&arguments.source);
    let out = arguments
        .folder
        .out
        .unwrap_or_else(|| Path::new("runs").join(&name));
    let plan = Plan {
        name,
        runs: Vec::new(),
        sources: arguments.source,
        measure,
        discriminate: None,
    };
    let (fresh, talk) = (arguments.folder.fresh, arguments.talk);
    let setting = Setting {
        out,
        fresh,
        extent: Extent::Measure,
        workers: arguments.workers,
        talk,
    };
    let carried = carry_out(&plan, &setting)?;
    if carried.leads && talk.json {
        printer::json(&summary::json(&carried, None));
    } else if carried.leads {
        printer::result(&summary::text(&carried, None));
    }
    Ok(carried.status())
}
