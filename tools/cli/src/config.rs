//! API key and base URL: from the environment, otherwise from what `runo login` stored.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use runo_client::Client;
use serde::{Deserialize, Serialize};

use crate::exit::{AUTHENTICATION, CommandError, FAILURE};
use crate::terminal;

pub(crate) const DEFAULT_BASE_URL: &str = "http://127.0.0.1:8080";

/// What `runo login` stores.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) base_url: Option<String>,
    pub(crate) api_key: Option<String>,
}

impl Login {
    /// Returns the path of the file, in the platform's configuration folder.
    pub(crate) fn path() -> Result<PathBuf, CommandError> {
        let strategy = etcetera::choose_base_strategy()
            .map_err(|error| CommandError::new(FAILURE, format!("there is no configuration folder: {error}")))?;
        Ok(strategy.config_dir().join("runo").join("config.json"))
    }

    /// Reads the file; returns an empty `Login` if it does not exist. Warns if other users can read it.
    pub(crate) fn read(path: &Path) -> Result<Login, CommandError> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Login::default()),
            text => text.map_err(|error| CommandError::file(path, &error))?,
        };
        if is_readable_by_others(path) {
            terminal::notice(&format!(
                "runo: others can read {}: run chmod 600 on it and replace the key",
                path.display()
            ));
        }
        serde_json::from_str(&text).map_err(|error| {
            CommandError::new(FAILURE, format!("{}: {error}; run `runo login` to write it again", path.display()))
        })
    }

    /// Writes the file so that only its owner can read it. The rename replaces the old file atomically.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CommandError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let write = || -> io::Result<()> {
            private_folder(folder)?;
            // Temporary files are created with mode 0600.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().map_err(|error| CommandError::file(path, &error))
    }
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Path) -> bool {
    false
}

#[expect(clippy::disallowed_methods, reason = "the one place where this program reads its environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Builds a client from the environment or the stored login.
pub(crate) fn client() -> Result<Client, CommandError> {
    let (key, base) = (environment("RUNO_API_KEY"), environment("RUNO_BASE_URL"));
    let login = match (&key, &base) {
        (Some(_), Some(_)) => Login::default(),
        _ => Login::read(&Login::path()?)?,
    };
    let Some(key) = key.or(login.api_key) else {
        return Err(CommandError::new(AUTHENTICATION, "there is no API key: run `runo login` or set RUNO_API_KEY"));
    };
    build_client(&key, &base.or(login.base_url).unwrap_or_else(|| DEFAULT_BASE_URL.to_owned()))
}

pub(crate) fn build_client(key: &str, base: &str) -> Result<Client, CommandError> {
    let agent = concat!("runo-cli/", env!("CARGO_PKG_VERSION"));
    Ok(Client::builder().api_key(key).base_url(base).user_agent(agent).build()?)
}
