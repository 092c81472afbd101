//! A group of weights: the bytes of several files as if they were one.

use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;

use cntflow_storage::{Content, FormatError, Limits, Location, StorageError};

use super::manifest::ListedGroup;
use crate::CheckpointError;

/// The files of a group, opened.
#[derive(Debug)]
pub(super) struct Group {
    shards: Vec<Content>,
    /// Where each file begins in the group.
    starts: Vec<usize>,
    /// Bytes of all files.
    length: usize,
}

impl Group {
    /// Opens the files of a group beside `model`.
    pub(super) fn open(
        listed: &ListedGroup,
        model: &Location,
        limits: &Limits,
    ) -> Result<Self, CheckpointError> {
        let mut group = Self {
            shards: Vec::with_capacity(listed.paths.len()),
            starts: Vec::with_capacity(listed.paths.len()),
            length: 0,
        };
        for path in &listed.paths {
            let content = model.sibling(path).content(limits)?;
            group.starts.push(group.length);
            group.length += content.len();
            group.shards.push(content);
        }
        Ok(group)
    }

    /// Compares the bytes of the files with those that the manifest lists.
    pub(super) fn check_length(
        &self,
        listed: &ListedGroup,
        model: &Location,
        expected: u64,
    ) -> Result<(), CheckpointError> {
        if expected == self.length as u64 {
            return Ok(());
        }
        Err(self.wrong_length(listed, model, expected))
    }

    /// The error of a group that is longer or shorter than its manifest says. It names the file
    /// that is most likely the wrong one: all but the last are usually of one length.
    fn wrong_length(
        &self,
        listed: &ListedGroup,
        model: &Location,
        expected: u64,
    ) -> CheckpointError {
        let usual = self.shards.first().map_or(0, |shard| shard.len());
        let last = self.shards.len().saturating_sub(1);
        let odd = self.shards[..last]
            .iter()
            .position(|shard| shard.len() != usual);
        let index = odd.unwrap_or(last);
        let Some(shard) = self.shards.get(index) else {
            let source = FormatError::broken(format!(
                "the manifest lists {expected} bytes of weights in no file"
            ));
            return StorageError::content(&PathBuf::from(model.to_string()), source).into();
        };
        let others = (self.length - shard.len()) as u64;
        let source = match expected.checked_sub(others) {
            Some(expected) => FormatError::Length {
                expected,
                found: shard.len() as u64,
            },
            None => FormatError::broken(format!(
                "the manifest lists {expected} bytes of weights, the files of their group have {}",
                self.length
            )),
        };
        let path = model.sibling(&listed.paths[index]).to_string();
        StorageError::content(&PathBuf::from(path), source).into()
    }

    /// Bytes of all files.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The files.
    pub(super) fn contents(&self) -> impl Iterator<Item = Content> {
        self.shards.iter().cloned()
    }

    /// A range of the group, which lies within it: borrowed if it is in one file, joined otherwise.
    pub(super) fn bytes(&self, range: Range<usize>) -> Cow<'_, [u8]> {
        let mut joined: Vec<u8> = Vec::new();
        let first = self.starts.partition_point(|&start| start <= range.start);
        for (shard, &start) in self
            .shards
            .iter()
            .zip(&self.starts)
            .skip(first.saturating_sub(1))
        {
            let from = range.start.max(start) - start;
            let to = range.end.saturating_sub(start).min(shard.len());
            if start >= range.end {
                break;
            }
            // An empty file lies between others.
            if from >= to {
                continue;
            }
            if to - from == range.len() {
                return Cow::Borrowed(&shard[from..to]);
            }
            joined.extend_from_slice(&shard[from..to]);
        }
        joined.into()
    }
}
