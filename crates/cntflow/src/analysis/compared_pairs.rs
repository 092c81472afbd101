//! All compared pairs of a study, whose p-values are adjusted together before they are written.

use cntflow_metrics::population::Comparison;
use cntflow_statistics::multiple::benjamini_hochberg;
use cntflow_tables::{ComparisonWriter, Group, Member, PairNull, TestedPair};

/// Adjusted p-value below which a pair is said to differ.
const LEVEL: f64 = 0.05;

/// Pairs that were tested, and those that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestCounts {
    /// Pairs with a p-value.
    pub(crate) n_tested: u64,
    /// Pairs whose adjusted p-value is below .05.
    pub(crate) n_different: u64,
    /// Pairs with random halves.
    pub(crate) n_with_halves: u64,
    /// Pairs whose divergence is above that of 95% of random halves.
    pub(crate) n_above_halves: u64,
}

/// The pairs of all groups.
#[derive(Default)]
pub(super) struct ComparedPairs {
    groups: Vec<GroupPairs>,
}

/// The pairs of one group.
struct GroupPairs {
    group: Group,
    members: Vec<Member>,
    pairs: Vec<TestedPair>,
}

impl ComparedPairs {
    /// Adds the pairs of a group, with their nulls in the same order.
    pub(super) fn add(
        &mut self,
        group: Group,
        members: Vec<Member>,
        pairs: Vec<(usize, usize, Comparison)>,
        nulls: Vec<PairNull>,
    ) {
        let tested = pairs.into_iter().zip(nulls);
        let tested = tested.map(|((a, b, comparison), null)| TestedPair {
            members: (a, b),
            comparison,
            null,
            p_adjusted: f64::NAN,
        });
        self.groups.push(GroupPairs {
            group,
            members,
            pairs: tested.collect(),
        });
    }

    /// Number of pairs.
    pub(super) fn len(&self) -> usize {
        self.groups.iter().map(|group| group.pairs.len()).sum()
    }

    /// Adjusts the p-values over all pairs, and writes these.
    ///
    /// # Errors
    /// The rows cannot be written.
    pub(super) fn write(&mut self, writer: &mut ComparisonWriter<'_>) -> anyhow::Result<()> {
        let p_values: Vec<f64> = self.pairs().map(|pair| pair.null.p_value).collect();
        let adjusted = benjamini_hochberg(&p_values)?;
        let pairs = self.groups.iter_mut().flat_map(|group| &mut group.pairs);
        for (pair, adjusted) in pairs.zip(adjusted) {
            pair.p_adjusted = adjusted;
        }
        for group in &self.groups {
            writer.write_divergences(&group.group, &group.members, &group.pairs)?;
        }
        Ok(())
    }

    /// How many pairs differ by more than chance. Call it after [`ComparedPairs::write`].
    pub(super) fn counts(&self) -> TestCounts {
        let count = |is_counted: fn(&TestedPair) -> bool| {
            self.pairs().filter(|pair| is_counted(pair)).count() as u64
        };
        TestCounts {
            n_tested: count(|pair| pair.null.p_value.is_finite()),
            n_different: count(|pair| pair.p_adjusted < LEVEL),
            n_with_halves: count(|pair| pair.null.q95.is_finite()),
            n_above_halves: count(|pair| {
                let divergences = &pair.comparison.divergences;
                divergences.is_ok_and(|found| found.jensen_shannon > pair.null.q95)
            }),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = &TestedPair> {
        self.groups.iter().flat_map(|group| &group.pairs)
    }
}
