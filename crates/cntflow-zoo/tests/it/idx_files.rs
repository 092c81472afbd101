//! Folders of IDX files made for tests.

use std::path::{Path, PathBuf};

use cntflow_zoo::Split;

/// A folder of IDX files.
pub(crate) struct IdxFolder {
    path: PathBuf,
    /// Removes the folder at the end of the test.
    _temporary: Option<tempfile::TempDir>,
}

impl IdxFolder {
    /// An empty folder that is removed with the value.
    pub(crate) fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        Self {
            path: temporary.path().to_owned(),
            _temporary: Some(temporary),
        }
    }

    /// An empty folder at `path`.
    pub(crate) fn at(path: &Path) -> Self {
        fs_err::create_dir(path).unwrap();
        Self {
            path: path.to_owned(),
            _temporary: None,
        }
    }

    /// Its path, as a data set is named.
    pub(crate) fn name(&self) -> String {
        self.path.to_str().unwrap().to_owned()
    }

    /// Writes the two files of `split`: images of `dimensions`, `[n, rows, columns]` or
    /// `[n, channels, rows, columns]`, and labels.
    pub(crate) fn write(&self, split: Split, dimensions: &[u32], pixels: &[u8], labels: &[u8]) {
        let prefix = match split {
            Split::Train => "train",
            Split::Test => "t10k",
        };
        let images = format!("{prefix}-images-idx{}-ubyte", dimensions.len());
        self.write_file(&images, &idx(dimensions, pixels));
        let n_labels = labels.len() as u32;
        self.write_file(
            &format!("{prefix}-labels-idx1-ubyte"),
            &idx(&[n_labels], labels),
        );
    }

    /// Writes a file.
    pub(crate) fn write_file(&self, name: &str, content: &[u8]) {
        fs_err::write(self.path.join(name), content).unwrap();
    }
}

/// The content of an IDX file of unsigned bytes.
pub(crate) fn idx(dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let mut content = vec![0, 0, 8, dimensions.len() as u8];
    dimensions
        .iter()
        .for_each(|size| content.extend(size.to_be_bytes()));
    content.extend(values);
    content
}

/// Colour images of 3 rows and 4 columns, 10 to train with and 5 to test with, of two classes. The
/// first training image has no value twice.
pub(crate) fn colour_folder() -> IdxFolder {
    let folder = IdxFolder::new();
    for (split, n_images) in [(Split::Train, 10), (Split::Test, 5)] {
        let pixels: Vec<u8> = (0..n_images * 36)
            .map(|value| (value * 7 % 251) as u8)
            .collect();
        let labels: Vec<u8> = (0..n_images).map(|image| (image % 2) as u8).collect();
        folder.write(split, &[n_images, 3, 3, 4], &pixels, &labels);
    }
    folder
}
