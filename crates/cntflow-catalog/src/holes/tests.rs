use std::path::Path;

use super::*;
use crate::{Absence, CollectedEntries, Labels};

fn entry(run: &str, step: i64) -> CatalogEntry {
    let checkpoint = format!("{run}/step-{step:05}");
    CatalogEntry {
        location: Path::new(&checkpoint).into(),
        checkpoint,
        run: run.into(),
        step,
        architecture: None,
        labels: Labels::default(),
        absent: None,
        parent: None,
    }
}

fn state(entry: &CatalogEntry) -> StepState {
    match &entry.absent {
        Some(_) => StepState::WithoutWeights,
        None if entry.labels.get("broken").is_some() => StepState::Unreadable,
        None => StepState::Present,
    }
}

fn catalog(runs: &[(&str, &[i64])]) -> Catalog {
    let entries = runs
        .iter()
        .flat_map(|(run, steps)| steps.iter().map(|step| entry(run, *step)));
    entries
        .collect::<CollectedEntries>()
        .into_catalog()
        .unwrap()
}

#[test]
fn a_step_that_half_of_the_runs_have_is_expected_of_all() {
    let catalog = catalog(&[
        ("zoo/a", &[0, 10, 20, 30]),
        ("zoo/b", &[0, 20, 30, 35]),
        ("zoo/c", &[0, 10]),
        ("zoo/d", &[0, 10, 20, 30]),
        ("other/a", &[5]),
    ]);
    let holes = Holes::of(&catalog, state);
    let expected = HolesSummary {
        groups: 2,
        runs: 5,
        complete: 3,
        ending_early: 1,
        steps: 15,
        missing: 3,
        ..HolesSummary::default()
    };
    assert_eq!(*holes.summary(), expected);
    let [other, zoo] = holes.groups() else {
        panic!("{:?}", holes.groups())
    };
    assert_eq!(
        (&*other.name, other.n_runs, other.n_complete),
        ("other", 1, 1)
    );
    assert_eq!((&*zoo.name, zoo.n_runs, zoo.n_complete), ("zoo", 4, 2));
    let counts = zoo.expected.iter().map(|step| (step.step, step.n_runs));
    assert!(counts.eq([(0, 4), (10, 3), (20, 3), (30, 3)]));
    assert_eq!(zoo.n_rare, 1, "step 35");
    let runs: Vec<RunHoles> = holes.runs_with_holes(&catalog).collect();
    let found = runs
        .iter()
        .map(|run| (&*run.run, run.missing.clone(), run.ends_early, run.last));
    let found: Vec<_> = found.collect();
    assert_eq!(
        found,
        [
            ("zoo/b", vec![10], false, 35),
            ("zoo/c", vec![20, 30], true, 10)
        ]
    );
    use StepMark::{Missing, Present};
    assert_eq!(runs[0].marks, [Present, Missing, Present, Present]);
}

#[test]
fn a_lone_run_is_compared_with_its_own_spacing() {
    let catalog = catalog(&[("zoo/a", &[0, 10, 20, 30, 60, 70])]);
    let holes = Holes::of(&catalog, state);
    assert_eq!(holes.summary().missing, 2);
    let run = holes.runs_with_holes(&catalog).next().unwrap();
    let gap = Gap {
        after: 30,
        before: 60,
        spacing: 10,
    };
    assert_eq!((run.gaps, run.missing), (vec![gap], vec![]));
}

#[test]
fn a_step_missing_for_both_reasons_counts_once() {
    let whole: Vec<i64> = (0..10).map(|step| 10 * step).collect();
    let cut: Vec<i64> = whole.iter().copied().filter(|step| *step != 50).collect();
    let catalog = catalog(&[("a", &whole), ("b", &whole), ("c", &cut)]);
    let holes = Holes::of(&catalog, state);
    assert_eq!((holes.summary().missing, holes.summary().complete), (1, 2));
    let run = holes.runs_with_holes(&catalog).next().unwrap();
    assert_eq!((run.n_missing, run.missing), (1, vec![50]));
}

#[test]
fn broken_and_absent_checkpoints_are_holes_of_their_own() {
    let mut entries: Vec<CatalogEntry> = (0..4).map(|step| entry("zoo/a", step)).collect();
    entries[1].labels.insert("broken".to_owned(), true.into());
    entries[2].absent = Some(Absence::Diverged("loss is NaN".to_owned()));
    // The same step twice: the one that can be read counts.
    let mut again = entry("zoo/a", 3);
    again.checkpoint.push_str("-again");
    again.labels.insert("broken".to_owned(), true.into());
    entries.push(again);
    let mut alone = entry("zoo/b", 0);
    alone.run = alone.checkpoint.as_str().into();
    entries.push(alone);
    let catalog = Catalog::new(entries).unwrap();
    let holes = Holes::of(&catalog, state);
    let expected = HolesSummary {
        groups: 1,
        runs: 1,
        steps: 4,
        unreadable: 1,
        without_weights: 1,
        repeated: 1,
        without_run: 1,
        ..HolesSummary::default()
    };
    assert_eq!(*holes.summary(), expected);
    let run = holes.runs_with_holes(&catalog).next().unwrap();
    assert_eq!((run.unreadable, run.without_weights), (vec![1], vec![2]));
}

#[test]
fn a_large_catalog_gives_every_run_with_holes_once() {
    // More than stay unpacked, with names that do not sort as they come.
    let n_runs: i64 = 9000;
    let runs: Vec<(String, Vec<i64>)> = (0..n_runs)
        .map(|run| {
            let missing = (run % 100 == 0).then_some(run / 100 % 5);
            let steps = (0..5).filter(|step| Some(*step) != missing);
            (format!("zoo/run-{}", run * 7919 % n_runs), steps.collect())
        })
        .collect();
    let runs: Vec<(&str, &[i64])> = runs
        .iter()
        .map(|(run, steps)| (run.as_str(), steps.as_slice()))
        .collect();
    let catalog = catalog(&runs);
    let holes = Holes::of(&catalog, state);
    assert_eq!((holes.summary().runs, holes.summary().missing), (9000, 90));
    let found: Vec<RunHoles> = holes.runs_with_holes(&catalog).collect();
    assert_eq!(found.len(), 90);
    assert!(found.iter().all(|run| run.missing.len() == 1));
    let names: std::collections::BTreeSet<_> = found.iter().map(|run| &run.run).collect();
    assert_eq!(names.len(), 90);
}
