//! Discrimination: trains and evaluates classifiers on the tables of a folder, and saves them.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use cntflow_discriminate::{DiscriminateSpec, Inputs, Outcome, Progress, Rule, discriminate};
use cntflow_tables::Table;
use indicatif::ProgressBar;

use crate::folder::record::StudyRecord;
use crate::folder::study_folder::StudyFolder;
use crate::printer;
use crate::progress::display::{LINE_INTERVAL, ProgressDisplay, ProgressMode};

/// The evaluation of all classifiers, and the files written.
#[derive(Debug)]
pub(crate) struct Discrimination {
    /// Scores, verdicts and classifiers.
    pub(crate) outcome: Outcome,
    /// File of the table `discrimination`.
    pub(crate) table: PathBuf,
    /// Saved classifiers: rule and file.
    pub(crate) classifiers: Vec<(String, PathBuf)>,
}

/// Discriminates low from high performers. Writes the table `discrimination` and the classifiers.
///
/// # Errors
/// There are no tables or too few runs; the discrimination fails; a file cannot be written.
pub(crate) fn discriminate_folder(
    folder: &StudyFolder,
    record: &StudyRecord,
    spec: &DiscriminateSpec,
    progress: ProgressMode,
) -> anyhow::Result<Discrimination> {
    let tables = folder.tables();
    let inputs = Inputs {
        experiment: &record.name,
        networks: tables.scan(Table::Networks)?,
        layers: tables.scan(Table::Layers)?,
        measured_with: &record.measured_with,
    };
    let mut fold_progress = FoldProgress::start(progress);
    let outcome = discriminate(&inputs, spec, &mut |progress| fold_progress.show(progress));
    fold_progress.finish();
    let outcome = outcome.context("cannot train and evaluate classifiers")?;
    let table = tables.write_discrimination(&outcome.frame()?, &record.metadata())?;
    let mut classifiers = Vec::new();
    for rule in &outcome.rules {
        if let Some(classifier) = &rule.classifier {
            let name = file_name(rule.rule);
            let path = folder.save_classifier(&name, |path| classifier.save(path))?;
            classifiers.push((rule.rule.name(), path));
        }
    }
    Ok(Discrimination {
        outcome,
        table,
        classifiers,
    })
}

/// Progress over the folds of all classifiers.
struct FoldProgress {
    display: ProgressDisplay,
    bar: Option<ProgressBar>,
    last_line: Instant,
}

impl FoldProgress {
    fn start(mode: ProgressMode) -> Self {
        let display = mode.display();
        Self {
            display,
            bar: (display == ProgressDisplay::Bar).then(|| ProgressBar::new(1)),
            last_line: Instant::now(),
        }
    }

    fn show(&mut self, progress: Progress) {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.total as u64);
            bar.set_position(progress.done as u64);
        }
        if self.display == ProgressDisplay::Lines && self.last_line.elapsed() >= LINE_INTERVAL {
            self.last_line = Instant::now();
            printer::note(&format!(
                "discriminating: {} of {} folds",
                progress.done, progress.total
            ));
        }
    }

    fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The name of a rule as a file name: `median`, `quantiles-0.25-0.75`.
fn file_name(rule: Rule) -> String {
    rule.name()
        .split(|c: char| !c.is_alphanumeric() && c != '.')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}
