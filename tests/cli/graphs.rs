//! The strongest links of networks: the table `links`, and the figures of the report.

use std::path::Path;

use serde_json::Value;

use crate::support::{SMALL_STUDY, expect, table, write_chain, write_checkpoint};

/// A folder with a zoo of four chains.
fn zoo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("zoo")).unwrap();
    for index in 0..4 {
        let file = format!("zoo/net{index}.safetensors");
        write_chain(&folder.path().join(file), 1.0 + index as f32);
    }
    folder
}

fn measure(here: &Path, out: &str, n: &str, more: &[&str]) -> Value {
    let arguments = ["measure", "zoo", "--out", out, "--strongest-links", n];
    expect(0, here, &[&arguments, &["--json"][..], more].concat()).json()
}

fn query(here: &Path, out: &str, sql: &str) -> Vec<Value> {
    let output = expect(0, here, &["query", out, sql, "--format", "json"]);
    output.json().as_array().unwrap().clone()
}

/// The page of an output folder, with these options.
fn report(here: &Path, out: &str, options: &[&str]) -> String {
    let report = ["report", out, "--output", "page.html"];
    expect(0, here, &[&report, options].concat());
    std::fs::read_to_string(here.join("page.html")).unwrap()
}

#[test]
fn the_links_are_those_that_a_sort_of_the_weights_gives() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    // [units, inputs]
    let kernels = [[3, 4], [2, 3]].map(|[n_out, n_in]: [usize; 2]| -> Vec<f32> {
        let entries = (0..n_out * n_in).map(|i| ((i * 37 + 11) % 23) as f32 / 4.0 - 3.0);
        entries.collect()
    });
    write_checkpoint(
        &here.join("zoo/net.safetensors"),
        &[
            ("fc1.weight", &[3, 4], kernels[0].clone()),
            ("fc1.bias", &[3], vec![99.0; 3]),
            ("fc2.weight", &[2, 3], kernels[1].clone()),
            ("fc2.bias", &[2], vec![99.0; 2]),
        ],
        &[],
    );
    measure(here, "out", "5", &[]);
    for (layer, (kernel, n_in)) in kernels.iter().zip([4, 3]).enumerate() {
        let mut expected: Vec<(f64, usize, usize)> = kernel
            .iter()
            .enumerate()
            .map(|(index, &weight)| (f64::from(weight), index % n_in, index / n_in))
            .collect();
        expected.sort_by(|a, b| {
            let by_size = b.0.abs().total_cmp(&a.0.abs());
            by_size.then((a.1, a.2).cmp(&(b.1, b.2)))
        });
        expected.truncate(5);
        let sql = format!(
            "SELECT * FROM links WHERE layer = {} ORDER BY rank",
            layer + 1
        );
        let rows = query(here, "out", &sql);
        let number = |row: &Value, column: &str| row[column].as_u64().unwrap() as usize;
        let found: Vec<(f64, usize, usize)> = rows
            .iter()
            .map(|row| {
                let weight = row["weight"].as_f64().unwrap();
                (weight, number(row, "from_neuron"), number(row, "to_neuron"))
            })
            .collect();
        assert_eq!(found, expected);
        for (index, row) in rows.iter().enumerate() {
            assert_eq!(number(row, "rank"), index + 1);
            assert_eq!(row["name"], format!("fc{}", layer + 1));
            assert_eq!(number(row, "from_layer"), layer);
            assert_eq!(number(row, "n_links"), kernel.len());
            assert_eq!(number(row, "n_from"), n_in);
            assert_eq!(row["kernel_row"], Value::Null);
        }
    }
    let schema = expect(0, here, &["query", "out", "--schema", "links"]);
    assert!(schema.stdout.contains("from_neuron"), "{schema:?}");
}

