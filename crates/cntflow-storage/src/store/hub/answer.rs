//! Answers to requests for files: which bytes they have, of which version.

use std::ops::Range;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::Result;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap};
use reqwest::{Response, StatusCode};

use super::error::HubError;

/// The answer to a request for a file.
#[derive(Debug)]
pub(super) struct FileAnswer {
    pub(super) response: Response,
    /// Headers of the hub's own answer, which may have redirected the request.
    pub(super) described: HeaderMap,
}

/// The size of a file, and the range of it that is served.
pub(super) fn served_range(
    answer: &FileAnswer,
    range: Option<Range<u64>>,
    head: bool,
) -> Result<(u64, Range<u64>), HubError> {
    let linked = number(&answer.described, "x-linked-size");
    let headers = answer.response.headers();
    let Some(asked) = range else {
        let found = number(headers, CONTENT_LENGTH.as_str());
        // Where only the hub was asked, its own answer has another length.
        let found = if head { linked.or(found) } else { found };
        let size = found
            .or(linked)
            .ok_or_else(|| HubError::Answer("the answer says no size of the file".to_owned()))?;
        return check_size(linked, size).map(|()| (size, 0..size));
    };
    if answer.response.status() != StatusCode::PARTIAL_CONTENT {
        let reason = format!("asked for bytes {asked:?}, the answer is the whole file");
        return Err(HubError::Answer(reason));
    }
    let (served, size) = headers
        .get(CONTENT_RANGE)
        .and_then(|text| content_range(text.to_str().ok()?))
        .ok_or_else(|| HubError::Answer("the answer says no range of the file".to_owned()))?;
    check_size(linked, size).map(|()| (size, served))
}

/// Compares the size that the hub says with that of the server which has the file.
fn check_size(linked: Option<u64>, size: u64) -> Result<(), HubError> {
    match linked {
        Some(linked) if linked != size => Err(HubError::Answer(format!(
            "the hub says that the file has {linked} bytes, the server that has it says {size}"
        ))),
        _ => Ok(()),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// `bytes 0-99/1234`
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let end = last.parse::<u64>().ok()?.checked_add(1)?;
    Some((first.parse().ok()?..end, size.parse().ok()?))
}

/// The entity tag of a file, as listings have it: without quotes and the mark of a weak one.
pub(super) fn tag(answer: &FileAnswer) -> Option<String> {
    let described = &answer.described;
    let tag = described.get("x-linked-etag").or(described.get(ETAG))?;
    let tag = tag.to_str().ok()?;
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    Some(tag.trim_matches('"').to_owned())
}

/// The bytes of an answer as they come.
pub(super) fn body(answer: FileAnswer, head: bool) -> BoxStream<'static, Result<bytes::Bytes>> {
    if head {
        return stream::empty().boxed();
    }
    let chunks = stream::try_unfold(answer.response, |mut response| async move {
        let chunk = response.chunk().await.map_err(without_url)?;
        Ok::<_, HubError>(chunk.map(|chunk| (chunk, response)))
    });
    chunks.map_err(|error| error.of_store("")).boxed()
}

/// The error without its URL: that of a file may give access to it.
pub(super) fn without_url(error: reqwest::Error) -> reqwest::Error {
    error.without_url()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_answers_are_read() {
        assert_eq!(content_range("bytes 0-99/1234"), Some((0..100, 1234)));
        for other in ["bytes */1234", "0-99/1234", "bytes 5-x/9", "bytes 0-99/*"] {
            assert_eq!(content_range(other), None, "{other}");
        }
    }

    #[test]
    fn two_sizes_of_a_file_are_an_error_that_names_both() {
        let text = check_size(Some(5), 7).unwrap_err().to_string();
        assert!(
            text.contains("5 bytes") && text.ends_with("says 7"),
            "{text}"
        );
    }
}
