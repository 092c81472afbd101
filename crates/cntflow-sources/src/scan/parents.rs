//! Parents that are checkpoints of the same catalog.

use std::collections::HashMap;
use std::convert::Infallible;

use arcstr::ArcStr;
use cntflow_catalog::{CatalogEntry, CollectedEntries, Parent};
use cntflow_storage::Location;

use crate::layout::{is_weights_or_index, split_path};

/// How a text that names a parent may mean a checkpoint of the catalog; the first way that gives
/// one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// It is the checkpoint's name.
    Name,
    /// It is the checkpoint's path.
    Path,
    /// It is the path of the folder that has its weights.
    Folder,
    /// It is the end of that folder's path: the name of a model on a hub, of which there is a copy.
    HubName,
}

/// A checkpoint that a text may mean.
#[derive(Clone, Debug)]
struct Candidate {
    way: Way,
    checkpoint: String,
    location: Location,
    architecture: Option<ArcStr>,
    /// Whether the text means another one as well, in another folder.
    is_ambiguous: bool,
}

/// Replaces the location of each parent that is in the catalog by that of the checkpoint, and a
/// path by the checkpoint's name. What is not there stays as it is.
pub(super) fn find_in_catalog(entries: &mut CollectedEntries) {
    if !entries.has_parents() {
        return;
    }
    let mut wanted: HashMap<String, Option<Candidate>> = HashMap::new();
    entries.for_each(|entry| {
        if let Some(parent) = &entry.parent {
            wanted.insert(parent.name.to_string(), None);
            wanted.insert(parent.location.to_string(), None);
        }
    });
    entries.for_each(|entry| offer(entry, &mut wanted));
    let found = |text: &str| {
        let candidate = wanted.get(text).and_then(Option::as_ref);
        candidate.filter(|candidate| !candidate.is_ambiguous)
    };
    let changed: Result<(), Infallible> = entries.try_change(|entry| {
        if let Some(parent) = &mut entry.parent {
            // A name of the catalog is meant before a path, a path before a name of a hub.
            let by_name = found(&parent.name);
            let by_path = found(&parent.location.to_string());
            let by_path = by_path.filter(|candidate| candidate.way < Way::HubName);
            let best = by_name.into_iter().chain(by_path).min_by_key(|c| c.way);
            match best {
                // A card that was copied from the parent names the folder that it lies in.
                Some(candidate) if candidate.checkpoint == entry.checkpoint => entry.parent = None,
                Some(candidate) => take(parent, candidate),
                None => {}
            }
        }
        Ok(())
    });
    match changed {
        Ok(()) => {}
        Err(never) => match never {},
    }
}

fn take(parent: &mut Parent, candidate: &Candidate) {
    if candidate.way != Way::HubName {
        parent.name = candidate.checkpoint.as_str().into();
    }
    parent.location = candidate.location.clone();
    parent.architecture.clone_from(&candidate.architecture);
}

/// Offers a checkpoint to the texts that may mean it.
fn offer(entry: &CatalogEntry, wanted: &mut HashMap<String, Option<Candidate>>) {
    let mut offer_as = |text: &str, way: Way| {
        let Some(place) = wanted.get_mut(text) else {
            return;
        };
        let candidate = Candidate {
            way,
            checkpoint: entry.checkpoint.clone(),
            location: entry.location.clone(),
            architecture: entry.architecture.clone(),
            is_ambiguous: false,
        };
        match place {
            Some(other) if other.way < way => {}
            Some(other) if other.way == way => choose(other, candidate),
            _ => *place = Some(candidate),
        }
    };
    offer_as(&entry.checkpoint, Way::Name);
    let path = entry.location.normalised().to_string();
    offer_as(&path, Way::Path);
    if !is_weights_or_index(entry.location.file_name()) {
        return;
    }
    let (folder, _) = split_path(&path);
    offer_as(&folder, Way::Folder);
    let slashes = folder.match_indices('/').map(|(index, _)| index);
    for slash in slashes {
        offer_as(&folder[slash + 1..], Way::HubName);
    }
}

/// Of two checkpoints that a text means in the same way: of one folder the first by name.
fn choose(other: &mut Candidate, candidate: Candidate) {
    let folder = |candidate: &Candidate| split_path(&candidate.location.to_string()).0;
    let is_ambiguous = other.is_ambiguous || folder(other) != folder(&candidate);
    if candidate.checkpoint < other.checkpoint {
        *other = candidate;
    }
    other.is_ambiguous = is_ambiguous;
}
