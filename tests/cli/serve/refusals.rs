//! What the server refuses: other files, other hosts and sites, too much, and whatever is no query.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::http::{Answer, get, post, request, send};
use super::{Server, measured};

/// Every answer keeps to itself.
#[track_caller]
fn assert_guarded(answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn there_are_three_paths_and_no_file() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    for path in [
        "/study.json",
        "/tables/networks",
        "/../study.json",
        "/%2e%2e/study.json",
        "/..%2fstudy.json",
        "/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "//etc/passwd",
        "/etc/passwd",
        "/state/",
        "/state/../query",
        "/query/",
        "//",
        "/./state",
        "/state%00",
        "/%00",
        "/STATE",
        "/favicon.ico",
        "/report.html",
        "/\\..\\study.json",
    ] {
        let answer = server.get(path);
        assert!([404, 400].contains(&answer.status), "{path}: {answer:?}");
        assert!(!answer.body.contains("root:x:") && !answer.body.contains("identity"));
    }
    for path in ["/", "/state", "/query", "/nothing"] {
        assert_guarded(&server.get(path));
    }
    // A byte that no address has.
    let raw = format!("GET /st\0ate HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    assert_eq!(send(&server.address, raw.as_bytes()).status, 400);
    let whole = format!("http://{}/state", server.address);
    assert_eq!(server.get(&whole).status, 200);
    assert_eq!(server.get("http://example.org/state").status, 421);
}

#[test]
fn other_methods_are_refused() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "BREW"] {
        for path in ["/", "/state", "/query"] {
            let answer = request(&server.address, method, path, &[], "");
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.header("allow").unwrap().starts_with("GET"));
            assert_guarded(&answer);
        }
    }
    assert_eq!(post(&server.address, "/", &[], "a").status, 405);
    assert_eq!(post(&server.address, "/state", &[], "a").status, 405);
    let connect = request(&server.address, "CONNECT", "example.org:80", &[], "");
    assert!(connect.status >= 400, "{connect:?}");
}

#[test]
fn pages_of_other_sites_get_no_answer() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    let asked = |headers: &[(&str, &str)], path: &str| get(&server.address, path, headers).status;
    let query = "/query?sql=SELECT+1+AS+a";
    let port = server.port();
    let rebound = format!("example.org:{port}");
    for host in [
        "example.org",
        &rebound,
        "",
        "localhost",
        "127.0.0.1:1",
        "a@localhost",
    ] {
        for path in ["/", "/state", query] {
            assert_eq!(asked(&[("Host", host)], path), 421, "{host} {path}");
        }
    }
    let local = format!("localhost:{port}");
    assert_eq!(asked(&[("Host", &local)], query), 200);
    assert_eq!(
        asked(&[("Host", &local), ("Host", "example.org")], query),
        421
    );
    let none = send(&server.address, b"GET /state HTTP/1.0\r\n\r\n");
    assert_eq!(none.status, 421);
    for other in [
        [("Origin", "http://example.org")],
        [("Origin", "null")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
    ] {
        assert_eq!(asked(&other, query), 403, "{other:?}");
        assert_eq!(asked(&other, "/state"), 403, "{other:?}");
    }
    let own = format!("http://{}", server.address);
    let headers = [("Origin", own.as_str()), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(asked(&headers, query), 200);
    assert_eq!(asked(&[("Sec-Fetch-Site", "none")], query), 200);
}

#[test]
fn only_queries_of_the_tables_are_answered() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    std::fs::write(here.path().join("secret.csv"), "a\nsecret\n").unwrap();
    let secret = here.path().join("secret.csv");
    let secret = secret.to_str().unwrap();
    for sql in [
        &format!("SELECT * FROM read_csv('{secret}')"),
        "SELECT * FROM read_parquet('out/tables/networks/*.parquet')",
        "SELECT * FROM read_ipc('/etc/passwd')",
        "SELECT * FROM read_json('https://example.org/a.json')",
        &format!("SELECT * FROM '{secret}'"),
        &format!("SELECT * FROM \"{secret}\""),
        "SELECT * FROM networks JOIN read_csv('/etc/passwd') AS p ON TRUE",
        "CREATE TABLE a AS SELECT * FROM networks",
        "DROP TABLE networks",
        "TRUNCATE TABLE networks",
        "DELETE FROM networks",
        "INSERT INTO networks SELECT * FROM networks",
        "UPDATE networks SET step = 1",
        "COPY networks TO '/tmp/cntflow-copy.csv'",
        "SELECT 1; SELECT 2",
        "SELECT * INTO a FROM networks",
        "SELECT nothing FROM networks",
        "SELECT * FROM nothing",
        "CHOOSE 1",
        "",
        "\0",
        "SELECT CAST(checkpoint AS BIGINT) FROM networks",
    ] {
        let answer = server.query(sql);
        assert_eq!(answer.status, 400, "{sql}: {answer:?}");
        assert!(answer.body.len() > 5, "{sql}: {answer:?}");
        assert!(!answer.body.contains("secret\n"), "{sql}: {answer:?}");
        assert_guarded(&answer);
    }
    assert_eq!(
        server.query("SELECT count(*) AS n FROM networks").body,
        "[{\"n\":4}]\n"
    );
}

