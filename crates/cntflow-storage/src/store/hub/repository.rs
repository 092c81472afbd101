//! A repository: its branches and tags, and the commits that they name.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::api::{Reference, References};
use super::client::HubClient;
use super::error::HubError;

/// The branch that is read if no revision is named.
pub(super) const MAIN: &str = "main";

/// Most revisions that a message lists.
const MOST_LISTED: usize = 6;

/// A repository of models.
#[derive(Debug)]
pub(crate) struct HubRepository {
    pub(super) client: Arc<HubClient>,
    /// `owner/name`.
    pub(super) name: String,
    /// Branches and tags as they were when they were looked up last.
    references: Mutex<Option<Arc<Vec<Reference>>>>,
}

impl HubRepository {
    pub(super) fn new(client: Arc<HubClient>, name: String) -> Self {
        Self {
            client,
            name,
            references: Mutex::default(),
        }
    }

    /// Looks branches and tags up anew: from now on their files are read as of now.
    ///
    /// # Errors
    /// There is no such repository, or the hub does not answer.
    pub(crate) async fn refresh(&self) -> Result<(), HubError> {
        let mut references = self.references.lock().await;
        *references = Some(self.look_up().await?);
        Ok(())
    }

    /// The names of the branches and tags that `accepts` takes, each once, in their order.
    ///
    /// # Errors
    /// As [`HubRepository::refresh`]; it takes none.
    pub(crate) async fn matching(
        &self,
        pattern: &str,
        accepts: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, HubError> {
        let all = self.references().await?;
        let mut names: Vec<String> = all
            .iter()
            .filter(|reference| accepts(&reference.name))
            .map(|reference| reference.name.clone())
            .collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Err(no_revision(pattern, &all));
        }
        Ok(names)
    }

    /// The commit of a revision: of a branch or a tag the one that it named when it was looked up.
    /// Anything else, such as a commit, is left to the hub.
    pub(super) async fn commit(&self, revision: &str) -> Result<String, HubError> {
        let references = self.references().await?;
        let known = references.iter().find(|known| known.name == revision);
        Ok(known
            .map_or(revision, |known| &known.target_commit)
            .to_owned())
    }

    /// The error with the revision that was asked for, and some that there are.
    pub(super) async fn explain(&self, error: HubError, revision: &str) -> HubError {
        match (error, self.references().await) {
            (HubError::NoRevision { .. }, Ok(references)) => no_revision(revision, &references),
            (error, _) => error,
        }
    }

    async fn references(&self) -> Result<Arc<Vec<Reference>>, HubError> {
        let mut references = self.references.lock().await;
        match &*references {
            Some(known) => Ok(Arc::clone(known)),
            None => {
                let found = self.look_up().await?;
                *references = Some(Arc::clone(&found));
                Ok(found)
            }
        }
    }

    async fn look_up(&self) -> Result<Arc<Vec<Reference>>, HubError> {
        let path = ["api", "models"].into_iter();
        let path = path.chain(self.name.split('/')).chain(["refs"]);
        let url = self.client.url(path);
        let answer = self.client.json::<References>(url, &self.name).await;
        // Nothing of this name, whatever it is.
        let answer = answer.map_err(|error| match error {
            HubError::NoFile => HubError::NoRepository,
            other => other,
        });
        let (mut found, _) = answer?;
        found.branches.append(&mut found.tags);
        Ok(Arc::new(found.branches))
    }
}

fn no_revision(revision: &str, references: &[Reference]) -> HubError {
    let names = references.iter().take(MOST_LISTED);
    let names: Vec<&str> = names.map(|reference| reference.name.as_str()).collect();
    let known = match references.len() {
        0 => String::new(),
        n if n > names.len() => format!("; it has {n}, such as {}", names.join(", ")),
        _ => format!("; it has {}", names.join(", ")),
    };
    HubError::NoRevision {
        revision: revision.to_owned(),
        known,
    }
}
