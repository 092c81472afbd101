//! `cntflow measure`.

use std::path::{Component, Path, PathBuf};

use cntflow_metrics::{MeasureOptions, Metric};
use cntflow_storage::store::is_url;

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
    let measure = MeasurePlan {
        digest: arguments.digest,
        limits: arguments.limits.limits(),
        ..MeasurePlan::new(options, arguments.probe.as_deref(), arguments.neurons)?
    };
    let sources: Vec<String> = arguments
        .source
        .iter()
        .map(|source| plain_spelling(source))
        .collect();
    let name = name_of_sources(&sources);
    let out = arguments
        .folder
        .out
        .unwrap_or_else(|| Path::new("runs").join(&name));
    let plan = Plan {
        name,
        runs: Vec::new(),
        sources,
        catalog: arguments.columns.into(),
        measure,
        discriminate: None,
    };
    let (fresh, talk) = (arguments.folder.fresh, arguments.talk);
    let setting = Setting {
        out,
        fresh,
        retry_failed: arguments.folder.retry_failed,
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

/// `zoo`, `./zoo` and `zoo/` are one source, and its checkpoints have one name each. A URL is as it is.
fn plain_spelling(source: &str) -> String {
    if is_url(source) {
        return source.to_owned();
    }
    let parts = Path::new(source)
        .components()
        .filter(|part| *part != Component::CurDir);
    let plain = parts.collect::<PathBuf>().to_string_lossy().into_owned();
    if plain.is_empty() {
        ".".to_owned()
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::plain_spelling;

    #[test]
    fn a_source_has_one_spelling() {
        let spelled = ["zoo", "./zoo/", "zoo/.//a", ".", "/abs/zoo/", "../zoo"].map(plain_spelling);
        assert_eq!(spelled, ["zoo", "zoo", "zoo/a", ".", "/abs/zoo", "../zoo"]);
        assert_eq!(plain_spelling("s3://zoo//a/"), "s3://zoo//a/");
    }
}
