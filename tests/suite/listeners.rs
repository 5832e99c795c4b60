//! The embedded stores' listeners: none where none is asked for, and then only for the holder of the credentials.

use local::listener::Credentials;
use reqwest::RequestBuilder;

use crate::support::stack::{World, client, config};

fn list_tables(url: &str) -> RequestBuilder {
    client().post(url).header("X-Amz-Target", "DynamoDB_20120810.ListTables").body("{}")
}

#[tokio::test]
async fn nobody_reaches_the_stores_where_no_port_is_asked_for() {
    let world = World::start().await;
    let listeners = world.stack.listeners();
    assert!(listeners.dynamodb.is_none() && listeners.sqs.is_none());
}

#[tokio::test]
async fn a_listener_serves_nobody_without_its_credentials() {
    let asked = local::LocalConfig {
        dynamodb_port: Some(0),
        sqs_port: Some(0),
        credentials: Some(Credentials::random()),
        ..config(&[])
    };
    let world = World::of(asked).await;
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
