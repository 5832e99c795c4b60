//! Configuration, read once from the environment.

use fetch::FetchConfig;
use ipnet::IpNet;
use language_model::ModelConfig;
use runtime::settings::Settings;
use store::TableNames;
use store::client::{Connection, Identity};

use crate::env::{ConfigError, Env};
use crate::model_config;

/// Default of `METRICS_NAMESPACE`.
pub(crate) const METRICS_NAMESPACE: &str = "Runo";

/// Settings that do not depend on where the tables and queues are.
#[derive(Debug, Clone)]
pub struct Config {
    /// `FETCH_ALLOW`.
    pub fetch: FetchConfig,
    /// Times and limits.
    pub settings: Settings,
    /// `RESULT_TTL_HOURS`, in seconds.
    pub result_ttl_secs: u64,
    /// The operator's model, if one is configured.
    pub model: Option<ModelConfig>,
    /// `METRICS_NAMESPACE`: the CloudWatch namespace of the metrics. Each stack of an account has its own.
    pub metrics_namespace: String,
    /// `EXPLAIN`: whether callers may ask why a value was chosen.
    pub explains: bool,
}

/// Where the tables and queues are.
#[derive(Debug, Clone)]
pub struct ResourceConfig {
    /// `ACCOUNTS_TABLE`, `JOBS_TABLE`, `HOSTS_TABLE`.
    pub tables: TableNames,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL` or the AWS environment.
    pub dynamodb: Connection,
    /// `AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL` or the AWS environment.
    pub sqs: Connection,
    /// `UNITS_QUEUE_URL`.
    pub units_queue: String,
    /// `SETTLE_QUEUE_URL`.
    pub settle_queue: String,
    /// `NOTIFY_QUEUE_URL`.
    pub notify_queue: String,
    /// The function that renders pages, if there is one.
    pub renderer: Option<RendererFunction>,
}

/// A function that renders pages.
#[derive(Debug, Clone)]
pub struct RendererFunction {
    /// `RENDER_FUNCTION`: its name or ARN.
    pub function: String,
    /// `AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL` or the AWS environment.
    pub lambda: Connection,
}

/// Which tables a function may access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableAccess {
    /// Every table.
    All,
    /// Not the accounts table: the function has no access to credits.
    WithoutAccounts,
}

/// Table name for functions that must not access the table; no such table exists.
const NO_TABLE: &str = "none";

impl ResourceConfig {
    /// Reads a function's tables and queues from the environment.
    ///
    /// # Errors
    /// A required variable is missing.
    pub fn from_env(env: &Env<'_>, access: TableAccess) -> Result<ResourceConfig, ConfigError> {
        let tables = TableNames {
            accounts: match access {
                TableAccess::All => env.required("ACCOUNTS_TABLE")?,
                TableAccess::WithoutAccounts => NO_TABLE.into(),
            },
            jobs: env.required("JOBS_TABLE")?,
            hosts: env.required("HOSTS_TABLE")?,
        };
        let connection = |own| {
            let endpoint = env.text(own).or_else(|| env.text("AWS_ENDPOINT_URL"));
            if endpoint.is_none() && env.sam_local() {
                return Err(ConfigError::NoEndpoint(own));
            }
            Ok(Connection { endpoint, region: env.text("AWS_REGION"), identity: Identity::Environment, http: None })
        };
        Ok(ResourceConfig {
            tables,
            dynamodb: connection("AWS_ENDPOINT_URL_DYNAMODB")?,
            sqs: connection("AWS_ENDPOINT_URL_SQS")?,
            units_queue: env.required("UNITS_QUEUE_URL")?,
            settle_queue: env.required("SETTLE_QUEUE_URL")?,
            notify_queue: env.required("NOTIFY_QUEUE_URL")?,
            renderer: match env.text("RENDER_FUNCTION") {
                Some(function) => Some(RendererFunction { function, lambda: connection("AWS_ENDPOINT_URL_LAMBDA")? }),
                None => None,
            },
        })
    }
}

impl Config {
    /// Reads the settings; a variable that is not set has its value in `defaults`.
    ///
    /// # Errors
    /// A variable cannot be read.
    pub fn read(env: &Env<'_>, defaults: Settings) -> Result<Config, ConfigError> {
        let secs =
            |name, default| env.number(name, default, 1..=31_536_000, "a whole number of seconds from 1 to 31536000");
        let count = |name, default: u32, range, what| {
            let read = env.number(name, u64::from(default), range, what)?;
            Ok::<u32, _>(u32::try_from(read).unwrap_or(default))
        };
        let settings = Settings {
            lease_secs: secs("LEASE_SECONDS", defaults.lease_secs)?,
            hold_secs: secs("HOLD_SECONDS", defaults.hold_secs)?,
            read_hold_secs: secs("READ_HOLD_SECONDS", defaults.read_hold_secs)?,
            deadline_secs: secs("JOB_DEADLINE_SECONDS", defaults.deadline_secs)?,
            sweep_secs: secs("SWEEP_SECONDS", defaults.sweep_secs)?,
            stall_secs: secs("STALL_SECONDS", defaults.stall_secs)?,
            units_per_message: count(
                "UNITS_PER_MESSAGE",
                defaults.units_per_message,
                1..=100,
                "a whole number from 1 to 100",
            )?,
            fetch_concurrency: count(
                "FETCH_CONCURRENCY",
                defaults.fetch_concurrency,
                1..=10_000,
                "a whole number from 1 to 10000",
            )?,
            render_concurrency: count(
                "RENDER_CONCURRENCY",
                defaults.render_concurrency,
                1..=1_000,
                "a whole number from 1 to 1000",
            )?,
            model_concurrency: count(
                "MODEL_CONCURRENCY",
                defaults.model_concurrency,
                1..=1_000,
                "a whole number from 1 to 1000",
            )?,
            host_delay_ms: env.number(
                "HOST_DELAY_MS",
                defaults.host_delay_ms,
                0..=3_600_000,
                "a whole number of milliseconds from 0 to 3600000",
            )?,
            cache_ttl_secs: env.number(
                "CACHE_TTL_SECONDS",
                defaults.cache_ttl_secs,
                0..=31_536_000,
                "a whole number of seconds from 0 to 31536000",
            )?,
            ..defaults
        };
        let ttl_hours = env.number("RESULT_TTL_HOURS", 24, 1..=8_760, "a whole number of hours from 1 to 8760")?;
        let defaults = FetchConfig::default();
        let user_agent = user_agent(env)?.unwrap_or(defaults.user_agent);
        let fetch = FetchConfig { allow: allowed(env)?, user_agent, ..FetchConfig::default() };
        Ok(Config {
            fetch,
            settings,
            result_ttl_secs: ttl_hours * 3_600,
            model: model_config::read(env)?,
            metrics_namespace: env.text("METRICS_NAMESPACE").unwrap_or_else(|| METRICS_NAMESPACE.into()),
            explains: env.number("EXPLAIN", 0, 0..=1, "0 or 1")? == 1,
        })
    }
}

/// Reads `USER_AGENT`: a product token (RFC 9309 §2.2.1), by which robots.txt rules are chosen, then anything that a
/// header may hold.
fn user_agent(env: &Env<'_>) -> Result<Option<String>, ConfigError> {
    let Some(value) = env.text("USER_AGENT") else { return Ok(None) };
    let printable = value.len() <= 256 && value.bytes().all(|b| matches!(b, b' '..=b'~'));
    if printable && !fetch::product_token(&value).is_empty() {
        return Ok(Some(value));
    }
    let want = "at most 256 characters: a product token of letters, \"-\" and \"_\", then printable ASCII, like \"Acme/1.0 (+https://example.com/bot)\"";
    Err(ConfigError::Unreadable { name: "USER_AGENT", value, want })
}

fn allowed(env: &Env<'_>) -> Result<Vec<IpNet>, ConfigError> {
    let Some(value) = env.text("FETCH_ALLOW") else { return Ok(Vec::new()) };
    value
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse::<IpNet>().or_else(|_| part.parse::<std::net::IpAddr>().map(IpNet::from)).map_err(|_| {
                let want = "a comma-separated list of addresses and CIDR ranges like 127.0.0.0/8";
                ConfigError::Unreadable { name: "FETCH_ALLOW", value: value.clone(), want }
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let look = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::read(&Env(&look), Settings::default())
    }

    #[test]
    fn variables_that_are_set_override_the_defaults() {
        let c =
            read(&[("LEASE_SECONDS", "7"), ("FETCH_ALLOW", "127.0.0.0/8, ::1"), ("RESULT_TTL_HOURS", "2")]).unwrap();
        assert_eq!((c.settings.lease_secs, c.settings.hold_secs, c.result_ttl_secs), (7, 840, 7_200));
        assert_eq!(c.fetch.allow.len(), 2);
        assert_eq!(c.settings.host_delay_ms, 250);
        assert_eq!(read(&[("HOST_DELAY_MS", "0")]).unwrap().settings.host_delay_ms, 0);
        assert_eq!(
            read(&[("USER_AGENT", " Acme/1 (+mailto:a@b.test)")]).unwrap().fetch.user_agent,
            "Acme/1 (+mailto:a@b.test)"
        );
        assert!(!read(&[]).unwrap().fetch.user_agent.contains("://"));
        assert!(read(&[("USER_AGENT", "1/2")]).is_err() && read(&[("USER_AGENT", "Acmé")]).is_err());
        assert!(read(&[("FETCH_ALLOW", "")]).unwrap().fetch.allow.is_empty());
    }

    #[test]
    fn errors_name_the_variable_and_say_if_it_is_missing_or_unreadable() {
        let e = read(&[("LEASE_SECONDS", "soon")]).unwrap_err().to_string();
        assert!(e.contains("LEASE_SECONDS") && e.contains("soon"), "{e}");
        assert!(read(&[("FETCH_CONCURRENCY", "0")]).is_err());
        assert!(read(&[("FETCH_ALLOW", "localhost")]).unwrap_err().to_string().contains("FETCH_ALLOW"));
        let worker = |name: &str| (name != "ACCOUNTS_TABLE").then(|| name.to_lowercase());
        let resources = ResourceConfig::from_env(&Env(&worker), TableAccess::WithoutAccounts).unwrap();
        assert_eq!((resources.tables.jobs.as_str(), resources.units_queue.as_str()), ("jobs_table", "units_queue_url"));
        assert_eq!(
            ResourceConfig::from_env(&Env(&worker), TableAccess::All).unwrap_err(),
            ConfigError::Missing("ACCOUNTS_TABLE")
        );
        // Only "sam local" passes a developer's credentials to the function, so only it requires local endpoints.
        let vars = std::cell::RefCell::new(vec!["AWS_SAM_LOCAL", "RENDER_FUNCTION"]);
        let sam = |name: &str| {
            let set = !name.starts_with("AWS_") && name != "RENDER_FUNCTION" || vars.borrow().contains(&name);
            set.then(|| "set".to_owned())
        };
        let read = || ResourceConfig::from_env(&Env(&sam), TableAccess::All);
        for missing in ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_LAMBDA"] {
            assert_eq!(read().unwrap_err(), ConfigError::NoEndpoint(missing));
            vars.borrow_mut().push(missing);
        }
        assert!(read().unwrap().dynamodb.endpoint.is_some());
        vars.replace(vec!["AWS_SAM_LOCAL", "AWS_ENDPOINT_URL"]);
        assert!(read().unwrap().sqs.endpoint.is_some());
        vars.replace(Vec::new());
        assert!(read().unwrap().dynamodb.endpoint.is_none(), "no endpoint is needed on Lambda");
        let none = |_: &str| None;
        assert_eq!(Env(&none).required("JOBS_TABLE"), Err(ConfigError::Missing("JOBS_TABLE")));
    }
}
