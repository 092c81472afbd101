//! Reading objects and ranges of them. A small object is read by one request into memory. A large
//! one is read in parts, each with its own retries, into a temporary file without a name, which is
//! then mapped.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectStore};

use super::address::Address;
use super::client::ObjectStores;
use super::failure::{client_error, object_error};
use super::options::StoreOptions;
use crate::{Content, FormatError, Limits, StorageError, write_atomically};

/// A read of one object: its client, address and options.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) client: Arc<dyn ObjectStore>,
    pub(super) address: Address,
    pub(super) options: StoreOptions,
    /// Largest object that is read, in bytes.
    pub(super) max_bytes: u64,
}

/// The answer to a request for a whole object.
enum Answer {
    /// The bytes.
    Small(Vec<u8>),
    /// Too large to be read into memory: its size in bytes and its entity tag, if the store gives
    /// one.
    Large(u64, Option<String>),
}

impl ObjectStores {
    /// The bytes of an object.
    ///
    /// # Errors
    /// There is no such object, the store refuses or fails for as long as [`StoreOptions`] says,
    /// the object changes while it is read, or is larger than `limits` allow.
    pub fn fetch(&self, url: &str, limits: &Limits) -> Result<Content, StorageError> {
        if let Some(content) = self.take_read_ahead(url) {
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

    /// A range of an object, cut at the object's end.
    ///
    /// # Errors
    /// As [`ObjectStores::fetch`]; the store does not serve ranges.
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
        self.wait(
            stream::iter(all)
                .buffered(self.options.objects_at_once)
                .collect(),
        )
    }

    pub(super) fn request(&self, url: &str, limits: &Limits) -> Result<Request, StorageError> {
        let address = Address::parse(url)?;
        Ok(Request {
            client: self.client(&address)?,
            address,
            options: self.options,
            max_bytes: limits.object_bytes,
        })
    }
}

impl Request {
    async fn content(&self) -> Result<Content, StorageError> {
        match self.answer(self.options.memory_bytes).await? {
            Answer::Small(bytes) => Ok(Content::in_memory(bytes)),
            Answer::Large(size, version) => self.to_temporary_file(size, version).await,
        }
    }

    /// Whether the server serves ranges. All stores do; some plain HTTP servers do not, so they are
    /// asked.
    async fn serves_ranges(&self) -> Result<bool, StorageError> {
        if !self.address.scheme.is_http() {
            return Ok(true);
        }
        let options = GetOptions::default().with_range(Some(0..1));
        match self.client.get_opts(&self.address.path()?, options).await {
            Ok(_) => Ok(true),
            Err(Error::NotSupported { .. }) => Ok(false),
            Err(error) => Err(client_error(&self.address, &error)),
        }
    }

    /// The object, if it is small enough to be kept in memory before anybody has asked for it.
    pub(super) async fn content_to_read_ahead(&self) -> Option<Result<Content, StorageError>> {
        match self.answer(self.options.read_ahead_bytes).await {
            Ok(Answer::Small(bytes)) => Some(Ok(Content::in_memory(bytes))),
            Ok(Answer::Large(..)) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Requests the whole object, and reads the body if it has at most `memory_bytes`.
    async fn answer(&self, memory_bytes: u64) -> Result<Answer, StorageError> {
        let mut tries = 0;
        loop {
            let got = self.get(GetOptions::default()).await?;
            let size = got.meta.size;
            if size > self.max_bytes {
                let source = FormatError::Limit {
                    what: "bytes of the object".to_owned(),
                    found: size,
                    limit: "object_bytes",
                    allowed: self.max_bytes,
                };
                return Err(StorageError::content(
                    self.address.to_string().as_ref(),
                    source,
                ));
            }
            if size > memory_bytes {
                return Ok(Answer::Large(size, got.meta.e_tag));
            }
            if let Some(bytes) = self.body(got, size, &mut tries).await? {
                return Ok(Answer::Small(bytes));
            }
        }
    }

    /// The bytes of `range`. With `version`, it is an error if the object has another one by now. A
    /// body that breaks off is requested again.
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
                return Err(object_error(&self.address, reason));
            }
            if let Some(bytes) = self.body(got, end - range.start, &mut tries).await? {
                return Ok(bytes);
            }
        }
    }

    async fn get(&self, options: GetOptions) -> Result<GetResult, StorageError> {
        let path = self.address.path()?;
        let got = self.client.get_opts(&path, options).await;
        got.map_err(|error| client_error(&self.address, &error))
    }

    /// The body of an answer. `None`, after a wait, if it broke off and the caller shall request it
    /// again: clients retry requests by themselves, but resume a broken body only if the store
    /// gives entity tags.
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
                let (received, tries) = (bytes.len(), *tries + 1);
                let reason =
                    format!("received only {received} of {size} bytes after {tries} tries");
                Err(object_error(&self.address, reason))
            }
            Err(error) => Err(client_error(&self.address, &error)),
        }
    }

    /// Reads a large object into a temporary file, in parts if the server serves ranges.
    async fn to_temporary_file(
        &self,
        size: u64,
        version: Option<String>,
    ) -> Result<Content, StorageError> {
        let on_disk = |error: std::io::Error| {
            let folder = std::env::temp_dir();
            let reason = format!(
                "cannot write its {size} bytes to a temporary file in {}: {error}",
                folder.display()
            );
            object_error(&self.address, reason)
        };
        let mut file = tempfile::tempfile().map_err(on_disk)?;
        if !self.serves_ranges().await? {
            let got = self.get(GetOptions::default()).await?;
            let received = self.copy(got, &mut file).await?;
            if received != size {
                let reason = format!("received {received} of {size} bytes");
                return Err(object_error(&self.address, reason));
            }
            return Content::map_file(&file).map_err(on_disk);
        }
        let part_bytes = self.options.part_bytes;
        let starts = (0..size.div_ceil(part_bytes)).map(|part| part * part_bytes);
        let parts = starts.map(|start| {
            let (range, version) = (start..(start + part_bytes).min(size), version.clone());
            async move { Ok::<_, StorageError>((start, self.range(range, version).await?)) }
        });
        let mut parts = stream::iter(parts).buffer_unordered(self.options.parts_at_once);
        while let Some(part) = parts.next().await {
            let (start, bytes) = part?;
            write_at(&mut file, start, &bytes).map_err(on_disk)?;
        }
        Content::map_file(&file).map_err(on_disk)
    }

    /// Writes the body of an answer to a file, and returns its length.
    async fn copy(&self, got: GetResult, file: &mut File) -> Result<u64, StorageError> {
        let mut length = 0;
        let mut body = got.into_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| client_error(&self.address, &error))?;
            file.write_all(&chunk)
                .map_err(|error| object_error(&self.address, error))?;
            length += chunk.len() as u64;
        }
        Ok(length)
    }
}

/// Writes bytes at an offset of a file.
fn write_at(file: &mut File, start: u64, bytes: &[u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    file.write_all(bytes)
}

/// The body of an answer, up to the chunk that would make it longer than `max` bytes. The caller
/// compares the length, so a longer body needs no error here.
async fn collect(got: GetResult, max: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(usize::try_from(max).unwrap_or(0));
    let mut body = got.into_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk?;
        if bytes.len() as u64 + chunk.len() as u64 > max {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
