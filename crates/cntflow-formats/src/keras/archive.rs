//! A `.keras` file: a zip archive of `config.json`, `metadata.json` and `model.weights.h5`.

use cntflow_storage::FormatError;
use cntflow_storage::zip;
use cntflow_storage::zip::Member;
use cntflow_storage::{Content, Limits};

const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";
const WEIGHTS: &str = "model.weights.h5";

/// The members of an archive.
pub(super) struct Archive {
    /// The architecture.
    pub(super) config: String,
    /// Version and date, where the archive has them.
    pub(super) metadata: Option<String>,
    /// The HDF5 file: a part of the archive where it is stored as it is.
    pub(super) weights: Content,
}

/// Whether the file is a zip archive with the members that Keras writes; one that is cut short has lost its list of members, and is
/// told by the first of them.
pub(super) fn recognises(file: &[u8]) -> bool {
    if !file.starts_with(b"PK\x03\x04") {
        return false;
    }
    zip::has_members(file, &[CONFIG, WEIGHTS]).unwrap_or_else(|| {
        let name = file.get(30..).unwrap_or_default();
        name.starts_with(METADATA.as_bytes()) || name.starts_with(CONFIG.as_bytes())
    })
}

/// Reads the members, within the limits.
pub(super) fn read(file: &Content, limits: &Limits) -> Result<Archive, FormatError> {
    let members = zip::members(file, limits)?;
    let find = |name: &str| {
        let found = members.iter().find(|(member, _)| member == name);
        found.map(|(_, member)| member)
    };
    let required = |name: &str| {
        find(name).ok_or_else(|| FormatError::broken(format!("its zip has no member {name}")))
    };
    let text = |name: &str, member: &Member| {
        let bytes = member.held(file, &format!("member {name}"), limits)?;
        String::from_utf8(bytes.into_owned())
            .map_err(|_| FormatError::broken(format!("member {name} is no text in UTF-8")))
    };
    let weights = required(WEIGHTS)?;
    Ok(Archive {
        config: text(CONFIG, required(CONFIG)?)?,
        metadata: find(METADATA)
            .map(|member| text(METADATA, member))
            .transpose()?,
        weights: match weights {
            Member::Stored(range) => file.part(range.clone()),
            Member::Deflated { .. } => Content::held(weights.decoded(file)?.into_owned()),
        },
    })
}
