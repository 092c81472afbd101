//! Requests that have no other answer than why.

use cntflow_storage::FullMessage;
use hyper::StatusCode;

use crate::form::WrongForm;
use crate::hosts::WrongHost;
use crate::question::NoAnswer;
use crate::reply::{self, Reply};
use crate::study::Unreadable;

/// Most bytes of a body. In a form a byte of a query may take three.
pub(crate) const MOST_BODY_BYTES: usize = 3 * crate::question::MOST_SQL_BYTES + (1 << 10);

/// Why a request has no other answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is for another server.
    #[error(transparent)]
    Host(#[from] WrongHost),
    /// It is from a page of another site.
    #[error("requests from pages of other sites are not answered")]
    OtherSite,
    /// There is no such path.
    #[error("nothing is here; there are /, /state and /query")]
    NotFound,
    /// The path has no such method.
    #[error("expected {0}")]
    Method(&'static str),
    /// Its form has no question.
    #[error(transparent)]
    Form(#[from] WrongForm),
    /// Its body is of another type.
    #[error("expected application/x-www-form-urlencoded with sql=, or application/sql")]
    Type,
    /// Its body is too long.
    #[error("the body has more than {MOST_BODY_BYTES} bytes")]
    LongBody,
    /// Its body does not come.
    #[error("the body did not come in time")]
    SlowBody,
    /// Its body breaks off.
    #[error("the body cannot be read")]
    BrokenBody,
    /// Its body is no text.
    #[error("the body is no UTF-8")]
    NoText,
    /// The query is wrong, or not answered here.
    #[error("{0}")]
    Query(String),
    /// The query has no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// Too many queries are being answered.
    #[error("other queries are at work; ask again later")]
    Busy,
    /// The tables cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A thread has panicked: a bug.
    #[error("the report cannot be made: a thread has failed")]
    Thread,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Host(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::OtherSite => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Type => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::LongBody => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Unreadable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoAnswer(NoAnswer::Start(_)) | Self::Thread => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Form(_)
            | Self::BrokenBody
            | Self::NoText
            | Self::Query(_)
            | Self::NoAnswer(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer that says why.
    pub(crate) fn reply(&self) -> Reply {
        let reply = reply::error(self.status(), &self.full_message());
        match self {
            Self::Method(allowed) => reply::with_allowed(reply, allowed),
            _ => reply,
        }
    }
}
