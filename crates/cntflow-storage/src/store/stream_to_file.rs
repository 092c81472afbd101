//! Reading a large object in one piece, with reports of how much has arrived.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use futures_util::StreamExt;
use object_store::GetOptions;

use super::client::ObjectStores;
use super::failure::{client_error, object_error};
use super::fetch::Request;
use crate::{FullMessage, Limits, StorageError};

impl ObjectStores {
    /// Writes the bytes of an object to `file`, from its beginning. `report` is called with the
    /// bytes received and the object's size, after each chunk. An answer that breaks off is
    /// requested again from its beginning.
    ///
    /// # Errors
    /// As [`ObjectStores::fetch`]; `file` cannot be written; the answer breaks off at each try. The
    /// last names both sizes.
    pub fn stream_to_file(
        &self,
        url: &str,
        file: &mut File,
        report: &mut dyn FnMut(u64, u64),
    ) -> Result<(), StorageError> {
        let request = self.request(url, &Limits::default())?;
        self.wait(request.stream_to_file(file, report))
    }
}

impl Request {
    async fn stream_to_file(
        &self,
        file: &mut File,
        report: &mut dyn FnMut(u64, u64),
    ) -> Result<(), StorageError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let Some(cut) = self.try_to_stream(file, report).await? else {
                return Ok(());
            };
            if tries > self.options.retries {
                let reason = format!("{cut} after {tries} tries");
                return Err(object_error(&self.address, reason));
            }
            tokio::time::sleep(self.options.first_wait).await;
        }
    }

    /// Streams the object once. Returns what is missing if the answer breaks off.
    async fn try_to_stream(
        &self,
        file: &mut File,
        report: &mut dyn FnMut(u64, u64),
    ) -> Result<Option<String>, StorageError> {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        let path = self.address.path()?;
        let got = self.client.get_opts(&path, GetOptions::default()).await;
        let got = got.map_err(|error| client_error(&self.address, &error))?;
        let size = got.meta.size;
        let mut received = 0;
        let mut body = got.into_stream();
        while let Some(chunk) = body.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    let cause = error.full_message();
                    return Ok(Some(format!(
                        "received only {received} of {size} bytes ({cause})"
                    )));
                }
            };
            file.write_all(&chunk)?;
            received += chunk.len() as u64;
            report(received, size);
        }
        let is_cut = received < size;
        Ok(is_cut.then(|| format!("received only {received} of {size} bytes")))
    }
}
