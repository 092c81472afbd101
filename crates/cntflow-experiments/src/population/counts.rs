//! How many networks take part, and why others do not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many networks there were, are used, and were left out. A network is left out for the first
/// reason that applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PopulationCounts {
    /// Rows of the table `networks`.
    pub networks: usize,
    /// Networks that are used, those between low and high included.
    pub used: usize,
    /// Their groups.
    pub groups: usize,
    /// Left out because the status is `failed`.
    pub failed: usize,
    /// Left out because the status is neither `ok` nor `failed`, such as `skipped`.
    pub skipped: usize,
    /// Left out because another checkpoint of the run is the selected one.
    pub other_checkpoint: usize,
    /// Left out by the key `where`.
    pub not_in_condition: usize,
    /// Left out because no column of `group` has a value.
    pub without_group: usize,
    /// Left out because the label is null, NaN or infinite.
    pub without_label: usize,
    /// Left out because the label is that of the run's last checkpoint, and that one failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub last_failed: usize,
    /// Left out because it is on no side of `transfer` or `protocol.test`, or its group on both.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub on_no_side: usize,
    /// Left out by the key `match`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub matched: usize,
}

/// Whether nothing is counted: then nothing is written.
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl PopulationCounts {
    /// The reasons with their counts, in the order in which they apply.
    pub fn left_out(&self) -> [(&'static str, usize); 9] {
        [
            ("failed", self.failed),
            ("skipped", self.skipped),
            ("another checkpoint of their run", self.other_checkpoint),
            ("not in `where`", self.not_in_condition),
            ("without a group", self.without_group),
            ("last checkpoint of their run failed", self.last_failed),
            ("without the label", self.without_label),
            ("on no side, or with a group on both", self.on_no_side),
            ("matched", self.matched),
        ]
    }
}

impl fmt::Display for PopulationCounts {
    /// `448 networks, 440 used; left out: 8 failed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} networks, {} used", self.networks, self.used)?;
        let reasons: Vec<String> = self
            .left_out()
            .into_iter()
            .filter(|(_, n)| *n > 0)
            .map(|(reason, n)| format!("{n} {reason}"))
            .collect();
        if reasons.is_empty() {
            Ok(())
        } else {
            write!(f, "; left out: {}", reasons.join(", "))
        }
    }
}
