//! Malformed bodies and parameters are refused with their name and charge nothing. Unusual but unambiguous ones are
//! accepted.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{Answer, World, schema};

/// Sends bytes as the body of an extract.
async fn extract(world: &World, body: impl Into<reqwest::Body>) -> Answer {
    world.send(world.request(Method::POST, "/v1/extract").body(body)).await
}

#[tokio::test]
async fn bodies_that_are_not_valid_json_are_refused() {
    let world = World::start().await;
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let in_options = |value: &str| {
        format!(r#"{{"url":"https://example.com/","schema":{},"options":{{"timeout_ms":{value}}}}}"#, schema())
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "empty"),
        (b" \r\n\t".to_vec(), "empty"),
        (b"\xef\xbb\xbf".to_vec(), "empty"),
        (b"\0".to_vec(), "not valid JSON"),
        (b"{\"url\":\"\xff\"}".to_vec(), "not valid JSON"),
        (b"{\"\xc0\xaf\":1}".to_vec(), "not valid JSON"),
        (b"{\"url\":\"\\ud800\"}".to_vec(), "not valid JSON"),
        (b"{\"url\":\"a\nb\"}".to_vec(), "not valid JSON"),
        ("{}".encode_utf16().flat_map(u16::to_le_bytes).collect(), "not valid JSON"),
        (b"{} {}".to_vec(), "not valid JSON"),
        (b"{'url':1}".to_vec(), "not valid JSON"),
        (b"{\"url\":NaN}".to_vec(), "not valid JSON"),
        (b"url=https%3A%2F%2Fexample.com".to_vec(), "not valid JSON"),
        (b"null".to_vec(), "JSON object"),
        (b"\"x\"".to_vec(), "JSON object"),
        (b"{\"url\":1,\"url\":2}".to_vec(), "\"url\" is given twice"),
        (b"{\"u\\u0072l\":1,\"url\":2}".to_vec(), "\"url\" is given twice"),
        (format!("{{\"x\":{}}}", nested(32)).into_bytes(), "deeper than 32"),
        (nested(100_000).into_bytes(), "not valid JSON"),
        (in_options("1e999").into_bytes(), "out of range"),
        (in_options(&"9".repeat(400)).into_bytes(), "out of range"),
        (in_options("18446744073709551616").into_bytes(), "options.timeout_ms"),
        (in_options("-0").into_bytes(), "options.timeout_ms"),
        (in_options("5000.5").into_bytes(), "options.timeout_ms"),
        (in_options("0x1388").into_bytes(), "not valid JSON"),
    ];
    for (body, word) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = extract(&world, body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_REQUEST"), "{shown}");
        assert!(answer.message().contains(word), "{shown}: {}", answer.message());
        assert!(answer.number("x-ratelimit-limit") > 0);
    }
    assert_eq!(world.used().await, 0);
}

#[tokio::test]
async fn malformed_urls_are_refused() {
    let world = World::start().await;
    for bad in [
        "https://example.com/\r\nX-Injected: 1",
        "https://exa\tmple.com/",
        "https://example.com/\u{0}",
        "\u{1}https://example.com/",
        "https://example.com/\u{7f}",
        "https://example.com/\u{85}",
        "https://user@example.com/",
        "https://@example.com:pass@x/",
        "https:///",
        "http://[::1",
        "http://256.256.256.256/",
        "http://1.2.3.4.5/",
        "https://example.com:65536/",
        "https://\u{ad}/",
        "https://xn--/",
        "data:text/html,x",
        "file:///etc/passwd",
        "https:",
    ] {
        for (path, body) in [
            ("/v1/extract", json!({ "url": bad, "schema": schema() })),
            ("/v1/batch", json!({ "urls": [bad], "schema": schema() })),
            (
                "/v1/crawl",
                json!({ "seed_url": bad, "schema": schema(), "crawl": { "follow_pattern": "*", "max_pages": 1 } }),
            ),
        ] {
            let answer = world.post(path, &body).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_REQUEST"), "{path} {bad:?}");
            assert!(answer.message().contains("url"), "{bad:?}: {}", answer.message());
        }
    }
    assert_eq!(world.used().await, 0);
}

