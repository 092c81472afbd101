//! The model card as text.

use super::card::{NamedFigure, NetworkCounts, Rival};
use super::network_check::{COMMON_SHARE, MAX_MISSING_SHARE};
use super::trained_model::TrainedModel;
use crate::spec::CheckpointSelection;

impl TrainedModel {
    /// The card as text of at most a page: what the model predicts, from what, how well, and what
    /// it is not for.
    pub fn card_text(&self) -> String {
        let sections = [
            ("What it predicts", self.target_lines()),
            ("From what", self.feature_lines()),
            ("How well, on held-out groups", self.figure_lines()),
            (
                "Beside baselines and twins, on held-out groups",
                self.rival_lines(),
            ),
            ("Population", self.population_lines()),
            ("What it is not for", self.limit_lines()),
        ];
        let card = &self.card;
        let mut text = format!("{}: {} on {}\n", card.experiment, card.model, self.features);
        for (title, lines) in sections {
            text.push_str(&format!("\n{title}\n"));
            for line in lines {
                text.push_str(&format!("  {line}\n"));
            }
        }
        text
    }

    fn target_lines(&self) -> Vec<String> {
        let mut lines = vec![self.meaning()];
        let classes = self.class_names();
        if let [first, second] = &classes[..] {
            lines.push(format!(
                "`score` and `probability` are larger for networks that look `{second}`."
            ));
            lines.push(format!(
                "Below a probability of 0.5 the prediction is `{first}`."
            ));
        }
        lines
    }

    fn feature_lines(&self) -> Vec<String> {
        let card = &self.card;
        let mut lines = vec![
            format!(
                "features: {}, of which the model reads {} columns",
                self.features,
                self.columns.len()
            ),
            format!(
                "representation: {}{}",
                self.representation.name(),
                self.layer_text()
            ),
            format!("model: {}, {}", card.model, card.setting),
            format!("metrics measured with: {}", self.measured_with),
        ];
        lines.extend(card.note.iter().map(|note| format!("note: {note}")));
        lines
    }

    fn layer_text(&self) -> String {
        if self.layers.is_all() {
            String::new()
        } else {
            format!(", layers: {}", self.layers.name())
        }
    }

    fn figure_lines(&self) -> Vec<String> {
        let card = &self.card;
        let mut lines: Vec<String> = card.figures.iter().map(figure_line).collect();
        lines.push(format!(
            "{} in the cross-validation that chose the model",
            figure_line(&card.validation)
        ));
        lines.push(format!(
            "Intervals: {:.0}%. Held out: {}.",
            100.0 * card.confidence,
            counts_text(&card.held_out)
        ));
        lines
    }

    fn rival_lines(&self) -> Vec<String> {
        let rivals = &self.card.rivals;
        if rivals.is_empty() {
            return vec!["The experiment had none.".to_owned()];
        }
        let width = rivals
            .iter()
            .map(|rival| rival.features.len())
            .max()
            .unwrap_or(0);
        let line = |rival: &Rival| {
            let mut line = format!("{:width$}  {}", rival.features, figure_line(&rival.figure));
            if let Some(difference) = &rival.difference {
                line.push_str(&format!("; {}", figure_line(difference)));
            }
            if let Some(finding) = &rival.finding {
                line.push_str(&format!(": {finding}"));
            }
            line
        };
        rivals.iter().map(line).collect()
    }

    fn population_lines(&self) -> Vec<String> {
        let card = &self.card;
        let checkpoints = match card.checkpoints {
            CheckpointSelection::Last => "the last one of each run".to_owned(),
            CheckpointSelection::All => "all".to_owned(),
            CheckpointSelection::Step(step) => format!("those of step {step}"),
        };
        let mut lines = vec![
            card.counts.to_string(),
            format!("checkpoints: {checkpoints}"),
        ];
        lines.extend(
            card.condition
                .iter()
                .map(|condition| format!("where: {condition}")),
        );
        lines.push(format!("trained on: {}", counts_text(&card.training)));
        lines
    }

    fn limit_lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "Networks unlike the training networks: a distance above {:.4}, or more than {}",
                self.ranges.largest_distance(),
                self.ranges.most_outside()
            ),
            "columns outside of the training ranges. They have no prediction without --force."
                .to_owned(),
            format!(
                "Networks that lack more than {:.0}% of the features that {:.0}% of the training \
                 networks have,",
                100.0 * MAX_MISSING_SHARE,
                100.0 * COMMON_SHARE
            ),
            "and metrics measured with other options.".to_owned(),
            "The training networks: `seen_in_training` marks them. Their scores are too good."
                .to_owned(),
            "Causes: the model shows what goes together in this population, not why.".to_owned(),
        ];
        if let Some(condition) = &self.card.condition {
            lines.push(format!(
                "Networks that do not meet the condition: {condition}"
            ));
        }
        if self.class_names().len() == 2 {
            lines.push(
                "Populations with other shares of the classes: the probabilities do not hold there."
                    .to_owned(),
            );
        }
        lines
    }
}

/// `auc 0.931 [0.902, 0.960]`.
fn figure_line(figure: &NamedFigure) -> String {
    let text = if figure.value().is_nan() {
        format!("{} not defined", figure.name)
    } else {
        format!("{} {:.3}", figure.name, figure.value())
    };
    match figure.interval() {
        Some([low, high]) => format!("{text} [{low:.3}, {high:.3}]"),
        None => text,
    }
}

/// `84 networks of 84 groups; low 42, high 42`.
fn counts_text(counts: &NetworkCounts) -> String {
    let text = format!("{} networks of {} groups", counts.networks, counts.groups);
    if counts.classes.is_empty() {
        return text;
    }
    let classes: Vec<String> = counts
        .classes
        .iter()
        .map(|class| format!("{} {}", class.name, class.networks))
        .collect();
    format!("{text}; {}", classes.join(", "))
}
