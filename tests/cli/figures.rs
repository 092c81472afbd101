//! `cntflow report --figures`: figures for papers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use resvg::usvg::roxmltree::Document;
use resvg::usvg::{self, Node, Options, Tree, fontdb};

use crate::support::{SMALL_STUDY, TWO_CLASSES, expect, files_below, write_chain};

/// The font of the pictures.
const FONT: &[u8] = include_bytes!("../../crates/cntflow-report/font/sans.ttf");

/// Widths of figures in points, and those of their pictures in dots.
const ONE: (f64, u32) = (252.0, 1050);
const TWO: (f64, u32) = (518.4, 2160);

/// Smallest text, in points.
const LEAST_TEXT: f64 = 6.0;

/// Thinnest line, in points.
const LEAST_LINE: f64 = 0.5;

/// A figure in the list of figures.
#[derive(Debug)]
struct Listed {
    file: String,
    title: String,
    description: String,
    sql: String,
}

fn listed(figures: &Path) -> Vec<Listed> {
    let mut list = csv::Reader::from_path(figures.join("figures.csv")).unwrap();
    let rows = list.records().map(|row| {
        let row = row.unwrap();
        let [file, title, description, sql] = [0, 1, 2, 3].map(|k| row[k].to_owned());
        Listed {
            file,
            title,
            description,
            sql,
        }
    });
    rows.collect()
}

/// Runs the small study with populations and an experiment: its report has every kind of drawing.
fn run_study(here: &Path) {
    let study = format!(
        "{SMALL_STUDY}twins = [\"shuffle\"]\nstrongest_links = 8\n[populations]\nmin_runs = 1\n\
         {TWO_CLASSES}controls = [\"shuffle\"]\n"
    );
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(0, here, &["run", "study.toml", "--out", "out"]);
}

/// The same with its figures, made once for the tests that only read it.
fn study_with_figures() -> &'static Path {
    static STUDY: LazyLock<PathBuf> = LazyLock::new(|| {
        let here = Path::new(env!("CARGO_TARGET_TMPDIR")).join("figures");
        let _ = std::fs::remove_dir_all(&here);
        std::fs::create_dir_all(&here).unwrap();
        run_study(&here);
        expect(0, &here, &["report", "out", "--figures", "figures"]);
        here
    });
    &STUDY
}

/// All drawings in a folder, with the width that each should have.
fn drawings(figures: &Path) -> Vec<(PathBuf, String, (f64, u32))> {
    let files = files_below(figures).into_iter();
    let drawings = files.filter(|(path, _)| path.extension().is_some_and(|kind| kind == "svg"));
    let drawings = drawings.map(|(path, bytes)| {
        let is_wide = path.to_string_lossy().ends_with("-wide.svg");
        let width = if is_wide { TWO } else { ONE };
        (path, String::from_utf8(bytes).unwrap(), width)
    });
    drawings.collect()
}

/// A drawing, with all text in the font of the pictures.
fn tree(svg: &str) -> Tree {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    let own = fonts.faces().next().map(|face| face.id);
    let mut options = Options {
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    options.font_resolver.select_font = Box::new(move |_, _| own);
    Tree::from_str(svg, &options).unwrap()
}

/// Each text of a drawing with its box: left, top, right, bottom in points.
fn texts(group: &usvg::Group, found: &mut Vec<(String, [f64; 4])>) {
    for node in group.children() {
        match node {
            Node::Group(group) => texts(group, found),
            Node::Text(text) => {
                let at = text.abs_bounding_box();
                let ends = [at.left(), at.top(), at.right(), at.bottom()];
                let ends = ends.map(|end| f64::from(end) * 72.0 / 96.0);
                let chunks = text.chunks().iter();
                found.push((chunks.map(|chunk| chunk.text()).collect(), ends));
            }
            _ => {}
        }
    }
}

/// The declarations of a style: names and values.
fn declarations(style: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = style.split(';').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once(':').unwrap())
}

/// Checks that a drawing stands alone: no classes, variables or parts from elsewhere, and no text
/// or line that is too small.
fn check_alone(path: &Path, svg: &str, width: f64) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let root = document.root_element();
    assert_eq!(
        root.tag_name().namespace(),
        Some("http://www.w3.org/2000/svg")
    );
    assert_eq!(root.attribute("width"), Some(&*format!("{width:.1}pt")));
    let view = format!("0 0 {width:.1} {}", root.attribute("height").unwrap());
    assert_eq!(root.attribute("viewBox"), view.strip_suffix("pt"));
    for child in ["title", "desc", "metadata"] {
        let child = root.children().find(|node| node.has_tag_name(child));
        assert!(child.is_some_and(|node| node.text().is_some()), "{path:?}");
    }
    for element in document.descendants().filter(|node| node.is_element()) {
        for attribute in element.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(
                !["class", "href", "src"].contains(&name),
                "{path:?}: {name}"
            );
            let is_own = !value.contains("url(") || value.starts_with("url(#");
            assert!(!value.contains("var(") && is_own, "{path:?}: {value}");
            if name == "font-size" {
                assert!(
                    value.parse::<f64>().unwrap() >= LEAST_TEXT,
                    "{path:?}: {value}"
                );
            }
        }
        for (name, value) in declarations(element.attribute("style").unwrap_or_default()) {
            assert_ne!(name, "font-size", "{path:?}");
            if name == "stroke-width" {
                assert!(
                    value.parse::<f64>().unwrap() >= LEAST_LINE,
                    "{path:?}: {value}"
                );
            }
        }
    }
}

