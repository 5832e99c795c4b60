//! What the local server reads from the environment.

use std::path::PathBuf;

use api::config::{Config, ConfigError, Env, process_env};
use engine::settings::Settings;

use crate::front::Limits;

/// How often the local sweeper looks, where nothing else is said.
const SWEEP_SECS: u64 = 5;

/// Messages that are worked on at once, where nothing else is said.
const WORKER_CONCURRENCY: u64 = 8;

/// The local server's settings.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// `PORT`; 0 takes any.
    pub port: u16,
    /// `DYNAMODB_PORT` of the embedded DynamoDB; 0 takes any.
    pub dynamodb_port: u16,
    /// `DATA_DIR`; `None` keeps everything in memory (tests).
    pub data_dir: Option<PathBuf>,
    /// `RUNO_DEV_KEY`.
    pub dev_key: Option<String>,
    /// `RUNO_DEV_RATE`: calls a minute of the account `dev`.
    pub dev_rate: Option<u64>,
    /// `SQS_PORT` of the embedded SQS; 0 takes any.
    pub sqs_port: u16,
    /// `WORKER_CONCURRENCY`: messages that are worked on at once, as `MaximumConcurrency` of Lambda's event source
    /// mapping; 0 switches the workers off.
    pub worker_concurrency: usize,
    /// What clients may take; `MAX_CONNECTIONS` of it is read.
    pub limits: Limits,
    /// What the functions read too.
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
        let dev_rate = match env.text("RUNO_DEV_RATE") {
            None => None,
            Some(_) => {
                Some(env.number("RUNO_DEV_RATE", 0, 1..=1_000_000_000, "a whole number of calls a minute from 1")?)
            }
        };
        let defaults = Settings { sweep_secs: SWEEP_SECS, ..Settings::default() };
        Ok(LocalConfig {
            port: port("PORT", 8080)?,
            dynamodb_port: port("DYNAMODB_PORT", 0)?,
            sqs_port: port("SQS_PORT", 0)?,
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
            limits: Limits {
                connections: usize::try_from(env.number(
                    "MAX_CONNECTIONS",
                    Limits::default().connections as u64,
                    1..=1_000_000,
                    "a whole number of connections from 1",
                )?)
                .unwrap_or(usize::MAX),
                ..Limits::default()
            },
            config: Config::read(env, defaults)?,
        })
    }
}
