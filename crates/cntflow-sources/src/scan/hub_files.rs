//! Which files of a repository of the hub are read. It often has the same weights in several forms,
//! and files of training beside them.

use std::collections::BTreeSet;
use std::path::Path;

use cntflow_catalog::SkippedFile;
use cntflow_formats::sharded;
use cntflow_storage::Location;
use cntflow_storage::store::{HubUrl, ObjectInfo};

use crate::layout::hub_revision::has_step;

/// The objects of a source that are looked at, and what is left out.
#[derive(Debug, Default)]
pub(super) struct ChosenFiles {
    pub(super) objects: Vec<ObjectInfo>,
    pub(super) skipped: Vec<SkippedFile>,
}

/// Chooses among the objects of a source. If it names a whole repository, other forms of weights
/// beside safetensors are left out, and of several revisions those without a step if others have
/// one. `claims_checkpoint` says whether a file has weights, by its name.
pub(super) fn choose(
    objects: Vec<ObjectInfo>,
    source: &str,
    claims_checkpoint: fn(&Location) -> bool,
) -> ChosenFiles {
    let mut chosen = ChosenFiles {
        objects,
        ..ChosenFiles::default()
    };
    let Some(source) = HubUrl::parse(source) else {
        return chosen;
    };
    if source.has_revision_glob() {
        chosen.leave_out_revisions_without_step(&source.repository);
    }
    if source.path.is_empty() {
        chosen.leave_out_other_forms(claims_checkpoint);
    }
    chosen
}

impl ChosenFiles {
    /// Keeps only revisions that have a step, if some have one: `main` is mostly the last step
    /// again.
    fn leave_out_revisions_without_step(&mut self, repository: &str) {
        let revisions: BTreeSet<String> = self.objects.iter().map(revision).collect();
        let (with, without): (Vec<_>, Vec<_>) = revisions.iter().partition(|name| has_step(name));
        if with.is_empty() {
            return;
        }
        let reason = "the name of this revision has no step, as others have; name it without a \
                      wildcard to read it";
        let skipped = without.into_iter().map(|name| SkippedFile {
            path: format!("hf://{repository}@{name}").into(),
            reason: reason.to_owned(),
        });
        self.skipped.extend(skipped);
        self.objects.retain(|object| has_step(&revision(object)));
    }

    /// Leaves out the weights in other formats of revisions that have safetensors.
    fn leave_out_other_forms(&mut self, claims_checkpoint: fn(&Location) -> bool) {
        let is_safetensors = |object: &ObjectInfo| object.url.ends_with(".safetensors");
        let with_safetensors = self.objects.iter().filter(|object| is_safetensors(object));
        let with_safetensors: BTreeSet<String> = with_safetensors.map(revision).collect();
        let reason = "the repository has safetensors, which are read; name this file to read it \
                      instead";
        let is_left_out = |object: &mut ObjectInfo| {
            let file = Location::from(Path::new(&object.url));
            let name = file.file_name();
            let is_index = sharded::is_index(name) && !name.contains("safetensors");
            let is_other = !is_safetensors(object) && (claims_checkpoint(&file) || is_index);
            is_other && with_safetensors.contains(&revision(object))
        };
        let left_out = self.objects.extract_if(.., is_left_out);
        let skipped = left_out.map(|object| SkippedFile {
            path: object.url.into(),
            reason: reason.to_owned(),
        });
        self.skipped.extend(skipped);
    }
}

/// The revision in the URL of an object.
fn revision(object: &ObjectInfo) -> String {
    let url = HubUrl::parse(&object.url);
    url.and_then(|url| url.revision).unwrap_or_default()
}
