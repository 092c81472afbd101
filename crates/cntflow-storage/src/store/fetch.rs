//! Whole objects and ranges of them. Small objects come in one request and are held; large ones come in parts, each tried again by
//! itself, into a temporary file without a name, which is mapped.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectStore};

use super::address::Address;
use super::client::ObjectStores;
use super::failure::{broken, failed};
use super::options::StoreOptions;
use crate::{Content, FormatError, Limits, StorageError, write_atomically};

/// An object and those who ask for it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) client: Arc<dyn ObjectStore>,
    pub(super) at: Address,
    pub(super) options: StoreOptions,
    /// Largest object that is read.
    pub(super) most: u64,
}

/// What one request gave.
enum Answer {
    Held(Vec<u8>),
    /// More than may be held: its size and, where the store gives one, what names its version.
    Large(u64, Option<String>),
}

impl ObjectStores {
    /// The bytes of an object.
    ///
    /// # Errors
    /// There is no such object, the store refuses or fails for as long as [`StoreOptions`] says, the object changes while it is read,
    /// or is larger than `limits` allow.
    pub fn fetch(&self, url: &str, limits: &Limits) -> Result<Content, StorageError> {
        if let Some(content) = self.taken_ahead(url) {
            return content;
        }
        let request = self.request(url, limits)?;
        self.wait(request.content())
    }

    /// Writes the bytes of an object to a file, whole or not at all.
    ///
    /// # Errors
    /// As [`ObjectStores::fetch`]; the file cannot be written.
    pub fn download(&self, url: &str, file: &Path) -> Result<(), StorageError> {
        let content = self.fetch(url, &Limits::default())?;
        write_atomically(file, |file| Ok(file.write_all(&content)?))
    }

    /// A range of an object; it ends with the object where that ends before.
    ///
    /// # Errors
    /// As [`ObjectStores::fetch`]; the store reads no ranges.
    pub fn read_range(&self, url: &str, range: Range<u64>) -> Result<Vec<u8>, StorageError> {
        let request = self.request(url, &Limits::default())?;
        self.wait(request.range(range, None))
    }

    /// Ranges of many objects, several at a time, in the order of the objects.
    ///
    /// # Errors
    /// Each as [`ObjectStores::read_range`].
    pub fn read_ranges(
        &self,
        ranges: Vec<(String, Range<u64>)>,
    ) -> Vec<Result<Vec<u8>, StorageError>> {
        let all = ranges.into_iter().map(|(url, range)| async move {
            let request = self.request(&url, &Limits::default())?;
            request.range(range, None).await
        });
        self.wait(stream::iter(all).buffered(self.options.ahead).collect())
    }

    pub(super) fn request(&self, url: &str, limits: &Limits) -> Result<Request, StorageError> {
        let at = Address::parse(url)?;
        Ok(Request {
            client: self.client(&at)?,
            at,
            options: self.options,
            most: limits.object_bytes,
        })
    }
}

impl Request {
    async fn content(&self) -> Result<Content, StorageError> {
        match self.answer(self.options.held_bytes).await? {
            Answer::Held(bytes) => Ok(Content::held(bytes)),
            Answer::Large(size, version) => self.spooled(size, version).await,
        }
    }

    /// Whether the server reads ranges; of all stores only plain HTTP servers may not.
    async fn reads_ranges(&self) -> Result<bool, StorageError> {
        if !self.at.scheme.is_http() {
            return Ok(true);
        }
        let options = GetOptions::default().with_range(Some(0..1));
        match self.client.get_opts(&self.at.path()?, options).await {
            Ok(_) => Ok(true),
            Err(Error::NotSupported { .. }) => Ok(false),
            Err(error) => Err(failed(&self.at, &error)),
        }
    }

