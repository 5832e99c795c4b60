//! Calls whose webhook could never be delivered are refused before anything is reserved.

use domain::Plan;
use serde_json::{Value, json};

use super::Setup;

/// `FETCH_ALLOW` allows loopback in tests; other private addresses stay private.
#[tokio::test]
async fn a_receiver_on_a_private_address_is_refused() {
    let setup = Setup::start(&[200]).await;
    for (url, word) in [
        ("http://10.0.0.1/hook", "may not be fetched"),
        ("https://169.254.169.254/latest/meta-data", "may not be fetched"),
        ("http://[::ffff:192.168.1.1]/", "may not be fetched"),
        ("http://2886729729/", "may not be fetched"),
        ("https://8.8.8.8:8443/", "port 8443"),
        ("https://user:PASSSECRET@example.com/", "user name and password"),
        ("ftp://example.com/", "http or https"),
        ("/hook", "absolute URL"),
    ] {
        for (path, mut body) in [("/v1/batch", setup.batch(&["/p/1"])), ("/v1/crawl", crawl(&setup))] {
            body["webhook"]["url"] = json!(url);
            let refused = setup.post(path, &body).await;
            assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "INVALID_REQUEST"), "{url}");
            let message = refused.message();
            assert!(message.contains("webhook") && message.contains(word), "{url}: {message}");
            assert!(!message.contains("PASSSECRET"), "{message}");
        }
    }
    assert_eq!((setup.world.used().await, setup.site.hits()), (0, 0), "nothing is reserved and nothing is fetched");
    // The server itself cannot be a receiver either.
    let mut body = setup.batch(&["/p/1"]);
    body["webhook"]["url"] = json!(format!("{}/v1/batch", setup.world.base()));
    assert_eq!(setup.post("/v1/batch", &body).await.code(), "INVALID_REQUEST");
}

fn crawl(setup: &Setup) -> Value {
    let mut body = super::without(setup.batch(&["/p/1"]));
    body.as_object_mut().unwrap().remove("urls");
    body["seed_url"] = json!(setup.site.url("/p/1"));
    body["crawl"] = json!({ "follow_pattern": "*", "max_pages": 1 });
    body["webhook"] = json!({});
    body
}

#[tokio::test]
async fn refusals_of_a_webhook_name_the_member() {
    let setup = Setup::start(&[200]).await;
    let url = setup.receiver.url();
    for (webhook, word) in [
        (json!("https://example.com/"), "\"webhook\" must be an object"),
        (json!({}), "\"webhook.url\" is missing"),
        (json!({ "url": url, "event": [] }), "did you mean \"webhook.events\""),
        (json!({ "url": url, "events": [] }), "\"webhook.events\" is empty"),
        (json!({ "url": url, "events": "job.failed" }), "must be an array"),
        (json!({ "url": url, "events": ["job.failed", "job.complete"] }), "did you mean \"job.completed\""),
    ] {
        let mut body = setup.batch(&["/p/1"]);
        body["webhook"] = webhook.clone();
        let refused = setup.post("/v1/batch", &body).await;
        assert_eq!(refused.code(), "INVALID_REQUEST", "{webhook}");
        assert!(refused.message().contains(word), "{webhook}: {}", refused.message());
    }
    let extract =
        json!({ "url": setup.site.url("/p/1"), "schema": crate::support::stack::schema(), "webhook": { "url": url } });
    let refused = setup.post("/v1/extract", &extract).await;
    assert!(refused.message().contains("does not apply to extract"), "{}", refused.message());
    let mut none = setup.batch(&["/p/1"]);
    none["webhook"] = Value::Null;
    assert_eq!(setup.post("/v1/batch", &none).await.status, 200);
}

#[tokio::test]
async fn an_account_without_a_secret_is_refused() {
    let setup = Setup::start(&[200]).await;
    let other = setup.world.account("other", Plan::Scale, None, None).await;
    let refused = other.post("/v1/batch", &setup.batch(&["/p/1"])).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "INVALID_REQUEST"));
    assert!(refused.message().contains("admin hook secret"), "{}", refused.message());
    assert_eq!(other.used().await, 0);
}
