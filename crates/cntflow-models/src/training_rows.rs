//! What a model is fitted to.

use ndarray::ArrayView2;

use crate::fit_failure::FitFailure;

/// Largest number of classes: 4,096. A damaged file cannot ask for more memory than that.
pub(crate) const MAX_CLASSES: u32 = 4_096;

/// Features, targets and groups of the training rows.
#[derive(Clone, Copy, Debug)]
pub struct TrainingRows<'a> {
    /// `[rows, columns]`. NaN and infinities are missing values.
    pub features: ArrayView2<'a, f64>,
    /// One target per row.
    pub targets: Targets<'a>,
    /// For each row, its group. Rows of one group (checkpoints of one run) resemble each other, so
    /// they are drawn together. The numbers themselves mean nothing.
    pub groups: &'a [u32],
}

/// What is to be predicted.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// For classifiers.
    Classes {
        /// For each row, the index of its class.
        of_row: &'a [u32],
        /// Number of classes. Some may have no training row.
        n_classes: u32,
    },
    /// For regressions: one finite value per row.
    Values(&'a [f64]),
}

impl Targets<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Classes { of_row, .. } => of_row.len(),
            Self::Values(values) => values.len(),
        }
    }
}

impl TrainingRows<'_> {
    /// Checks lengths and ranges.
    pub(crate) fn check(&self) -> Result<(), FitFailure> {
        let n_rows = self.features.nrows();
        if self.targets.len() != n_rows || self.groups.len() != n_rows {
            return Err(FitFailure::LengthsDiffer {
                features: n_rows,
                targets: self.targets.len(),
                groups: self.groups.len(),
            });
        }
        if n_rows == 0 {
            return Err(FitFailure::NoRows);
        }
        match self.targets {
            Targets::Classes { n_classes, .. } if n_classes > MAX_CLASSES => {
                Err(FitFailure::TooManyClasses {
                    n_classes,
                    limit: MAX_CLASSES,
                })
            }
            Targets::Classes { of_row, n_classes } => {
                match of_row.iter().find(|class| **class >= n_classes) {
                    Some(&class) => Err(FitFailure::ClassOutOfRange { class, n_classes }),
                    None => Ok(()),
                }
            }
            Targets::Values(values) => {
                if values.iter().all(|value| value.is_finite()) {
                    Ok(())
                } else {
                    Err(FitFailure::TargetNotFinite)
                }
            }
        }
    }
}

/// The rows of each group, groups in ascending order of their numbers, rows in ascending order.
pub(crate) fn rows_of_groups(groups: &[u32]) -> Vec<Vec<u32>> {
    let mut order: Vec<u32> = (0..groups.len() as u32).collect();
    order.sort_by_key(|&row| groups[row as usize]);
    order
        .chunk_by(|a, b| groups[*a as usize] == groups[*b as usize])
        .map(<[u32]>::to_vec)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_may_have_any_numbers() {
        let rows = rows_of_groups(&[900, 3, 900, u32::MAX]);
        assert_eq!(rows, [vec![1], vec![0, 2], vec![3]]);
    }
}
