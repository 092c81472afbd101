//! Files of models: their names, their cards, and damaged ones.

use std::path::Path;

use cntflow_experiments::saved::{Damage, SavedModelError, TrainedModel};
use serde_json::{Value, json};

use crate::synthetic::{Population, low_high_model};

#[test]
fn each_measured_choice_of_the_networks_themselves_has_a_model_of_its_own_file() {
    let keys = "features = ['majority', 'strengths', 'link_weights + strengths', \
                'strengths - link_weights']\nmodels = ['naive_bayes']";
    let models = Population::default().tables().evaluate(keys).models();
    let mut stems: Vec<String> = models.iter().map(TrainedModel::file_stem).collect();
    stems.sort();
    assert_eq!(
        stems,
        [
            "link_weights-plus-strengths",
            "strengths",
            "strengths-minus-link_weights"
        ]
    );
}

#[test]
fn the_card_says_how_well_beside_what_and_what_the_model_is_not_for() {
    let keys = "features = ['majority', 'hyperparameters', 'strengths']\n\
                hyperparameters = ['activation']\ncontrols = ['shuffle']\n\
                models = ['naive_bayes']\nwhere = 'test_accuracy > 0.1'\n\
                primary = ['strengths > hyperparameters']";
    let model = Population::default()
        .tables()
        .evaluate(keys)
        .model("strengths");
    let card = model.card();
    assert_eq!(card.figures[0].name, "auc");
    let names: Vec<&str> = card
        .figures
        .iter()
        .map(|figure| figure.name.as_str())
        .collect();
    let [.., brier, log_loss, calibration] = names[..] else {
        panic!("{names:?}");
    };
    assert_eq!(
        [brier, log_loss, calibration],
        ["brier", "log_loss", "calibration_error"]
    );
    assert!(names.contains(&"accuracy") && names.contains(&"balanced_accuracy"));
    let rivals: Vec<&str> = card
        .rivals
        .iter()
        .map(|rival| rival.features.as_str())
        .collect();
    assert_eq!(rivals, ["majority", "hyperparameters", "strengths@shuffle"]);
    let finding = card.rivals[1].finding.as_ref().unwrap();
    assert!(finding.starts_with("above (primary, p "), "{finding}");
    let [low, high] = [&card.training.classes[0], &card.training.classes[1]];
    assert_eq!(low.networks + high.networks, card.training.networks);
    let text = model.card_text();
    for part in [
        "synthetic: naive_bayes on strengths",
        "low: test_accuracy at or below 0.",
        "representation: role",
        "  auc 0.",
        "brier 0.",
        "majority           auc 0.500",
        "strengths@shuffle  auc 0.",
        "; difference 0.",
        "where: test_accuracy > 0.1",
        "groups; low ",
        "not in `where`",
        "What it is not for",
        "seen_in_training",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    let longest = text.lines().map(str::len).max();
    assert!(longest < Some(140), "{text}");
}

#[test]
fn damaged_and_old_files_are_refused_by_an_error_with_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("strengths.json");
    assert!(matches!(load(&path), SavedModelError::Read { .. }));
    let refused = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let error = load(&path);
        assert!(error.to_string().contains("strengths.json"), "{error}");
        error
    };
    assert!(matches!(
        refused("{ not json"),
        SavedModelError::Format { .. }
    ));
    let old = refused("{\"version\": 1, \"experiment\": \"old\"}");
    assert!(
        old.to_string()
            .contains("version 1, this program reads version 2"),
        "{old}"
    );

    low_high_model().save(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(matches!(
        refused(&text[..text.len() / 2]),
        SavedModelError::Format { .. }
    ));
    let sound: Value = serde_json::from_str(&text).unwrap();
    let damage = |pointer: &str, value: Value| {
        let mut broken = sound.clone();
        *broken.pointer_mut(pointer).unwrap() = value;
        match refused(&broken.to_string()) {
            SavedModelError::Damaged { source, .. } => source,
            other => panic!("{pointer}: {other}"),
        }
    };
    assert!(matches!(
        damage("/columns", json!([])),
        Damage::Ranges { .. }
    ));
    assert!(matches!(
        damage("/ranges/medians", json!("0.5")),
        Damage::Ranges { .. }
    ));
    assert!(matches!(
        damage("/ranges/largest_distance", json!("NaN")),
        Damage::Ranges { .. }
    ));
    assert!(matches!(damage("/n_columns", json!(3)), Damage::Model(_)));
    assert!(matches!(
        damage("/calibration/numbers", json!("1 2")),
        Damage::Calibration
    ));
    let cuts = json!({ "cuts": { "cuts": "0.5" } });
    assert_eq!(damage("/target/learned", cuts), Damage::Target);
    let one = json!({ "low_high": { "thresholds": "0.5", "better": "higher" } });
    assert_eq!(damage("/target/learned", one), Damage::Target);
    assert_eq!(
        damage("/training_networks/digests", json!("abc")),
        Damage::Hashes
    );
    let figure = damage("/card/figures/0/value_and_interval", json!("0.5"));
    assert_eq!(
        figure.to_string(),
        "the figure `auc` has 1 numbers instead of 3"
    );
    let classes = json!({ "target": { "label": "x", "classes": "values" },
                          "learned": { "values": { "names": ["a", "b", "c"] } } });
    assert_eq!(
        damage("/target", classes),
        Damage::Classes {
            target: 3,
            model: 2
        }
    );
}

fn load(path: &Path) -> SavedModelError {
    TrainedModel::load(path).unwrap_err()
}
