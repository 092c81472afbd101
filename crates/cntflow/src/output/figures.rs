//! Figures for papers: their files, and the list of them.

use std::path::PathBuf;

use cntflow_report::{Column, PaperFigure};
use cntflow_storage::store::Folder;

use super::frames;

/// The list of the figures.
const LIST: &str = "figures.csv";

/// Most letters of the name of a file, before its extension. File systems allow 255 bytes.
const MOST_LETTERS: usize = 120;

/// Writes the files of figures into a folder, each complete or not at all, and returns their paths.
/// Files of the same names are replaced, others stay. The list is written last.
///
/// # Errors
/// A picture cannot be made, or a file cannot be written.
pub(crate) fn write(folder: &Folder, figures: &[PaperFigure]) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut write = |name: String, bytes: &[u8]| -> anyhow::Result<()> {
        folder.write::<std::io::Error>(&name, |file| file.write_all(bytes))?;
        paths.push(folder.path_of(&name));
        Ok(())
    };
    for figure in figures {
        let name = file_name(&figure.id);
        for drawing in &figure.drawings {
            let name = match drawing.column {
                Column::One => name.clone(),
                Column::Two => format!("{name}-wide"),
            };
            write(format!("{name}.svg"), drawing.svg.as_bytes())?;
            write(format!("{name}.png"), &figure.png(drawing)?)?;
        }
        let answer = frames::to_csv(&figure.frame)?;
        write(format!("{name}.csv"), format!("{answer}\n").as_bytes())?;
    }
    write(LIST.to_owned(), &list(figures)?)?;
    Ok(paths)
}

/// The name of the files of a figure: its identifier, of which the end tells long ones apart.
fn file_name(id: &str) -> String {
    if id.len() <= MOST_LETTERS {
        return id.to_owned();
    }
    // The last hyphen is before the digest of the whole name.
    let (start, digest) = id.rsplit_once('-').unwrap_or(("", id));
    let start: String = start
        .chars()
        .take(MOST_LETTERS - digest.len() - 1)
        .collect();
    format!("{start}-{digest}")
}

/// What each figure shows, how to read it, and its query.
fn list(figures: &[PaperFigure]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["file", "title", "description", "sql"])?;
    for figure in figures {
        let name = file_name(&figure.id);
        writer.write_record([&name, &figure.title, &figure.description, &figure.sql])?;
    }
    Ok(writer.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_identifiers_have_short_file_names_that_differ() {
        let [a, b] = ["1a2b", "3c4d"].map(|digest| format!("{}-{digest}", "x".repeat(300)));
        assert_eq!(file_name(&a).len(), MOST_LETTERS);
        assert_ne!(file_name(&a), file_name(&b));
        assert_eq!(file_name("histogram"), "histogram");
    }
}
