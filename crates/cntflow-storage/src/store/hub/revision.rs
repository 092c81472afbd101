//! One revision of a repository as an object store that is only read.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use reqwest::Url;

use super::answer::{FileAnswer, body, served_range, tag};
use super::api::TreeEntry;
use super::client::FileRequest;
use super::error::HubError;
use super::repository::{HubRepository, MAIN};

/// Most pages of one listing, and most files of it.
const MOST_PAGES: usize = 20_000;
const MOST_FILES: usize = 1_000_000;

/// A branch, a tag or a commit of a repository.
#[derive(Clone, Debug)]
pub(crate) struct HubRevision {
    repository: Arc<HubRepository>,
    revision: String,
}

impl std::fmt::Display for HubRevision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.repository.name, self.revision)
    }
}

impl HubRevision {
    /// A revision of a repository; its main branch without one.
    pub(crate) fn new(repository: Arc<HubRepository>, revision: Option<String>) -> Self {
        Self {
            repository,
            revision: revision.unwrap_or_else(|| MAIN.to_owned()),
        }
    }

    /// The answer of the hub to a request for a file.
    async fn ask(
        &self,
        path: &Path,
        range: Option<Range<u64>>,
        head: bool,
    ) -> Result<FileAnswer, HubError> {
        let repository = &self.repository;
        let commit = repository.commit(&self.revision).await?;
        let parts = repository.name.split('/').chain(["resolve", &commit]);
        let request = FileRequest {
            url: repository.client.url(parts.chain(path.as_ref().split('/'))),
            range,
            head,
            repository: &repository.name,
        };
        match repository.client.file(&request).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(repository.explain(error, &self.revision).await),
        }
    }

    async fn get(&self, path: &Path, options: GetOptions) -> Result<GetResult, HubError> {
        let range = match &options.range {
            None => None,
            Some(object_store::GetRange::Bounded(range)) => Some(range.clone()),
            Some(_) => return Err(HubError::Answer("only bounded ranges are read".to_owned())),
        };
        let answer = self.ask(path, range.clone(), options.head).await?;
        let (size, served) = served_range(&answer, range, options.head)?;
        let meta = ObjectMeta {
            location: path.clone(),
            last_modified: Default::default(),
            size,
            e_tag: tag(&answer),
            version: None,
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(body(answer, options.head)),
            meta,
            range: served,
            attributes: Default::default(),
            extensions: Default::default(),
        })
    }

    /// The first page of the files below a folder; of all files without one.
    async fn tree_url(&self, folder: Option<&Path>) -> Result<Url, HubError> {
        let repository = &self.repository;
        let commit = repository.commit(&self.revision).await?;
        let parts = ["api", "models"].into_iter();
        let parts = parts.chain(repository.name.split('/'));
        let below = folder.map(|folder| folder.as_ref().split('/'));
        let parts = parts.chain(["tree", &commit]);
        let mut url = repository
            .client
            .url(parts.chain(below.into_iter().flatten()));
        url.set_query(Some("recursive=true&expand=false"));
        Ok(url)
    }

    /// The files below a folder. Without such a folder there are none.
    async fn files(&self, folder: Option<&Path>) -> Result<Vec<ObjectMeta>, HubError> {
        let repository = &self.repository;
        let mut next = Some(self.tree_url(folder).await?);
        let mut files = Vec::new();
        let mut pages = 0;
        while let Some(url) = next {
            pages += 1;
            if pages > MOST_PAGES || files.len() > MOST_FILES {
                let reason = format!("more than {MOST_FILES} files, or {MOST_PAGES} pages of them");
                return Err(HubError::Answer(reason));
            }
            let page = repository
                .client
                .json::<Vec<TreeEntry>>(url, &repository.name);
            let (entries, following) = match page.await {
                Ok(page) => page,
                Err(HubError::NoFile) if folder.is_some() => return Ok(Vec::new()),
                Err(error) => return Err(repository.explain(error, &self.revision).await),
            };
            next = following;
            for entry in entries.into_iter().filter(|entry| entry.kind == "file") {
                let location = Path::parse(&entry.path);
                files.push(ObjectMeta {
                    location: location.map_err(|error| HubError::Answer(error.to_string()))?,
                    last_modified: Default::default(),
                    size: entry.bytes(),
                    e_tag: entry.tag(),
                    version: None,
                });
            }
        }
        Ok(files)
    }
}

fn read_only<T>() -> Result<T> {
    Err(HubError::ReadOnly.of_store(""))
}

#[async_trait]
impl ObjectStore for HubRevision {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let wanted = options.if_match.clone();
        let got = self.get(location, options).await;
        let got = got.map_err(|error| error.of_store(location.as_ref()))?;
        if wanted.is_some() && wanted != got.meta.e_tag {
            let source = HubError::Answer("another version".to_owned());
            return Err(Error::Precondition {
                path: location.to_string(),
                source: Box::new(source),
            });
        }
        Ok(got)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (revision, prefix) = (self.clone(), prefix.cloned());
        let files = async move {
            let files = revision.files(prefix.as_ref()).await;
            let files = files.map_err(|error| error.of_store(""))?;
            Ok::<_, Error>(stream::iter(files.into_iter().map(Ok)))
        };
        stream::once(files).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(Error::NotImplemented {
            operation: "list_with_delimiter".to_owned(),
            implementer: self.to_string(),
        })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        read_only()
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        read_only()
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        locations.map(|_| read_only()).boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        read_only()
    }
}
