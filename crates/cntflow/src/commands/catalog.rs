//! `cntflow catalog`.

use cntflow_catalog::MetadataMismatch;
use cntflow_sources::scan_within;

use crate::args::CatalogArguments;
use crate::exit::ExitStatus;
use crate::output::catalog_listing::{CatalogListing, OpenedCheckpoints};
use crate::printer;
use crate::run::sources::{require_metadata, with_usage};

/// Lists the checkpoints of some sources, and the files that are not checkpoints.
pub(crate) fn catalog(arguments: CatalogArguments) -> anyhow::Result<ExitStatus> {
    let limits = arguments.limits.limits();
    let options = arguments.columns.into();
    require_metadata(&options)?;
    let (catalog, mut skipped_files) = scan_within(&arguments.source, &options, &limits)
        .map_err(|error| with_usage(error.into()))?;
    let metadata = MetadataMismatch::taken_from(&mut skipped_files, &options);
    let opened = arguments
        .digest
        .then(|| OpenedCheckpoints::open(&catalog, &limits));
    let listing = CatalogListing::new(catalog, skipped_files, metadata, opened);
    if arguments.json {
        printer::json(&listing.json());
    } else {
        printer::result(&listing.text());
    }
    Ok(ExitStatus::Done)
}