#[test]
fn without_strongest_links_there_is_no_table_and_too_many_are_wrong_usage() {
    let folder = zoo();
    let here = folder.path();
    measure(here, "none", "0", &[]);
    assert!(!here.join("none/tables/links").exists());
    assert!(!report(here, "none", &[]).contains("id=\"graphs\""));
    let refused = ["measure", "zoo", "--out", "x", "--strongest-links", "1025"];
    expect(2, here, &refused);
    let study = format!("{SMALL_STUDY}strongest_links = 1025\n");
    std::fs::write(here.join("study.toml"), study).unwrap();
    let output = expect(2, here, &["run", "study.toml"]);
    let message = "[measure] strongest_links = 1025: 1024 at most";
    assert!(output.stderr.contains(message), "{output:?}");
    // Other rows than those that are there make another study.
    let other = ["measure", "zoo", "--out", "none", "--strongest-links", "3"];
    let output = expect(2, here, &other);
    let message = "strongest_links 3 instead of none";
    assert!(output.stderr.contains(message), "{output:?}");
    measure(here, "none", "3", &["--fresh"]);
    assert!(here.join("none/tables/links").exists());
    measure(here, "none", "0", &["--fresh"]);
    assert!(!here.join("none/tables/links").exists());
}

#[test]
fn a_folder_is_reused_for_as_many_links_as_it_has() {
    let folder = zoo();
    let here = folder.path();
    measure(here, "first", "4", &["--workers", "1"]);
    let reused = |out: &str, n: &str| {
        let summary = measure(here, out, n, &["--reuse", "first"]);
        summary["checkpoints"]["reused"].clone()
    };
    assert_eq!(reused("fewer", "3"), 4);
    assert_eq!(reused("none", "0"), 4);
    assert_eq!(reused("more", "5"), 0);
    assert!(!here.join("none/tables/links").exists());
    measure(here, "fresh", "3", &["--workers", "2"]);
    let of = |out: &str| table(&here.join(out), "links");
    assert_eq!(of("fresh").height(), 4 * 2 * 3);
    assert!(of("fresh").equals_missing(&of("fewer")));
    // A folder without the rows is no source of them.
    let summary = measure(here, "again", "3", &["--reuse", "none"]);
    assert_eq!(summary["checkpoints"]["reused"], 0);
}

#[test]
fn links_of_checkpoints_that_go_are_taken_out_and_of_those_that_come_added() {
    let folder = zoo();
    let here = folder.path();
    let watch = || {
        let watch = [
            "watch",
            "zoo",
            "--out",
            "out",
            "--once",
            "--progress",
            "none",
        ];
        expect(0, here, &[&watch[..], &["--strongest-links", "2"]].concat());
        let sql =
            "SELECT checkpoint, COUNT(*) AS n FROM links GROUP BY checkpoint ORDER BY checkpoint";
        let rows = query(here, "out", sql).into_iter();
        let names = rows.map(|row| {
            assert_eq!(row["n"], 4, "two layers of two links");
            row["checkpoint"].as_str().unwrap().to_owned()
        });
        names.collect::<Vec<String>>()
    };
    assert_eq!(watch().len(), 4);
    std::fs::remove_file(here.join("zoo/net1.safetensors")).unwrap();
    write_chain(&here.join("zoo/net9.safetensors"), 7.0);
    let names = watch();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(
        names[3].contains("net9") && !names.concat().contains("net1"),
        "{names:?}"
    );
}

/// Measures chains, with these values behind their paths in a catalog, and a twin.
fn measured_catalog(header: &str, lines: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let mut catalog = format!("path,{header}\n");
    for (index, line) in lines.iter().enumerate() {
        let file = format!("{index}.safetensors");
        write_chain(&here.join(&file), 0.1 + index as f32);
        catalog.push_str(&format!("{file},{line}\n"));
    }
    std::fs::write(here.join("zoo.csv"), catalog).unwrap();
    let arguments = [
        "measure",
        "zoo.csv",
        "--out",
        "out",
        "--strongest-links",
        "4",
    ];
    expect(
        0,
        here,
        &[&arguments[..], &["--twin", "shuffle", "--neurons", "full"]].concat(),
    );
    folder
}

