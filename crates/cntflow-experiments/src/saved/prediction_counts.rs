//! How many networks were predicted, and what became of the others.

use std::fmt;

use polars::prelude::DataFrame;

use crate::error::Result;

/// How many of the networks in a frame of predictions are what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PredictionCounts {
    /// Networks in the frame.
    pub networks: usize,
    /// Networks with a prediction.
    pub predicted: usize,
    /// Networks unlike the training networks, with or without a prediction.
    pub outside: usize,
    /// Networks that the model was trained on.
    pub seen_in_training: usize,
    /// Measured networks that lack too many features.
    pub refused: usize,
    /// Networks that were not measured.
    pub not_measured: usize,
}

impl PredictionCounts {
    /// Counts the rows of [`TrainedModel::predict`](super::TrainedModel::predict).
    ///
    /// # Errors
    /// A column of the frame is missing or has another type.
    pub fn of(predictions: &DataFrame) -> Result<Self> {
        let networks = predictions.height();
        let n_true = |name: &str| -> Result<usize> {
            let flags = predictions.column(name)?.bool()?;
            Ok(flags.iter().filter(|flag| *flag == Some(true)).count())
        };
        let status = predictions.column("status")?.str()?;
        let measured = status.iter().filter(|status| *status == Some("ok")).count();
        // A network that was not looked at is neither outside nor not.
        let looked_at = networks - predictions.column("is_outside")?.null_count();
        Ok(Self {
            networks,
            predicted: networks - predictions.column("prediction")?.null_count(),
            outside: n_true("is_outside")?,
            seen_in_training: n_true("seen_in_training")?,
            refused: measured.saturating_sub(looked_at),
            not_measured: networks - measured,
        })
    }
}

impl fmt::Display for PredictionCounts {
    /// `20 networks, 17 predicted; 2 unlike the training networks, 1 refused`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} networks, {} predicted",
            self.networks, self.predicted
        )?;
        let parts = [
            (self.outside, "unlike the training networks"),
            (
                self.seen_in_training,
                "seen in training: their scores are too good",
            ),
            (self.refused, "refused for missing features"),
            (self.not_measured, "not measured"),
        ];
        let mut separator = "; ";
        for (n, what) in parts {
            if n > 0 {
                write!(f, "{separator}{n} {what}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}
