//! Revisions of a repository of the hub: each is a step of one run, if its name has a step.

use cntflow_catalog::{CatalogEntry, Label, unreserved_name};
use cntflow_storage::store::HubUrl;

/// Words before the number of a step, as Pythia, OLMo, Amber and others have them.
const STEP_WORDS: [&str; 7] = [
    "step",
    "steps",
    "iter",
    "iteration",
    "checkpoint",
    "ckpt",
    "epoch",
];

/// A word before the number of tokens that were seen.
const TOKENS: &str = "tokens";

/// What the letters after a number stand for.
const UNITS: [(&str, i64); 5] = [
    ("", 1),
    ("k", 1_000),
    ("m", 1_000_000),
    ("b", 1_000_000_000),
    ("t", 1_000_000_000_000),
];

/// What the name of a revision says: `stage1-step1000-tokens3B`.
#[derive(Debug, PartialEq, Eq)]
struct RevisionName {
    step: i64,
    /// What stands before the step, such as the stage of the training.
    stage: Option<String>,
    tokens: Option<i64>,
}

/// Sets run, step and labels of an entry from the revision that its URL names. The run is the
/// repository; of weights in a folder of it, that folder of the repository.
pub(crate) fn apply_revision(entry: &mut CatalogEntry) {
    let Some(url) = entry.location.object_url().and_then(HubUrl::parse) else {
        return;
    };
    let Some(revision) = url.revision else {
        return;
    };
    let mut labels = vec![("revision", Label::Text(revision.as_str().into()))];
    if let Some(name) = parse(&revision) {
        let folder = url.path.rsplit_once('/').map(|(folder, _)| folder);
        let folder = folder.map(|folder| format!("/{folder}"));
        let repository = &url.repository;
        entry.run = format!("hf://{repository}{}", folder.unwrap_or_default()).into();
        entry.step = name.step;
        labels.extend(name.stage.map(|stage| ("stage", Label::Text(stage.into()))));
        labels.extend(name.tokens.map(|tokens| ("tokens", Label::Integer(tokens))));
    }
    for (name, label) in labels {
        entry.labels.insert(unreserved_name(name), label);
    }
}

/// Whether the name of a revision has a step.
pub(crate) fn has_step(revision: &str) -> bool {
    parse(revision).is_some()
}

fn parse(revision: &str) -> Option<RevisionName> {
    let words: Vec<&str> = revision.split(['-', '_', '/']).collect();
    let (place, step) = (0..words.len()).find_map(|place| {
        let after = after_word(words[place], &STEP_WORDS)?;
        // The number may be a word of its own: `checkpoint-500`.
        let number = if after.is_empty() {
            words.get(place + 1)?
        } else {
            after
        };
        Some((place, number_of(number)?))
    })?;
    let before = words[..place].iter().filter(|word| **word != "global");
    let stage = before.copied().collect::<Vec<_>>().join("-");
    let tokens = words[place..].iter().find_map(|word| {
        let after = after_word(word, &[TOKENS])?;
        number_of(after)
    });
    Some(RevisionName {
        step,
        stage: (!stage.is_empty()).then_some(stage),
        tokens,
    })
}

/// What follows one of some words in a text, in letters of any case.
fn after_word<'t>(text: &'t str, words: &[&str]) -> Option<&'t str> {
    let letters = text.find(|c: char| !c.is_ascii_alphabetic());
    let (word, after) = text.split_at(letters.unwrap_or(text.len()));
    let is_known = words.iter().any(|known| word.eq_ignore_ascii_case(known));
    is_known.then_some(after)
}

/// A whole number, with a letter for thousands, millions or more behind it: `3B`.
fn number_of(text: &str) -> Option<i64> {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let mut units = UNITS.iter();
    let (_, factor) = units.find(|(letter, _)| unit.eq_ignore_ascii_case(letter))?;
    number.parse::<i64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cntflow_catalog::Labels;

    use super::*;

    #[test]
    fn names_of_published_revisions_have_steps() {
        let step = |name| parse(name).map(|parsed| parsed.step);
        for (name, expected) in [
            ("step143000", 143_000),
            ("step-7", 7),
            ("global_step1000", 1000),
            ("checkpoint-500", 500),
            ("ckpt_100", 100),
            ("iter_0002000", 2000),
            ("step10k", 10_000),
            ("Step3", 3),
            ("epoch_12", 12),
            ("step5-seed3", 5),
        ] {
            assert_eq!(step(name), Some(expected), "{name}");
        }
        for name in [
            "main",
            "v1.0",
            "steps",
            "step",
            "stepwise3",
            "step1x",
            "3",
            "step9999999999999t",
        ] {
            assert_eq!(step(name), None, "{name}");
        }
    }

    #[test]
    fn stage_and_tokens_are_told_apart_from_the_step() {
        let parsed = parse("stage2-ingredient3-step1000-tokens3B").unwrap();
        let expected = RevisionName {
            step: 1000,
            stage: Some("stage2-ingredient3".to_owned()),
            tokens: Some(3_000_000_000),
        };
        assert_eq!(parsed, expected);
        assert_eq!(parse("step1000-tokens4B").unwrap().stage, None);
        assert_eq!(parse("global_step5").unwrap().stage, None);
    }

    fn entry(url: &str) -> CatalogEntry {
        let mut entry = CatalogEntry {
            checkpoint: url.to_owned(),
            location: Path::new(url).into(),
            run: url.into(),
            step: 0,
            architecture: None,
            labels: Labels::default(),
            absent: None,
            parent: None,
        };
        apply_revision(&mut entry);
        entry
    }

    #[test]
    fn the_revisions_of_a_repository_are_steps_of_one_run() {
        let found = entry("hf://o/n@step3000/model.safetensors");
        assert_eq!((found.run.as_str(), found.step), ("hf://o/n", 3000));
        assert_eq!(found.labels["revision"], Label::Text("step3000".into()));
        let found = entry("hf://o/n@step3000/seed1/model.safetensors");
        assert_eq!((found.run.as_str(), found.step), ("hf://o/n/seed1", 3000));
        // Without a step it stays a run of its own.
        let found = entry("hf://o/n@v1.0/model.safetensors");
        assert_eq!((found.run.as_str(), found.step), (&*found.checkpoint, 0));
        assert!(entry("hf://o/n/model.safetensors").labels.is_empty());
        assert!(
            entry("s3://o/n@step3000/model.safetensors")
                .labels
                .is_empty()
        );
    }
}
