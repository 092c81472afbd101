//! `cntflow export`.

use crate::args::ExportArguments;
use crate::exit::ExitStatus;
use crate::export::export_tables::{ExportOptions, export as write_export};
use crate::printer;

/// Writes the tables of a finished study as a few small files.
pub(crate) fn export(arguments: ExportArguments) -> anyhow::Result<ExitStatus> {
    let options = ExportOptions {
        from: arguments.folder,
        to: arguments.to,
        digits: arguments.digits,
        last: arguments.last,
        n_runs: arguments.runs.map(|runs| runs as usize),
        readers: arguments.readers,
        fresh: arguments.fresh,
    };
    let manifest = write_export(&options)?;
    if arguments.json {
        printer::json(&serde_json::to_value(&manifest)?);
        return Ok(ExitStatus::Done);
    }
    let (n_networks, n_bytes) = (manifest.n_networks, manifest.n_bytes());
    printer::result(&format!(
        "{}: {n_networks} networks in {n_bytes} bytes, {} each",
        options.to.display(),
        n_bytes / (n_networks as u64).max(1),
    ));
    Ok(ExitStatus::Done)
}