/// Nested without end, or so long that a stack overflows: at most its own process ends.
#[test]
fn a_query_that_is_too_much_ends_in_an_error() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    let parentheses = format!("SELECT {}1{} AS a", "(".repeat(20_000), ")".repeat(20_000));
    let sum = format!("SELECT 1{} AS a", "+1".repeat(30_000));
    let not = format!("SELECT {} TRUE AS a", "NOT ".repeat(15_000));
    let union = vec!["SELECT 1 AS a"; 4_000].join(" UNION ALL ");
    for sql in [&parentheses, &sum, &not, &union] {
        let answer = server.query(sql);
        assert!(
            [200, 400].contains(&answer.status),
            "{:?}",
            &answer.body[..200.min(answer.body.len())]
        );
    }
    assert_eq!(server.query("SELECT 1 AS a").status, 200);
}

#[test]
fn headers_and_bodies_have_limits() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    let long = "x".repeat(1 << 20);
    let headers = get(&server.address, "/state", &[("X-Long", &long)]);
    assert!([431, 0].contains(&headers.status), "{headers:?}");
    let many = vec![("X-Many", "1"); 1000];
    assert!([431, 0].contains(&get(&server.address, "/state", &many).status));
    let address = server.get(&format!("/query?sql={long}"));
    assert!([414, 431, 0].contains(&address.status), "{address:?}");
    let sql = [("Content-Type", "application/sql")];
    let body = post(&server.address, "/query", &sql, &long);
    assert!([413, 0].contains(&body.status), "{body:?}");
    let query = post(&server.address, "/query", &sql, &long[..70_000]);
    assert_eq!(query.status, 400, "{query:?}");
    assert!(query.body.contains("70000 bytes"), "{query:?}");
    let json = [("Content-Type", "application/json")];
    assert_eq!(post(&server.address, "/query", &json, "{}").status, 415);
    let bytes = "POST /query HTTP/1.1\r\nContent-Type: application/sql\r\nConnection: close\r\n";
    let mut bytes = format!(
        "{bytes}Host: {}\r\nContent-Length: 2\r\n\r\n",
        server.address
    )
    .into_bytes();
    bytes.extend([0xff, 0xfe]);
    assert_eq!(send(&server.address, &bytes).status, 400);
    assert_eq!(server.get("/state").status, 200);
}

#[test]
fn silent_and_slow_connections_delay_nobody() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    server.state();
    let connect = || TcpStream::connect(&server.address).unwrap();
    let silent: Vec<TcpStream> = (0..64).map(|_| connect()).collect();
    let mut slow: Vec<TcpStream> = (0..16).map(|_| connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"POST /query HTTP/1.1\r\nHos").unwrap();
    }
    let started = Instant::now();
    for _ in 0..5 {
        assert_eq!(server.get("/state").status, 200);
        for stream in &mut slow {
            stream.write_all(b"t").unwrap();
        }
    }
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(3), "{taken:?}");
    drop(silent);
}

/// This machine's address in its network; `None` if it has none.
fn other_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent: the system says by which address it would be.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback()).then_some(address)
}

#[test]
fn only_this_machine_reaches_it_without_host() {
    let here = measured();
    let server = Server::start(here.path(), &[]);
    assert!(server.address.starts_with("127.0.0.1:"));
    let Some(other) = other_address() else {
        return;
    };
    let port: u16 = server.port().parse().unwrap();
    assert!(TcpStream::connect((other, port)).is_err(), "{other}");
    let open = Server::start(here.path(), &["--host", "0.0.0.0"]);
    let address = format!("{other}:{}", open.port());
    assert_eq!(get(&address, "/state", &[]).status, 200);
    // A browser on another machine would not say which page has asked.
    assert_eq!(get(&address, "/query?sql=SELECT%201", &[]).status, 405);
    let rebound = format!("example.org:{}", open.port());
    assert_eq!(get(&address, "/state", &[("Host", &rebound)]).status, 421);
}

#[test]
fn with_host_it_says_who_can_read() {
    let here = measured();
    let mut server = Server::start(here.path(), &["--host", "0.0.0.0"]);
    let mut stderr = server.child.stderr.take().unwrap();
    assert_eq!(server.stop("-TERM"), Some(143));
    let mut text = String::new();
    stderr.read_to_string(&mut text).unwrap();
    assert!(text.contains("can read the tables in out"), "{text}");
}
