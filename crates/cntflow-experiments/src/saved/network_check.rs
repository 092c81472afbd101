//! Whether a network is like the training networks, and whether it has their features.

use ndarray::ArrayView1;

use super::error::MAX_NAMED_COLUMNS;
use super::trained_model::TrainedModel;

/// Largest share of the common features that a network may lack: one in twenty. The training
/// medians replace them. A network of another kind, or one measured without a probe, lacks far
/// more.
pub const MAX_MISSING_SHARE: f64 = 0.05;

/// Share of the training networks that have a *common* feature: 99%. The others depend on the kind
/// of network, as the deviation over hidden layers does, and may be missing.
pub const COMMON_SHARE: f64 = 0.99;

/// What is known of a measured network before it is predicted.
#[derive(Clone, Debug)]
pub(super) struct NetworkCheck {
    pub(super) n_missing: u32,
    /// `None` if the network lacks too many features.
    pub(super) likeness: Option<Likeness>,
}

/// How a network compares with the training networks.
#[derive(Clone, Debug)]
pub(super) struct Likeness {
    pub(super) n_outside: u32,
    pub(super) distance: f64,
    pub(super) is_outside: bool,
}

impl TrainedModel {
    /// How a network compares with the training networks, and what to say of it. The values are
    /// those of the columns that the model reads.
    pub(super) fn check_network(&self, row: ArrayView1<'_, f64>) -> (NetworkCheck, Option<String>) {
        let mut check = NetworkCheck {
            n_missing: row.iter().filter(|value| !value.is_finite()).count() as u32,
            likeness: None,
        };
        if let Some(missing) = self.lacking(row) {
            let reason = format!(
                "lacks {} of the {} features that the training networks have, such as {}",
                missing.len(),
                self.common_columns().len(),
                self.first_names(&missing).join(", ")
            );
            return (check, Some(reason));
        }
        let outside = self.ranges.outside(row);
        let distance = self.ranges.distance(row);
        let is_far = distance > self.ranges.largest_distance();
        let is_outside = is_far || outside.len() > self.ranges.most_outside() as usize;
        let reason = is_outside.then(|| self.outside_text(row, &outside, distance));
        check.likeness = Some(Likeness {
            n_outside: outside.len() as u32,
            distance,
            is_outside,
        });
        (check, reason)
    }

    /// The common columns that a network lacks, if they are too many; all columns if it has none.
    pub(super) fn lacking(&self, row: ArrayView1<'_, f64>) -> Option<Vec<usize>> {
        let is_missing = |column: &usize| !row[*column].is_finite();
        if (0..row.len()).all(|column| is_missing(&column)) {
            return Some(self.common_columns());
        }
        let common = self.common_columns();
        let n_common = common.len() as f64;
        let missing: Vec<usize> = common.into_iter().filter(is_missing).collect();
        (missing.len() as f64 > MAX_MISSING_SHARE * n_common).then_some(missing)
    }

    pub(super) fn common_columns(&self) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|&column| self.ranges.is_common(column, COMMON_SHARE))
            .collect()
    }

    pub(super) fn first_names(&self, columns: &[usize]) -> Vec<String> {
        let first = columns.iter().take(MAX_NAMED_COLUMNS);
        first.map(|&column| self.columns[column].clone()).collect()
    }

    /// Such as `unlike the training networks: distance 9.1, theirs at most 3.2; 12 columns outside,
    /// such as coupling.output.mean = 7.1, not in 0.2 to 1.5`.
    fn outside_text(&self, row: ArrayView1<'_, f64>, outside: &[usize], distance: f64) -> String {
        let mut text = format!(
            "unlike the training networks: distance {distance:.4}, theirs at most {:.4}; {} columns \
             outside of the training range, theirs at most {}",
            self.ranges.largest_distance(),
            outside.len(),
            self.ranges.most_outside()
        );
        for &column in outside.iter().take(MAX_NAMED_COLUMNS) {
            let [least, largest] = self.ranges.range(column);
            let (name, value) = (&self.columns[column], row[column]);
            text.push_str(&format!(
                "; {name} = {value:.4e}, not in {least:.4e} to {largest:.4e}"
            ));
        }
        text
    }
}