/// A figure of a page.
fn figure<'p>(page: &'p str, id: &str) -> &'p str {
    let start = page.find(&format!("id=\"figure-{id}\""));
    let (_, rest) = page.split_at(start.unwrap_or_else(|| panic!("no figure {id}")));
    rest.split_once("</figure>").unwrap().0
}

#[test]
fn the_best_and_the_worst_network_stand_beside_each_other() {
    let folder = measured_catalog(
        "run,step,test_accuracy",
        &[
            "a,1,0.1", "a,2,0.5", "b,1,0.2", "b,2,0.9", "c,2,0.3", "d,2,inf",
        ],
    );
    let page = report(folder.path(), "out", &[]);
    let pair = figure(&page, "graphs-pair");
    assert!(
        pair.contains("the highest and the lowest test_accuracy"),
        "{pair}"
    );
    assert_eq!(pair.matches("class=\"network\"").count(), 2);
    assert!(pair.contains("step 2, test_accuracy 0.9"), "{pair}");
    assert!(pair.contains("step 2, test_accuracy 0.3"), "{pair}");
    // Four of the 12 links from 4 inputs to 3 units, and of 6 to 2.
    assert!(pair.contains("8 of 18 links"), "{pair}");
    for text in [">4 of 12<", ">4 of 6<", ">fc1<", ">input<"] {
        assert!(pair.contains(text), "{text}: {pair}");
    }
    assert!(pair.contains("dasharray:5"), "negative weights are dashed");
    let steps = figure(&page, "graphs-steps");
    assert!(steps.contains("b over its run"), "{steps}");
    assert_eq!(steps.matches("class=\"network\"").count(), 2);
    assert!(!page.contains("cannot be made"));
}

#[test]
fn networks_and_twins_are_drawn_by_name() {
    let folder = measured_catalog("run,step,test_accuracy", &["a,1,0.1", "a,2,0.5", "b,2,0.9"]);
    let here = folder.path();
    let names = query(
        here,
        "out",
        "SELECT checkpoint FROM links WHERE rank = 1 AND layer = 1 ORDER BY checkpoint",
    );
    let names: Vec<String> = names
        .iter()
        .map(|row| row["checkpoint"].as_str().unwrap().to_owned())
        .collect();
    let twin = format!("shuffle:{}", names[1]);
    let page = report(here, "out", &["--graph", &names[1], "--graph", &twin]);
    let pair = figure(&page, "graphs-pair");
    assert_eq!(pair.matches("class=\"network\"").count(), 2);
    assert!(
        pair.contains(&format!("<h3>{} and {twin}</h3>", names[1])),
        "{pair}"
    );
    assert!(!page.contains("cannot be made"), "{pair}");
    assert!(
        pair.contains("twin of a network with test_accuracy 0.5"),
        "{pair}"
    );
    let twins = report(here, "out", &["--graph", &twin]);
    let steps = figure(&twins, "graphs-steps");
    assert!(steps.contains("shuffle twins of a over its run"), "{steps}");
    assert_eq!(steps.matches("class=\"network\"").count(), 2);
    let one = report(here, "out", &["--graph", &names[0]]);
    assert_eq!(
        figure(&one, "graphs-pair")
            .matches("class=\"network\"")
            .count(),
        1
    );
    assert!(figure(&one, "graphs-steps").contains("a over its run"));

    let misspelt = names[1].replace("safetensors", "safetensor");
    let output = expect(2, here, &["report", "out", "--graph", &misspelt]);
    let message = format!("--graph {misspelt}: no such network in the table 'links'");
    assert!(output.stderr.contains(&message), "{output:?}");
    assert!(output.stderr.contains("similar names: "), "{output:?}");
    assert!(output.stderr.contains(&names[1]), "{output:?}");
    let output = expect(
        2,
        here,
        &["report", "out", "--graph", &format!("sign:{}", names[1])],
    );
    assert!(
        output.stderr.contains("the tables have no links"),
        "{output:?}"
    );
    let three = [
        "report", "out", "--graph", "a", "--graph", "b", "--graph", "c",
    ];
    expect(2, here, &three);
}

