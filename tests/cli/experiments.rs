//! Experiments: tables and classifiers of their own, done once, and one that fails alone.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{
    RANKING, SMALL_STUDY, TWO_CLASSES, cntflow, expect, experiment_files, parts, table, write_chain,
};

/// The tables that every experiment writes.
const TABLES: [&str; 8] = [
    "scores",
    "verdicts",
    "controls",
    "predictions",
    "importance",
    "folds",
    "features",
    "fits",
];

/// A folder with the small study and these sections.
fn folder_with(sections: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_study(folder.path(), SMALL_STUDY, sections);
    folder
}

fn write_study(here: &Path, study: &str, sections: &[&str]) {
    let study = format!("{study}\n{}", sections.join("\n"));
    std::fs::write(here.join("study.toml"), study).unwrap();
}

/// The experiments of a run's JSON document that were evaluated now, and those that were not.
#[track_caller]
fn evaluated(experiments: &Value) -> [Vec<String>; 2] {
    let experiments = experiments.as_array().unwrap();
    [true, false].map(|now| {
        experiments
            .iter()
            .filter(|experiment| experiment["evaluated_now"] == now)
            .map(|experiment| experiment["experiment"].as_str().unwrap().to_owned())
            .collect()
    })
}

/// The rows of a query.
#[track_caller]
fn rows(here: &Path, sql: &str) -> Vec<Value> {
    let output = expect(0, here, &["query", "runs/small", sql, "--format", "json"]);
    output.json().as_array().unwrap().clone()
}

/// The predictions of a saved model for the checkpoints at `source`.
#[track_caller]
fn predictions(here: &Path, model: &str, source: &str, options: &[&str]) -> Vec<Value> {
    let model = format!("runs/small/classifiers/two_classes/{model}.json");
    let arguments = ["predict", &model, source, "--json"];
    let output = expect(0, here, &[&arguments[..], options].concat());
    output.json().as_array().unwrap().clone()
}

fn n_true(rows: &[Value], column: &str) -> usize {
    rows.iter().filter(|row| row[column] == true).count()
}

