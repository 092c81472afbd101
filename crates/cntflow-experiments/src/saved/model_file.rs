//! The file of a model, and its card beside it.

use std::path::Path;

use cntflow_storage::write_atomically;
use serde::Deserialize;

use super::error::SavedModelError;
use super::trained_model::TrainedModel;

/// Version of the file: 2. Version 1 had no ranges, no card and no hashes.
pub const MODEL_VERSION: u32 = 2;

/// The version alone. It is read first, so that a file of another version is named as such.
#[derive(Deserialize)]
struct VersionOnly {
    version: u32,
}

impl TrainedModel {
    /// Writes the model, and its card as text beside it: `cnt.json` and `cnt.txt`. Each is written
    /// as a whole or not at all. Missing parent folders are created.
    ///
    /// # Errors
    /// [`SavedModelError::Save`] with the path.
    pub fn save(&self, path: &Path) -> Result<(), SavedModelError> {
        let text = self.to_json().map_err(|error| SavedModelError::Save {
            path: path.to_owned(),
            source: error.into(),
        })?;
        // The card comes first: a model that can be used has one.
        write(&path.with_extension("txt"), &self.card_text())?;
        write(path, &text)
    }

    /// The text of the model's file.
    ///
    /// # Errors
    /// Those of serde, which no model causes.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(self)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads a model and checks that it does not contradict itself.
    ///
    /// # Errors
    /// [`SavedModelError::Read`], [`SavedModelError::Format`], [`SavedModelError::Version`] or
    /// [`SavedModelError::Damaged`].
    pub fn load(path: &Path) -> Result<Self, SavedModelError> {
        let text = fs_err::read_to_string(path).map_err(|source| SavedModelError::Read {
            path: path.to_owned(),
            source,
        })?;
        let not_a_model = |source| SavedModelError::Format {
            path: path.to_owned(),
            source,
        };
        let VersionOnly { version } = serde_json::from_str(&text).map_err(not_a_model)?;
        if version != MODEL_VERSION {
            return Err(SavedModelError::Version {
                path: path.to_owned(),
                found: version,
                expected: MODEL_VERSION,
            });
        }
        let model: Self = serde_json::from_str(&text).map_err(not_a_model)?;
        match model.damage() {
            None => Ok(model),
            Some(source) => Err(SavedModelError::Damaged {
                path: path.to_owned(),
                source,
            }),
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), SavedModelError> {
    write_atomically::<std::io::Error>(path, |file| file.write_all(text.as_bytes())).map_err(
        |source| SavedModelError::Save {
            path: path.to_owned(),
            source,
        },
    )
}