#[test]
fn folders_without_a_label_with_one_network_and_hostile_names_have_graphs() {
    let folder = measured_catalog("run", &["\"<b>'\"\"; \\\"", "b", "c"]);
    let page = report(folder.path(), "out", &[]);
    let pair = figure(&page, "graphs-pair");
    assert!(pair.contains("The first networks by name"), "{pair}");
    assert_eq!(pair.matches("class=\"network\"").count(), 2);
    assert!(!page.contains("<b>") && !page.contains("cannot be made"));
    assert!(
        !page.contains("id=\"figure-graphs-steps\""),
        "one step is no run"
    );

    let folder = measured_catalog("run,test_accuracy", &["a,0.5"]);
    let page = report(folder.path(), "out", &[]);
    assert_eq!(
        figure(&page, "graphs-pair")
            .matches("class=\"network\"")
            .count(),
        1
    );
}

/// Networks of other shapes, over a run of the study.
#[test]
fn a_study_with_convolutions_draws_channels() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let study = SMALL_STUDY
        .replace(
            "[{ dense = [12] }, { dense = [16, 8] }]",
            "[{ convolutional = [{ filters = 4, kernel = 5, stride = 2 }, { filters = 6, kernel = 3, stride = 2 }] }]",
        )
        .replace("runs = 12", "runs = 2");
    let study = format!("{study}strongest_links = 3\n");
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(0, here, &["run", "study.toml", "--out", "out"]);
    let kernels = query(
        here,
        "out",
        "SELECT layer, from_neuron, to_neuron, kernel_row, n_from, n_to, n_links FROM links WHERE rank = 1 ORDER BY layer",
    );
    assert_eq!(kernels[0]["to_neuron"], Value::Null);
    assert!(kernels[0]["kernel_row"].is_u64());
    assert_eq!(kernels[0]["n_links"], 4, "one channel to four");
    let page = std::fs::read_to_string(here.join("out/report.html")).unwrap();
    let pair = figure(&page, "graphs-pair");
    assert!(pair.contains("channel 0 of"), "{pair}");
    assert!(!page.contains("cannot be made"));
    assert!(page.contains("id=\"figure-graphs-steps\""));
}

/// Eight layers of links lead to the units of an LSTM.
#[test]
fn of_a_layer_with_gates_the_strongest_of_all_links_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let study = SMALL_STUDY
        .replace(
            "[{ dense = [12] }, { dense = [16, 8] }]",
            "[{ lstm = { units = 8 } }]",
        )
        .replace("[\"relu\", \"tanh\"]", "\"tanh\"")
        .replace("runs = 12", "runs = 1");
    let study = format!("{study}strongest_links = 6\n");
    std::fs::write(here.join("study.toml"), study).unwrap();
    expect(0, here, &["run", "study.toml", "--out", "out"]);
    let sql = "SELECT from_layer, COUNT(*) AS n FROM links WHERE layer = 1 AND checkpoint LIKE \
               '%1' GROUP BY from_layer ORDER BY from_layer";
    let rows = query(here, "out", sql);
    assert_eq!((&rows[0]["n"], &rows[1]["n"]), (&24.into(), &24.into()));
    assert_eq!(rows[1]["from_layer"], 1, "recurrent links");
    let page = std::fs::read_to_string(here.join("out/report.html")).unwrap();
    // 24 of 4 x 8 x (28 + 8), and 6 of 8 x 10.
    let pair = figure(&page, "graphs-pair");
    assert!(pair.contains("30 of 1,232 links"), "{pair}");
}
