//! `cntflow diff`.

use anyhow::anyhow;

use super::open::open_named;
use crate::args::DiffArguments;
use crate::diff::{CheckpointDiff, DiffSide};
use crate::error_text::checkpoint_reason;
use crate::exit::ExitStatus;
use crate::output::diff;
use crate::printer;

/// Shows what of one checkpoint is other than in another one. That they differ is no failure.
pub(crate) fn diff(arguments: &DiffArguments) -> anyhow::Result<ExitStatus> {
    let limits = arguments.limits.limits();
    let [a, b] = [&arguments.a, &arguments.b].map(|name| open_named(name, &limits));
    let (a, b) = (a?, b?);
    let compared = DiffSide::new(a).and_then(|a| CheckpointDiff::between(a, DiffSide::new(b)?));
    let compared = compared.map_err(|error| anyhow!(checkpoint_reason(&error)))?;
    if arguments.json {
        printer::json(&diff::json(&compared));
    } else {
        printer::result(&diff::text(&compared));
    }
    Ok(ExitStatus::Done)
}