#[test]
fn two_experiments_have_tables_and_classifiers_of_their_own() {
    let folder = folder_with(&[TWO_CLASSES]);
    let here = folder.path();
    let out = here.join("runs/small");
    expect(0, here, &["run", "study.toml"]);
    let first = experiment_files(&out);
    write_study(here, SMALL_STUDY, &[TWO_CLASSES, RANKING]);
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(
        evaluated(&output["experiments"]),
        [["ranking"], ["two_classes"]]
    );
    let both = experiment_files(&out);
    for (path, bytes) in &first {
        assert!(both.get(path) == Some(bytes), "{} differs", path.display());
    }
    assert_eq!(
        both.len(),
        2 * first.len() - 3,
        "one more saved model and card, and a confusion, in the first"
    );
    for name in ["two_classes", "ranking"] {
        for table in TABLES {
            let n_parts = parts(&out, &format!("experiments/{name}/{table}")).len();
            assert_eq!(n_parts, 1, "{name}/{table}");
        }
    }
    let card = out.join("classifiers/ranking/tensor_7.txt");
    assert!(
        std::fs::read_to_string(card)
            .unwrap()
            .starts_with("ranking: ")
    );

    let sql = "SELECT experiment, count(*) AS n FROM scores WHERE chosen AND stratum = 'all' \
               GROUP BY experiment ORDER BY experiment";
    let scores = rows(here, sql);
    let counts: Vec<_> = scores
        .iter()
        .map(|row| {
            (
                row["experiment"].as_str().unwrap(),
                row["n"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(counts, [("ranking", 1), ("two_classes", 3)]);
    for table in TABLES {
        let sql = format!("SELECT DISTINCT experiment FROM {table} ORDER BY experiment");
        assert!(
            rows(here, &sql)
                .iter()
                .all(|row| row["experiment"].is_string()),
            "{table}"
        );
    }
    expect(0, here, &["query", "runs/small", "--schema", "scores"]);
    let features = expect(0, here, &["query", "runs/small", "--schema", "features"]);
    assert!(features.stdout.contains("checkpoint"), "{features:?}");
}

#[test]
fn a_group_is_on_one_side_of_every_split() {
    let folder = folder_with(&[TWO_CLASSES]);
    let here = folder.path();
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    let description = &output["experiments"][0]["description"];
    assert_eq!(description["counts"]["networks"], 36, "{description}");
    assert_eq!(description["counts"]["groups"], 12);
    assert_eq!(description["counts"]["other_checkpoint"], 24);
    let n_test = description["n_test_groups"].as_u64().unwrap();
    let folds = rows(
        here,
        "SELECT \"group\", \"set\", fold FROM folds ORDER BY checkpoint",
    );
    assert_eq!(folds.len(), 12, "one repeat");
    let in_test = folds.iter().filter(|row| row["set"] == "test").count();
    assert_eq!(in_test as u64, n_test);
    let mut groups: Vec<&str> = folds
        .iter()
        .map(|row| row["group"].as_str().unwrap())
        .collect();
    groups.dedup();
    assert_eq!(groups.len(), 12, "{groups:?}");
}

#[test]
fn a_finished_experiment_is_not_evaluated_again_but_a_changed_one_is() {
    let folder = folder_with(&[TWO_CLASSES, RANKING]);
    let here = folder.path();
    let out = here.join("runs/small");
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    let [now, before] = evaluated(&output["experiments"]);
    assert_eq!((now.len(), before.len()), (2, 0), "{output}");
    let files = experiment_files(&out);

    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    let [now, before] = evaluated(&output["experiments"]);
    assert_eq!((now.len(), before.len()), (0, 2), "{output}");
    assert_eq!(output["runs"]["trained"], 0);
    // A folder gives the experiments that it was last run with.
    let output = expect(0, here, &["discriminate", "runs/small", "--json"]).json();
    assert_eq!(evaluated(&output)[0].len(), 0, "{output}");
    let output = expect(0, here, &["discriminate", "runs/small"]);
    assert!(output.stdout.contains("(finished before)"), "{output:?}");
    assert!(experiment_files(&out) == files, "nothing is written again");

    let changed = TWO_CLASSES.replace("\"majority\", ", "");
    write_study(here, SMALL_STUDY, &[&changed, RANKING]);
    let output = expect(0, here, &["discriminate", "study.toml", "--json"]).json();
    assert_eq!(evaluated(&output), [["two_classes"], ["ranking"]]);
    let sql = "SELECT experiment FROM scores WHERE features = 'majority'";
    assert!(
        rows(here, sql).is_empty(),
        "scores of the earlier experiment"
    );
    let of_ranking = |(path, _): &(&PathBuf, &Vec<u8>)| path.to_string_lossy().contains("ranking");
    let after = experiment_files(&out);
    assert!(
        files
            .iter()
            .filter(of_ranking)
            .eq(after.iter().filter(of_ranking)),
        "the other experiment is left alone"
    );

    let smaller = changed.replace(", \"cnt\"", "");
    assert_ne!(smaller, changed);
    write_study(here, SMALL_STUDY, &[&smaller, RANKING]);
    expect(0, here, &["discriminate", "study.toml"]);
    let models = out.join("classifiers/two_classes");
    assert!(models.join("tensor_7.json").exists());
    assert!(
        !models.join("cnt.json").exists(),
        "a model of no experiment"
    );
}

#[test]
fn a_wrong_column_stops_a_study_before_anything_is_trained() {
    let wrong = [
        "target = { label = 'test_accurac' }",
        "group = ['test_accurac']",
        "strata = ['test_accurac']",
        "hyperparameters = ['test_accurac']",
        "target = { label = 'activation', classes = 'values' }\nmatch = [{ label = 'test_accurac' }]",
        "transfer = { column = 'test_accurac' }",
        "protocol = { test = { column = 'test_accurac' } }",
    ];
    for key in wrong {
        let section = format!("[[experiment]]\nname = 'misspelt'\n{key}\n");
        let folder = folder_with(&[RANKING, &section]);
        let here = folder.path();
        let output = expect(2, here, &["run", "study.toml"]);
        for text in [
            "'misspelt'",
            "`test_accurac`",
            "similar names: test_accuracy",
        ] {
            assert!(output.stderr.contains(text), "{key}: {output:?}");
        }
        assert!(!here.join("runs").exists(), "{key}");
    }
    let alias = "[labels]\naccuracy = 'test_accurac'\n";
    let folder = folder_with(&[RANKING, alias]);
    let output = expect(2, folder.path(), &["run", "study.toml"]);
    assert!(output.stderr.contains("test_accuracy"), "{output:?}");
    let section = "[[experiment]]\nname = 'misspelt'\nwhere = 'test_accurac > 0.5'\n";
    let folder = folder_with(&[section]);
    let output = expect(2, folder.path(), &["run", "study.toml"]);
    assert!(output.stderr.contains("`test_accurac > 0.5`"), "{output:?}");
    assert!(!folder.path().join("runs").exists());
}

#[test]
fn wrong_keys_of_an_experiment_are_usage_errors() {
    let section = |keys: &str| {
        let text = format!("[[experiment]]\nname = 'a'\n{keys}\n");
        vec![&*text.leak()]
    };
    for (sections, text) in [
        (vec![RANKING, RANKING], "another experiment has this name"),
        (vec!["[[experiment]]\n"], "name"),
        (vec!["[[experiment]]\nname = 'a/b'\n"], "name"),
        (vec!["[[experiment]]\nname = 'a'\nfolds = 3\n"], "folds"),
        (
            vec!["[[experiment]]\nname = 'a'\nprotocol = { folds = 1 }\n"],
            "protocol.folds",
        ),
        (
            vec!["[[experiment]]\nname = 'a'\nmodels = ['elastic_net']\n"],
            "models",
        ),
        (
            vec!["[[experiment]]\nname = 'a'\nfeatures = ['cntt']\n"],
            "cntt",
        ),
        (vec!["[discriminate]\n"], "discriminate"),
        (
            section("features = ['cnt + wiring', 'wiring+cnt']"),
            "named twice",
        ),
        (
            section("controls = ['untrained', 'untrained']"),
            "named twice",
        ),
        (
            section("primary = ['cnt > norms', 'norms > cnt']"),
            "named twice",
        ),
        (section("primary = ['cnt > cnt']"), "compared with itself"),
        (
            section("features = ['cnt']\nprimary = ['cnt > norms']"),
            "`norms` is neither among",
        ),
        (section("features = ['cnt - cnt']"), "leaves nothing"),
        (
            section("strata = ['test_accuracy']"),
            "label to be predicted",
        ),
        (section("protocol = { draws = 1 }"), "protocol.draws"),
        (section("test_images = 0"), "test_images"),
        (
            section("match = [{ label = 'depth' }]"),
            "match: needs classes",
        ),
        (section("transfer = { train = 'depth = 1' }"), "`column`"),
        (section("layers = 'first'"), "without_input"),
    ] {
        let folder = folder_with(&sections);
        let output = expect(2, folder.path(), &["run", "study.toml"]);
        assert!(output.stderr.contains(text), "{text}: {output:?}");
        assert!(!folder.path().join("runs").exists(), "{text}");
    }
    let folder = folder_with(&[]);
    expect(0, folder.path(), &["train", "study.toml"]);
    let output = expect(2, folder.path(), &["discriminate", "study.toml"]);
    assert!(output.stderr.contains("no [[experiment]]"), "{output:?}");
}

/// From each activation to the other, and from the first epoch to the last.
const DESIGNS: &str = r#"
[[experiment]]
name = "from"
target = { kind = "ranking" }
transfer = { column = "activation" }
features = ["tensor_7", "cnt"]
models = ["elastic_net"]
permutations = 0
protocol = { folds = 2, repeats = 1, draws = 50 }

[[experiment]]
name = "early"
checkpoints = { step = 1 }
target = { at = "last" }
features = ["cnt"]
models = ["logistic_regression"]
permutations = 0
protocol = { folds = 2, repeats = 1, draws = 50 }
"#;

#[test]
fn a_transfer_is_an_experiment_for_each_value_and_one_matrix_in_queries() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let study = SMALL_STUDY.replace("runs = 12", "runs = 40");
    write_study(here, &study, &[DESIGNS]);
    let output = expect(0, here, &["run", "study.toml"]);
    for text in ["transfer of cnt", "trained on", "runs stopped by cnt"] {
        assert!(output.stdout.contains(text), "{text}: {output:?}");
    }
    let sql = "SELECT trained_on, tested_on FROM transfer WHERE features = 'cnt' \
               ORDER BY trained_on, tested_on";
    let pairs: Vec<[String; 2]> = rows(here, sql)
        .iter()
        .map(|row| ["trained_on", "tested_on"].map(|key| row[key].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        pairs,
        [
            ["relu", "relu"],
            ["relu", "tanh"],
            ["tanh", "relu"],
            ["tanh", "tanh"]
        ]
    );
    let stopping = rows(
        here,
        "SELECT threshold FROM stopping WHERE experiment = 'early'",
    );
    assert_eq!(stopping.len(), 7);
    let again = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(
        evaluated(&again["experiments"]),
        [vec![], vec!["from@relu", "from@tanh", "early"]]
    );
    // Without the key the table of the key goes.
    let without = DESIGNS.replace("target = { at = \"last\" }\n", "");
    write_study(here, &study, &[&without]);
    expect(0, here, &["run", "study.toml"]);
    assert!(parts(&here.join("runs/small"), "experiments/early/stopping").is_empty());
}

#[test]
fn experiments_of_one_name_and_of_no_value_are_errors_of_their_own() {
    let named = |name: &str, key: &str| {
        let section = TWO_CLASSES.replace("\"two_classes\"", &format!("\"{name}\""));
        format!("{section}{key}\n")
    };
    let folder = folder_with(&[
        "\n[labels]\nnothing = \"cast(null as varchar)\"\n",
        &named("two", "transfer = { column = \"activation\" }"),
        &named("two@relu", ""),
        &named("none", "transfer = { column = \"nothing\" }"),
    ]);
    let output = expect(1, folder.path(), &["run", "study.toml", "--json"]);
    let failed = output.json()["failed_experiments"].to_string();
    for text in [
        "experiment 'two@relu': another experiment has this name",
        "experiment 'none': no network has a value of the column",
    ] {
        assert!(failed.contains(text), "{failed}");
    }
}

#[test]
fn an_experiment_that_keeps_no_network_fails_alone() {
    let empty = RANKING.replace(
        "\"ranking\"\ntarget",
        "\"nothing_left\"\nwhere = \"test_accuracy > 2\"\ntarget",
    );
    let folder = folder_with(&[&empty, TWO_CLASSES]);
    let here = folder.path();
    let output = expect(1, here, &["run", "study.toml", "--json"]);
    for text in [
        "experiment 'nothing_left'",
        "no network is left",
        "12 not in `where`",
    ] {
        assert!(output.stderr.contains(text), "{output:?}");
    }
    let document = output.json();
    assert_eq!(document["checkpoints"]["ok"], 36);
    assert_eq!(document["exit_code"], 1);
    let failed = document["failed_experiments"].as_array().unwrap();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let [now, before] = evaluated(&document["experiments"]);
    assert_eq!((now, before.len()), (vec!["two_classes".to_owned()], 0));
    let out = here.join("runs/small");
    assert_eq!(parts(&out, "experiments/two_classes/verdicts").len(), 1);
    assert!(parts(&out, "experiments/nothing_left/verdicts").is_empty());
    let output = expect(1, here, &["discriminate", "runs/small", "--json"]);
    assert_eq!(evaluated(&output.json())[1], ["two_classes"]);
}

#[test]
fn a_missing_probe_or_twin_is_named_and_measuring_the_twin_later_is_enough() {
    let without_probe = SMALL_STUDY.replace("probe = \"mnist-6k:train:50\"\n", "");
    let of_probe = RANKING
        .replacen("\"ranking\"", "\"of_probe\"", 1)
        .replace("tensor_7", "data_dependent");
    let controlled = format!("{TWO_CLASSES}controls = [\"shuffle\"]\n");
    let sections = [of_probe.as_str(), &controlled, RANKING];
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let lacking = [
        (of_probe.as_str(), "features `data_dependent` need a probe"),
        (&controlled, "the twin `shuffle` is not measured"),
    ];
    for (section, text) in lacking {
        write_study(here, &without_probe, &[section]);
        let output = expect(2, here, &["run", "study.toml"]);
        assert!(output.stderr.contains(text), "{text}: {output:?}");
        assert!(!here.join("runs").exists(), "found before any work");
    }

    // On tables that lack both, the third experiment is evaluated all the same.
    write_study(here, &without_probe, &[RANKING]);
    expect(0, here, &["run", "study.toml"]);
    write_study(here, &without_probe, &sections);
    let output = expect(1, here, &["discriminate", "study.toml", "--json"]);
    for text in ["experiment 'of_probe'", "experiment 'two_classes'"] {
        assert!(output.stderr.contains(text), "{text}: {output:?}");
    }
    for (_, text) in lacking {
        assert!(output.stderr.contains(text), "{text}: {output:?}");
    }
    assert_eq!(evaluated(&output.json()), [vec![], vec!["ranking"]]);

    let with_twin = format!("{without_probe}twins = [\"shuffle\"]\n");
    write_study(here, &with_twin, &[&controlled, RANKING]);
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(
        evaluated(&output["experiments"]),
        [["two_classes"], ["ranking"]]
    );
    assert_eq!(output["runs"]["trained"], 0);
    let sql = "SELECT features FROM controls WHERE control = 'shuffle' ORDER BY features";
    let features: Vec<Value> = rows(here, sql);
    let features: Vec<&str> = features
        .iter()
        .map(|row| row["features"].as_str().unwrap())
        .collect();
    assert_eq!(features, ["cnt", "tensor_7"], "majority has no twin");
    let sql =
        "SELECT count(*) AS n FROM features WHERE experiment = 'two_classes' AND twin = 'shuffle'";
    assert_eq!(rows(here, sql)[0]["n"], 12);
}

#[test]
fn an_alias_names_the_label_of_an_experiment() {
    let section = RANKING.replace("kind", "label = \"accuracy\", kind");
    let folder = folder_with(&["[labels]\naccuracy = \"test_accuracy\"\n", &section]);
    let here = folder.path();
    expect(0, here, &["run", "study.toml"]);
    let labels = rows(here, "SELECT DISTINCT label FROM scores");
    assert_eq!(labels[0]["label"], "accuracy");
    let networks = table(&here.join("runs/small"), "networks");
    assert!(
        networks.column("accuracy").is_err(),
        "no table has the alias"
    );
}

#[test]
fn saved_models_predict_other_checkpoints_and_mark_those_they_know() {
    let of_probe = TWO_CLASSES.replace("\"tensor_7\"", "\"data_dependent\"");
    let folder = folder_with(&[&of_probe]);
    let here = folder.path();
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    let description = &output["experiments"][0]["description"];
    let n_test = description["n_test_groups"].as_u64().unwrap() as usize;
    let card = "runs/small/classifiers/two_classes/cnt.txt";
    let card = std::fs::read_to_string(here.join(card)).unwrap();
    for text in [
        "two_classes: logistic_regression on cnt",
        "What it is not for",
    ] {
        assert!(card.contains(text), "{card}");
    }

    let checkpoints = "runs/small/checkpoints";
    let cautious = predictions(here, "cnt", checkpoints, &[]);
    assert_eq!(cautious.len(), 36);
    assert_eq!(n_true(&cautious, "seen_in_training"), 12 - n_test);
    // Biases that are zero have no kurtosis: networks of step 0 lack features and are refused.
    let is_refused = |row: &Value| row["is_outside"].is_null();
    assert!(!cautious.iter().all(is_refused), "{cautious:?}");
    for row in &cautious {
        let is_predicted = row["is_outside"] == false;
        assert_eq!(row["prediction"].is_string(), is_predicted, "{row}");
        assert_eq!(row["reason"].is_null(), is_predicted, "{row}");
        assert!(
            !is_refused(row) || row["seen_in_training"] == false,
            "{row}"
        );
    }
    let forced = predictions(here, "cnt", checkpoints, &["--force"]);
    for (forced, cautious) in forced.iter().zip(&cautious) {
        let is_class = forced["prediction"] == "low" || forced["prediction"] == "high";
        assert_eq!(is_class, !is_refused(cautious), "{forced}");
        assert_eq!(forced["is_outside"], cautious["is_outside"]);
        if cautious["prediction"].is_string() {
            assert_eq!(forced, cautious);
        }
    }

    // A network of another size is measured, but unlike the training networks.
    write_chain(&here.join("foreign.safetensors"), 100.0);
    let foreign = predictions(here, "cnt", "foreign.safetensors", &[]);
    assert_eq!(foreign[0]["is_outside"], true, "{foreign:?}");
    assert_eq!(foreign[0]["seen_in_training"], false);
    assert!(foreign[0]["prediction"].is_null(), "{foreign:?}");
    let foreign = predictions(here, "cnt", "foreign.safetensors", &["--force"]);
    assert!(foreign[0]["prediction"].is_string(), "{foreign:?}");
    // With other inputs than the probe it lacks the data-dependent features.
    let model = "runs/small/classifiers/two_classes/data_dependent.json";
    let refused = expect(
        1,
        here,
        &["predict", model, "foreign.safetensors", "--force"],
    );
    assert!(refused.stderr.contains("features"), "{refused:?}");
    let wrong = cntflow(here, &["predict", "study.toml", "foreign.safetensors"]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(
        wrong.stderr.contains("not a model saved by cntflow"),
        "{wrong:?}"
    );
}

#[test]
fn an_experiment_with_one_row_of_scores_is_printed() {
    let folder = folder_with(&[RANKING]);
    let output = expect(0, folder.path(), &["run", "study.toml"]);
    assert!(output.stdout.contains("elastic_net"), "{output:?}");
}

#[test]
fn an_experiment_without_predictions_is_done_and_says_so() {
    let only_majority = TWO_CLASSES.replace("\"majority\", \"tensor_7\", \"cnt\"", "\"majority\"");
    let folder = folder_with(&[&only_majority]);
    let here = folder.path();
    let output = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(output["experiments"][0]["evaluated_now"], true, "{output}");
    let scores = rows(here, "SELECT auc FROM scores WHERE stratum = 'all'");
    assert_eq!(scores[0]["auc"], 0.5);
}

#[test]
fn the_end_says_what_carries_a_score_in_words_and_within_100_columns() {
    let study = format!("{SMALL_STUDY}twins = [\"shuffle\"]\n");
    let features = "[\"hyperparameters\", \"tensor_7\", \"wiring\", \"cnt\", \"cnt - wiring\", \
                    \"data_dependent\", \"probe_accuracy\"]";
    let section = TWO_CLASSES.replace("[\"majority\", \"tensor_7\", \"cnt\"]", features)
        + "controls = [\"shuffle\"]\n";
    assert!(section.contains("probe_accuracy"));
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_study(here, &study, &[&section]);
    let text = expect(0, here, &["run", "study.toml"]).stdout;
    let told = text.split("experiment two_classes").nth(1).unwrap();
    let told = told.split("tables of this experiment").next().unwrap();
    for line in told.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "what tells low from high test_accuracy?",
        "high: test_accuracy above",
        "networks, median",
        "0.5 is chance",
        "comparisons were declared beforehand",
        "hyperparameters (how the networks were trained)",
        "wiring against hyperparameters",
        "cnt against cnt - wiring",
        "data_dependent against hyperparameters",
        "Rivals of data_dependent",
        "Control shuffle (each kernel's weights permuted",
        "Labels of test groups permuted 9 times within strata, for cnt: p =",
        "hints for a next study",
    ] {
        assert!(words.contains(part), "{part}: {told}");
    }
    let sentences = told.find("- ").unwrap();
    assert!(
        sentences < told.find("\n features").unwrap(),
        "words come first"
    );
}

#[test]
fn damaged_or_lost_results_of_an_experiment_are_made_again() {
    let folder = folder_with(&[TWO_CLASSES]);
    let here = folder.path();
    let out = here.join("runs/small");
    expect(0, here, &["run", "study.toml"]);
    let files = experiment_files(&out);
    assert!(files.len() > 10, "{:?}", files.keys());
    for path in files.keys() {
        let damages: [fn(&Path); 2] = [
            |path| std::fs::remove_file(path).unwrap(),
            |path| std::fs::write(path, "damaged").unwrap(),
        ];
        let is_table = path
            .extension()
            .is_some_and(|extension| extension == "parquet");
        for damage in damages.iter().take(if is_table { 2 } else { 1 }) {
            damage(&out.join(path));
            let output = expect(0, here, &["discriminate", "study.toml", "--json"]).json();
            assert_eq!(evaluated(&output)[0], ["two_classes"], "{}", path.display());
            assert!(experiment_files(&out) == files, "{}", path.display());
        }
    }
}

#[test]
fn an_experiment_without_models_is_finished_as_well() {
    let baseline = TWO_CLASSES.replace(
        "[\"majority\", \"tensor_7\", \"cnt\"]",
        "[\"majority\", \"hyperparameters\"]",
    );
    let folder = folder_with(&[&baseline]);
    let here = folder.path();
    expect(0, here, &["run", "study.toml"]);
    let output = expect(0, here, &["discriminate", "study.toml", "--json"]).json();
    assert_eq!(evaluated(&output)[1], ["two_classes"], "{output}");
}

#[test]
fn a_folder_that_another_process_uses_is_left_alone() {
    let folder = folder_with(&[TWO_CLASSES]);
    let here = folder.path();
    expect(0, here, &["run", "study.toml"]);
    let lock = std::fs::OpenOptions::new()
        .append(true)
        .open(here.join("runs/small/.lock-p000"))
        .unwrap();
    lock.try_lock().unwrap();
    let output = expect(1, here, &["discriminate", "study.toml"]);
    assert!(
        output
            .stderr
            .contains("another cntflow process is using this folder"),
        "{output:?}"
    );
    drop(lock);
    expect(0, here, &["discriminate", "study.toml"]);
}

#[test]
fn an_experiment_without_comparisons_does_not_count_them() {
    let folder = folder_with(&[RANKING]);
    let output = expect(0, folder.path(), &["run", "study.toml"]).stdout;
    assert!(output.contains("experiment ranking"), "{output}");
    assert!(!output.contains("comparisons were declared"), "{output}");
}
