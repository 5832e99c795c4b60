//! Clients that send or read slowly, and clients that open many connections.

use std::cell::RefCell;
use std::time::Duration;

use local::Limits;
use serde_json::json;

use crate::support::raw::{RawConnection, exchange, statuses};
use crate::support::site::Site;
use crate::support::stack::{World, config};
use crate::support::until;

const SHORT_LIMIT: Duration = Duration::from_millis(200);

const HEALTH_AND_END: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

async fn limited(limits: Limits) -> World {
    let mut config = config(&[]);
    config.limits = limits;
    World::with_config(config).await
}

#[tokio::test]
async fn a_missing_head_closes_the_connection() {
    // The last connection must send its request in this time.
    let world = limited(Limits { head: Duration::from_secs(1), ..Limits::default() }).await;
    for part in ["", "GET", "GET /health HTTP/1.1\r\nHost: localhost\r\nA: b"] {
        let mut raw = RawConnection::connect(world.base()).await;
        raw.send(part).await;
        assert_eq!(raw.read_to_end().await, "", "{part}");
    }
    // An idle connection after a response is closed too.
    let mut raw = RawConnection::connect(world.base()).await;
    raw.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(statuses(&raw.read_to_end().await), [200]);
}

#[tokio::test]
async fn a_missing_body_is_refused() {
    let world = limited(Limits { body: SHORT_LIMIT, ..Limits::default() }).await;
    for more in ["Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"] {
        let head = format!("POST /v1/extract HTTP/1.1\r\nHost: localhost\r\nX-API-Key: sk_live_test\r\n{more}\r\n");
        let answer = exchange(world.base(), head).await;
        assert!(statuses(&answer) == [400] && answer.contains("INVALID_REQUEST"), "{answer}");
    }
    assert_eq!(world.used().await, 0);
}

#[tokio::test]
async fn connections_are_limited_and_further_ones_get_503() {
    // The tests' own client keeps connections open, so it is not used here.
    let world = limited(Limits { connections: 3, ..Limits::default() }).await;
    let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut idle = Vec::new();
    for _ in 0..3 {
        let mut raw = RawConnection::connect(world.base()).await;
        raw.send(health).await;
        assert_eq!(statuses(&raw.read_until(|text| text.ends_with('}')).await), [200]);
        idle.push(raw);
    }
    // A refusal that cannot be sent within two seconds is left out.
    let mut received = String::new();
    for _ in 0..100 {
        received = exchange(world.base(), health).await;
        if !received.is_empty() {
            break;
        }
    }
    assert_eq!(statuses(&received), [503]);
    assert!(received.contains("UNAVAILABLE") && received.contains("retry-after: 1\r\n"), "{received}");
    idle.pop();
    until("a connection is free", async || {
        let mut raw = RawConnection::connect(world.base()).await;
        raw.send(health).await;
        statuses(&raw.read_until(|text| text.ends_with('}')).await) == [200]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_delays_nothing() {
    // Two connections: one for this client, one for the tests' own client.
    let world = limited(Limits { unread: Duration::from_secs(2), connections: 2, ..Limits::default() }).await;
    let site = Site::start().await;
    // 60 KB a page, in all more than the system buffers for a connection (4 MB).
    let field = |name| json!({ "field": name, "type": "string", "example": "A title", "selector": "h1" });
    let fields = json!(["a", "b", "c"].map(field));
    let body = json!({ "urls": site.urls("/large", 100), "schema": fields }).to_string();
    let head = format!(
        "POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nX-API-Key: sk_live_test\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut raw = RawConnection::connect_narrow(world.base()).await;
    raw.send(head + &body).await;
    // The tests' own client may open a second connection, which is refused until the first one is known to be free. So
    // any of its requests may be answered with 503.
    let job = RefCell::new(None);
    until("the job has ended", async || {
        let jobs = world.get("/v1/jobs?state=finished").await.json();
        *job.borrow_mut() = jobs["jobs"][0]["job_id"].as_str().map(str::to_owned);
        job.borrow().is_some()
    })
    .await;
    let job = job.into_inner().unwrap();
    until("all pages are done", async || world.job(&job).await["progress"]["done"] == 100).await;
    // Its connection is free again, although it has read nothing.
    until("its connection is closed", async || statuses(&exchange(world.base(), HEALTH_AND_END).await) == [200]).await;
    let read = raw.read_to_end().await;
    assert!(
        statuses(&read[..20]) == [200] && !read.ends_with("\r\n0\r\n\r\n"),
        "the response was cut short: {} bytes",
        read.len()
    );
    let result = format!("/v1/jobs/{job}/result");
    let mut whole = world.get(&result).await;
    for _ in 0..2_400 {
        if whole.status != 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        whole = world.get(&result).await;
    }
    assert!(read.len() < whole.text.len(), "{} of {}", read.len(), whole.text.len());
    assert_eq!(whole.json()["succeeded"], 100, "no result is lost");
}

#[tokio::test]
async fn a_call_that_cannot_be_accepted_in_time_is_503_without_effect() {
    let (world, site) =
        (limited(Limits { concurrent_accepts: 0, wait: SHORT_LIMIT, ..Limits::default() }).await, Site::start().await);
    let schema = json!([{ "field": "title", "type": "string", "example": "A title" }]);
    let call = world.post("/v1/extract", &json!({ "url": site.url("/p/1"), "schema": schema })).await;
    assert_eq!((call.status.as_u16(), call.json()["error"]["code"].as_str()), (503, Some("UNAVAILABLE")));
    assert_eq!(call.headers["retry-after"], "1");
    // Calls that start no job are served.
    assert_eq!(world.get("/v1/jobs").await.json()["jobs"], json!([]));
    assert_eq!((world.used().await, site.hits()), (0, 0));
}
