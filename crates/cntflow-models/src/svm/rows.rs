//! Which rows an SVM is fitted to, if there are too many.

use rand::seq::SliceRandom;

use crate::random::Purpose;
use crate::training_rows::rows_of_groups;
use cntflow_statistics::random::random_stream;

/// Largest number of training rows of an SVM: 2,000. The kernel matrix takes 8 bytes times the
/// square of the number of rows.
pub const SVM_MAX_ROWS: usize = 2_000;

/// All rows, or at most [`SVM_MAX_ROWS`] of them, in ascending order.
///
/// Whole groups are drawn without replacement, as long as they fit. Groups that show a class which
/// none before them has come first, so that no class is lost. If such a group is too large, evenly
/// spaced rows of it are taken.
pub(super) fn limited_rows(groups: &[u32], classes: &[u32], seed: u64) -> Vec<usize> {
    if groups.len() <= SVM_MAX_ROWS {
        return (0..groups.len()).collect();
    }
    let mut groups = rows_of_groups(groups);
    groups.shuffle(&mut random_stream(seed, Purpose::RowLimit as u64, &[0]));
    let n_classes = classes.iter().max().map_or(0, |last| *last as usize + 1);
    let mut is_seen = vec![false; n_classes];
    let shows_a_class = |rows: &Vec<u32>| {
        let mut is_first = false;
        for &row in rows {
            is_first |= !std::mem::replace(&mut is_seen[classes[row as usize] as usize], true);
        }
        is_first
    };
    let (needed, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(shows_a_class);
    let mut rows: Vec<usize> = Vec::new();
    for (index, group) in needed.iter().chain(&others).enumerate() {
        let room = SVM_MAX_ROWS - rows.len();
        let step = if group.len() <= room {
            1
        } else if index < needed.len() {
            // What is left is shared with the needed groups that follow.
            group.len().div_ceil((room / (needed.len() - index)).max(1))
        } else {
            continue;
        };
        rows.extend(
            group
                .iter()
                .step_by(step)
                .map(|&row| row as usize)
                .take(room),
        );
    }
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_groups_are_drawn_and_no_class_is_lost() {
        let groups: Vec<u32> = (0..5_000).map(|row| row / 7).collect();
        let mut classes = vec![0; 5_000];
        classes[4_321] = 2;
        classes[17] = 1;
        let rows = limited_rows(&groups, &classes, 3);
        assert!((1_990..=2_000).contains(&rows.len()), "{}", rows.len());
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(rows.contains(&17) && rows.contains(&4_321));
        let taken = rows_of_groups(&rows.iter().map(|&row| groups[row]).collect::<Vec<_>>());
        assert!(
            taken
                .iter()
                .all(|rows| rows.len() == 7 || rows.len() == 5_000 % 7)
        );
        assert_eq!(rows, limited_rows(&groups, &classes, 3));
        assert_ne!(rows, limited_rows(&groups, &classes, 4));
    }

    #[test]
    fn a_single_large_group_is_thinned_out() {
        let rows = limited_rows(&[8; 9_000], &[0; 9_000], 3);
        assert!((1_500..=2_000).contains(&rows.len()), "{}", rows.len());
    }
}
