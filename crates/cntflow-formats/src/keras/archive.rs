//! A `.keras` file: a zip archive of `config.json`, `metadata.json` and `model.weights.h5`.

use cntflow_storage::{
    Content, FormatError, Limits,
    zip::{self, Member},
};

const CONFIG: &str = "config.json";
const METADATA: &str = "metadata.json";
const WEIGHTS: &str = "model.weights.h5";

/// The contents of the members that are read.
pub(super) struct Archive {
    /// The configuration of the model, as JSON.
    pub(super) config: String,
    /// Version and date, if the archive has them.
    pub(super) metadata: Option<String>,
    /// The HDF5 file. It shares the archive's bytes if the member is not compressed.
    pub(super) weights: Content,
}

/// Whether the file is a zip with the members that Keras writes. A file that is cut short has lost
/// its list of members, and is recognised by the first of them.
pub(super) fn recognises(file: &[u8]) -> bool {
    if !zip::starts_with_member(file) {
        return false;
    }
    zip::has_all_members(file, &[CONFIG, WEIGHTS]).unwrap_or_else(|| {
        zip::first_member(file).is_some_and(|(name, _)| [METADATA, CONFIG].contains(&name))
    })
}

/// Reads the members, within the limits.
pub(super) fn read(file: &Content, limits: &Limits) -> Result<Archive, FormatError> {
    let members = zip::members(file, limits)?;
    let find = |name: &str| {
        let (_, member) = members.iter().find(|(member, _)| member == name)?;
        Some(member)
    };
    let required = |name: &str| {
        find(name).ok_or_else(|| FormatError::broken(format!("its zip has no member {name}")))
    };
    let text = |name: &str, member: &Member| {
        let bytes = member.small_content(file, &format!("member {name}"), limits)?;
        String::from_utf8(bytes.into_owned())
            .map_err(|_| FormatError::broken(format!("member {name} is no text in UTF-8")))
    };
    Ok(Archive {
        config: text(CONFIG, required(CONFIG)?)?,
        metadata: find(METADATA)
            .map(|member| text(METADATA, member))
            .transpose()?,
        weights: required(WEIGHTS)?.content(file)?,
    })
}
