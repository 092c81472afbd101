//! Writing objects: whole or not at all, which is what a put gives; large ones in parts that are put together by a last request.

use std::io::Read;
use std::path::Path;

use object_store::{
    Error, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion, WriteMultipart,
};

use super::address::Address;
use super::client::ObjectStores;
use super::failure::{broken, failed};
use crate::StorageError;

/// A version of an object, which another one may take the place of.
#[derive(Clone, Debug)]
pub struct Written(pub(super) UpdateVersion);

impl ObjectStores {
    /// Writes an object, in place of one that is there.
    ///
    /// # Errors
    /// The store cannot be asked, or refuses; the object is as before then.
    pub fn put(&self, url: &str, bytes: Vec<u8>) -> Result<(), StorageError> {
        self.put_as(url, bytes, PutMode::Overwrite).map(|_| ())
    }

    /// Writes an object that must not be there yet; `None` if it is.
    ///
    /// # Errors
    /// The store cannot be asked, or refuses.
    pub fn put_new(&self, url: &str, bytes: Vec<u8>) -> Result<Option<Written>, StorageError> {
        self.put_as(url, bytes, PutMode::Create)
    }

    /// Writes an object in place of the version that is known; `None` if another is there, or none.
    ///
    /// # Errors
    /// The store cannot be asked, or refuses.
    pub fn replace(
        &self,
        url: &str,
        bytes: Vec<u8>,
        known: &Written,
    ) -> Result<Option<Written>, StorageError> {
        self.put_as(url, bytes, PutMode::Update(known.0.clone()))
    }

    fn put_as(
        &self,
        url: &str,
        bytes: Vec<u8>,
        mode: PutMode,
    ) -> Result<Option<Written>, StorageError> {
        let at = Address::parse(url)?;
        let (client, path) = (self.client(&at)?, at.path()?);
        let options = PutOptions::from(mode);
        match self.wait(client.put_opts(&path, PutPayload::from(bytes), options)) {
            Ok(put) => Ok(Some(Written(put.into()))),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(None),
            Err(error) => Err(failed(&at, &error)),
        }
    }

    /// Writes the content of a file as an object, in parts where it is large.
    ///
    /// # Errors
    /// The file cannot be read, or the store cannot be asked, or refuses; the object is as before then.
    pub fn put_file(&self, url: &str, file: &Path) -> Result<(), StorageError> {
        let at = Address::parse(url)?;
        let mut reader = fs_err::File::open(file)?;
        let size = reader.metadata()?.len();
        let step = usize::try_from(self.options.part_bytes).unwrap_or(usize::MAX);
        if size <= self.options.part_bytes {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes)?;
            return self.put(url, bytes);
        }
        let (client, path) = (self.client(&at)?, at.path()?);
        self.wait(async {
            let refused = |error: Error| failed(&at, &error);
            let upload = client.put_multipart(&path).await.map_err(refused)?;
            let mut writer = WriteMultipart::new_with_chunk_size(upload, step);
            let mut part = vec![0; step];
            loop {
                let length = match read_part(&mut reader, &mut part) {
                    Ok(0) => break,
                    Ok(length) => length,
                    Err(error) => {
                        // The error that is told is the first one.
                        let _ = writer.abort().await;
                        return Err(broken(&at, error));
                    }
                };
                let room = writer.wait_for_capacity(self.options.parts_at_once).await;
                room.map_err(refused)?;
                writer.write(&part[..length]);
            }
            writer.finish().await.map_err(refused)?;
            Ok(())
        })
    }

    /// Removes an object; that it is not there is no error.
    ///
    /// # Errors
    /// The store cannot be asked, or refuses.
    pub fn delete(&self, url: &str) -> Result<(), StorageError> {
        let at = Address::parse(url)?;
        let (client, path) = (self.client(&at)?, at.path()?);
        match self.wait(client.delete(&path)) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(&at, &error)),
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
