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
use crate::output::resume::resume_command;
use crate::printer;
use crate::run::interrupt::stop_on_interrupt;
use crate::run::membership::Membership;
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
        let tables = Folder::at(&arguments.tables).path_of(&plan.tables_of);
        if plan.experiments.is_empty() || StudyRecord::read(&tables)?.is_none() {
            without_tables.push(plan.name);
            continue;
        }
        let outcome = evaluate(arguments, &study, &tables, &plan.name, &stop)?;
        if outcome.experiments.is_stopped {
            printer::note(&format!("stopped; to go on: {}", resume_command()));
            return Ok(outcome.experiments.status(&stop));
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
        if arguments.part {
            check_part(&arguments.to, &text)?;
        } else {
            check(&arguments.to, &text)?;
        }
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
        membership: &Membership::alone(),
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

/// A line of a document, with its number.
type Line<'a> = (usize, &'a str);

/// Compares the whole table with the file.
///
/// # Errors
/// The file cannot be read, or a line differs: the first one is named.
fn check(path: &Path, text: &str) -> anyhow::Result<()> {
    let on_disk = fs_err::read_to_string(path)?;
    compare(path, &numbered(&on_disk), &numbered(text))
}

/// Compares the rows and sections of some studies with a file that may have further ones.
///
/// # Errors
/// The file cannot be read; it lacks a row or a section, or has a row that there is no more; or a
/// line differs: the first one is named.
fn check_part(path: &Path, text: &str) -> anyhow::Result<()> {
    let on_disk = fs_err::read_to_string(path)?;
    let (old, new) = (numbered(&on_disk), numbered(text));
    let (old, new) = (blocks(&old), blocks(&new));
    for block in &new {
        match old
            .iter()
            .find(|other| block_key(other) == block_key(block))
        {
            Some(same) => compare(path, same, block)?,
            None => bail!(
                "{}: `{}` is out of date: it is not there",
                path.display(),
                block[0].1
            ),
        }
    }
    let study_of = |block: &[Line<'_>]| block_key(block).split(" | ").next().map(str::to_owned);
    let is_gone = |block: &&&[Line<'_>]| {
        new.iter().any(|other| study_of(other) == study_of(block))
            && !new.iter().any(|other| block_key(other) == block_key(block))
    };
    match old.iter().find(is_gone) {
        Some(block) => bail!(
            "{}: line {} is out of date: it is no more\n  in the file: {}",
            path.display(),
            block[0].0,
            block[0].1
        ),
        None => Ok(()),
    }
}

fn numbered(text: &str) -> Vec<Line<'_>> {
    (1..).zip(text.lines()).collect()
}

/// The rows of the first table, each by itself, and the sections of the studies.
fn blocks<'a, 'b>(lines: &'b [Line<'a>]) -> Vec<&'b [Line<'a>]> {
    let is_heading = |line: &Line<'_>| line.1.starts_with("## ");
    let first = lines.iter().position(is_heading).unwrap_or(lines.len());
    let (before, sections) = lines.split_at(first);
    let rows = before.chunks(1).filter(|row| row[0].1.starts_with("| "));
    rows.chain(sections.chunk_by(|_, next| !is_heading(next)))
        .collect()
}

/// What a block is found by: study and experiment of a row, the heading of a section.
fn block_key(block: &[Line<'_>]) -> String {
    let cells: Vec<&str> = block[0].1.split(" | ").take(2).collect();
    cells.join(" | ")
}

/// Compares lines; empty ones at the end do not count.
fn compare(path: &Path, old: &[Line<'_>], new: &[Line<'_>]) -> anyhow::Result<()> {
    let n_lines = |lines: &[Line<'_>]| {
        let last = lines.iter().rposition(|line| !line.1.is_empty());
        last.map_or(0, |last| last + 1)
    };
    let (old, new) = (&old[..n_lines(old)], &new[..n_lines(new)]);
    for index in 0..old.len().max(new.len()) {
        let (old_line, new_line) = (old.get(index), new.get(index));
        if let (Some(old_line), Some(new_line)) = (old_line, new_line)
            && is_same_line(old_line.1, new_line.1)
        {
            continue;
        }
        let after = old.last().map_or(1, |last| last.0 + 1);
        bail!(
            "{}: line {} is out of date\n  in the file: {}\n  now:         {}",
            path.display(),
            old_line.map_or(after, |line| line.0),
            old_line.map_or("(no such line)", |line| line.1),
            new_line.map_or("(no such line)", |line| line.1),
        );
    }
    Ok(())
}

/// Whether two lines have the same text, with figures that differ by at most one in the last digit:
/// other processors round otherwise.
fn is_same_line(old: &str, new: &str) -> bool {
    let (old_numbers, new_numbers) = (numbers(old), numbers(new));
    let is_near = |(old, new): (&&str, &&str)| {
        let n_decimals = |number: &str| number.split_once('.').map_or(0, |(_, part)| part.len());
        let unit = 10_f64.powi(-(n_decimals(old) as i32));
        match (old.parse::<f64>(), new.parse::<f64>()) {
            // Only figures are rounded; counts are whole numbers.
            (Ok(a), Ok(b)) if n_decimals(old) > 0 && n_decimals(old) == n_decimals(new) => {
                (a - b).abs() < 1.5 * unit
            }
            _ => old == new,
        }
    };
    let without = |line: &str, numbers: &[&str]| {
        // `p < 0.001` and `p = 0.001` are one figure, too.
        let line = line.replace("p < ", "p = ");
        numbers
            .iter()
            .fold(line, |line, number| line.replacen(number, "#", 1))
    };
    old_numbers.len() == new_numbers.len()
        && old_numbers.iter().zip(&new_numbers).all(is_near)
        && without(old, &old_numbers) == without(new, &new_numbers)
}

/// The numbers in a line, with their signs and without a full stop behind.
fn numbers(line: &str) -> Vec<&str> {
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-');
    let parts = line.split(|c| !is_of_number(c));
    let parts = parts.map(|part| part.trim_end_matches('.'));
    parts
        .filter(|part| part.contains(|c: char| c.is_ascii_digit()))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_may_differ_in_their_last_digit() {
        let line = "| cnt | 0.914 [0.880, 0.940] | +0.027 [-0.011, +0.065] | 770 |";
        assert!(is_same_line(line, &line.replace("0.914", "0.915")));
        assert!(!is_same_line(line, &line.replace("0.914", "0.916")));
        assert!(!is_same_line(line, &line.replace("-0.011", "+0.011")));
        assert!(!is_same_line(line, &line.replace("770", "771")));
        assert!(!is_same_line(line, &line.replace("0.914", "0.91")));
        assert!(!is_same_line(line, &line.replace("cnt", "norms")));
        let line = "cnt > norms by -0.000 [-0.011, +0.914] (p < 0.001), or 0.914.";
        assert!(is_same_line(line, &line.replace("-0.000", "+0.001")));
        assert!(is_same_line(line, &line.replace("p < 0.001", "p = 0.001")));
        assert!(is_same_line(line, &line.replace("0.914.", "0.913.")));
        assert!(!is_same_line(line, &line.replace("-0.000", "+0.002")));
    }
}
