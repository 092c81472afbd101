//! A trained classifier on other checkpoints: what it gives, and what it refuses.

use polars::prelude::{Column, DataFrame, LazyFrame};

use crate::columns::{collect_columns, texts};
use crate::error::{DiscriminateError, MISSING_NAMES_SHOWN, Result};
use crate::feature_table::FeatureTable;
use crate::features::layer_features;
use crate::trained::TrainedClassifier;

/// Share of its features that a network may lack, default is one in twenty: the training medians stand in for them. A network measured
/// without inputs, or of another kind, lacks far more.
pub const MOST_IMPUTED: f64 = 0.05;

impl TrainedClassifier {
    /// Scores every network of the tables, failed ones included (without a score).
    ///
    /// `networks` and `layers` are tables of any population, `measured_with` the digest of the options they were measured
    /// with. The frame has a row per network, sorted by checkpoint: `checkpoint`, `status`, `score`, `boundary` (the score
    /// from which on a network is called high), `prediction` (`low` or `high`), `imputed` (features this network lacks,
    /// for which the training median stood in), `meaning` (of low and high) and `reason` (why there is no score).
    ///
    /// # Errors
    /// [`DiscriminateError::MeasuredOtherwise`] if the digests differ, [`DiscriminateError::MissingFeatures`] if every
    /// network lacks more than [`MOST_IMPUTED`] of the features; columns that are not there, and Polars' own.
    pub fn predict(
        &self,
        networks: LazyFrame,
        layers: LazyFrame,
        measured_with: &str,
    ) -> Result<DataFrame> {
        if measured_with != self.measured_with {
            return Err(DiscriminateError::MeasuredOtherwise {
                trained: self.measured_with.clone(),
                given: measured_with.to_owned(),
            });
        }
        let mut lines = read_lines(networks)?;
        let measured: Vec<usize> = (0..lines.len())
            .filter(|&line| lines[line].status == "ok")
            .collect();
        if !measured.is_empty() {
            let checkpoints: Vec<String> = measured
                .iter()
                .map(|&line| lines[line].checkpoint.clone())
                .collect();
            let table = layer_features(layers, &checkpoints)?;
            self.score(&table, &measured, &mut lines)?;
        }
        self.frame(&lines)
    }

    /// Scores each network by itself, whatever others there are: one that lacks more than [`MOST_IMPUTED`] of the features gets no
    /// score but a reason. If none fits, the classifier refuses them all.
    fn score(&self, table: &FeatureTable, measured: &[usize], lines: &mut [Line]) -> Result<()> {
        let places = self.preparation.places_if_any(table);
        let names = &self.preparation.names;
        let mut most_lacking: Option<Vec<String>> = None;
        for (row, &line) in measured.iter().enumerate() {
            let has = |place: &Option<usize>| {
                place.is_some_and(|place| table.value(row, place).is_finite())
            };
            let lacking: Vec<String> = names
                .iter()
                .zip(&places)
                .filter(|(_, place)| !has(place))
                .map(|(name, _)| name.clone())
                .collect();
            lines[line].imputed = lacking.len() as u32;
            if lacking.len() as f64 > MOST_IMPUTED * names.len() as f64 {
                lines[line].reason = Some(format!(
                    "lacks {} of the classifier's {} features, such as {}",
                    lacking.len(),
                    names.len(),
                    lacking[0]
                ));
                most_lacking.get_or_insert(lacking);
                continue;
            }
            let records = self.preparation.apply_where_any(table, &places, row);
            // Adding zero makes a plain 0 of -0, which votes may sum to.
            lines[line].score = Some(self.model.score(records.row(0)) + 0.0);
        }
        match most_lacking {
            Some(lacking) if measured.iter().all(|&line| lines[line].score.is_none()) => {
                Err(DiscriminateError::MissingFeatures {
                    expected: names.len(),
                    found: names.len() - lacking.len(),
                    first_missing: lacking.into_iter().take(MISSING_NAMES_SHOWN).collect(),
                })
            }
            _ => Ok(()),
        }
    }

    fn frame(&self, lines: &[Line]) -> Result<DataFrame> {
        let boundary = self.model.boundary();
        let said = |line: &Line| {
            line.score
                .map(|score| if score >= boundary { "high" } else { "low" })
        };
        let columns = vec![
            column("checkpoint", lines, |line| line.checkpoint.clone()),
            column("status", lines, |line| line.status.clone()),
            Column::new(
                "score".into(),
                lines.iter().map(|line| line.score).collect::<Vec<_>>(),
            ),
            Column::new("boundary".into(), vec![boundary; lines.len()]),
            Column::new(
                "prediction".into(),
                lines.iter().map(said).collect::<Vec<_>>(),
            ),
            Column::new(
                "imputed".into(),
                lines.iter().map(|line| line.imputed).collect::<Vec<_>>(),
            ),
            column("meaning", lines, |_| self.meaning()),
            Column::new(
                "reason".into(),
                lines
                    .iter()
                    .map(|line| line.reason.clone())
                    .collect::<Vec<_>>(),
            ),
        ];
        Ok(DataFrame::new(lines.len(), columns)?)
    }
}

fn column(name: &str, lines: &[Line], value: impl Fn(&Line) -> String) -> Column {
    Column::new(name.into(), lines.iter().map(value).collect::<Vec<_>>())
}

/// One network of the tables given to [`TrainedClassifier::predict`].
struct Line {
    checkpoint: String,
    status: String,
    reason: Option<String>,
    score: Option<f64>,
    imputed: u32,
}

fn read_lines(networks: LazyFrame) -> Result<Vec<Line>> {
    let frame = collect_columns(networks, "networks", &["checkpoint", "status"], &["reason"])?;
    let checkpoints = texts(&frame, "networks", "checkpoint")?;
    let status = texts(&frame, "networks", "status")?;
    let reasons = match frame.column("reason") {
        Ok(_) => texts(&frame, "networks", "reason")?,
        Err(_) => vec![None; frame.height()],
    };
    let all = checkpoints.into_iter().zip(status).zip(reasons);
    let mut lines: Vec<Line> = all
        .map(|((checkpoint, status), reason)| Line {
            checkpoint: checkpoint.unwrap_or_default(),
            status: status.unwrap_or_default(),
            reason,
            score: None,
            imputed: 0,
        })
        .collect();
    lines.sort_by(|a, b| a.checkpoint.cmp(&b.checkpoint));
    Ok(lines)
}
