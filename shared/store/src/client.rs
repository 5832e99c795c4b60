//! Builds the DynamoDB client, and what the SQS client shares with it. The cloud and a local endpoint use the same SDK.

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

/// How to reach a service. The default uses the AWS environment.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// Another endpoint, like `http://127.0.0.1:8000`. If the environment has no credentials, dummy ones are used for
    /// it, since most emulators require none.
    pub endpoint: Option<String>,
    /// The region. Without one, an emulator gets `us-east-1`. In the cloud, only `Identity::Chain` finds AWS's own
    /// region.
    pub region: Option<String>,
    /// Where the credentials come from.
    pub identity: Identity,
    /// The HTTP client, if requests go to a service in this process instead of the network.
    pub http: Option<SharedHttpClient>,
}

/// Where credentials come from.
#[derive(Debug, Clone, Default)]
pub enum Identity {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, as Lambda sets them. No other source is
    /// tried: the code for the others is a megabyte that no function would ever use.
    #[default]
    Environment,
    /// All sources that AWS's own tools use: variables, shared config files (with this profile), roles to assume,
    /// containers, instances.
    #[cfg(feature = "profiles")]
    Chain {
        /// A named profile; `None` means the default one.
        profile: Option<String>,
    },
}

/// Returns the HTTP client for the SDK: rustls on ring, or plain HTTP for a plain endpoint.
pub fn http_client(plain: bool) -> SharedHttpClient {
    if plain {
        Builder::new().build_http()
    } else {
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
    }
}

/// Creates a client. Makes no network call before the first request.
pub async fn connect(connection: &Connection) -> Client {
    let retry = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50));
    connect_with_http_client(connection, connection.http_client(), retry).await
}

/// Creates a client with another HTTP client and other retries: tests inject faults there, above the SDK's retries.
pub async fn connect_with_http_client(connection: &Connection, http: SharedHttpClient, retry: RetryConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        // All tries of a call together stay well within the budget of a step that holds a lease.
        .operation_attempt_timeout(Duration::from_secs(4))
        .operation_timeout(Duration::from_secs(8))
        .build();
    Client::new(&load(connection, http, retry, timeouts).await)
}

impl Connection {
    /// Returns the HTTP client to use.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        let plain = self.endpoint.as_deref().is_some_and(|e| e.starts_with("http://"));
        self.http.clone().unwrap_or_else(|| http_client(plain))
    }
}

/// Loads the configuration that all AWS clients here share.
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
        // Requests are small and have their own timeouts; watching each one's throughput costs a fiftieth of a page.
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
    async fn the_cloud_uses_the_environments_credentials_and_an_emulator_gets_dummy_ones() {
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
