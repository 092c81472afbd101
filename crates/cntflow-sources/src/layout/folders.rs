//! The files of a source by folder. An archive is a folder here.

use std::collections::BTreeMap;

use cntflow_storage::Location;

/// The files that no layout has taken yet.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    folders: BTreeMap<String, FolderFiles>,
}

/// The files of one folder by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct FolderFiles {
    files: BTreeMap<String, Location>,
}

impl Folders {
    /// Sorts files into their folders.
    pub(crate) fn of(files: Vec<Location>) -> Self {
        let mut folders = Self::default();
        for file in files {
            let (folder, name) = folder_and_name(&file);
            let folder = folders.folders.entry(folder).or_default();
            folder.files.insert(name, file);
        }
        folders
    }

    /// Paths of the folders for which `wanted` holds.
    pub(crate) fn paths(&self, wanted: impl Fn(&str, &FolderFiles) -> bool) -> Vec<String> {
        let all = self.folders.iter();
        all.filter(|(path, folder)| wanted(path, folder))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// A folder, to take files from.
    pub(crate) fn get_mut(&mut self, path: &str) -> Option<&mut FolderFiles> {
        self.folders.get_mut(path)
    }

    /// Takes a file out of a folder.
    pub(crate) fn take(&mut self, path: &str, name: &str) -> Option<Location> {
        self.get_mut(path)?.files.remove(name)
    }

    /// The files that are left.
    pub(crate) fn into_files(self) -> impl Iterator<Item = Location> {
        let folders = self.folders.into_values();
        folders.flat_map(|folder| folder.files.into_values())
    }
}

impl FolderFiles {
    /// The file of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Location> {
        self.files.get(name)
    }

    /// Names of the files.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Removes all files for which `wanted` holds, and returns them.
    pub(crate) fn remove_where(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<Location> {
        let taken: Vec<String> = self
            .names()
            .filter(|name| wanted(name))
            .map(str::to_owned)
            .collect();
        taken
            .iter()
            .filter_map(|name| self.files.remove(name))
            .collect()
    }
}

/// The folder of a file and its name there.
fn folder_and_name(file: &Location) -> (String, String) {
    let mut whole = file.path.to_string_lossy().into_owned();
    if let Some(member) = &file.member {
        whole = format!("{whole}/{member}");
    }
    split_path(&whole)
}

/// The folder that a file or folder lies in, and its own name.
pub(crate) fn split_path(path: &str) -> (String, String) {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    (folder.to_owned(), name.to_owned())
}
