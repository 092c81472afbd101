//! Requests to the hub: who is asked, who gets the token, what is tried again.

use std::ops::Range;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, LINK, LOCATION, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use serde::de::DeserializeOwned;

use super::super::options::StoreOptions;
use super::answer::{FileAnswer, without_url};
use super::api::next_page;
use super::error::HubError;
use super::settings::HubSettings;

/// Redirects of one request that are followed.
const MOST_REDIRECTS: usize = 8;

/// Time to connect, and between two pieces of an answer.
const CONNECT: Duration = Duration::from_secs(10);
const READ: Duration = Duration::from_secs(30);

/// Most bytes of an answer of the API.
const MOST_JSON: usize = 64 << 20;

/// The client of one hub.
#[derive(Debug)]
pub(super) struct HubClient {
    http: Client,
    settings: HubSettings,
    options: StoreOptions,
}

/// A request for a file.
#[derive(Debug)]
pub(super) struct FileRequest<'a> {
    pub(super) url: Url,
    /// The bytes that are wanted, if not all.
    pub(super) range: Option<Range<u64>>,
    /// Whether only size and version are wanted.
    pub(super) head: bool,
    /// The repository, which messages name.
    pub(super) repository: &'a str,
}

impl HubClient {
    /// A client; connections are made later.
    ///
    /// # Errors
    /// The system has no root certificates.
    pub(super) fn new(settings: HubSettings, options: StoreOptions) -> Result<Self, HubError> {
        // Redirects are followed here, so that it is plain who gets the token.
        let http = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(READ)
            .user_agent(concat!("cntflow/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            http,
            settings,
            options,
        })
    }

    /// A URL of the hub: its endpoint with these parts of a path, which are escaped.
    pub(super) fn url<'p>(&self, parts: impl IntoIterator<Item = &'p str>) -> Url {
        let mut url = self.settings.endpoint.clone();
        // An endpoint is a URL of HTTP, which has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// The page of a repository, for messages.
    fn page(&self, repository: &str) -> String {
        self.url(repository.split('/')).to_string()
    }

    /// An answer of the API, and the URL of its next page.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        url: Url,
        repository: &str,
    ) -> Result<(T, Option<Url>), HubError> {
        let request = FileRequest {
            url,
            range: None,
            head: false,
            repository,
        };
        let mut answer = self.file(&request).await?.response;
        let next = answer.headers().get(LINK).and_then(|link| {
            let link = next_page(link.to_str().ok()?)?;
            request.url.join(link).ok()
        });
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(without_url)? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST_JSON {
                let reason = format!("an answer of the hub has more than {MOST_JSON} bytes");
                return Err(HubError::Answer(reason));
            }
        }
        Ok((serde_json::from_slice(&body)?, next))
    }

    /// The answer to a request. One that fails for a reason that may pass is sent again, after the
    /// time that the hub asks for.
    pub(super) async fn file(&self, request: &FileRequest<'_>) -> Result<FileAnswer, HubError> {
        let started = Instant::now();
        let mut wait = self.options.first_wait;
        for tries in 1.. {
            let error = match self.follow(request).await {
                Ok(answer) => return Ok(answer),
                Err(error) if !error.is_transient() => return Err(error),
                Err(error) => error,
            };
            let asked = match &error {
                HubError::TooMany { wait } => *wait,
                _ => None,
            };
            let pause = asked.unwrap_or(wait);
            let is_late = started.elapsed() + pause > self.options.retry_for;
            if tries > self.options.retries || is_late {
                let source = Box::new(error);
                return Err(HubError::Tried { tries, source });
            }
            tokio::time::sleep(pause).await;
            wait = wait.saturating_mul(2).min(self.options.longest_wait);
        }
        unreachable!("the number of tries is limited")
    }

    /// Sends a request, and follows where the hub redirects it to. Other servers get no token.
    async fn follow(&self, request: &FileRequest<'_>) -> Result<FileAnswer, HubError> {
        let mut url = request.url.clone();
        let mut described = None;
        for _ in 0..MOST_REDIRECTS {
            let response = self.send(request, &url).await?;
            let (status, headers) = (response.status(), response.headers());
            let location = headers.get(LOCATION).filter(|_| status.is_redirection());
            let Some(location) = location else {
                if !status.is_success() {
                    let page = self.page(request.repository);
                    return Err(HubError::of_answer(status, headers, &page));
                }
                let described = described.unwrap_or_else(|| headers.clone());
                return Ok(FileAnswer {
                    response,
                    described,
                });
            };
            let target = location.to_str().ok().and_then(|to| url.join(to).ok());
            let target = target.ok_or(HubError::Redirect("to what is no URL"))?;
            if !["http", "https"].contains(&target.scheme()) {
                return Err(HubError::Redirect("to a URL of another protocol"));
            }
            if url.scheme() == "https" && target.scheme() != "https" {
                return Err(HubError::Redirect("to a server without encryption"));
            }
            // A repository that has another name by now is redirected within the hub; the answer
            // that leads away from it says what the file is.
            if self.is_hub(&url) && !self.is_hub(&target) {
                if request.head && headers.contains_key("x-linked-size") {
                    let described = headers.clone();
                    return Ok(FileAnswer {
                        response,
                        described,
                    });
                }
                described = Some(headers.clone());
            }
            url = target;
        }
        Err(HubError::Redirect("again and again"))
    }

    async fn send(&self, request: &FileRequest<'_>, url: &Url) -> Result<Response, HubError> {
        let method = if request.head {
            Method::HEAD
        } else {
            Method::GET
        };
        // Sizes are those of the files themselves.
        let sent = self.http.request(method, url.clone());
        let mut sent = sent.header(ACCEPT_ENCODING, "identity");
        if let Some(token) = &self.settings.authorization
            && self.is_hub(url)
        {
            sent = sent.header(AUTHORIZATION, token.clone());
        }
        if let Some(range) = &request.range {
            let last = range.end.saturating_sub(1);
            sent = sent.header(RANGE, format!("bytes={}-{last}", range.start));
        }
        Ok(sent.send().await.map_err(without_url)?)
    }

    /// Whether a URL is of the hub itself: the same protocol, host and port.
    fn is_hub(&self, url: &Url) -> bool {
        url.origin() == self.settings.endpoint.origin()
    }
}
