//! Features: one row of numbers per network, from label columns and from the table `layers`.
//!
//! All columns that an experiment needs are read once by [`read_features`]. Each
//! [`FeatureExpression`](crate::spec::FeatureExpression) then picks its columns.
//!
//! # Names
//! A column of the table `layers` is named `metric.slot.statistic`. The slot is
//!
//! | representation | slot |
//! |---|---|
//! | `position` | `start0`, `start1`, ..., `end1`, `end0` |
//! | `role` | `input`, `output`, `hidden_mean`, `hidden_std` |
//! | `role_normalised` | the same without `hidden_std` |
//!
//! Positions count the first half of the layers from the inputs, the others back from the outputs.
//! `hidden_mean` and `hidden_std` are the mean and the population standard deviation over the
//! layers of one role.
//!
//! Roles of hidden layers are `hidden` (dense, convolutional, recurrent), `tail` (dense behind
//! convolutional or recurrent layers), `pool`, `norm`, `attention`, `embedding` and `add`; tensors
//! of unknown architecture have the role `unknown`. The gates of recurrent layers have slots of
//! their own, such as `end1.ih.i` or `hidden_mean.hh.z`. A deviation over fewer than two layers is
//! missing: a 0 would tell the depth.
//!
//! The baselines `norms`, `last_7` and `tensor_7` have positions in every representation. In `role`
//! the slot of the output layer is `output` there too. A normalised number ends with `_normalised`,
//! so that it is no baseline's.
//!
//! # Missing numbers
//! A statistic that is null, NaN or infinite does not count. What a network lacks is NaN. A
//! statistic that no network has makes no column.

mod column;
mod error;
mod formula;
mod groups;
mod labels;
mod lines;
mod measured;
mod metrics;
mod normalise;
mod slots;
mod source;
mod table;
#[cfg(test)]
mod tests;

pub use error::{FeatureError, Remedy, Result};
pub use metrics::{
    CNT_STATISTICS, NORMALISED_STATISTICS, PROBE_STATISTICS, SEVEN_STATISTICS, feature_statistics,
};
pub(crate) use source::read_available_features;
pub use source::{FeatureInputs, FeatureSource, read_features};
pub use table::FeatureTable;
