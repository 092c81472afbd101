//! What others do to a run: signals, removed folders, files that change, names and files of odd
//! kinds.

#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    CommandOutput, cntflow, expect, send_signal, start, table, wait_for_first_commit, write_chain,
    write_checkpoint, write_longer_study,
};

const RUN: [&str; 7] = [
    "run",
    "study.toml",
    "--workers",
    "1",
    "--commit-every",
    "1",
    "--json",
];

#[test]
fn signals_save_the_work_and_have_the_exit_codes_of_shells() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        write_longer_study(here, 40, 8);
        let child = start(here, &RUN);
        wait_for_first_commit(&here.join("runs/small"));
        send_signal(child.id(), signal);
        let output = CommandOutput::from(child.wait_with_output().unwrap());
        assert_eq!(output.code, Some(code), "{signal}: {output:?}");
        assert_eq!(output.json()["complete"], false, "{output:?}");
    }
}

/// As under `nohup`, which ignores SIGHUP before it starts the program.
#[test]
fn a_hang_up_that_is_ignored_does_not_stop_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_longer_study(here, 40, 8);
    let program = env!("CARGO_BIN_EXE_cntflow");
    let script = format!("trap '' HUP; exec {program} {}", RUN.join(" "));
    let child = Command::new("sh")
        .args(["-c", &script])
        .current_dir(here)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_first_commit(&here.join("runs/small"));
    send_signal(child.id(), "-HUP");
    let output = CommandOutput::from(child.wait_with_output().unwrap());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(output.json()["complete"], true, "{output:?}");
}

#[test]
fn files_whose_names_are_not_text_are_skipped_and_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let zoo = here.join("zoo");
    std::fs::create_dir(&zoo).unwrap();
    write_chain(&zoo.join("good.safetensors"), 1.0);
    for name in [&b"net\xff.safetensors"[..], b"net\xfe.safetensors"] {
        write_chain(&zoo.join(OsStr::from_bytes(name)), 2.0);
    }
    let listing = expect(0, here, &["catalog", "zoo", "--json"]).json();
    let skipped = listing.to_string();
    for name in ["net\\\\xFF.safetensors", "net\\\\xFE.safetensors"] {
        assert!(skipped.contains(name), "{skipped}");
    }
    let output = expect(0, here, &["measure", "zoo", "--json"]).json();
    assert_eq!(output["checkpoints"]["ok"], 1, "{output}");
    assert_eq!(output["checkpoints"]["passed_over"], 2, "{output}");
}

#[test]
fn a_pipe_is_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let zoo = here.join("zoo");
    std::fs::create_dir(&zoo).unwrap();
    write_chain(&zoo.join("good.safetensors"), 1.0);
    let pipe = zoo.join("pipe.safetensors");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let started = Instant::now();
    let output = cntflow(here, &["measure", "zoo/pipe.safetensors"]);
    assert!(
        output
            .stderr
            .contains("zoo/pipe.safetensors: a pipe, a socket or a device"),
        "{output:?}"
    );
    assert!(output.code != Some(0), "{output:?}");
    // A row of a catalog names it: scanning does not look, and measuring must not wait.
    std::fs::write(
        here.join("catalog.csv"),
        "path\nzoo/good.safetensors\nzoo/pipe.safetensors\n",
    )
    .unwrap();
    let output = expect(3, here, &["measure", "catalog.csv", "--json"]).json();
    assert_eq!(output["checkpoints"]["failed"], 1, "{output}");
    for source in ["zoo", "zoo/*.safetensors"] {
        let listing = expect(0, here, &["catalog", source, "--json"]).json();
        let text = listing.to_string();
        assert!(
            text.contains("a pipe, a socket or a device, not a file"),
            "{text}"
        );
    }
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// A training loop that writes `latest.safetensors` again and again, cutting it short each time.
#[test]
fn a_file_that_is_cut_while_it_is_measured_is_a_failed_row_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let zoo = here.join("zoo");
    std::fs::create_dir(&zoo).unwrap();
    let values = |n: usize| (0..n).map(|i| (i % 97) as f32 - 48.0).collect::<Vec<f32>>();
    let latest = zoo.join("latest.safetensors");
    write_checkpoint(
        &latest,
        &[("fc.weight", &[2000, 2000], values(4_000_000))],
        &[],
    );
    write_chain(&zoo.join("good.safetensors"), 1.0);
    let whole = std::fs::metadata(&latest).unwrap().len();
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::SeqCst) {
                for length in [whole / 2, 1000, whole] {
                    let file = std::fs::File::options().write(true).open(&latest).unwrap();
                    file.set_len(length).unwrap();
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        for attempt in 0..15 {
            let out = format!("out{attempt}");
            let output = cntflow(here, &["measure", "zoo", "--out", &out, "--json"]);
            assert!(matches!(output.code, Some(0 | 3)), "{output:?}");
            let networks = table(&here.join(&out), "networks");
            assert_eq!(networks.height(), 2);
        }
        is_done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_folder_that_is_removed_under_a_run_ends_it_and_the_same_command_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_longer_study(here, 40, 8);
    let child = start(here, &RUN);
    wait_for_first_commit(&here.join("runs/small"));
    // Moved away at once, as a whole: what a user removes is gone before the next commit.
    std::fs::rename(here.join("runs/small"), here.join("gone")).unwrap();
    let output = CommandOutput::from(child.wait_with_output().unwrap());
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output
            .stderr
            .contains("runs/small: the output folder was removed")
            || output.stderr.contains("runs/small/checkpoints"),
        "{output:?}"
    );
    let output = expect(0, here, &RUN).json();
    assert_eq!(output["complete"], true, "{output}");
}
