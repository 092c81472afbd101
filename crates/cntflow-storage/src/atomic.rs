//! Files that are whole or absent: written under a temporary name, synced, and renamed.

use std::io::{BufWriter, Write};
use std::path::Path;

use fs_err as fs;

/// Writes a file through `write` so that `path` is either as before or complete, whatever happens
/// in between.
///
/// The bytes go to a hidden temporary file in the same folder, are synced, and take their name by a
/// rename; then the folder is synced, so that the name survives a power cut. Missing parent folders
/// are made, and synced as well. A failure removes the temporary file.
///
/// # Errors
/// Any I/O error (a full disk, a read-only folder), with the path in its text.
pub fn write_atomically<E: From<std::io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), E>,
) -> Result<(), E> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    make_folder(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let with_path = |error: std::io::Error| {
        std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    let mut temporary = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .tempfile_in(folder)
        .map_err(with_path)?;
    let mut buffered = BufWriter::with_capacity(1 << 16, temporary.as_file_mut());
    write(&mut buffered)?;
    buffered.flush().map_err(with_path)?;
    drop(buffered);
    temporary.as_file().sync_all().map_err(with_path)?;
    set_ordinary_permissions(temporary.as_file()).map_err(with_path)?;
    temporary
        .persist(path)
        .map_err(|error| with_path(error.error))?;
    sync_folder(folder)?;
    Ok(())
}

/// Makes a folder and those above it, so that their names survive a power cut. One that is there
/// stays as it is.
///
/// # Errors
/// A folder cannot be made or synced.
pub fn make_folder(folder: &Path) -> std::io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    for made in missing {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty());
        sync_folder(above.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Temporary files are private; a named file is for everybody who may read the folder.
#[cfg(unix)]
fn set_ordinary_permissions(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_ordinary_permissions(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Makes sure that the names in a folder are as they are now, also after a power cut.
///
/// # Errors
/// The folder cannot be opened or synced.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Here folders need not be synced.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_above_are_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c");
        write_atomically::<std::io::Error>(&path, |file| file.write_all(b"x")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomically::<std::io::Error>(&path, |file| file.write_all(b"old")).unwrap();
        let failed = write_atomically::<std::io::Error>(&path, |file| {
            file.write_all(b"half")?;
            Err(std::io::Error::other("disk full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
