//! Builds the DynamoDB client, and what the SQS client shares with it: the same SDK for the cloud and for a local
//! endpoint.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Where a service is. The default is the AWS environment's.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Another endpoint, like `http://127.0.0.1:8000`. Where the environment has no credentials, they are made up then:
    /// most emulators ask for none.
    pub endpoint: Option<String>,
    /// The region. Without one, an emulator takes `us-east-1`, and AWS's own tools' choice is only known to their chain.
    pub region: Option<String>,
    /// Whose credentials sign the requests.
    pub identity: Identity,
    /// What carries the requests, where it is not the network: a service in this process.
    pub http: Option<SharedHttpClient>,
}

/// Where credentials come from.
#[derive(Debug, Clone, Default)]
pub enum Identity {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, as Lambda sets them. Nothing else is
    /// looked for: the other sources are a megabyte that no function would ever use.
    #[default]
    Environment,
    /// All that AWS's own tools look at: variables, shared config files (this profile of theirs), roles to assume,
    /// containers, instances.
    #[cfg(feature = "profiles")]
    Chain {
        /// A named profile; the default one else.
        profile: Option<String>,
    },
}

/// The HTTP client of the SDK: rustls on ring, or plain HTTP where the endpoint is.
pub fn http_client(plain: bool) -> SharedHttpClient {
    if plain {
        Builder::new().build_http()
    } else {
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
    }
}

/// Connects: no network call is made before the first request.
pub async fn connect(connection: &Connection) -> Client {
    let retry = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50));
    connect_through(connection, connection.http_client(), retry).await
}

/// Connects through another HTTP client and with other retries: tests inject faults there, above the SDK's retries.
pub async fn connect_through(connection: &Connection, http: SharedHttpClient, retry: RetryConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        // All tries of a call together: well within the budget of a step that holds a lease.
        .operation_attempt_timeout(Duration::from_secs(4))
        .operation_timeout(Duration::from_secs(8))
        .build();
    Client::new(&load(connection, http, retry, timeouts).await)
}

impl Connection {
    /// What carries the requests.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let plain = self.endpoint.as_deref().is_some_and(|e| e.starts_with("http://"));
        self.http.clone().unwrap_or_else(|| http_client(plain))
    }
}

/// What every client of an AWS service here is made of.
pub(crate) async fn load(
    connection: &Connection,
    http: SharedHttpClient,
    retry: RetryConfig,
    timeouts: TimeoutConfig,
) -> SdkConfig {
    let region = connection.region.clone().map(Region::new);
    #[cfg(feature = "profiles")]
    if let (Identity::Chain { profile }, None) = (&connection.identity, &connection.endpoint) {
        let mut chain = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(retry)
            .timeout_config(timeouts);
        if let Some(region) = region {
            chain = chain.region(region);
        }
        if let Some(profile) = profile {
            chain = chain.profile_name(profile);
        }
        return chain.load().await;
    }
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(retry)
        .timeout_config(timeouts)
        // Requests are small and have timeouts of their own; watching each one's throughput costs a fiftieth of a page.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    match &connection.endpoint {
        Some(endpoint) => config
            .endpoint_url(endpoint)
            .region(region.unwrap_or(Region::from_static("us-east-1")))
            .credentials_provider(SharedCredentialsProvider::new(
                CredentialsProviderChain::first_try("environment", EnvironmentVariableCredentialsProvider::new())
                    .or_else("made up", Credentials::new("local", "local", None, None, "local")),
            )),
        None => config
            .region(region)
            .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())),
    }
    .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn config(connection: Connection) -> SdkConfig {
        load(&connection, http_client(true), RetryConfig::disabled(), TimeoutConfig::disabled()).await
    }

    #[tokio::test]
    async fn the_cloud_is_signed_for_by_the_environment_and_an_emulator_by_somebody() {
        let cloud = config(Connection { region: Some("eu-west-1".into()), ..Connection::default() }).await;
        assert_eq!(cloud.region().map(Region::as_ref), Some("eu-west-1"));
        assert_eq!(cloud.endpoint_url(), None);
        let signer = format!("{:?}", cloud.credentials_provider());
        assert!(signer.contains("EnvironmentVariableCredentialsProvider"), "{signer}");

        let endpoint = Some("http://127.0.0.1:8000".to_owned());
        let local = config(Connection { endpoint, ..Connection::default() }).await;
        assert_eq!(local.endpoint_url(), Some("http://127.0.0.1:8000"));
        assert_eq!(local.region().map(Region::as_ref), Some("us-east-1"));
        let signer = format!("{:?}", local.credentials_provider());
        assert!(signer.contains("made up"), "{signer}");
    }
}
