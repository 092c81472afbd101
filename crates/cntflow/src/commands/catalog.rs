//! `cntflow catalog`.

use cntflow_catalog::{Catalog, CatalogEntry, Holes, MetadataMismatch, SkippedFile, StepState};
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::scan_within;
use cntflow_storage::{Limits, Location};

use crate::args::CatalogArguments;
use crate::exit::ExitStatus;
use crate::output::catalog_listing::{CatalogListing, OpenedCheckpoints};
use crate::output::holes::HolesListing;
use crate::printer;
use crate::run::sources::{require_metadata, with_usage};

/// Lists the checkpoints of some sources, and the files that are not checkpoints; or the steps
/// that runs lack.
pub(crate) fn catalog(arguments: CatalogArguments) -> anyhow::Result<ExitStatus> {
    let limits = arguments.limits.limits();
    let options = arguments.columns.into();
    require_metadata(&options)?;
    let (catalog, mut skipped_files) = scan_within(&arguments.source, &options, &limits)
        .map_err(|error| with_usage(error.into()))?;
    let metadata = MetadataMismatch::taken_from(&mut skipped_files, &options);
    if arguments.holes {
        print_holes(
            catalog,
            &skipped_files,
            arguments.open.then_some(&limits),
            arguments.json,
        );
        return Ok(ExitStatus::Done);
    }
    let opens = arguments.open || arguments.digest;
    let opened = opens.then(|| OpenedCheckpoints::open(&catalog, &limits, arguments.digest));
    let listing = CatalogListing::new(catalog, skipped_files, metadata, opened);
    if arguments.json {
        printer::json(&listing.json());
    } else {
        printer::result(&listing.text());
    }
    Ok(ExitStatus::Done)
}

/// Prints which steps the runs have and lack; within `limits`, if checkpoints are to be opened.
fn print_holes(catalog: Catalog, skipped: &[SkippedFile], limits: Option<&Limits>, json: bool) {
    let holes = Holes::of(&catalog, |entry| state(entry, limits));
    let listing = HolesListing {
        catalog,
        holes,
        n_skipped: skipped.len(),
        opened: limits.is_some(),
    };
    if json {
        printer::json_lines(listing.json_lines());
    } else {
        printer::result(&listing.text());
    }
}

fn state(entry: &CatalogEntry, limits: Option<&Limits>) -> StepState {
    if entry.absent.is_some() {
        return StepState::WithoutWeights;
    }
    let can_be_read = match limits {
        Some(limits) => OpenCheckpoint::open_at(&entry.location, limits).is_ok(),
        None => is_there(&entry.location),
    };
    if can_be_read {
        StepState::Present
    } else {
        StepState::Unreadable
    }
}

/// Whether a file on a disk is there and is not empty. Of an object its listing is believed.
fn is_there(location: &Location) -> bool {
    location.url().is_some() || location.size().is_some_and(|bytes| bytes > 0)
}
