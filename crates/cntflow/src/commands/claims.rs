//! `cntflow claims`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use cntflow_dataflow::Stop;
use cntflow_storage::store::Folder;
use serde_json::{Value, json};

use crate::args::ClaimsArguments;
use crate::exit::{ExitStatus, UsageError};
use crate::experiments::run_experiments::Experiments;
use crate::experiments::tables_run::{TablesOutcome, TablesRun};
use crate::folder::record::StudyRecord;
use crate::output::experiment::claims::{StudyClaims, markdown};
use crate::output::experiment::decision::judge;
use crate::output::frames::write_bytes;
use crate::printer;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::options::WorkerOptions;
use crate::study::evaluation_plan::EvaluationPlan;
use crate::study::scale::Scale;

/// A study that was evaluated.
struct Evaluated {
    study: PathBuf,
    tables: PathBuf,
    outcome: TablesOutcome,
}

/// Writes the table of claims of several studies, or compares it with the file.
pub(crate) fn claims(arguments: &ClaimsArguments) -> anyhow::Result<ExitStatus> {
    let stop = stop_on_interrupt()?;
    let (mut evaluated, mut without_tables) = (Vec::new(), Vec::new());
    for study in study_files(&arguments.study)? {
        let plan = EvaluationPlan::read(&study, Scale::default())?;
        let tables = Folder::at(&arguments.tables).path_of(&plan.name);
        if plan.experiments.is_empty() || StudyRecord::read(&tables)?.is_none() {
            without_tables.push(plan.name);
            continue;
        }
        let outcome = evaluate(arguments, &study, &tables, &plan.name, &stop)?;
        if outcome.experiments.is_stopped {
            printer::note("stopped; run the same command again to resume");
            return Ok(ExitStatus::Failed);
        }
        evaluated.push(Evaluated {
            study,
            tables,
            outcome,
        });
    }
    if evaluated.is_empty() {
        let tables = arguments.tables.display();
        let message = format!("{tables}: no tables of {}", without_tables.join(", "));
        return Err(UsageError(message).into());
    }
    let studies: Vec<StudyClaims<'_>> = evaluated.iter().map(study_claims).collect();
    let text = markdown(&studies, &without_tables, &command_text(arguments));
    if arguments.check {
        check(&arguments.to, &text)?;
    } else {
        write_bytes(&arguments.to, text.as_bytes())?;
    }
    if arguments.output.json {
        printer::json(&studies.iter().flat_map(decisions).collect());
    } else {
        let state = if arguments.check {
            "is up to date"
        } else {
            "written"
        };
        printer::result(&format!("{}: {state}", arguments.to.display()));
    }
    Ok(ExitStatus::Done)
}

/// The study files, and those in the folders, sorted by name.
fn study_files(studies: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for study in studies {
        if !study.is_dir() {
            files.push(study.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in fs_err::read_dir(study)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                found.push(path);
            }
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// Runs what is left of a study's experiments.
fn evaluate(
    arguments: &ClaimsArguments,
    study: &Path,
    tables: &Path,
    name: &str,
    stop: &Stop,
) -> anyhow::Result<TablesOutcome> {
    let run = TablesRun {
        study,
        tables,
        scale: None,
        out: Some(&arguments.out.join(name)),
        fresh: false,
        workers: &WorkerOptions::local(crate::args::thread_count(arguments.workers)),
        progress: arguments.output.progress(),
        stop,
    };
    let mut outcome = run.run().with_context(|| study.display().to_string())?;
    let errors = std::mem::take(&mut outcome.experiments.errors);
    let failed = Experiments {
        errors,
        ..Experiments::default()
    };
    failed
        .first_error()
        .with_context(|| study.display().to_string())?;
    Ok(outcome)
}

fn study_claims(evaluated: &Evaluated) -> StudyClaims<'_> {
    let plan = &evaluated.outcome.plan;
    StudyClaims {
        name: &plan.name,
        claim: plan.claim.as_deref(),
        study: &evaluated.study,
        tables: &evaluated.tables,
        scale: plan.scale.unwrap_or_default(),
        results: &evaluated.outcome.experiments.results,
    }
}

/// The decisions on a study, as JSON.
fn decisions(study: &StudyClaims<'_>) -> Vec<Value> {
    let of_experiment = study.results.iter().map(|result| {
        let judgement = judge(result);
        json!({
            "study": study.name,
            "experiment": result.name,
            "claim": study.claim,
            "decision": judgement.decision.name(),
            "reason": judgement.reason,
        })
    });
    of_experiment.collect()
}

/// Compares the table with the file.
///
/// # Errors
/// The file cannot be read, or a line differs: the first one is named.
fn check(path: &Path, text: &str) -> anyhow::Result<()> {
    let on_disk = fs_err::read_to_string(path)?;
    let (mut old, mut new) = (on_disk.lines(), text.lines());
    for number in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (old, new) if old == new => {}
            (old, new) => bail!(
                "{}: line {number} is out of date\n  in the file: {}\n  now:         {}",
                path.display(),
                old.unwrap_or("(no such line)"),
                new.unwrap_or("(no such line)"),
            ),
        }
    }
    Ok(())
}

/// The command that writes the table.
fn command_text(arguments: &ClaimsArguments) -> String {
    let studies: Vec<String> = arguments
        .study
        .iter()
        .map(|study| study.display().to_string())
        .collect();
    format!(
        "cntflow claims {} --tables {} --to {}",
        studies.join(" "),
        arguments.tables.display(),
        arguments.to.display()
    )
}
