//! Reconciliation: what is wanted against what the tables hold, as collections of differential
//! dataflow.
//!
//! ```text
//! wanted --antijoin held--> to do
//! held --antijoin wanted--> stale
//! held --semijoin wanted--> current --count--> checkpoints by status
//!                              |
//! wanted --last of each run----+--count--> groups
//!                              +--sum----> sums
//! ```
//!
//! A change of one checkpoint costs work in proportion to what follows from it, not to the number
//! of checkpoints. What is taken out is subtracted again, exactly: counts and sums are integers.

mod dataflow;
mod reconciler;
mod sum;
mod totals;

#[cfg(test)]
mod tests;

pub use reconciler::Reconciler;
pub use totals::Totals;

use serde::{Deserialize, Serialize};

/// What identifies a checkpoint or a run: a digest of its name.
pub type Key = u128;

/// What a reconciler keeps current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Only what is to do, in little memory.
    ToDo,
    /// What is stale and the totals as well.
    Totals,
}

/// The key of a name: the first half of its BLAKE3 digest.
pub fn key_of(name: &str) -> Key {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&blake3::hash(name.as_bytes()).as_bytes()[..16]);
    Key::from_le_bytes(bytes)
}

/// What a checkpoint is: a digest of its content and of what is known of it. Two checkpoints of one
/// version have the same rows.
pub type Version = u128;

/// A checkpoint that the tables should have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WantedCheckpoint {
    /// The checkpoint.
    pub key: Key,
    /// Its version.
    pub version: Version,
    /// Its place in its run; `None` where nothing depends on it.
    pub position: Option<Position>,
}

/// The place of a checkpoint in its run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The run.
    pub run: Key,
    /// Its step.
    pub step: i64,
    /// Its name, which decides between two of one step.
    pub name: String,
}

/// A checkpoint that the tables have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HeldCheckpoint {
    /// The checkpoint.
    pub key: Key,
    /// The version that was measured.
    pub version: Version,
    /// Whether nothing is missing of it. What is incomplete is to do, but not stale.
    pub is_complete: bool,
    /// What it adds to the totals.
    pub facts: Facts,
}

/// A group of checkpoints: a kind of groups, and which of them.
pub type Group = (u32, i64);

/// What a checkpoint adds to the totals.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// The status that it is counted by.
    pub status: u8,
    /// The groups that it is counted in if it is the last checkpoint of its run.
    pub groups: Vec<Group>,
    /// What it adds to sums, by their index, if it is the last checkpoint of its run. Reals are
    /// fixed-point numbers, so that their order shows nowhere.
    pub sums: Vec<(u32, i128)>,
}

/// What one call of [`Reconciler::settle`] has changed. The order is that of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Checkpoints that are to be measured now and were not before.
    pub to_do: Vec<(Key, Version)>,
    /// Checkpoints that were to be measured and are not any more.
    pub done: Vec<(Key, Version)>,
    /// Rows that nothing is wanted of any more, in this version.
    pub stale: Vec<(Key, Version)>,
    /// Rows that were stale and are not any more: they were removed, or are wanted again.
    pub settled: Vec<(Key, Version)>,
}
