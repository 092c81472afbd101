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
        without_time(&page(here.path(), "out")),
        without_time(&written),
        "the same study, the same page"
    );
}

/// A page without the moment at which the tables were written.
fn without_time(page: &str) -> String {
    let name = "<dt>tables last written</dt><dd>";
    let (before, after) = page.split_once(name).unwrap();
    let (time, after) = after.split_once("</dd>").unwrap();
    assert_eq!(time.len(), "2026-11-29T12:00:00Z".len(), "{time}");
    format!("{before}{after}")
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

/// Measures one small network for each line of a catalog, and makes the report.
fn report_of_catalog(header: &str, lines: &[&str]) -> String {
    let here = tempfile::tempdir().unwrap();
    let mut catalog = format!("path,{header}\n");
    for (index, line) in lines.iter().enumerate() {
        let file = format!("{index}.safetensors");
        write_chain(&here.path().join(&file), 0.1 + index as f32);
        catalog.push_str(&format!("{file},{line}\n"));
    }
    std::fs::write(here.path().join("catalog.csv"), catalog).unwrap();
    expect(0, here.path(), &["measure", "catalog.csv", "--out", "out"]);
    expect(0, here.path(), &["report", "out"]);
    page(here.path(), "out")
}

/// The cells of the table of a figure, row by row.
fn cells(page: &str, figure: &str) -> Vec<Vec<String>> {
    let (_, figure) = page.split_once(&format!("id=\"figure-{figure}\"")).unwrap();
    let (figure, _) = figure.split_once("</figure>").unwrap();
    let (_, body) = figure.split_once("<tbody>").unwrap();
    let rows = body.split("<tr>").skip(1);
    let cells = |row: &str| {
        let cells = row.split("<td").skip(1);
        let cells = cells.filter_map(|cell| cell.split_once("</td>")?.0.split_once('>'));
        cells.map(|(_, text)| text.to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn labels_with_names_that_queries_use_and_values_without_an_end_leave_a_page() {
    let header = "run,step,value,fluctuation,bin,kind,label,latest,*,layer_type,test_accuracy";
    let page = report_of_catalog(
        header,
        &[
            "a,1,1,2,3,x,y,z,5,dense,0.5",
            "a,2,2,3,4,x,y,z,6,dense,inf",
            "b,1,3,4,5,u,v,w,7,dense,0.75",
        ],
    );
    assert!(!page.contains("cannot be made"), "{page}");
    assert!(page.contains("id=\"figure-steps\""));
}

#[test]
fn of_several_checkpoints_at_the_last_step_of_a_run_one_counts() {
    let page = report_of_catalog(
        "run,step,test_accuracy",
        &["a,7,0.5", "a,7,0.6", "a,3,0.1", "b,2,1.0", "b,2,1.0"],
    );
    let rows = cells(&page, "histogram");
    let networks: Vec<(&str, &str)> = rows.iter().map(|row| (&*row[1], &*row[2])).collect();
    // The highest accuracy is in the last of twenty bins.
    assert_eq!(networks, [("12", "1"), ("19", "1")]);
}

#[test]
fn one_network_has_a_page_without_an_explorer() {
    let page = report_of_catalog("run,test_accuracy", &["a,0.5"]);
    assert!(!page.contains("id=\"explorer\""));
    assert!(!page.contains("#explore"));
    assert_eq!(cells(&page, "statuses"), [["ok", "1", "1"]]);
}