/// A header made from a client's text contains exactly that text, or the call is refused.
#[tokio::test]
async fn no_header_injection_through_a_clients_text() {
    let (world, site) = (World::start().await, Site::start().await);
    for locale in ["en\r\nX-Injected: 1", "en-US\n", "en\u{0}", "en;q=0.1", "en,de", "é", "e", "", "en--US"] {
        let body = json!({ "url": site.url("/p/1"), "schema": schema(), "options": { "locale": locale } });
        let answer = world.post("/v1/extract", &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_REQUEST"), "{locale:?}");
    }
    for key in [&b"a\tb"[..], b"\xc3\xa9", b"\xff"] {
        let body = json!({ "url": site.url("/p/1"), "schema": schema() }).to_string();
        let request = world.request(Method::POST, "/v1/extract").header("Idempotency-Key", key).body(body);
        let answer = world.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_REQUEST"), "{key:?}");
    }
    assert_eq!(site.hits(), 0);
}

#[tokio::test]
async fn unusual_but_unambiguous_bodies_are_accepted() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = json!({ "url": site.url("/p/1"), "schema": schema(), "options": { "timeout_ms": 5000.0 } }).to_string();
    // The content type that curl's -d sends, and others: the body is always read as JSON.
    for media in ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-16", "x"] {
        let request = world.request(Method::POST, "/v1/extract").header("content-type", media).body(body.clone());
        assert_eq!(world.send(request).await.json()["status"], "success", "{media}");
    }
    assert_eq!(extract(&world, body.clone()).await.json()["status"], "success");
    let marked = format!("\u{feff}{body}");
    assert_eq!(extract(&world, marked).await.json()["status"], "success", "with a byte order mark");
    let field = json!([{ "field": "a\u{0}\n\u{202e}", "type": "string", "example": "x", "selector": "h1" }]);
    let odd = world.post("/v1/extract", &json!({ "url": site.url("/p/1"), "schema": field })).await;
    assert_eq!(odd.json()["data"], json!({ "a\u{0}\n\u{202e}": "Page 1" }));
}

#[tokio::test]
async fn parameters_are_read_strictly() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = json!({ "url": site.url("/p/1"), "schema": schema() });
    let job = world.post("/v1/extract", &body).await.job();
    let result = format!("/v1/jobs/{job}/result");
    let long = "9".repeat(20_000);
    let mut bad: Vec<String> = ["%2B5", "-1", "1.0", "", "x", "%ff", "0x1", "1e1", "4294967296", "1&from=1", &long]
        .iter()
        .map(|value| format!("{result}?from={value}"))
        .collect();
    let lists = ["limit=%2B5", "limit=05x", "limit=", "state=", "state=%00", "cursor=", "cursor=%ff", "Limit=5"];
    bad.extend(lists.iter().map(|query| format!("/v1/jobs?{query}")));
    bad.push(format!("/v1/jobs?cursor={long}"));
    bad.extend(["/v1/usage?x=1", &format!("/v1/jobs/{job}?from=1")].map(str::to_owned));
    for path in bad {
        let answer = world.get(&path).await;
        let shown = &path[..path.len().min(80)];
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_REQUEST"), "{shown}");
        assert!(answer.text.len() < 1_000, "{shown}");
    }
    let (used, post) = (world.used().await, world.post("/v1/extract?async_mode=true", &body).await);
    assert_eq!((post.status.as_u16(), post.code().as_str()), (400, "INVALID_REQUEST"));
    assert_eq!(world.used().await, used);
    assert_eq!(world.get("/health?t=1").await.status, 200, "health checks may have any query");

    for id in ["x", "job_", "job_%00", "%ff", "job_ABCDEFGHIJKL", &"a".repeat(10_000), "job_0123456789abcdef%2fresult"]
    {
        for path in [format!("/v1/jobs/{id}"), format!("/v1/jobs/{id}/result")] {
            let answer = world.get(&path).await;
            assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "JOB_NOT_FOUND"));
            assert!(answer.text.len() < 1_000);
        }
        assert_eq!(world.delete(id).await.code(), "JOB_NOT_FOUND");
    }
    for id in ["abc", "-1", "5, 6", "99999999999999999999"] {
        let answer = world.send(world.request(Method::GET, &result).header("Last-Event-ID", id)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "INVALID_REQUEST"), "{id}");
    }
    assert_eq!(world.get(&format!("{result}?from=0")).await.json()["status"], Value::from("success"));
}
