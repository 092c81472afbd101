//! Steps that a run leaves out of its own even spacing.

/// Fewest pairs of steps with the same distance that make a spacing.
const LEAST_PAIRS: usize = 3;

/// Steps that a run leaves out.
///
/// The spacing of a run is the most common distance between one step and the next, if at least
/// three pairs have it and they are at least half of all pairs. Between the first and the last
/// such pair, a distance of a multiple of the spacing is a gap. So a run that is saved often at
/// first and seldom later has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last step before the gap.
    pub after: i64,
    /// The first step behind it.
    pub before: i64,
    /// The spacing of the run.
    pub spacing: u64,
}

impl Gap {
    /// Number of steps that are missing in the gap.
    pub fn n_missing(&self) -> u64 {
        self.before.abs_diff(self.after) / self.spacing - 1
    }

    /// The first and the last of the missing steps.
    pub fn ends(&self) -> (i64, i64) {
        let first = self.after.saturating_add_unsigned(self.spacing);
        (first, self.before.saturating_sub_unsigned(self.spacing))
    }

    /// Whether a step is one of those that are missing.
    pub fn misses(&self, step: i64) -> bool {
        let is_within = self.after < step && step < self.before;
        is_within && step.abs_diff(self.after).is_multiple_of(self.spacing)
    }
}

/// The gaps of a run with these steps, which are sorted and all different.
pub(super) fn gaps(steps: &[i64]) -> Vec<Gap> {
    let distances: Vec<u64> = steps
        .windows(2)
        .map(|two| two[1].abs_diff(two[0]))
        .collect();
    let Some(spacing) = spacing(&distances) else {
        return Vec::new();
    };
    let has_spacing = |distance: &u64| *distance == spacing;
    let first = distances.iter().position(has_spacing).unwrap_or(0);
    let last = distances.iter().rposition(has_spacing).unwrap_or(0);
    (first..last)
        .filter(|&pair| distances[pair] > spacing && distances[pair].is_multiple_of(spacing))
        .map(|pair| Gap {
            after: steps[pair],
            before: steps[pair + 1],
            spacing,
        })
        .collect()
}

/// The most common distance, if it is common enough.
fn spacing(distances: &[u64]) -> Option<u64> {
    let mut sorted = distances.to_vec();
    sorted.sort_unstable();
    let same = sorted.chunk_by(|a, b| a == b);
    // Of equally common ones the smallest, which comes first.
    let longest = same.reduce(|longest, next| {
        if next.len() > longest.len() {
            next
        } else {
            longest
        }
    })?;
    let is_common = longest.len() >= LEAST_PAIRS && 2 * longest.len() >= distances.len();
    is_common.then_some(longest[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(steps: &[i64]) -> Vec<(i64, i64, u64)> {
        let gaps = gaps(steps).into_iter();
        gaps.map(|gap| (gap.after, gap.before, gap.n_missing()))
            .collect()
    }

    #[test]
    fn a_step_left_out_of_an_even_spacing_is_a_gap() {
        assert_eq!(found(&[0, 10, 20, 40, 50]), [(20, 40, 1)]);
        assert_eq!(
            found(&[0, 10, 20, 30, 60, 70, 90, 100]),
            [(30, 60, 2), (70, 90, 1)]
        );
        // As Pythia's: powers of two at first.
        let mut steps = vec![0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
        steps.extend((1..=143).map(|k| 1000 * k));
        assert_eq!(found(&steps), []);
        steps.retain(|step| ![5000, 90_000, 91_000].contains(step));
        assert_eq!(found(&steps), [(4000, 6000, 1), (89_000, 92_000, 2)]);
    }

    #[test]
    fn other_schedules_have_no_gaps() {
        let schedules: [&[i64]; 8] = [
            &[],
            &[7],
            &[0, 1, 2, 4, 8, 16, 32, 64],
            // Often at first, seldom later.
            &[0, 1, 2, 3, 4, 5, 20, 40],
            &[0, 1, 2, 3, 20, 40, 60, 80, 86],
            // The last one out of turn.
            &[0, 10, 20, 30, 40, 47],
            &[0, 10, 20, 30, 60],
            // Too few to tell.
            &[10, 20, 40, 50],
        ];
        for steps in schedules {
            assert_eq!(found(steps), [], "{steps:?}");
        }
    }

    #[test]
    fn steps_far_apart_are_counted_without_being_listed() {
        let far = i64::MAX - 1;
        let steps = [i64::MIN, i64::MIN + 1, i64::MIN + 2, far, far + 1];
        assert_eq!(found(&steps), [(i64::MIN + 2, far, u64::MAX - 4)]);
    }
}
