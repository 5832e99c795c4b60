//! What the client retries, when, and what it does not; against a scripted server.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runo_client::{Client, ClientBuilder, CrawlRules, ErrorKind, FieldType, PageOptions, Row, Schema};
use serde_json::{Value, json};

use crate::support::ports::ClosedPort;
use crate::support::scripted::{JOB, Response, ScriptedServer, end, line};

/// A scripted server, a client that does not really sleep, and the durations for which it would have slept.
struct Setup {
    server: ScriptedServer,
    client: Client,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Setup {
    async fn of(responses: Vec<Response>) -> Setup {
        Setup::with(responses, |builder| builder).await
    }

    async fn with(responses: Vec<Response>, more: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Setup {
        let (server, waits) = (ScriptedServer::start(responses).await, Arc::new(Mutex::new(Vec::new())));
        let waited = waits.clone();
        let builder = Client::builder().api_key("sk_live_secret").base_url(&server.base).sleep(move |wait| {
            waited.lock().unwrap().push(wait);
            std::future::ready(())
        });
        Setup { server, client: more(builder).build().unwrap(), waits }
    }

    fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }

    fn queries(&self) -> Vec<Option<String>> {
        let query = |path: &str| path.split_once('?').map(|(_, query)| query.to_owned());
        self.server.requests().iter().map(|seen| query(&seen.path)).collect()
    }
}

fn schema() -> Schema {
    Schema::from([("a", FieldType::Integer)])
}

fn done() -> Response {
    let page = json!({ "url": "u", "status": "success", "render_mode": "fetch", "data": { "a": 1 }, "images_processed": null });
    Response::of_job(page.to_string())
}

fn urls(count: usize) -> Vec<String> {
    vec!["http://h/".to_owned(); count]
}

#[tokio::test]
async fn retryable_refusals_are_retried_with_the_same_idempotency_key() {
    let setup = Setup::of(vec![
        Response::refused(429, "RATE_LIMITED", true).header("Retry-After", "7"),
        Response::refused(503, "UNAVAILABLE", true).header("Retry-After", "2"),
        Response::new(502, "<html>"),
        Response::of_job("{").cut(),
        done(),
    ])
    .await;
    let page = setup.client.extract("u", schema()).send::<Row>().await.unwrap();
    assert_eq!(json!(page.data), json!({ "a": 1 }));
    let (waits, seen) = (setup.waits(), setup.server.requests());
    assert_eq!(waits.len(), 4);
    let within = |wait: Duration, min: u64| wait >= Duration::from_secs(min) && wait <= Duration::from_secs(min + 1);
    assert!(within(waits[0], 7) && within(waits[1], 2), "{waits:?}");
    let keys: HashSet<&String> = seen.iter().map(|seen| &seen.headers["idempotency-key"]).collect();
    let bodies: HashSet<&String> = seen.iter().map(|seen| &seen.body).collect();
    assert_eq!((keys.len(), bodies.len(), seen.len()), (1, 1, 5));
    assert!(keys.iter().all(|key| key.len() == 32));
}

#[tokio::test]
async fn permanent_errors_are_returned_at_once() {
    for (response, kind) in [
        (Response::refused(401, "UNAUTHORIZED", false), ErrorKind::Authentication),
        (Response::refused(429, "QUOTA_EXCEEDED", false), ErrorKind::QuotaExceeded),
        (Response::refused(400, "INVALID_REQUEST", false), ErrorKind::InvalidRequest),
        (Response::refused(422, "SCHEMA_REQUIRED", false), ErrorKind::Schema),
        (Response::refused(429, "RATE_LIMITED", true).header("Retry-After", "3600"), ErrorKind::RateLimited),
        (Response::new(302, "").header("Location", "http://elsewhere.example/"), ErrorKind::Protocol),
        (Response::new(200, "<html>hello</html>"), ErrorKind::Protocol),
    ] {
        let setup = Setup::of(vec![response]).await;
        let error = setup.client.extract("u", schema()).send::<Row>().await.unwrap_err();
        assert_eq!((error.kind, setup.server.requests().len(), setup.waits().len()), (kind, 1, 0), "{error}");
    }
}

#[tokio::test]
async fn retries_are_limited() {
    let responses = vec![Response::refused(503, "UNAVAILABLE", true); 4];
    let setup = Setup::with(responses, |builder| builder.max_retries(3)).await;
    let error = setup.client.usage().await.unwrap_err();
    assert_eq!((error.kind, error.retryable, error.status), (ErrorKind::Server, true, Some(503)));
    assert_eq!((setup.server.requests().len(), setup.waits().len()), (4, 3));
}

#[tokio::test]
async fn an_unreachable_service_is_reported_after_two_retries() {
    let closed = ClosedPort::new();
    let setup = Setup::with(Vec::new(), |builder| builder.base_url(format!("http://{}", closed.address()))).await;
    let error = setup.client.usage().await.unwrap_err();
    assert_eq!((error.kind, error.retryable, setup.waits().len()), (ErrorKind::ConnectionFailed, true, 2));
    assert!(error.message.contains("3 attempts failed (check the base URL); the last: "), "{error}");
}

#[tokio::test]
async fn a_silent_connection_counts_as_broken() {
    // The limit applies to every response. On a busy machine the last one may be late too, so it is there for further
    // tries.
    let last = Response::of_job(line(1) + &end(2, json!({})));
    let responses = vec![Response::of_job(line(0)).hold(), last.clone(), last.clone(), last];
    let setup = Setup::with(responses, |builder| builder.silence(Duration::from_secs(2))).await;
    let mut job = setup.client.batch(urls(2), schema()).start::<Row>().await.unwrap();
    let indexes: Vec<_> = job.results().await.unwrap().iter().map(|page| page.index()).collect();
    assert_eq!(indexes, [Some(0), Some(1)]);
}

#[tokio::test]
async fn results_resume_where_they_broke_off() {
    let setup = Setup::of(vec![
        Response::of_job(format!("   {}{}{}", line(1), line(0), &line(2)[..20])).cut(),
        Response::refused(503, "UNAVAILABLE", true),
        // The body ends properly but without a summary.
        Response::of_job(line(3)),
        Response::of_job(line(4) + &end(6, json!({ "status": "running", "next": "/v1/x" }))),
        Response::of_job(line(5) + &line(2) + &end(6, json!({ "credits_charged": 6 }))),
    ])
    .await;
    let mut job = setup.client.batch(urls(6), schema()).start::<Row>().await.unwrap();
    let mut indexes = Vec::new();
    while let Some(page) = job.next().await {
        indexes.push(page.unwrap().index().unwrap());
    }
    assert_eq!(indexes, [1, 0, 3, 4, 5, 2]);
    let from = |n: u64| Some(format!("from={n}"));
    assert_eq!(setup.queries(), [None, from(2), from(2), from(3), from(4)]);
    assert!(setup.server.requests().iter().all(|seen| seen.headers["accept"] == "application/x-ndjson"));
    let summary = job.summary().unwrap();
    assert_eq!((summary.total, summary.credits_charged), (Some(6), Some(6)));
    assert!(job.next().await.is_none());
}

#[tokio::test]
async fn a_result_missed_by_reordering_is_read_again() {
    // While the job ran, 2 ended before 1 and was sent after it: `from=2` then omits it and repeats 1.
    let setup = Setup::of(vec![
        Response::of_job(line(0) + &line(1)).cut(),
        Response::of_job(line(1) + &end(3, json!({}))),
        Response::of_job(line(0) + &line(2) + &line(1) + &end(3, json!({}))),
    ])
    .await;
    let mut job = setup.client.batch(urls(3), schema()).start::<Row>().await.unwrap();
    assert_eq!(job.results().await.unwrap().len(), 3);
    assert_eq!(setup.queries().last().unwrap(), &None);
}

#[tokio::test]
async fn a_job_that_never_returns_every_result_is_an_error() {
    let setup = Setup::of(vec![Response::of_job(line(0) + &end(2, json!({}))); 3]).await;
    let mut job = setup.client.batch(urls(2), schema()).start::<Row>().await.unwrap();
    let error = job.results().await.unwrap_err();
    assert_eq!((error.kind, error.job_id.as_deref()), (ErrorKind::Protocol, Some(JOB)));
}

#[tokio::test]
async fn a_crawl_that_was_joined_is_read_again_at_the_end() {
    let meta = json!({
        "pages_visited": 3, "pages_skipped": 0, "pages_failed": 0, "cancelled": false, "stopped_by": null,
        "credits_reserved": 5, "credits_charged": 3, "credits_refunded": 2,
    });
    let last = format!("{}\n", json!({ "summary": { "seed_url": "u", "crawl_meta": meta } }));
    let setup = Setup::of(vec![
        Response::of_job(line(0) + &line(2)).cut(),
        Response::of_job(line(2) + &last),
        Response::of_job(line(0) + &line(1) + &line(2) + &last),
    ])
    .await;
    let mut job = setup.client.crawl("u", schema(), CrawlRules::new("*", 5)).start::<Row>().await.unwrap();
    let mut urls = Vec::new();
    while let Some(page) = job.next().await {
        urls.push(page.unwrap().url().to_owned());
    }
    assert_eq!(urls, ["http://h/0", "http://h/2", "http://h/1"]);
    assert_eq!(job.summary().unwrap().credits_refunded, Some(2));
}

#[tokio::test]
async fn a_held_extract_is_followed() {
    let pending = json!({ "url": "u", "status": "pending", "job_id": JOB, "next": format!("/v1/jobs/{JOB}/result") });
    let setup = Setup::of(vec![Response::of_job(pending.to_string()), done()]).await;
    setup.client.extract("u", schema()).send::<Row>().await.unwrap();
    assert_eq!(setup.server.requests()[1].path, format!("/v1/jobs/{JOB}/result"));
}

#[tokio::test]
async fn waiting_ends_with_the_timeout() {
    let responses = vec![
        Response::new(202, "{}").header("X-Job-ID", JOB),
        Response::refused(503, "UNAVAILABLE", true).header("Retry-After", "30"),
    ];
    let setup = Setup::of(responses).await;
    let batch = setup.client.batch(urls(1), schema()).async_mode(true).timeout(Duration::from_secs(25));
    let mut job = batch.start::<Row>().await.unwrap();
    let error = job.results().await.unwrap_err();
    assert_eq!((error.kind, error.job_id.as_deref()), (ErrorKind::WaitTimeout, Some(JOB)));
    let prefer: Vec<String> = setup.server.requests().iter().map(|seen| seen.headers["prefer"].clone()).collect();
    let [first, second] = prefer.as_slice() else { panic!("one call and one read: {prefer:?}") };
    assert_eq!((first.as_str(), setup.waits().len()), ("respond-async", 0));
    // The rest of the timeout, rounded up.
    let wait: u64 = second.strip_prefix("wait=").unwrap().parse().unwrap();
    assert!((1..=25).contains(&wait), "{second}");
    // A body that does not end is not waited for any longer either. The timeout includes the start of the job.
    let setup = Setup::of(vec![Response::of_job(line(0)).hold()]).await;
    let mut job = setup.client.batch(urls(2), schema()).timeout(Duration::from_secs(3)).start::<Row>().await.unwrap();
    assert_eq!(job.results().await.unwrap_err().kind, ErrorKind::WaitTimeout);
}

#[tokio::test]
async fn the_error_of_a_page_has_its_code() {
    let error = json!({ "code": "TIMEOUT", "message": "slow", "retryable": true });
    let body = json!({ "url": "u", "status": "error", "error": error }).to_string();
    let setup = Setup::of(vec![Response::of_job(body)]).await;
    let error = setup.client.extract("u", schema()).send::<Row>().await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str(), error.retryable), (ErrorKind::Page, "TIMEOUT", true));
    assert_eq!((error.to_string(), error.page.unwrap().url), (format!("TIMEOUT: slow ({JOB})"), "u".to_owned()));
}