#[test]
fn each_drawing_of_the_page_has_all_its_files_and_no_others_are_touched() {
    let here = tempfile::tempdir().unwrap();
    run_study(here.path());
    let figures = here.path().join("for/papers");
    std::fs::create_dir_all(&figures).unwrap();
    std::fs::write(figures.join("mine.txt"), "kept").unwrap();
    std::fs::write(figures.join("figures.csv"), "replaced").unwrap();
    let arguments = [
        "report",
        "out",
        "--output",
        "a.html",
        "--figures",
        "for/papers",
    ];
    let output = expect(0, here.path(), &arguments);

    let page = std::fs::read_to_string(here.path().join("a.html")).unwrap();
    let of_run = std::fs::read_to_string(here.path().join("out/report.html")).unwrap();
    assert_eq!(page, of_run, "the page is the same with figures");
    let list = listed(&figures);
    let n_drawings = page.matches("<svg class=\"drawing\"").count();
    assert_eq!(list.len(), n_drawings, "{list:?}");
    let kinds = [
        "histogram",
        "density-",
        "divergence-",
        "fluctuation",
        "trajectory-",
        "graphs-pair",
        "graphs-steps",
        "scores-",
        "verdicts-",
        "roc-",
        "importance-",
    ];
    for kind in kinds {
        assert!(
            list.iter().any(|figure| figure.file.starts_with(kind)),
            "{kind}: {list:?}"
        );
    }

    let mut expected = BTreeSet::from(["figures.csv".to_owned()]);
    for figure in &list {
        let id = format!("id=\"figure-{}\"", figure.file);
        assert!(page.contains(&id) && !figure.title.is_empty(), "{figure:?}");
        assert!(!figure.description.is_empty(), "{figure:?}");
        for end in [".svg", ".png", "-wide.svg", "-wide.png", ".csv"] {
            expected.insert(format!("{}{end}", figure.file));
        }
    }
    let mut printed: BTreeSet<&str> = output.stdout.lines().collect();
    assert!(printed.remove("a.html"));
    let printed: BTreeSet<String> = printed
        .into_iter()
        .map(|path| path.strip_prefix("for/papers/").unwrap().to_owned())
        .collect();
    assert_eq!(printed, expected);
    let mut files = files_below(&figures);
    assert_eq!(files.remove(Path::new("mine.txt")), Some(b"kept".to_vec()));
    let files: BTreeSet<String> = files
        .into_keys()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    assert_eq!(files, expected);
}

#[test]
fn the_data_of_a_figure_are_the_answer_to_its_query() {
    let here = study_with_figures();
    let figures = here.join("figures");
    for figure in listed(&figures) {
        let arguments = ["query", "out", &figure.sql, "--format", "csv"];
        let answer = expect(0, here, &arguments).stdout;
        let data = std::fs::read_to_string(figures.join(format!("{}.csv", figure.file))).unwrap();
        assert_eq!(data, answer, "{}", figure.title);
        let svg = std::fs::read_to_string(figures.join(format!("{}.svg", figure.file))).unwrap();
        let document = Document::parse(&svg).unwrap();
        let metadata = document
            .descendants()
            .find(|node| node.has_tag_name("metadata"));
        let metadata = metadata.unwrap().text().unwrap().to_owned();
        for origin in [&*figure.sql, env!("CARGO_PKG_VERSION"), "study: small"] {
            assert!(metadata.contains(origin), "{origin}: {metadata}");
        }
    }
}

#[test]
fn drawings_stand_alone_in_the_width_of_a_column_with_all_text_inside() {
    let here = study_with_figures();
    let drawings = drawings(&here.join("figures"));
    assert!(drawings.len() >= 10);
    for (path, svg, (width, _)) in drawings {
        check_alone(&path, &svg, width);
        let tree = tree(&svg);
        let height = f64::from(tree.size().height()) * 72.0 / 96.0;
        let mut found = Vec::new();
        texts(tree.root(), &mut found);
        assert!(found.len() >= 4, "{path:?}");
        for (text, [left, top, right, bottom]) in found {
            let is_inside = left >= -0.1 && top >= -0.1 && right <= width + 0.1;
            assert!(is_inside && bottom <= height + 0.1, "{path:?}: {text}");
        }
    }
}

