//! Reads variables of the environment. Errors name the variable and distinguish a missing one from an unreadable one.

/// A variable of the environment is missing or unreadable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is not set.
    #[error("the environment variable {0} is required, but not set")]
    Missing(&'static str),
    /// A function under `sam local` has no local endpoint.
    #[error(
        "neither {0} nor AWS_ENDPOINT_URL is set; under \"sam local\" this function does not call the real AWS with your credentials (docs/OPERATIONS.md#on-your-own-machine)"
    )]
    NoEndpoint(&'static str),
    /// A variable that another one requires is not set.
    #[error("{missing} must be set, because the environment variable {cause} is set")]
    MissingBeside {
        /// The variables that must be set.
        missing: &'static str,
        /// The variable that requires it.
        cause: &'static str,
    },
    /// A variable that may contain a secret has a value that cannot be read. Its value is not kept.
    #[error("the environment variable {name} is not {want} (its value is not shown, because it may contain a secret)")]
    UnreadableSecret {
        /// Its name.
        name: &'static str,
        /// What it must be.
        want: &'static str,
    },
    /// A variable has a value that cannot be read.
    #[error("the environment variable {name} is \"{value}\"; it must be {want}")]
    Unreadable {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        want: &'static str,
    },
}

/// Looks up variables.
pub struct Env<'a>(pub &'a dyn Fn(&str) -> Option<String>);

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Env")
    }
}

impl Env<'_> {
    /// Returns a variable's text, trimmed; `None` if it is not set or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    /// Returns a variable that must be set.
    ///
    /// # Errors
    /// [`ConfigError::Missing`].
    pub fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.text(name).ok_or(ConfigError::Missing(name))
    }

    /// Whether `sam local` runs this function: it sets `AWS_SAM_LOCAL`.
    pub fn sam_local(&self) -> bool {
        self.text("AWS_SAM_LOCAL").is_some()
    }

    /// Returns a whole number in a range, or `default` if the variable is not set.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`].
    pub fn number(
        &self,
        name: &'static str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
        want: &'static str,
    ) -> Result<u64, ConfigError> {
        let Some(value) = self.text(name) else { return Ok(default) };
        match value.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(ConfigError::Unreadable { name, value, want }),
        }
    }
}

/// Looks up a variable in the environment of the process.
#[allow(clippy::disallowed_methods)] // the only place that reads the environment
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
