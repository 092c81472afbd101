//! `cntflow report`: the page of a folder.

use std::path::Path;

use crate::support::{expect, study_folder, write_chain};

/// The page of an output folder.
fn page(folder: &Path, out: &str) -> String {
    std::fs::read_to_string(folder.join(out).join("report.html")).unwrap()
}

#[test]
fn a_run_writes_its_report_and_the_command_writes_the_same() {
    let here = study_folder();
    let run = expect(0, here.path(), &["run", "study.toml", "--out", "out"]);
    assert!(
        run.stdout.contains("report       out/report.html"),
        "{}",
        run.stdout
    );
    let written = page(here.path(), "out");
    std::fs::remove_file(here.path().join("out/report.html")).unwrap();
    expect(0, here.path(), &["report", "out"]);
    assert_eq!(page(here.path(), "out"), written);
    expect(
        0,
        here.path(),
        &["report", "out", "--output", "elsewhere.html"],
    );
    let elsewhere = std::fs::read_to_string(here.path().join("elsewhere.html")).unwrap();
    assert_eq!(elsewhere, written);
    expect(
        0,
        here.path(),
        &["run", "study.toml", "--out", "out", "--fresh"],
    );
    assert_eq!(
        page(here.path(), "out"),
        written,
        "the same study, the same page"
    );
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_describes_every_drawing() {
    let here = study_folder();
    expect(0, here.path(), &["run", "study.toml", "--out", "out"]);
    let page = page(here.path(), "out");
    let (page, _explorer) = page.split_once("<script").unwrap();
    for loaded in [
        "<link", "<img", "<iframe", "src=", "url(", "http:", "https:", "@import",
    ] {
        assert!(!page.contains(loaded), "{loaded}");
    }
    let n_drawings = page.matches("<svg class=\"drawing\"").count();
    assert!(n_drawings >= 5, "{n_drawings}");
    assert_eq!(page.matches("</desc>").count(), n_drawings);
    assert_eq!(
        page.matches("<code class=\"sql\">").count(),
        page.matches("<figure ").count()
    );
}

/// Texts of users are text.
#[test]
fn names_and_labels_are_never_markup() {
    let here = tempfile::tempdir().unwrap();
    let hostile = "<img src=x onerror=alert(1)>";
    let mut catalog = "path,run,test_accuracy,Füße,学习率\n".to_owned();
    for index in 0..6 {
        let file = format!("{index}.safetensors");
        write_chain(&here.path().join(&file), 0.1 + index as f32);
        catalog.push_str(&format!(
            "{file},\"{hostile}{index}\",0.{index},\"</style>{index}\",'{index}\n"
        ));
    }
    std::fs::write(here.path().join("catalog.csv"), catalog).unwrap();
    expect(0, here.path(), &["measure", "catalog.csv", "--out", "out"]);
    expect(0, here.path(), &["report", "out"]);
    let page = page(here.path(), "out");
    assert!(!page.contains("<img"), "markup of a user");
    assert_eq!(
        page.matches("</style>").count(),
        2,
        "of the page and of its explorer"
    );
    for shown in ["&lt;/style&gt;0", "Füße", "学习率"] {
        assert!(page.contains(shown), "{shown}");
    }
}

#[test]
fn a_folder_without_tables_is_wrong_usage() {
    let here = tempfile::tempdir().unwrap();
    std::fs::create_dir(here.path().join("empty")).unwrap();
    let output = expect(2, here.path(), &["report", "empty"]);
    assert!(
        output.stderr.contains("no tables here"),
        "{}",
        output.stderr
    );
}