    /// The object, if it is small enough to be held by those who only expect that somebody will ask.
    pub(super) async fn content_ahead(&self) -> Option<Result<Content, StorageError>> {
        match self.answer(self.options.ahead_bytes).await {
            Ok(Answer::Held(bytes)) => Some(Ok(Content::held(bytes))),
            Ok(Answer::Large(..)) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Asks for the whole object, and takes it if it is no larger than `held`.
    async fn answer(&self, held: u64) -> Result<Answer, StorageError> {
        let mut tries = 0;
        loop {
            let got = self.get(GetOptions::default()).await?;
            let size = got.meta.size;
            if size > self.most {
                let source = FormatError::Limit {
                    what: "bytes of the object".to_owned(),
                    found: size,
                    limit: "object_bytes",
                    allowed: self.most,
                };
                return Err(StorageError::content(self.at.to_string().as_ref(), source));
            }
            if size > held {
                return Ok(Answer::Large(size, got.meta.e_tag));
            }
            if let Some(bytes) = self.body(got, size, &mut tries).await? {
                return Ok(Answer::Held(bytes));
            }
        }
    }

    /// A range of the object in the version asked for; a body that breaks off is asked for again.
    pub(super) async fn range(
        &self,
        range: Range<u64>,
        version: Option<String>,
    ) -> Result<Vec<u8>, StorageError> {
        let mut tries = 0;
        loop {
            let options = GetOptions {
                range: Some(GetRange::Bounded(range.clone())),
                if_match: version.clone(),
                ..GetOptions::default()
            };
            let got = self.get(options).await?;
            let end = range.end.min(got.meta.size);
            if got.range != (range.start..end) {
                let reason = format!("asked for bytes {range:?}, the store gave {:?}", got.range);
                return Err(broken(&self.at, reason));
            }
            if let Some(bytes) = self.body(got, end - range.start, &mut tries).await? {
                return Ok(bytes);
            }
        }
    }

    async fn get(&self, options: GetOptions) -> Result<GetResult, StorageError> {
        let path = self.at.path()?;
        let got = self.client.get_opts(&path, options).await;
        got.map_err(|error| failed(&self.at, &error))
    }

    /// The body of an answer, `None` if it broke off and may be asked for again. Clients try requests again by themselves, and bodies
    /// only where the store names versions.
    async fn body(
        &self,
        got: GetResult,
        size: u64,
        tries: &mut usize,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        match collect(got, size).await {
            Ok(bytes) if bytes.len() as u64 == size => Ok(Some(bytes)),
            Ok(_) | Err(_) if *tries < self.options.retries => {
                let wait = self
                    .options
                    .first_wait
                    .saturating_mul(1 << (*tries).min(16));
                *tries += 1;
                tokio::time::sleep(wait.min(self.options.longest_wait)).await;
                Ok(None)
            }
            Ok(bytes) => {
                let found = bytes.len();
                let tries = *tries + 1;
                let reason =
                    format!("{found} bytes came of {size} that were promised, {tries} times");
                Err(broken(&self.at, reason))
            }
            Err(error) => Err(failed(&self.at, &error)),
        }
    }

    /// Reads a large object to a temporary file, in parts where the server reads ranges.
    async fn spooled(&self, size: u64, version: Option<String>) -> Result<Content, StorageError> {
        let place = |error: std::io::Error| {
            let folder = std::env::temp_dir();
            let reason = format!(
                "{size} bytes to a temporary file in {}: {error}",
                folder.display()
            );
            broken(&self.at, reason)
        };
        let mut file = tempfile::tempfile().map_err(place)?;
        if !self.reads_ranges().await? {
            let got = self.get(GetOptions::default()).await?;
            let found = copy(got, &mut file).await;
            let found = found.map_err(|reason| broken(&self.at, reason))?;
            if found != size {
                let reason = format!("{found} bytes came of {size} that were promised");
                return Err(broken(&self.at, reason));
            }
            return Content::map_file(&file).map_err(place);
        }
        let step = self.options.part_bytes;
        let starts = (0..size.div_ceil(step)).map(|part| part * step);
        let parts = starts.map(|start| {
            let (range, version) = (start..(start + step).min(size), version.clone());
            async move { Ok::<_, StorageError>((start, self.range(range, version).await?)) }
        });
        let mut parts = stream::iter(parts).buffer_unordered(self.options.parts_at_once);
        while let Some(part) = parts.next().await {
            let (start, bytes) = part?;
            write_at(&mut file, start, &bytes).map_err(place)?;
        }
        Content::map_file(&file).map_err(place)
    }
}

fn write_at(file: &mut File, start: u64, bytes: &[u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    file.write_all(bytes)
}

/// Writes the body of an answer to a file, and gives its length; an error as its text.
async fn copy(got: GetResult, file: &mut File) -> Result<u64, String> {
    let mut length = 0;
    let mut body = got.into_stream();
    while let Some(some) = body.next().await {
        let some = some.map_err(|error| error.to_string())?;
        file.write_all(&some).map_err(|error| error.to_string())?;
        length += some.len() as u64;
    }
    Ok(length)
}

/// The bytes of an answer, and no more than `most`.
async fn collect(got: GetResult, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(usize::try_from(most).unwrap_or(0));
    let mut body = got.into_stream();
    while let Some(some) = body.next().await {
        let some = some?;
        if bytes.len() as u64 + some.len() as u64 > most {
            break;
        }
        bytes.extend_from_slice(&some);
    }
    Ok(bytes)
}
