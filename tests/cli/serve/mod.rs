//! `cntflow serve`: what it answers, what it refuses, and that it changes nothing.

mod http;
mod random_requests;
mod refusals;
mod while_it_grows;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;

use self::http::{Answer, get, post, send};
use crate::support::{cntflow, expect, send_signal, start, study_folder, write_chain};

/// A server of a folder.
struct Server {
    child: Child,
    /// Its address, such as `127.0.0.1:38211`.
    address: String,
}

impl Server {
    /// Serves `out` in `here` at a free port.
    fn start(here: &Path, arguments: &[&str]) -> Self {
        let mut child = start(
            here,
            &[&["serve", "out", "--port", "0"], arguments].concat(),
        );
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("http://");
        let address = address.and_then(|address| address.strip_suffix('/'));
        let address = address.unwrap_or_else(|| panic!("not an address: {line}"));
        Self {
            address: address.to_owned(),
            child,
        }
    }

    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    fn get(&self, path: &str) -> Answer {
        get(&self.address, path, &[])
    }

    /// Asks a query, by a form.
    fn query(&self, sql: &str) -> Answer {
        post(
            &self.address,
            "/query",
            &[("Content-Type", "application/sql")],
            sql,
        )
    }

    fn state(&self) -> serde_json::Value {
        let answer = self.get("/state");
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Sends a signal and returns the exit code.
    fn stop(mut self, signal: &str) -> Option<i32> {
        send_signal(self.child.id(), signal);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with the tables of four networks in `out`.
fn measured() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::create_dir(here.join("zoo")).unwrap();
    for index in 0..4 {
        let file = format!("zoo/{index}.safetensors");
        write_chain(&here.join(file), 0.1 + index as f32);
    }
    expect(0, here, &["measure", "zoo", "--out", "out"]);
    folder
}

#[test]
fn the_page_is_the_report_and_renews_itself_only_where_it_is_served() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(page.body.contains("connect-src 'self'"));
    assert!(page.body.contains("id=\"live\" role=\"status\""));
    expect(0, here.path(), &["report", "out"]);
    let report = std::fs::read_to_string(here.path().join("out/report.html")).unwrap();
    for live in ["id=\"live\"", "/state", "connect-src 'self'"] {
        assert!(!report.contains(live), "{live}");
    }
    // All figures of the one are in the other.
    for figure in report.split("<figure ").skip(1) {
        let figure = figure.split("</figure>").next().unwrap();
        assert!(page.body.contains(figure), "{figure}");
    }
    assert!(report.matches("<figure ").count() > 1);
}

#[test]
fn the_state_counts_networks_and_has_a_version() {
    let here = measured();
    std::fs::write(here.path().join("zoo/broken.safetensors"), "broken").unwrap();
    expect(3, here.path(), &["measure", "zoo", "--out", "out"]);
    let server = Server::start(here.path(), &[]);
    let state = server.state();
    assert_eq!(state["networks"]["ok"], 4, "{state}");
    assert_eq!(state["networks"]["failed"], 1);
    assert_eq!(state["networks"]["skipped"], 0);
    assert_eq!(state["page_is_being_made"], false);
    assert!(state["changed"].as_f64().unwrap() > 1e9);
    let version = state["version"].as_str().unwrap();
    let in_page = format!("data-version=\"{version}\"");
    assert!(server.get("/").body.contains(&in_page));
    assert_eq!(server.state()["version"], version);
}

#[test]
fn a_query_is_answered_as_the_command_answers_it() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    let sql = "SELECT checkpoint, n_parameters, 1.5 AS x FROM networks ORDER BY checkpoint";
    for format in ["csv", "json"] {
        let answer = server.query_as(sql, format);
        let command = ["query", "out", sql, "--format", format];
        let expected = expect(0, here.path(), &command).stdout;
        if format == "csv" {
            assert_eq!(answer.body, expected);
        } else {
            let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(parsed(&answer.body), parsed(&expected));
        }
        assert_eq!(answer.header("cntflow-rows"), Some("4"));
        assert_eq!(answer.header("cntflow-cut"), Some("false"));
    }
    let encoded = "SELECT%20count(*)+AS+n%20FROM%20networks";
    let by_address = server.get(&format!("/query?sql={encoded}"));
    assert_eq!(by_address.header("content-type"), Some("application/json"));
    assert_eq!(by_address.body, "[{\"n\":4}]\n");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = format!("format=csv&sql={encoded}");
    assert_eq!(post(&server.address, "/query", &form, &body).body, "n\n4\n");
    let accept = [("Accept", "text/csv")];
    let path = format!("/query?sql={encoded}");
    let csv = get(&server.address, &path, &accept);
    assert_eq!(csv.body, "n\n4\n");
}

