//! Writing objects, whole or not at all. A small object is one put; a large one is uploaded in
//! parts, which appear as one object only with the last request.

use std::io::Read;
use std::path::Path;

use object_store::{
    Error, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart,
};

use super::address::Address;
use super::client::ObjectStores;
use super::failure::{client_error, object_error};
use crate::StorageError;

/// A version of an object's content, so that a write can replace exactly this one.
#[derive(Clone, Debug)]
pub struct ObjectVersion(pub(super) UpdateVersion);

impl ObjectStores {
    /// Writes an object, replacing any that is there.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses; the object is then as it was before.
    pub fn put(&self, url: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        // `Overwrite` has no precondition, so the answer is never `None`.
        self.put_as(url, bytes, PutMode::Overwrite).map(|_| ())
    }

    /// Creates an object; `None` if there already is one.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    pub fn put_new(
        &self,
        url: &str,
        bytes: Vec<u8>,
    ) -> Result<Option<ObjectVersion>, StorageError> {
        self.put_as(url, bytes, PutMode::Create)
    }

    /// Replaces the given version of an object; `None` if the store has another version, or no such
    /// object.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    pub fn replace(
        &self,
        url: &str,
        bytes: Vec<u8>,
        version: &ObjectVersion,
    ) -> Result<Option<ObjectVersion>, StorageError> {
        self.put_as(url, bytes, PutMode::Update(version.0.clone()))
    }

    fn put_as(
        &self,
        url: &str,
        bytes: Vec<u8>,
        mode: PutMode,
    ) -> Result<Option<ObjectVersion>, StorageError> {
        let address = Address::parse(url)?;
        let (client, path) = (self.client(&address)?, address.path()?);
        let options = PutOptions::from(mode);
        match self.wait(client.put_opts(&path, PutPayload::from(bytes), options)) {
            Ok(put) => Ok(Some(ObjectVersion(put.into()))),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(None),
            Err(error) => Err(client_error(&address, &error)),
        }
    }

    /// Writes the content of a file as an object, in parts where it is large.
    ///
    /// # Errors
    /// The file cannot be read, or the store cannot be reached or refuses; the object is then as it
    /// was before.
    pub fn put_file(&self, url: &str, file: &Path) -> Result<(), StorageError> {
        let address = Address::parse(url)?;
        let mut reader = fs_err::File::open(file)?;
        let size = reader.metadata()?.len();
        let part_bytes = usize::try_from(self.options.part_bytes).unwrap_or(usize::MAX);
        if size <= self.options.part_bytes {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes)?;
            return self.put(url, bytes);
        }
        let (client, path) = (self.client(&address)?, address.path()?);
        self.wait(async {
            let refused = |error: Error| client_error(&address, &error);
            let upload = client.put_multipart(&path).await.map_err(refused)?;
            let mut writer = WriteMultipart::new_with_chunk_size(upload, part_bytes);
            let mut part = vec![0; part_bytes];
            loop {
                let length = match read_part(&mut reader, &mut part) {
                    Ok(0) => break,
                    Ok(length) => length,
                    Err(error) => {
                        // The first error is the one reported, whatever aborting says.
                        let _ = writer.abort().await;
                        return Err(object_error(&address, error));
                    }
                };
                writer
                    .wait_for_capacity(self.options.parts_at_once)
                    .await
                    .map_err(refused)?;
                writer.write(&part[..length]);
            }
            writer.finish().await.map_err(refused)?;
            Ok(())
        })
    }

    /// Removes an object; a missing object is no error.
    ///
    /// # Errors
    /// The store cannot be reached, or refuses.
    pub fn delete(&self, url: &str) -> Result<(), StorageError> {
        let address = Address::parse(url)?;
        let (client, path) = (self.client(&address)?, address.path()?);
        match self.wait(client.delete(&path)) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(client_error(&address, &error)),
        }
    }
}

/// Reads until the part is full or the file ends.
fn read_part(reader: &mut impl Read, part: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < part.len() {
        match reader.read(&mut part[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}
