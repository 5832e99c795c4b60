//! `runo login`: stores an API key and a base URL after the service has accepted the key.

use std::io::{self, IsTerminal};

use console::Term;

use crate::config::{DEFAULT_BASE_URL, Login, build_client};
use crate::exit::{AUTHENTICATION, CommandError, SUCCESS};
use crate::terminal::{line, notice};

pub(super) async fn login(base_url: Option<String>) -> Result<u8, CommandError> {
    let path = Login::path()?;
    // A file that cannot be read is replaced.
    let before = Login::read(&path).unwrap_or_default();
    let base_url = base_url.or(before.base_url).unwrap_or_else(|| DEFAULT_BASE_URL.to_owned());
    let key = key(&base_url)
        .map_err(|error| CommandError::new(AUTHENTICATION, format!("the key cannot be read: {error}")))?;
    if key.is_empty() {
        return Err(CommandError::new(AUTHENTICATION, "there is no API key on standard input"));
    }
    let usage = build_client(&key, &base_url)?.usage().await?;
    Login { base_url: Some(base_url.clone()), api_key: Some(key) }.write(&path)?;
    let (account, plan) = (line(&usage.account_id), line(usage.plan.as_str()));
    notice(&format!("{base_url} accepts this key: account {account}, plan {plan}; stored in {}", path.display()));
    Ok(SUCCESS)
}

/// Prompts for the key without echo if standard input is a terminal, otherwise reads it from there.
fn key(base_url: &str) -> io::Result<String> {
    let key = if io::stdin().is_terminal() {
        eprint!("API key of {base_url} (not shown): ");
        Term::stderr().read_secure_line()?
    } else {
        io::read_to_string(io::stdin().lock())?
    };
    Ok(key.trim().to_owned())
}