#[test]
fn pictures_have_300_dots_per_inch_and_several_colours() {
    let here = study_with_figures();
    let figures = here.join("figures");
    for (path, _, (_, dots)) in drawings(&figures) {
        let file = std::fs::File::open(figures.join(path.with_extension("png"))).unwrap();
        let decoder = png::Decoder::new(std::io::BufReader::new(file));
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(info.width, dots, "{path:?}");
        let length = reader.info().pixel_dims.unwrap();
        assert_eq!((length.xppu, length.yppu), (11_811, 11_811));
        let mut colours: BTreeMap<[u8; 3], usize> = BTreeMap::new();
        for pixel in bytes.chunks_exact(3) {
            *colours.entry([pixel[0], pixel[1], pixel[2]]).or_default() += 1;
        }
        let n_white = colours[&[255; 3]];
        let n_dots = bytes.len() / 3;
        assert!(
            n_white * 5 > n_dots && n_white < n_dots,
            "{path:?}: {n_white}"
        );
        assert!(colours.len() > 10, "{path:?}: {} colours", colours.len());
    }
}

#[test]
fn a_second_call_writes_the_same_bytes() {
    let here = study_with_figures();
    let again = tempfile::tempdir().unwrap();
    let folder = again.path().to_str().unwrap();
    expect(0, here, &["report", "out", "--figures", folder]);
    assert!(files_below(&here.join("figures")) == files_below(again.path()));
}

/// Measures one small network for each kind, with a label of that name.
fn figures_of_kinds(label: &str, kinds: &[&str]) -> tempfile::TempDir {
    let here = tempfile::tempdir().unwrap();
    let mut catalog = csv::Writer::from_path(here.path().join("catalog.csv")).unwrap();
    let header = ["path", "run", "step", "layer_type", label, "test_accuracy"];
    catalog.write_record(header).unwrap();
    for (index, kind) in kinds.iter().enumerate() {
        for step in ["1", "2"] {
            let file = format!("{index}-{step}.safetensors");
            write_chain(&here.path().join(&file), 0.1 + index as f32);
            let accuracy = format!("0.{index}{step}");
            let row = [&*file, &index.to_string(), step, kind, kind, &accuracy];
            catalog.write_record(row).unwrap();
        }
    }
    catalog.flush().unwrap();
    expect(0, here.path(), &["measure", "catalog.csv", "--out", "out"]);
    expect(0, here.path(), &["report", "out", "--figures", "figures"]);
    here
}

/// Texts of users are text, whatever they have in them.
#[test]
fn names_of_users_are_text_in_whole_drawings() {
    let long = "a name that is much longer than any column of a paper is wide ".repeat(4);
    let kinds = [
        "<img src=x onerror=alert(1)>",
        "a & b \"c\" 'd' ]]>",
        "rings\u{7}and\u{1b}escapes",
        "学习率",
        "Größe, Élan",
        &long,
    ];
    let here = figures_of_kinds("label", &kinds);
    let drawings = drawings(&here.path().join("figures"));
    assert!(drawings.len() >= 4);
    let mut all = String::new();
    for (path, svg, (width, _)) in &drawings {
        check_alone(path, svg, *width);
        let mut found = Vec::new();
        texts(tree(svg).root(), &mut found);
        for (text, [left, _, right, _]) in found {
            assert!(left >= -0.1 && right <= width + 0.1, "{path:?}: {text}");
            all.push_str(&text);
            all.push('\n');
        }
    }
    let shown = kinds[..5]
        .iter()
        .map(|kind| kind.replace(['\u{7}', '\u{1b}'], "\u{fffd}"));
    for kind in shown {
        assert!(all.contains(&kind), "{kind}");
    }
    assert!(
        all.contains("a name that is much longer"),
        "the start of a long name"
    );
}

/// Dashes and symbols tell kinds apart where a reader sees fewer colours.
#[test]
fn kinds_differ_by_more_than_their_colour() {
    let here = figures_of_kinds("label", &["a", "b", "c"]);
    let figures = here.path().join("figures");
    let dashes: BTreeSet<String> = listed(&figures)
        .iter()
        .filter(|figure| figure.file.starts_with("trajectory-label"))
        .flat_map(|figure| {
            let svg = std::fs::read_to_string(figures.join(format!("{}.svg", figure.file)));
            let svg = svg.unwrap();
            let document = Document::parse(&svg).unwrap();
            let styles = document
                .descendants()
                .filter_map(|node| node.attribute("style"));
            let curves = styles.filter(|style| style.starts_with("fill:none"));
            let dashes = curves.map(|style| {
                let dashes = declarations(style).find(|(name, _)| *name == "stroke-dasharray");
                dashes.map_or_else(String::new, |(_, dashes)| dashes.to_owned())
            });
            dashes.collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(dashes.len(), 3, "{dashes:?}");
}

#[test]
fn a_file_in_place_of_the_folder_is_wrong_usage() {
    let here = tempfile::tempdir().unwrap();
    write_chain(&here.path().join("a.safetensors"), 0.1);
    expect(
        0,
        here.path(),
        &["measure", "a.safetensors", "--out", "out"],
    );
    std::fs::write(here.path().join("study.toml"), "").unwrap();
    let output = expect(
        2,
        here.path(),
        &["report", "out", "--figures", "study.toml"],
    );
    assert!(
        output.stderr.contains("study.toml: this is a file"),
        "{}",
        output.stderr
    );
}
