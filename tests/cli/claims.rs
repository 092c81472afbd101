//! `cntflow claims`: what several studies say of their claims, as one table.

use std::path::Path;

use crate::support::{SMALL_STUDY, TWO_CLASSES, expect};

const CLAIM: &str = "CNT metrics tell good networks from bad ones.";

/// A folder with two studies in `pipelines`, and an export of the first.
fn folder_of_claims() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("pipelines")).unwrap();
    let experiment = TWO_CLASSES.replace("models", "controls = [\"shuffle\"]\nmodels");
    let study = format!("{SMALL_STUDY}twins = [\"shuffle\"]\n{experiment}");
    let claimed = format!("name = \"small\"\nclaim = \"{CLAIM}\"");
    let first = study.replace("name = \"small\"", &claimed);
    std::fs::write(here.join("pipelines/small.toml"), first).unwrap();
    let second = study.replace("name = \"small\"", "name = \"later\"");
    std::fs::write(here.join("pipelines/later.toml"), second).unwrap();
    let arguments = ["run", "pipelines/small.toml", "--out", "ordinary"];
    let output = expect(0, here, &arguments);
    assert!(output.stdout.contains(CLAIM), "{output:?}");
    expect(
        0,
        here,
        &["export", "ordinary", "--to", "tables/small", "--last"],
    );
    folder
}

const COMMAND: [&str; 6] = [
    "claims",
    "pipelines",
    "--tables",
    "tables",
    "--to",
    "claims.md",
];

fn read(here: &Path) -> String {
    std::fs::read_to_string(here.join("claims.md")).unwrap()
}

#[test]
fn each_experiment_has_a_row_and_a_table_of_its_feature_sets() {
    let folder = folder_of_claims();
    let here = folder.path();
    expect(0, here, &COMMAND);
    let text = read(here);
    let row = |start: &str| {
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with(start))
            .collect();
        assert_eq!(lines.len(), 1, "{start}: {text}");
        lines[0].split('|').map(str::trim).collect::<Vec<_>>()
    };
    let summary = row("| small | two_classes |");
    assert_eq!(summary[3..5], ["12", "AUC"], "{summary:?}");
    assert!(
        summary[8].starts_with("**") && summary[8].ends_with("**"),
        "{summary:?}"
    );
    assert!(summary[6].starts_with("tensor_7 ") || summary[6].starts_with("majority "));
    for features in ["majority", "tensor_7", "cnt"] {
        assert_eq!(row(&format!("| {features} |")).len(), 6, "{features}");
    }
    assert!(row("| cnt |")[4].starts_with(['+', '-']), "a graph gain");
    for part in [
        CLAIM,
        "Studies without tables: later.",
        "`cntflow claims pipelines --tables tables --to claims.md`",
        "`cntflow run pipelines/small.toml --tables tables/small`",
        "The claim is **",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = expect(0, here, &[&COMMAND[..], &["--json"]].concat()).json();
    assert_eq!(json[0]["experiment"], "two_classes", "{json}");
    assert_eq!(
        summary[8],
        format!("**{}**", json[0]["decision"].as_str().unwrap())
    );
    assert_eq!(read(here), text);
}

#[test]
fn a_check_fails_at_the_first_line_that_is_out_of_date() {
    let folder = folder_of_claims();
    let here = folder.path();
    let check = [&COMMAND[..], &["--check"]].concat();
    expect(1, here, &check);
    assert!(!here.join("claims.md").exists());
    expect(0, here, &COMMAND);
    expect(0, here, &check);
    let text = read(here);
    let changed = text.replace("\n| cnt | ", "\n| cnt | 9");
    std::fs::write(here.join("claims.md"), &changed).unwrap();
    let refused = expect(1, here, &check);
    let line = text.lines().position(|line| line.starts_with("| cnt | "));
    let expected = format!("claims.md: line {} is out of date", line.unwrap() + 1);
    assert!(
        refused.stderr.contains(&expected),
        "{expected}: {refused:?}"
    );
    assert_eq!(read(here), changed, "a check writes nothing");
    std::fs::write(here.join("claims.md"), format!("{text}more\n")).unwrap();
    let refused = expect(1, here, &check);
    assert!(refused.stderr.contains("(no such line)"), "{refused:?}");
}

#[test]
fn a_part_of_the_studies_is_compared_with_its_rows_and_sections() {
    let folder = folder_of_claims();
    let here = folder.path();
    expect(0, here, &COMMAND);
    let text = read(here);
    // The table of more studies: rows and a section before and after.
    let row = "| small | two_classes |";
    let more = text
        .replacen(row, &format!("| a | x | 3 |\n{row}"), 1)
        .replacen("\n## small", "\n## a\n\nClaim: another.\n\n## small", 1);
    let more = format!("{more}\n## z\n\nClaim: more.\n");
    std::fs::write(here.join("claims.md"), &more).unwrap();
    let part = [&COMMAND[..], &["--check", "--part"]].concat();
    expect(1, here, &[&COMMAND[..], &["--check"]].concat());
    expect(0, here, &part);
    for (old, new) in [
        (row, "| small | two_classes | 9"),
        (row, "| small | renamed |"),
        ("## small", "## renamed"),
        ("The claim is **", "The claim was **"),
        ("\n## z", "\nOne line more.\n\n## z"),
        (row, "| small | gone | 3 |\n| small | two_classes |"),
    ] {
        std::fs::write(here.join("claims.md"), more.replacen(old, new, 1)).unwrap();
        let refused = expect(1, here, &part);
        assert!(refused.stderr.contains("is out of date"), "{refused:?}");
    }
}

#[test]
fn studies_without_any_tables_are_an_error() {
    let folder = folder_of_claims();
    let here = folder.path();
    let arguments = [
        "claims",
        "pipelines/later.toml",
        "--tables",
        "tables",
        "--to",
        "claims.md",
    ];
    let refused = expect(2, here, &arguments);
    assert!(refused.stderr.contains("no tables of later"), "{refused:?}");
}
