//! Where the hub is, and the token that is sent to it, from the variables that its own tools read.

use std::path::PathBuf;

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::error::HubError;

/// The hub, if `HF_ENDPOINT` names no other one.
const ENDPOINT: &str = "https://huggingface.co";

/// Variables that hold a token; the first that is set counts.
const TOKENS: [&str; 2] = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/// Where the hub is, and who asks it.
pub(super) struct HubSettings {
    /// URL of the server.
    pub(super) endpoint: Url,
    /// Value of the header `Authorization`, marked as sensitive.
    pub(super) authorization: Option<HeaderValue>,
}

impl std::fmt::Debug for HubSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubSettings")
            .field("endpoint", &self.endpoint.as_str())
            .field("has_token", &self.authorization.is_some())
            .finish()
    }
}

impl HubSettings {
    /// From the environment and the file that `hf auth login` writes.
    ///
    /// # Errors
    /// `HF_ENDPOINT` is no URL of HTTP; the token has characters that no token has.
    pub(super) fn from_env() -> Result<Self, HubError> {
        Self::of(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, HubError> {
        let endpoint = variable("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let parsed = Url::parse(&endpoint)
            .ok()
            .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
        Ok(Self {
            endpoint: parsed.ok_or(HubError::Endpoint)?,
            authorization: token(variable).map(|token| header(&token)).transpose()?,
        })
    }
}

fn header(token: &str) -> Result<HeaderValue, HubError> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| HubError::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The token of a variable or of the file; `None` if there is none, or an empty one.
fn token(variable: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let from_file = || fs_err::read_to_string(token_file(variable)?).ok();
    let token = TOKENS.iter().find_map(|name| variable(name));
    let token = token.or_else(from_file)?.trim().to_owned();
    (!token.is_empty()).then_some(token)
}

/// `HF_TOKEN_PATH`, or `token` in `HF_HOME`, or in the user's cache folder.
fn token_file(variable: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    if let Some(path) = variable("HF_TOKEN_PATH") {
        return Some(path.into());
    }
    let home = variable("HF_HOME").map(PathBuf::from).or_else(|| {
        let cache = variable("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")))?;
        Some(cache.join("huggingface"))
    })?;
    Some(home.join("token"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<HubSettings, HubError> {
        HubSettings::of(&|name| {
            let mut variables = variables.iter();
            let (_, value) = variables.find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        })
    }

    fn sent(variables: &[(&str, &str)]) -> Option<String> {
        let value = settings(variables).unwrap().authorization?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_token_is_read_as_by_the_tools_of_the_hub() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_str().unwrap();
        assert_eq!(sent(&[("HF_HOME", home)]), None);
        fs_err::write(folder.path().join("token"), "hf_file\n").unwrap();
        assert_eq!(sent(&[("HF_HOME", home)]).unwrap(), "Bearer hf_file");
        let both = [("HF_HOME", home), ("HF_TOKEN", "hf_own")];
        assert_eq!(sent(&both).unwrap(), "Bearer hf_own");
        let cache = folder.path().join(".cache/huggingface");
        fs_err::create_dir_all(&cache).unwrap();
        fs_err::write(cache.join("token"), "hf_home").unwrap();
        assert_eq!(sent(&[("HOME", home)]).unwrap(), "Bearer hf_home");
    }

    #[test]
    fn a_token_is_in_no_text() {
        let settings = settings(&[("HF_TOKEN", "hf_secret")]).unwrap();
        let texts = format!("{settings:?} {:?}", settings.authorization);
        assert!(!texts.contains("secret"), "{texts}");
        let error = self::settings(&[("HF_TOKEN", "hf_\nsecret")]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }

    #[test]
    fn an_endpoint_is_a_url_of_http() {
        let endpoint = |text| settings(&[("HF_ENDPOINT", text)]).map(|s| s.endpoint.to_string());
        assert_eq!(
            settings(&[]).unwrap().endpoint.as_str(),
            "https://huggingface.co/"
        );
        let mirror = endpoint("http://127.0.0.1:8000/hub/");
        assert_eq!(mirror.unwrap(), "http://127.0.0.1:8000/hub/");
        for text in ["huggingface.co", "file:///etc", "ftp://a/b"] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }
}
