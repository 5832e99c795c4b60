//! Configuration of the local server, read from the environment.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use api::config::Config;
use api::env::{ConfigError, Env, process_env};
use runtime::settings::Settings;

use crate::front::Limits;
use crate::host::ServerNames;
use crate::listener::Credentials;

/// Default of `SWEEP_SECONDS` here.
const SWEEP_SECS: u64 = 5;

/// Default of `WORKER_CONCURRENCY`.
const WORKER_CONCURRENCY: u64 = 8;

/// The local server's settings.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// `BIND_ADDRESS`: the address on which the API listens, and the embedded stores if they have ports.
    pub bind_address: IpAddr,
    /// `SERVER_NAMES`: host names that requests may use, besides loopback's.
    pub names: ServerNames,
    /// `PORT`; 0 lets the system choose.
    pub port: u16,
    /// `DYNAMODB_PORT`: port of the embedded DynamoDB; 0 lets the system choose. `None`: it has no listener.
    pub dynamodb_port: Option<u16>,
    /// `DATA_DIR`; `None` keeps all data in memory (tests).
    pub data_dir: Option<PathBuf>,
    /// `RUNO_DEV_KEY`.
    pub dev_key: Option<String>,
    /// `RUNO_DEV_RATE`: calls per minute of the account `dev`.
    pub dev_rate: Option<u64>,
    /// `SQS_PORT`: the same for the embedded SQS.
    pub sqs_port: Option<u16>,
    /// Credentials for requests to those ports; `None` generates random ones.
    pub credentials: Option<Credentials>,
    /// `WORKER_CONCURRENCY`: messages handled at once, like `MaximumConcurrency` of Lambda's event source mapping; 0
    /// switches the workers off.
    pub worker_concurrency: usize,
    /// `BROWSER`, or the first Chromium on the path; `None` if there is none, or `BROWSER` is `off`.
    pub browser: Option<PathBuf>,
    /// Limits on clients; only `MAX_CONNECTIONS` is read.
    pub limits: Limits,
    /// The settings that functions have too.
    pub config: Config,
}

impl LocalConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// A variable cannot be read.
    pub fn from_env() -> Result<LocalConfig, ConfigError> {
        LocalConfig::read(&Env(&process_env))
    }

    /// Reads an environment.
    ///
    /// # Errors
    /// A variable cannot be read.
    pub fn read(env: &Env<'_>) -> Result<LocalConfig, ConfigError> {
        let port = |name, default| {
            env.number(name, default, 0..=65_535, "a port number from 0 to 65535")
                .map(|p| u16::try_from(p).unwrap_or(0))
        };
        // 0 means no port; "any" lets the system choose one.
        let listener_port = |name| {
            if env.text(name).as_deref() == Some("any") {
                return Ok(Some(0));
            }
            let want = "a port number from 1 to 65535, \"any\", or 0 for none";
            let port = env.number(name, 0, 0..=65_535, want)?;
            Ok::<_, ConfigError>(u16::try_from(port).ok().filter(|port| *port > 0))
        };
        let dev_rate = match env.text("RUNO_DEV_RATE") {
            None => None,
            Some(_) => {
                let want = "a whole number of calls per minute from 1 to 1000000000";
                Some(env.number("RUNO_DEV_RATE", 0, 1..=1_000_000_000, want)?)
            }
        };
        let defaults = Settings { sweep_secs: SWEEP_SECS, ..Settings::default() };
        Ok(LocalConfig {
            bind_address: parsed(env, "BIND_ADDRESS", "an IP address of this machine, or 0.0.0.0 for all", |text| {
                text.parse().ok()
            })?
            .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            names: parsed(env, "SERVER_NAMES", "host names and addresses, separated by commas", ServerNames::parse)?
                .unwrap_or_default(),
            port: port("PORT", 8080)?,
            dynamodb_port: listener_port("DYNAMODB_PORT")?,
            sqs_port: listener_port("SQS_PORT")?,
            credentials: None,
            worker_concurrency: usize::try_from(env.number(
                "WORKER_CONCURRENCY",
                WORKER_CONCURRENCY,
                0..=1_000,
                "a whole number from 0 to 1000",
            )?)
            .unwrap_or(0),
            data_dir: Some(env.text("DATA_DIR").unwrap_or_else(|| ".runo".into()).into()),
            dev_key: env.text("RUNO_DEV_KEY"),
            dev_rate,
            browser: browser(env)?,
            limits: Limits {
                connections: usize::try_from(env.number(
                    "MAX_CONNECTIONS",
                    Limits::default().connections as u64,
                    1..=1_000_000,
                    "a whole number of connections from 1 to 1000000",
                )?)
                .unwrap_or(usize::MAX),
                ..Limits::default()
            },
            config: Config::read(env, defaults)?,
        })
    }
}

/// Returns the parsed value of a variable; `None` if it is not set.
fn parsed<T>(
    env: &Env<'_>,
    name: &'static str,
    want: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = env.text(name) else { return Ok(None) };
    parse(&value).map(Some).ok_or(ConfigError::Unreadable { name, value, want })
}

/// Finds the browser. It is an error if `BROWSER` names one that does not exist, but not if none is found.
fn browser(env: &Env<'_>) -> Result<Option<PathBuf>, ConfigError> {
    let named = env.text("BROWSER");
    let found = render::find::find(named.as_deref(), env.text("PATH").as_ref().map(OsStr::new));
    match named {
        Some(value) if found.is_none() && value != "off" => {
            Err(ConfigError::Unreadable { name: "BROWSER", value, want: "the path of a Chromium, or \"off\"" })
        }
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_server_names_are_read() {
        let read = |vars: &[(&str, &str)]| {
            let lookup = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            LocalConfig::read(&Env(&lookup)).map(|c| (c.bind_address.to_string(), c.names))
        };
        assert_eq!(read(&[]).unwrap(), ("127.0.0.1".into(), ServerNames::default()));
        let given = read(&[("BIND_ADDRESS", "0.0.0.0"), ("SERVER_NAMES", "runo.example.com")]).unwrap();
        assert_eq!(given, ("0.0.0.0".into(), ServerNames::parse("runo.example.com").unwrap()));
        assert!(read(&[("BIND_ADDRESS", "eth0")]).unwrap_err().to_string().contains("BIND_ADDRESS"));
        assert!(read(&[("SERVER_NAMES", "http://a")]).unwrap_err().to_string().contains("SERVER_NAMES"));
    }

    #[test]
    fn stores_have_listeners_only_if_ports_are_set() {
        let ports = |value: Option<&str>| {
            let lookup = |name: &str| value.filter(|_| name.ends_with("_PORT") && name != "PORT").map(str::to_owned);
            LocalConfig::read(&Env(&lookup)).map(|c| (c.dynamodb_port, c.sqs_port))
        };
        assert_eq!(ports(None).unwrap(), (None, None));
        assert_eq!(ports(Some("0")).unwrap(), (None, None));
        assert_eq!(ports(Some("any")).unwrap(), (Some(0), Some(0)));
        assert_eq!(ports(Some("8000")).unwrap(), (Some(8_000), Some(8_000)));
        for bad in ["65536", "yes", "-1"] {
            assert!(ports(Some(bad)).unwrap_err().to_string().contains("DYNAMODB_PORT"), "{bad}");
        }
    }
}
