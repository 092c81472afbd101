//! Opening the checkpoint that a user names.

use std::path::Path;

use anyhow::anyhow;
use cntflow_catalog::CatalogOptions;
use cntflow_formats::OpenCheckpoint;
use cntflow_sources::{scan_within, weights_in_folder};
use cntflow_storage::store::{HubUrl, is_url};
use cntflow_storage::{Limits, Location};

use crate::error_text::checkpoint_reason;
use crate::exit::UsageError;
use crate::run::sources::with_usage;

/// Opens a file, a URL, a member of an archive (`zoo.tar: run1/model.pt`), a row of one of these
/// (`weights.npy row 3`), the weights in a folder of Hugging Face, or those of a model of its hub.
///
/// # Errors
/// There is no such file, or it cannot be read; the text names it.
pub(super) fn open_named(name: &Path, limits: &Limits) -> anyhow::Result<OpenCheckpoint> {
    let location = location_of(name, limits)?;
    OpenCheckpoint::open_at(&location, limits).map_err(|error| anyhow!(checkpoint_reason(&error)))
}

/// The checkpoint that is named; of a repository of the hub the only one that it has.
fn location_of(name: &Path, limits: &Limits) -> anyhow::Result<Location> {
    let url = name.to_str().filter(|text| {
        let url = HubUrl::parse(text);
        url.is_some_and(|url| url.path.is_empty())
    });
    let Some(url) = url else {
        return Ok(shown_location(name)?);
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

/// The location that a user names: as locations are shown in lists and tables.
fn shown_location(name: &Path) -> Result<Location, UsageError> {
    if name.is_dir() {
        return weights_in_folder(name).ok_or_else(|| {
            let name = name.display();
            UsageError(format!(
                "{name}: a folder without weights under a name of Hugging Face; name a file"
            ))
        });
    }
    if is_there(name) {
        return Ok(name.into());
    }
    let location = Location::from_shown(&name.to_string_lossy());
    if is_there(&location.path) {
        return Ok(location);
    }
    let name = name.display();
    Err(UsageError(format!("{name}: no such file; check the name")))
}

fn is_there(path: &Path) -> bool {
    is_url(&path.to_string_lossy()) && !path.to_string_lossy().contains(": ")
        || path.try_exists().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_as_they_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("zoo.tar");
        fs_err::write(&archive, b"").unwrap();
        let whole: Location = archive.as_path().into();
        let member = Location::of_member(&archive, "run 1/model.pt");
        let rows = [whole.at_row(3), member.at_row(7)];
        for location in [whole, member].into_iter().chain(rows) {
            let found = shown_location(Path::new(&location.to_string())).unwrap();
            assert_eq!(found, location);
        }
        let url = Path::new("s3://bucket/a.pt");
        assert_eq!(shown_location(url).unwrap().url(), Some("s3://bucket/a.pt"));
        for missing in ["nothing", "nothing: a.pt", "nothing row 3"] {
            let error = shown_location(Path::new(missing)).unwrap_err();
            assert!(error.0.starts_with(missing), "{error:?}");
        }
        let error = shown_location(folder.path()).unwrap_err();
        assert!(error.0.contains("a folder without weights"), "{error:?}");
    }
}
