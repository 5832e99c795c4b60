//! The operator's configuration: which model, where, and what it may cost. Never part of a request.

use std::fmt;
use std::time::Duration;

use url::Url;

use crate::price::Prices;

/// A text that logs and debug output do not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Which model, where, and within which limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelConfig {
    /// `MODEL_URL`: base of the API, such as `https://api.openai.com/v1`.
    pub base: Url,
    /// `MODEL_KEY`: sent as a bearer token, if there is one.
    pub key: Option<Secret>,
    /// `MODEL_NAME`.
    pub name: String,
    /// `MODEL_TIMEOUT_MS`: maximum time for one page's call, retries included. The page's own timeout limits it, too.
    pub timeout: Duration,
    /// `MODEL_MAX_CHARS`: maximum number of bytes of a page's text in a call.
    pub max_text: usize,
    /// `MODEL_INPUT_PRICE`, `MODEL_OUTPUT_PRICE`: US dollars for a million tokens.
    pub prices: Option<Prices>,
    /// `MODEL_BATCH`: whether the provider's batches are used for jobs that nobody waits for.
    pub batch: bool,
    /// `MODEL_VISION`: whether the model accepts pictures.
    pub vision: bool,
    /// `MODEL_DAILY_BUDGET`: maximum cost of all calls of a day (UTC), in millionths of a US dollar.
    pub daily_budget: Option<u64>,
}

/// An address that cannot be a model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be an absolute http or https URL without user name, password, query and fragment, like https://api.openai.com/v1"
)]
pub struct ConfigFault;

impl ModelConfig {
    /// A model with the default limits.
    ///
    /// # Errors
    /// The base is not the address of an API.
    pub fn new(base: &str, name: &str) -> Result<ModelConfig, ConfigFault> {
        let mut base = Url::parse(base).map_err(|_| ConfigFault)?;
        let plain = base.query().is_none() && base.fragment().is_none() && base.username().is_empty();
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() || !plain || base.password().is_some() {
            return Err(ConfigFault);
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(ModelConfig {
            base,
            key: None,
            name: name.to_owned(),
            timeout: Duration::from_secs(30),
            max_text: 60_000,
            prices: None,
            batch: false,
            vision: false,
            daily_budget: None,
        })
    }

    /// Returns the address of an operation.
    pub(crate) fn address(&self, operation: &str) -> Option<Url> {
        self.base.join(operation).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_must_be_the_address_of_an_api() {
        let address = |base| ModelConfig::new(base, "m").map(|c| c.address("chat/completions").map(String::from));
        let chat = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(address("https://api.openai.com/v1"), chat("https://api.openai.com/v1/chat/completions"));
        assert_eq!(address("http://127.0.0.1:8000/v1/"), chat("http://127.0.0.1:8000/v1/chat/completions"));
        for none in ["", "api.openai.com", "file:///v1", "https://u:p@h/v1", "https://h/v1?key=1", "https://h/#a"] {
            assert_eq!(address(none), Err(ConfigFault), "{none}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let mut config = ModelConfig::new("https://h/v1", "m").unwrap();
        config.key = Some(Secret::new("sk-123"));
        assert!(!format!("{config:?}").contains("123"));
    }
}
