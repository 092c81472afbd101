//! Answers of the server, each with the headers that keep it to itself.

use cntflow_report::LIVE_POLICY;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::content::Content;

/// An answer of the server.
pub(crate) type Reply = Response<Content>;

/// Number of rows of an answer to a query, and whether it would have more.
const ROWS: HeaderName = HeaderName::from_static("cntflow-rows");
const CUT: HeaderName = HeaderName::from_static("cntflow-cut");

/// Which sites may load an answer as a picture, a script and the like.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Whether windows of other sites may hold on to the page's window.
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// An answer with this content.
fn reply(status: StatusCode, content_type: &'static str, content: Bytes) -> Reply {
    let mut reply = Response::new(Content::new(content));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (RESOURCE_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    reply
}

/// The page.
pub(crate) fn page(html: Bytes) -> Reply {
    let mut reply = reply(StatusCode::OK, "text/html; charset=utf-8", html);
    let policy = format!("{LIVE_POLICY}; frame-ancestors 'none'");
    insert(reply.headers_mut(), CONTENT_SECURITY_POLICY, &policy);
    reply
}

/// A JSON document.
pub(crate) fn json(text: Vec<u8>) -> Reply {
    reply(StatusCode::OK, "application/json", text.into())
}

/// Comma-separated values.
pub(crate) fn csv(text: Vec<u8>) -> Reply {
    reply(
        StatusCode::OK,
        "text/csv; charset=utf-8; header=present",
        text.into(),
    )
}

/// Says how many rows an answer has, and whether there are more.
pub(crate) fn with_rows(mut reply: Reply, n: usize, is_cut: bool) -> Reply {
    insert(reply.headers_mut(), ROWS, &n.to_string());
    insert(reply.headers_mut(), CUT, &is_cut.to_string());
    reply
}

/// An error, as text.
pub(crate) fn error(status: StatusCode, message: &str) -> Reply {
    let text = format!("{message}\n");
    reply(status, "text/plain; charset=utf-8", text.into())
}

/// Lists the methods that a path has.
pub(crate) fn with_allowed(mut reply: Reply, allowed: &'static str) -> Reply {
    insert(reply.headers_mut(), ALLOW, allowed);
    reply
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Every value is printable ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
