//! HTTP on the wire: methods, heads, lengths.

use serde_json::{Value, json};

use crate::support::cloud::{Cloud, TIMEOUT};
use crate::support::raw::{RawConnection, exchange, statuses};
use crate::support::site::Site;
use crate::support::stack::{World, schema};

/// A request with the dev key that closes the connection.
fn request(line: &str, more: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: sk_live_test\r\nConnection: close\r\n{more}\r\n")
}

/// The same on an open connection, followed by a request that must not be answered.
fn smuggle(more: &str, body: &str) -> String {
    format!(
        "POST /v1/extract HTTP/1.1\r\nHost: localhost\r\nX-API-Key: sk_live_test\r\n{more}\r\n{body}GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
}

#[tokio::test]
async fn head_and_options_follow_http() {
    let world = World::start().await;
    let head = exchange(world.base(), request("HEAD /health", "")).await;
    let get = exchange(world.base(), request("GET /health", "")).await;
    assert_eq!((statuses(&head), get.split("\r\n\r\n").nth(1)), (vec![200], Some(r#"{"status":"ok"}"#)));
    assert!(head.contains("content-length: 15\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    for path in ["/v1/usage", "/v1/jobs", "/openapi.json"] {
        let head = exchange(world.base(), request(&format!("HEAD {path}"), "")).await;
        assert_eq!(statuses(&head), [200], "{path}");
        assert!(head.ends_with("\r\n\r\n") && head.to_lowercase().contains("content-type: application/json"), "{head}");
    }
    let refused = exchange(world.base(), request("HEAD /v1/batch", "")).await;
    assert_eq!(statuses(&refused), [405]);
    assert!(refused.contains("allow: POST, OPTIONS\r\n") && refused.ends_with("\r\n\r\n"), "{refused}");
    let head = exchange(world.base(), request("HEAD /v1/jobs/job_000000000000/result", "")).await;
    assert_eq!((statuses(&head), head.ends_with("\r\n\r\n")), (vec![404], true));

    // A browser's preflight request: it needs no key, and it is not allowed.
    let preflight = "OPTIONS /v1/batch HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.test\r\nConnection: close\r\n\
                     Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: x-api-key\r\n\r\n";
    let received = exchange(world.base(), preflight).await;
    assert_eq!(statuses(&received), [204]);
    assert!(received.contains("allow: POST, OPTIONS\r\n"), "{received}");
    for requested in [preflight.to_owned(), request("GET /v1/usage", "Origin: https://a.test\r\n")] {
        let received = exchange(world.base(), requested).await.to_lowercase();
        assert!(!received.contains("access-control-"), "{received}");
    }
}

/// API Gateway's integration removes no body, and a stream without a body may never end: HEAD is answered whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_answers_head_and_options_without_a_body() {
    let cloud = Cloud::start().await;
    let function = cloud.function("jobs").await;
    for path in ["/health", "/v1/usage", "/v1/jobs"] {
        let mut answer = function.request("HEAD", path, &[], &Value::Null, TIMEOUT);
        let (status, fields, body) = answer.buffered_response().await;
        assert_eq!((status, fields["content-type"].as_str(), body.as_str()), (200, "application/json", ""), "{path}");
    }
    let mut answer = function.request("OPTIONS", "/v1/jobs", &[], &Value::Null, TIMEOUT);
    let prelude = answer.prelude().await;
    assert_eq!((&prelude["statusCode"], &prelude["headers"]["allow"]), (&json!(204), &json!("GET, HEAD, OPTIONS")));
    assert_eq!(answer.text().await, "");
}

/// HEAD does not wait for the job, which continues without a reader.
#[tokio::test]
async fn head_of_a_running_job_does_not_wait() {
    let (world, site) = (World::start().await, Site::start().await);
    let (job, result) = world.begin("/v1/batch", json!({ "urls": [site.url("/gate/1")], "schema": schema() })).await;
    let head = exchange(world.base(), request(&format!("HEAD /v1/jobs/{job}/result"), "")).await;
    assert_eq!(statuses(&head), [200]);
    assert!(head.contains(&format!("x-job-id: {job}")) && head.ends_with("\r\n\r\n"), "{head}");
    site.open_gate();
    assert_eq!(result.await.unwrap()["succeeded"], 1);
}

#[tokio::test]
async fn unknown_paths_and_methods_get_the_same_response_with_any_key() {
    let world = World::start().await;
    for (line, status, code) in [
        ("GET /v1/batches", 404, "NOT_FOUND"),
        ("GET /v1", 404, "NOT_FOUND"),
        ("GET /console/", 404, "NOT_FOUND"),
        ("GET /console/0/../app.js", 404, "NOT_FOUND"),
        ("GET /v1/../health", 404, "NOT_FOUND"),
        ("GET /v1/%2e%2e/health", 404, "NOT_FOUND"),
        ("GET //health", 404, "NOT_FOUND"),
        // The target names another host.
        ("CONNECT x.test:443", 400, "INVALID_REQUEST"),
        ("OPTIONS *", 404, "NOT_FOUND"),
        ("TRACE /health", 405, "METHOD_NOT_ALLOWED"),
        ("BREW /v1/jobs", 405, "METHOD_NOT_ALLOWED"),
        ("PATCH /v1/jobs/job_000000000000", 405, "METHOD_NOT_ALLOWED"),
        ("get /health", 405, "METHOD_NOT_ALLOWED"),
    ] {
        let known = exchange(world.base(), request(line, "")).await;
        let stranger = exchange(world.base(), request(line, "").replace("sk_live_test", "sk_live_unknown")).await;
        assert_eq!((statuses(&known), statuses(&stranger)), (vec![status], vec![status]), "{line}");
        let body = |text: &str| text.split_once("\r\n\r\n").unwrap().1.to_owned();
        assert!(body(&known).contains(code), "{line}: {known}");
        assert_eq!(body(&known), body(&stranger), "{line}");
        assert_eq!(known.contains("allow: "), status == 405, "{known}");
    }
}

#[tokio::test]
async fn malformed_http_is_refused_and_closes_the_connection() {
    let world = World::start().await;
    let long = |n: usize| "a".repeat(n);
    let many: String = (0..200).map(|i| format!("A{i}: b\r\n")).collect();
    for (bytes, status) in [
        (request("G@T /health", ""), 400),
        (request("GET /health", "A : b\r\n"), 400),
        (request("GET /health", "A: b\r\n c\r\n"), 400),
        (request("GET /health", "A: b\0c\r\n"), 400),
        (request("GET /health", &many), 431),
        (request("GET /health", &format!("A: {}\r\n", long(400_000))), 431),
        (request(&format!("GET /{}", long(70_000)), ""), 414),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".to_owned(), 400),
    ] {
        let answer = exchange(world.base(), &bytes).await;
        assert_eq!(statuses(&answer), [status], "{}", &bytes[..bytes.len().min(90)]);
    }
    // A path that is not UTF-8, and one that is UTF-8 but not a valid URI.
    assert_eq!(statuses(&exchange(world.base(), b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n").await), [400]);
    assert_eq!(statuses(&exchange(world.base(), request("GET /\u{ff}", "")).await), [404]);
}

/// Two programs that disagree about the end of a body see two requests. Here there is one response, and then the
/// connection ends.
#[tokio::test]
async fn requests_cannot_be_smuggled() {
    let world = World::start().await;
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (more, body) in [
        ("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Content-Length: 2\r\nContent-Length: 3\r\n", "{}"),
        ("Content-Length: 2, 3\r\n", "{}"),
        ("Content-Length: +2\r\n", "{}"),
        ("Content-Length: -2\r\n", "{}"),
        ("Content-Length: 0x2\r\n", "{}"),
        ("Transfer-Encoding: xchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: identity\r\n", "{}"),
        ("Transfer-Encoding: chunked, identity\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        (chunked, "zz\r\n{}\r\n0\r\n\r\n"),
        (chunked, "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        (chunked, "-2\r\n{}\r\n0\r\n\r\n"),
        (chunked, "2\r\n{}x\r\n0\r\n\r\n"),
        ("Content-Length : 2\r\n", "{}"),
    ] {
        let answer = exchange(world.base(), smuggle(more, body)).await;
        assert_eq!(statuses(&answer), [400], "{more}{body}: {answer}");
    }
    // The same two requests, well-formed, get two responses.
    let fine =
        smuggle("Content-Length: 2\r\n", "{}").replace("localhost\r\n\r\n", "localhost\r\nConnection: close\r\n\r\n");
    let answer = exchange(world.base(), fine).await;
    assert_eq!(statuses(&answer), [400, 200], "{answer}");
}

#[tokio::test]
async fn the_length_of_a_body_is_enforced() {
    let (world, site) = (World::start().await, Site::start().await);
    let large = "x".repeat(2 * 1024 * 1024);
    let announced = request("POST /v1/extract", &format!("Content-Length: {}\r\n", large.len()));
    let chunked = request("POST /v1/extract", "Transfer-Encoding: chunked\r\n");
    for bytes in [format!("{announced}{large}"), format!("{chunked}200000\r\n{large}\r\n0\r\n\r\n")] {
        let answer = exchange(world.base(), bytes).await;
        assert_eq!(statuses(&answer), [413]);
        assert!(answer.contains("PAYLOAD_TOO_LARGE") && answer.contains("x-ratelimit-limit: "), "{answer}");
    }
    // A client that sends `Expect: 100-continue` is refused before it sends the body.
    let requested = announced.replace("Connection", "Expect: 100-continue\r\nConnection");
    assert_eq!(statuses(&exchange(world.base(), requested).await), [413]);
    let body = json!({ "url": site.url("/p/1"), "schema": schema() }).to_string();
    let head = request("POST /v1/extract", &format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len()));
    let mut raw = RawConnection::connect(world.base()).await;
    raw.send(head).await;
    assert_eq!(statuses(&raw.read_until(|text| text.contains("\r\n\r\n")).await), [100]);
    raw.send(&body).await;
    let answer = raw.read_to_end().await;
    assert!(statuses(&answer) == [200] && answer.contains("Page 1"), "{answer}");

    // A body that is shorter than announced.
    let used = world.used().await;
    let mut raw = RawConnection::connect(world.base()).await;
    raw.send(request("POST /v1/extract", &format!("Content-Length: {}\r\n", body.len() + 1)) + &body).await;
    raw.finish().await;
    let answer = raw.read_to_end().await;
    assert!(answer.is_empty() || statuses(&answer) == [400], "{answer}");
    assert_eq!(world.used().await, used);
}

/// A page that rebinds its name to this machine sends that name as `Host`.
#[tokio::test]
async fn the_host_field_must_name_this_machine_once() {
    let world = World::start().await;
    for hosts in ["Host: evil.example\r\n", "", "Host: localhost\r\nHost: localhost\r\n", "Host: localhost:port\r\n"] {
        let request = request("GET /v1/usage", "").replace("Host: localhost\r\n", hosts);
        assert_eq!(statuses(&exchange(world.base(), request).await), [400], "{hosts}");
    }
    assert_eq!(statuses(&exchange(world.base(), request("GET /v1/usage", "")).await), [200]);
}

#[tokio::test]
async fn an_unknown_key_is_refused_before_the_body_arrives() {
    let world = World::start().await;
    let head = request("POST /v1/extract", "Content-Length: 100\r\n").replace("sk_live_test", "sk_live_unknown");
    assert_eq!(statuses(&exchange(world.base(), head).await), [401]);
}

#[tokio::test]
async fn responses_are_private_to_the_caller() {
    let world = World::start().await;
    let stranger = world.with_key("sk_live_unknown");
    for answer in [
        world.get("/v1/usage").await,
        world.get("/v1/jobs/job_000000000000").await,
        world.get("/v1/nothing").await,
        stranger.get("/v1/usage").await,
        world.post("/v1/batch", &serde_json::json!({})).await,
    ] {
        let values = ["cache-control", "x-content-type-options", "vary"].map(|name| answer.header(name));
        assert_eq!(values, ["no-store", "nosniff", "X-API-Key, Accept, Prefer"], "{}", answer.status);
    }
}
