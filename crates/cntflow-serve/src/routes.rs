//! What the server answers to a request.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use hyper::{HeaderMap, Method, Request};
use tokio::sync::Semaphore;

use crate::form::{WrongForm, question_of_form, question_of_text};
use crate::hosts::{Hosts, is_from_here};
use crate::question::{Answer, AnswerFormat, AnswerHead, NoAnswer, Question, ask};
use crate::refusal::{MOST_BODY_BYTES, Refusal};
use crate::reply::{self, Reply};
use crate::study::{Study, Unreadable};

/// Queries that are answered at a time, until their answers are sent. Others wait.
const QUERIES: usize = 4;

/// Longest time that a query waits for the others.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Longest time that the body of a request may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);

/// How often a query is asked where a part vanishes while it is read, and the pause after each
/// time.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// A study, and who may ask for it.
pub struct Site<S> {
    study: Arc<S>,
    hosts: Hosts,
    queries: Arc<Semaphore>,
}

type Result<T> = std::result::Result<T, Refusal>;

impl<S: Study> Site<S> {
    /// A study that may be asked by these names.
    pub fn new(study: S, hosts: Hosts) -> Self {
        Self {
            study: Arc::new(study),
            hosts,
            queries: Arc::new(Semaphore::new(QUERIES)),
        }
    }

    /// The answer to a request.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Reply {
        let answer = self.route(request).await;
        answer.unwrap_or_else(|refusal| refusal.reply())
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Reply> {
        let host = self.hosts.of_request(request.uri(), request.headers())?;
        let is_from_here = is_from_here(request.headers(), host);
        match (request.uri().path(), request.method()) {
            // Links of other pages may lead here.
            ("/", &Method::GET) => self.page().await,
            ("/", _) => Err(Refusal::Method("GET")),
            ("/state" | "/query", _) if !is_from_here => Err(Refusal::OtherSite),
            ("/state", &Method::GET) => self.state().await,
            ("/state", _) => Err(Refusal::Method("GET")),
            // Browsers do not tell a server without encryption where a GET comes from, unless it
            // is on the same machine. They do tell where a POST comes from.
            ("/query", &Method::GET) if !self.hosts.is_loopback() => Err(Refusal::Method("POST")),
            ("/query", &Method::GET | &Method::POST) => {
                let question = question(request).await?;
                self.query(&question).await
            }
            ("/query", _) => Err(Refusal::Method("GET, POST")),
            _ => Err(Refusal::NotFound),
        }
    }

    async fn page(&self) -> Result<Reply> {
        let html = self.read(S::page).await?;
        Ok(reply::page(html))
    }

    async fn state(&self) -> Result<Reply> {
        let state = self.read(S::state).await?;
        Ok(reply::json(format!("{state}\n").into_bytes()))
    }

    /// Reads the tables on another thread: this one serves all connections.
    async fn read<T: Send + 'static>(
        &self,
        read: fn(&S) -> std::result::Result<T, Unreadable>,
    ) -> Result<T> {
        let study = Arc::clone(&self.study);
        let read = tokio::task::spawn_blocking(move || read(&study)).await;
        Ok(read.map_err(|_| Refusal::Thread)??)
    }

    async fn query(&self, question: &Question) -> Result<Reply> {
        let turn = Arc::clone(&self.queries).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(LONGEST_WAIT, turn).await else {
            return Err(Refusal::Busy);
        };
        let mut why = String::new();
        for _ in 0..ATTEMPTS {
            let answering = self.study.answering().map_err(NoAnswer::Start)?;
            let Answer { head, body } = ask(answering, question).await?;
            match head {
                AnswerHead::Rows { n, is_cut, .. } => {
                    let reply = rows(question.format, body).map(|rows| rows.with_turn(turn));
                    return Ok(reply::with_rows(reply, n, is_cut));
                }
                AnswerHead::Refused(why) => return Err(Refusal::Query(why)),
                AnswerHead::Unreadable(message) => why = message,
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Unreadable(why).into())
    }
}

fn rows(format: AnswerFormat, mut body: Vec<u8>) -> Reply {
    body.push(b'\n');
    match format {
        AnswerFormat::Csv => reply::csv(body),
        AnswerFormat::Json => reply::json(body),
    }
}

/// The question of a request.
async fn question(request: Request<Incoming>) -> Result<Question> {
    let accept = text(request.headers(), ACCEPT).to_owned();
    let form = request.uri().query().unwrap_or_default().to_owned();
    if request.method() == Method::GET {
        return Ok(question_of_form(&form, &accept)?);
    }
    let content_type = text(request.headers(), CONTENT_TYPE).to_ascii_lowercase();
    let body = body(request.into_body()).await?;
    let question = match content_type.split(';').next().unwrap_or_default().trim() {
        "application/x-www-form-urlencoded" if form.is_empty() => question_of_form(&body, &accept),
        "application/x-www-form-urlencoded" => Err(WrongForm::TwoForms),
        "application/sql" | "text/plain" => question_of_text(body, &form, &accept),
        _ => return Err(Refusal::Type),
    };
    Ok(question?)
}

/// A header as text; empty if it is missing, or no text.
fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

async fn body(body: Incoming) -> Result<String> {
    let read = Limited::new(body, MOST_BODY_BYTES).collect();
    let Ok(read) = tokio::time::timeout(BODY_TIME, read).await else {
        return Err(Refusal::SlowBody);
    };
    let bytes = read.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Refusal::LongBody
        } else {
            Refusal::BrokenBody
        }
    })?;
    String::from_utf8(bytes.to_bytes().into()).map_err(|_| Refusal::NoText)
}
