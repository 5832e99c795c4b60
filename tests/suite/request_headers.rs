//! `options.headers`: the caller's fields are sent to the URL's own origin and to no other.

use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{World, schema};

const FIELDS: &str = "/fields/x-token,cookie";

fn body(url: &str, headers: &Value) -> Value {
    json!({ "url": url, "schema": schema(), "options": { "headers": headers } })
}

#[tokio::test]
async fn headers_are_sent_until_a_redirect_leaves_the_origin() {
    let (world, home, away) = (World::start().await, Site::start().await, Site::start().await);
    let headers = json!({ "X-Token": "t0", "Cookie": "c=1" });
    let sent = "x-token=t0 cookie=c=1";
    for (path, want) in [
        (FIELDS.to_owned(), sent),
        (format!("/to/{}{FIELDS}", home.host()), sent),
        (format!("/to/{}{FIELDS}", away.host()), "none"),
        // Not even after a redirect back to the origin, because another origin was in between.
        (format!("/to/{}/to/{}{FIELDS}", away.host(), home.host()), "none"),
    ] {
        let got = world.post("/v1/extract", &body(&home.url(&path), &headers)).await.json();
        assert_eq!(got["data"]["title"], want, "{path}: {got}");
    }
}

#[tokio::test]
async fn a_batch_sends_headers_to_every_url_and_a_crawl_to_its_seeds_origin() {
    let (world, home, away) =
        (World::with_vars(&[("HOST_DELAY_MS", "0")]).await, Site::start().await, Site::start().await);
    let options = json!({ "headers": { "x-token": "t0" } });
    let got = world.batch(&[home.url(FIELDS), away.url(FIELDS)], options.clone()).await.json();
    for result in got["results"].as_array().unwrap() {
        assert_eq!(result["data"]["title"], "x-token=t0", "{got}");
    }
    for (other, want) in [(&home, "x-token=t0"), (&away, "none")] {
        let seed = home.url(&format!("/link/{}{FIELDS}", other.host()));
        let crawl = json!({
            "seed_url": seed, "schema": schema(), "options": options,
            "crawl": { "follow_pattern": other.url(FIELDS), "max_pages": 2, "use_sitemap": false },
        });
        let got = world.post("/v1/crawl", &crawl).await.json();
        assert_eq!(got["results"][1]["data"]["title"], want, "{got}");
    }
}

#[tokio::test]
async fn another_token_is_another_cache_entry_and_call() {
    let (world, site) = (World::start().await, Site::start().await);
    let ask = async |token: &str| {
        let got = world.post("/v1/extract", &body(&site.url(FIELDS), &json!({ "X-Token": token }))).await.json();
        (got["data"]["title"].as_str().unwrap().to_owned(), got["render_mode"] == "cache")
    };
    assert_eq!(ask("mine").await, ("x-token=mine".into(), false));
    assert_eq!(ask("theirs").await, ("x-token=theirs".into(), false));
    assert_eq!(ask("mine").await, ("x-token=mine".into(), true));
    let plain = json!({ "url": site.url(FIELDS), "schema": schema() });
    assert_eq!(world.post("/v1/extract", &plain).await.json()["data"]["title"], "none");
    // With an idempotency key, another token is another call.
    let call = async |token: &str| {
        let body = body(&site.url(FIELDS), &json!({ "X-Token": token }));
        world.post_idempotent("/v1/extract", "key", &body).await.status.as_u16()
    };
    assert_eq!((call("a").await, call("a").await, call("b").await), (200, 200, 422));
}

#[tokio::test]
async fn forbidden_fields_are_refused_without_repeating_their_values() {
    let (world, site) = (World::start().await, Site::start().await);
    let many: Value = (0..21).map(|n| (format!("x-{n}"), json!(""))).collect::<serde_json::Map<_, _>>().into();
    for (headers, expected) in [
        (json!({ "Host": "SECRET" }), "\"Host\""),
        (json!({ "Content-Length": "SECRET" }), "\"Content-Length\""),
        (json!({ "x-forwarded-for": "SECRET" }), "\"x-forwarded-for\""),
        (json!({ "User-Agent": "SECRET" }), "\"User-Agent\""),
        (json!({ "x": "SECRET\r\nHost: y" }), "line breaks"),
        (json!({ "a b": "SECRET" }), "header name"),
        (json!({ "x": 1 }), "strings"),
        (json!({ "x": ["SECRET"] }), "strings"),
        (json!(["SECRET"]), "object"),
        (json!({ "a": "SECRET", "A": "SECRET" }), "twice"),
        (json!({ "x": "SECRET".repeat(2_000) }), "8192"),
        (many, "20"),
    ] {
        let got = world.post("/v1/extract", &body(&site.url("/p/1"), &headers)).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (400, "INVALID_REQUEST"), "{headers}");
        let message = got.message();
        assert!(
            message.contains("options.headers") && message.contains(expected) && !message.contains("SECRET"),
            "{message}"
        );
    }
    assert_eq!((site.hits(), world.used().await), (0, 0));
}
