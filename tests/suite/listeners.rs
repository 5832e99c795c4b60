//! The embedded stores' listeners: none without a configured port, and with one only for the holder of the credentials.

use local::LocalConfig;
use local::listener::Credentials;
use reqwest::RequestBuilder;
use serde_json::json;

use crate::support::site::Site;
use crate::support::stack::{World, client, config, schema};

fn list_tables(url: &str) -> RequestBuilder {
    client().post(url).header("X-Amz-Target", "DynamoDB_20120810.ListTables").body("{}")
}

fn config_with_ports() -> LocalConfig {
    let credentials = Some(Credentials::random());
    LocalConfig { dynamodb_port: Some(0), sqs_port: Some(0), credentials, ..config(&[]) }
}

#[tokio::test]
async fn the_stores_have_no_listener_without_a_port() {
    let world = World::start().await;
    let listeners = world.stack.listeners();
    assert!(listeners.dynamodb.is_none() && listeners.sqs.is_none());
}

#[tokio::test]
async fn a_listener_refuses_requests_without_its_credentials() {
    let world = World::with_config(config_with_ports()).await;
    let listeners = world.stack.listeners();
    for url in [listeners.dynamodb.as_ref().unwrap().url(), listeners.sqs.as_ref().unwrap().url()] {
        for request in [
            list_tables(&url),
            list_tables(&url).header("Origin", "https://evil.example"),
            list_tables(&url).header("Host", "evil.example"),
            list_tables(&url).header(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=local/20261125/us-east-1/dynamodb/aws4_request, SignedHeaders=host, \
                 Signature=00",
            ),
        ] {
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_client_error(), "{}", answer.status());
            assert!(answer.headers().get("access-control-allow-origin").is_none());
        }
    }
}

/// No page is fetched from the process's own listeners (the API's and the embedded stores'), whichever addresses the
/// operator allows.
#[tokio::test]
async fn the_process_own_listeners_are_never_fetched() {
    let (world, site) = (World::with_config(config_with_ports()).await, Site::start().await);
    let listeners = world.stack.listeners();
    let own =
        [world.base().to_owned(), listeners.dynamodb.as_ref().unwrap().url(), listeners.sqs.as_ref().unwrap().url()];
    for own in own {
        let port = url::Url::parse(&own).unwrap().port().unwrap();
        let spelt =
            [format!("{own}/openapi.json"), format!("http://127.9.9.9:{port}/"), format!("http://0.0.0.0:{port}/")];
        for url in spelt {
            // The server is bound to one loopback address. Other spellings lead there or nowhere; none of them is
            // requested.
            let answer = world.post("/v1/extract", &json!({ "url": url, "schema": schema() })).await.json();
            let error = &answer["error"];
            assert_eq!(
                (&error["code"], &error["retryable"]),
                (&json!("URL_UNREACHABLE"), &json!(false)),
                "{url}: {answer}"
            );
        }
    }
    let other = world.post("/v1/extract", &json!({ "url": site.url("/p/1"), "schema": schema() })).await;
    assert_eq!(other.json()["status"], "success");
}
