//! `cntflow measure`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use cntflow_metrics::{MeasureOptions, Metric};
use cntflow_network::Twin;
use cntflow_storage::store::is_url;

use crate::args::{MeasureArguments, MeasureSettings};
use crate::exit::{ExitStatus, UsageError};
use crate::experiments::run_experiments::Experiments;
use crate::output::run_summary::RunSummary;
use crate::printer;
use crate::progress::trace;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::membership::Membership;
use crate::run::options::{RunOptions, RunUntil};
use crate::run::run_plan::run_plan;
use crate::run::session::agreed;
use crate::study::measure_plan::{Against, MeasurePlan, distinct_twins, metrics_against};
use crate::study::plan::Plan;

/// Measures the checkpoints of some sources into tables.
pub(crate) fn measure(arguments: MeasureArguments) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    if let Some(study) = arguments.source.iter().find(is_study_file) {
        return Err(UsageError(format!(
            "{study}: a study file, where checkpoints should be; for a study: cntflow run {study}"
        ))
        .into());
    }
    let plan = source_plan(&arguments.source, &arguments.settings)?;
    let options = RunOptions {
        out: arguments
            .folder
            .out
            .unwrap_or_else(|| Path::new("runs").join(&plan.name)),
        fresh: arguments.folder.fresh,
        retry_failed: arguments.folder.retry_failed,
        reuse: arguments.reuse.into(),
        until: RunUntil::Measured,
        workers: arguments.task.limit(arguments.workers),
        progress: arguments.output.progress(),
    };
    let stop = stop_on_interrupt()?;
    let cluster = options.workers.cluster.as_ref();
    let membership = Membership::join(cluster, &agreed(&plan, &options)?, &stop)?;
    let _trace = trace::start(options.workers.trace.as_deref(), membership.process())?;
    membership.run(|| {
        let outcome = run_plan(&plan, &options, &membership, &stop)?;
        if !membership.is_leader() {
            return membership.agree_on_status(ExitStatus::Done);
        }
        let summary = RunSummary {
            claim: None,
            outcome: &outcome,
            populations: None,
            experiments: &Experiments::default(),
            report: None,
            seconds: started.elapsed().as_secs_f64(),
        };
        let status = membership.agree_on_status(outcome.status())?;
        if arguments.output.json {
            printer::json(&summary.json());
        } else {
            printer::result(&summary.text());
        }
        Ok(status)
    })
}

/// Whether a source is a study file.
pub(super) fn is_study_file(source: &&String) -> bool {
    source.ends_with(".toml") && Path::new(source).is_file()
}

/// The plan that measures some sources.
///
/// # Errors
/// A metric, a twin or the probe is unknown.
pub(super) fn source_plan(
    sources: &[String],
    settings: &MeasureSettings,
) -> Result<Plan, UsageError> {
    let mut measure_options = MeasureOptions {
        strongest_links: settings.strongest_links,
        ..MeasureOptions::default()
    };
    if !settings.metrics.is_empty() {
        measure_options.metrics = parse_metrics(&settings.metrics)?;
    }
    let against = settings.against.map(Against::from);
    measure_options.metrics = metrics_against(against, measure_options.metrics)?;
    let probe = settings.probe.as_deref();
    let measure = MeasurePlan {
        twins: distinct_twins(&parse_twins(&settings.twin)?),
        digest: settings.digest.into(),
        limits: settings.limits.limits(),
        ..MeasurePlan::new(
            measure_options,
            probe,
            settings.neurons.into(),
            &BTreeSet::new(),
        )?
    };
    let sources: Vec<String> = sources
        .iter()
        .map(|source| normalise_source(source))
        .collect();
    Ok(Plan {
        name: study_name(&sources),
        claim: None,
        scale: None,
        written_population: None,
        runs: Vec::new(),
        sources,
        catalog: settings.columns.clone().into(),
        measure,
        labels: BTreeMap::new(),
        experiments: Vec::new(),
    })
}

fn parse_metrics(names: &[String]) -> Result<Vec<Metric>, UsageError> {
    let metrics: Result<Vec<Metric>, _> = names.iter().map(|name| name.parse()).collect();
    metrics.map_err(|error| UsageError::from_error(&error).with_prefix("--metrics: "))
}

fn parse_twins(names: &[String]) -> Result<Vec<Twin>, UsageError> {
    let twins: Result<Vec<Twin>, _> = names.iter().map(|name| name.parse()).collect();
    twins.map_err(|error| UsageError::from_error(&error).with_prefix("--twin: "))
}

/// Gives `zoo`, `./zoo` and `zoo/` one spelling, so that their checkpoints have one name each. URLs
/// stay as they are.
fn normalise_source(source: &str) -> String {
    if is_url(source) {
        return source.to_owned();
    }
    let path: PathBuf = Path::new(source)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect();
    if path.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        path.to_string_lossy().into_owned()
    }
}

/// Name of the study and of its default folder: the first source without folder and extension.
fn study_name(sources: &[String]) -> String {
    let first = sources.first().map_or("", String::as_str);
    let stem = Path::new(first)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let name: String = stem
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_.".contains(*c))
        .collect();
    if name.trim_matches('.').is_empty() {
        "measure".to_owned()
    } else {
        name.trim_start_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::normalise_source;

    #[test]
    fn a_source_has_one_spelling() {
        let sources = ["zoo", "./zoo/", "zoo/.//a", ".", "/abs/zoo/", "../zoo"];
        let expected = ["zoo", "zoo", "zoo/a", ".", "/abs/zoo", "../zoo"];
        assert_eq!(sources.map(normalise_source), expected);
        assert_eq!(normalise_source("s3://zoo//a/"), "s3://zoo//a/");
    }
}
