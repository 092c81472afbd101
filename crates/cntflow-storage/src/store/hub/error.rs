//! What goes wrong at the hub. No text has a token, or a URL that gives access to a file.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// The longest message of the hub that is passed on, in characters.
const LONGEST_MESSAGE: usize = 200;

/// Why the hub does not give what it is asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HubError {
    /// `HF_ENDPOINT` cannot be used.
    #[error("HF_ENDPOINT is no URL that begins with http:// or https://")]
    Endpoint,
    /// The token cannot be sent.
    #[error("HF_TOKEN, or the file with the token, has characters that no token has")]
    Token,
    /// The model is gated.
    #[error(
        "the model is gated: ask for access at {page}, and set HF_TOKEN to a token of an account that has it"
    )]
    Gated {
        /// The page of the model.
        page: String,
    },
    /// There is no such repository, or it is not shown.
    #[error(
        "no such model, or one that is not public: check the name, or set HF_TOKEN to a token of an account that may read it"
    )]
    NoRepository,
    /// The hub refuses the token.
    #[error("the hub refuses access with the token that is set (status {status}){message}")]
    Refused {
        /// Status of the answer.
        status: u16,
        /// What the hub says.
        message: String,
    },
    /// There is no such branch, tag or commit.
    #[error("no such revision: {revision}{known}")]
    NoRevision {
        /// What was asked for.
        revision: String,
        /// Some that there are.
        known: String,
    },
    /// There is no such file or folder.
    #[error("no such file")]
    NoFile,
    /// Too many requests.
    #[error(
        "the hub asks for fewer requests (status 429){}",
        wait.map(|wait| format!(" and to wait {} s", wait.as_secs())).unwrap_or_default()
    )]
    TooMany {
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// Any other status.
    #[error("status {status}{message}")]
    Status {
        /// Status of the answer.
        status: u16,
        /// What the hub says.
        message: String,
    },
    /// A server cannot be reached, or breaks off.
    #[error("the hub cannot be reached, or its answer broke off")]
    Connection {
        /// What failed; without a URL.
        #[from]
        source: reqwest::Error,
    },
    /// All tries have failed.
    #[error("after {tries} tries")]
    Tried {
        /// Number of tries.
        tries: usize,
        /// Why the last one failed.
        source: Box<HubError>,
    },
    /// A redirect that is not followed.
    #[error("the hub redirects {0}")]
    Redirect(&'static str),
    /// An answer that is not what was asked for.
    #[error("{0}")]
    Answer(String),
    /// The answer is no JSON of the expected form.
    #[error("an answer of the hub is not what its API says")]
    Json {
        /// What is wrong with it.
        #[from]
        source: serde_json::Error,
    },
    /// The hub is only read.
    #[error("the hub is only read; write to a folder or to s3, gs or az")]
    ReadOnly,
}

impl HubError {
    /// What an answer that is no success means. `page` is that of the model.
    pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap, page: &str) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let code = text("x-error-code").unwrap_or_default();
        let message = text("x-error-message").map(printable).unwrap_or_default();
        let number = status.as_u16();
        match (number, code) {
            (_, "GatedRepo") => Self::Gated {
                page: page.to_owned(),
            },
            (_, "RevisionNotFound") => Self::NoRevision {
                revision: String::new(),
                known: String::new(),
            },
            (_, "EntryNotFound") => Self::NoFile,
            (401, "") if message.contains("Invalid credentials") => Self::Refused {
                status: number,
                message,
            },
            (_, "RepoNotFound") | (401, _) => Self::NoRepository,
            (403, _) => Self::Refused {
                status: number,
                message,
            },
            (404, _) => Self::NoFile,
            (429, _) => Self::TooMany {
                wait: asked_wait(headers),
            },
            _ => Self::Status {
                status: number,
                message,
            },
        }
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Connection { .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 408,
            _ => false,
        }
    }

    /// As an error of an object store.
    pub(crate) fn of_store(self, path: &str) -> object_store::Error {
        match self {
            Self::NoFile => object_store::Error::NotFound {
                path: path.to_owned(),
                source: Box::new(self),
            },
            other => object_store::Error::Generic {
                store: "hub",
                source: Box::new(other),
            },
        }
    }
}

/// How long the server asks to wait before the next request.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let seconds = text("retry-after").and_then(|text| text.trim().parse().ok());
    // `"api";r=0;t=55`: 55 seconds until there are requests again.
    let until_reset = || {
        let mut parts = text("ratelimit")?.split(';');
        parts.find_map(|part| part.trim().strip_prefix("t=")?.parse().ok())
    };
    seconds.or_else(until_reset).map(Duration::from_secs)
}

/// A message of the server as the end of a sentence, without what a terminal would obey.
fn printable(message: &str) -> String {
    let shown = message.chars().filter(|character| !character.is_control());
    let shown: String = shown.take(LONGEST_MESSAGE).collect();
    format!(": {shown}")
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> HubError {
        let headers = headers.iter().map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        });
        let status = StatusCode::from_u16(status).unwrap();
        HubError::of_answer(status, &headers.collect(), "https://hub/a/b")
    }

    #[test]
    fn an_answer_says_what_to_do_about_it() {
        let gated = answer(403, &[("x-error-code", "GatedRepo")]).to_string();
        assert!(
            gated.contains("ask for access at https://hub/a/b"),
            "{gated}"
        );
        let private = answer(401, &[]).to_string();
        assert!(private.contains("not public"), "{private}");
        let refused = answer(403, &[("x-error-message", "token expired")]).to_string();
        assert!(
            refused.ends_with("(status 403): token expired"),
            "{refused}"
        );
        let many = answer(429, &[("retry-after", "17")]);
        assert!(many.is_transient() && many.to_string().ends_with("to wait 17 s"));
        let many = answer(429, &[("ratelimit", "\"api\";r=0;t=55")]).to_string();
        assert!(many.ends_with("to wait 55 s"), "{many}");
        assert!(answer(503, &[]).is_transient() && !answer(400, &[]).is_transient());
        assert!(matches!(answer(404, &[]), HubError::NoFile));
    }
}