#[tokio::test]
async fn captures_are_read_by_their_number() {
    let setup = Setup::of(vec![Response::new(200, "PNG")]).await;
    assert_eq!(setup.client.capture(JOB, 3).await.unwrap(), b"PNG");
    assert_eq!(setup.server.requests()[0].path, format!("/v1/jobs/{JOB}/captures/3"));
}

#[tokio::test]
async fn a_cancel_whose_response_was_lost_is_confirmed() {
    let job = json!({
        "job_id": JOB, "endpoint": "/batch", "status": "cancelled", "async_mode": false, "started_at": "now",
        "progress": { "total": 1, "done": 0, "failed": 0 },
    });
    let responses =
        vec![Response::new(200, "{").cut(), Response::refused(404, "JOB_NOT_FOUND", false), Response::json(&job)];
    assert!(Setup::of(responses).await.client.cancel(JOB).await.unwrap());
}

#[tokio::test]
async fn invalid_calls_are_refused_before_anything_is_sent() {
    let setup = Setup::of(Vec::new()).await;
    let error = setup.client.batch(urls(10_001), schema()).start::<Row>().await.unwrap_err();
    assert!(error.message.contains("split them into several batches"), "{error}");
    assert!(setup.client.batch(urls(0), schema()).start::<Row>().await.is_err());
    assert!(setup.client.job("../usage").await.is_err());
    assert_eq!(setup.server.requests().len(), 0);
    let wrong = Client::builder().api_key("x").base_url("ftp://h/").build().unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn no_representation_shows_the_key() {
    let setup = Setup::of(vec![Response::refused(401, "UNAUTHORIZED", false)]).await;
    let error = setup.client.usage().await.unwrap_err();
    assert_eq!(setup.server.requests()[0].headers["x-api-key"], "sk_live_secret");
    let call = setup.client.extract("u", schema()).options(PageOptions::default());
    let builder = Client::builder().api_key("sk_live_secret");
    let shown = format!("{error:?}{error}{:?}{call:?}{builder:?}", setup.client);
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn the_list_of_jobs_is_read_page_by_page() {
    let listed = |id: &str, more: Value| {
        let mut page = json!({ "jobs": [{
            "job_id": id, "endpoint": "/batch", "status": "running", "async_mode": false, "started_at": "now",
            "progress": { "total": 1, "done": 0, "failed": 0 },
        }] });
        page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Response::json(&page)
    };
    let setup = Setup::of(vec![listed("job_1", json!({ "next_cursor": "a/b" })), listed("job_2", json!({}))]).await;
    let mut jobs = setup.client.jobs(runo_client::JobState::Finished).page_size(1);
    let mut ids = Vec::new();
    while let Some(info) = jobs.next().await {
        ids.push(info.unwrap().job_id);
    }
    assert_eq!(ids, ["job_1", "job_2"]);
    let first = "state=finished&limit=1".to_owned();
    assert_eq!(setup.queries(), [Some(first.clone()), Some(first + "&cursor=a%2Fb")]);
}