#[test]
fn a_long_answer_is_cut_and_says_so() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    let asked = |rows: &str| {
        let path = format!("/query?format=csv&rows={rows}&sql=SELECT+checkpoint+FROM+networks");
        server.get(&path)
    };
    let cut = asked("3");
    assert_eq!(cut.body.lines().count(), 4);
    assert_eq!(cut.header("cntflow-rows"), Some("3"));
    assert_eq!(cut.header("cntflow-cut"), Some("true"));
    let whole = asked("4");
    assert_eq!(whole.body.lines().count(), 5);
    assert_eq!(whole.header("cntflow-cut"), Some("false"));
}

#[test]
fn a_signal_ends_it_with_the_code_of_shells() {
    let here = measured();
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let server = Server::start(here.path(), &[]);
        assert_eq!(server.get("/state").status, 200);
        assert_eq!(server.stop(signal), Some(code), "{signal}");
    }
}

#[test]
fn a_folder_without_output_and_a_port_that_is_taken_are_errors() {
    let here = measured();
    for command in ["serve", "report"] {
        let output = expect(2, here.path(), &[command, "zoo"]);
        assert!(output.stderr.contains("zoo: no tables here"), "{output:?}");
        expect(2, here.path(), &[command, "nothing"]);
    }
    let server = Server::start(here.path(), &[]);
    let taken = expect(1, here.path(), &["serve", "out", "--port", server.port()]);
    for part in [server.port(), "127.0.0.1", "--port 0"] {
        assert!(taken.stderr.contains(part), "{taken:?}");
    }
    expect(2, here.path(), &["serve", "out", "--host", "no name"]);
    // An address of documentation, which no machine has.
    let other = expect(2, here.path(), &["serve", "out", "--host", "192.0.2.1"]);
    assert!(other.stderr.contains("192.0.2.1"), "{other:?}");
}

#[test]
fn a_study_of_which_nothing_is_measured_yet_has_a_page() {
    let here = study_folder();
    expect(0, here.path(), &["train", "study.toml", "--out", "out"]);
    let server = Server::start(here.path(), &[]);
    assert_eq!(server.state()["networks"]["ok"], 0);
    let page = server.get("/");
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("small"));
    assert_eq!(server.query("SELECT * FROM networks").status, 400);
    assert_eq!(server.query("SELECT 1 AS one").body, "[{\"one\":1}]\n");
}

#[test]
fn it_has_help() {
    let help = cntflow(Path::new("."), &["serve", "--help"]);
    assert_eq!(help.code, Some(0));
    for part in ["Usage: cntflow serve", "--host", "--port", "8265"] {
        assert!(help.stdout.contains(part), "{part}: {}", help.stdout);
    }
    let commands = cntflow(Path::new("."), &["--help"]).stdout;
    assert!(commands.contains("\n  serve ") && !commands.contains("\n  answer "));
}

impl Server {
    fn query_as(&self, sql: &str, format: &str) -> Answer {
        let request = format!(
            "POST /query?format={format} HTTP/1.1\r\nHost: {}\r\nContent-Type: \
             text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sql}",
            self.address,
            sql.len()
        );
        send(&self.address, request.as_bytes())
    }
}
