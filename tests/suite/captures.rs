//! Screenshots: kept as long as their results, served only to the account that owns the job. A stub takes them here,
//! not a browser.

use std::sync::{Arc, Mutex};

use api::app::AppDependencies;
use domain::Plan;
use fetch::BoxFuture;
use render::{Capture, Render, RenderError, Rendered, Request};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{Caller, World, config, schema};
use crate::support::test_bed::RunningClock;

/// A renderer that reports every page as rendered, with a text that names the URL as its screenshot.
#[derive(Default)]
struct StubRenderer {
    requested: Mutex<Vec<Request>>,
}

impl Render for StubRenderer {
    fn render(&self, request: Request) -> BoxFuture<'_, Result<Rendered, RenderError>> {
        self.requested.lock().unwrap().push(request.clone());
        let wanted = request.capture.contains(&Capture::Screenshot);
        let rendered = Rendered {
            html: format!("<title>Rendered</title><h1>Rendered</h1>{}", request.url),
            screenshot: wanted.then(|| format!("PNG of {}", request.url).into_bytes()),
            final_url: request.url,
            status: 200,
            notes: Vec::new(),
            robots_tag: None,
            bytes: 0,
            requests: 1,
        };
        Box::pin(async { Ok(rendered) })
    }
}

struct Setup {
    world: World,
    site: Site,
    renderer: Arc<StubRenderer>,
    clock: RunningClock,
}

impl Setup {
    async fn start() -> Setup {
        let renderer = Arc::new(StubRenderer::default());
        let clock = RunningClock::start();
        let dependencies = AppDependencies {
            renderer: Some(Arc::clone(&renderer) as Arc<dyn Render>),
            clock: Arc::new(clock.clone()),
            ..AppDependencies::default()
        };
        Setup {
            world: World::with_dependencies(config(&[]), dependencies).await,
            site: Site::start().await,
            renderer,
            clock,
        }
    }

    fn requested(&self) -> usize {
        self.renderer.requested.lock().unwrap().len()
    }
}

/// Status, content type and body of the response to a GET.
async fn picture(caller: &Caller, path: &str) -> (u16, String, Vec<u8>) {
    let response = caller.request(Method::GET, path).send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (response.status().as_u16(), kind, response.bytes().await.unwrap().to_vec())
}

fn options() -> Value {
    json!({ "capture": ["screenshot"] })
}

#[tokio::test]
async fn each_page_of_a_batch_has_a_screenshot_while_results_are_kept() {
    let setup = Setup::start().await;
    // These pages need no browser; the option has them rendered nevertheless.
    let urls = setup.site.urls("/p", 3);
    let answer = setup.world.batch(&urls, options()).await;
    let (job, got) = (answer.job(), answer.json());
    assert_eq!((setup.requested(), setup.site.hits()), (3, 0), "only the browser requests them");
    for (n, result) in got["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(result["render_mode"], "headless", "{result}");
        assert_eq!(result["captures"], json!([{ "kind": "screenshot", "n": n }]), "{result}");
        let (status, kind, bytes) = picture(&setup.world, &format!("/v1/jobs/{job}/captures/{n}")).await;
        assert_eq!((status, kind.as_str(), bytes), (200, "image/png", format!("PNG of {}", urls[n]).into_bytes()));
    }
    let first = format!("/v1/jobs/{job}/captures/0");
    let head = setup.world.request(Method::HEAD, &first).send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.headers()["content-type"].to_str().unwrap()), (200, "image/png"));
    for unknown in ["3", "-1", "x", "4294967296"] {
        let answer = setup.world.get(&format!("/v1/jobs/{job}/captures/{unknown}")).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "NOT_FOUND"), "{unknown}");
    }
    let refused = setup.world.request(Method::POST, &first).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, "GET, HEAD, OPTIONS"));
    // Another account, and an unknown key.
    let other = setup.world.account("other", Plan::Scale, None, None).await;
    let answer = other.get(&first).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "JOB_FORBIDDEN"));
    assert_eq!(setup.world.with_key("sk_live_unknown").get(&first).await.status, 401);
    setup.world.assert_sound().await;
    // Results are kept for a day.
    setup.clock.advance(86_000);
    assert_eq!(picture(&setup.world, &first).await.0, 200);
    setup.clock.advance(500);
    let answer = setup.world.get(&first).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (404, "JOB_NOT_FOUND"));
}

#[tokio::test]
async fn an_extract_with_a_screenshot_bypasses_the_result_cache() {
    let setup = Setup::start().await;
    let url = setup.site.url("/p/7");
    let extract = async |options: Value| {
        let body = json!({ "url": url, "schema": schema(), "options": options });
        setup.world.post("/v1/extract", &body).await
    };
    assert_eq!(extract(json!({})).await.json()["render_mode"], "structured");
    for requested in [1, 2] {
        let answer = extract(options()).await;
        assert_eq!(answer.json()["captures"], json!([{ "kind": "screenshot", "n": 0 }]), "{}", answer.text);
        assert_eq!(setup.requested(), requested);
        let path = format!("/v1/jobs/{}/captures/0", answer.job());
        assert_eq!(picture(&setup.world, &path).await.2, format!("PNG of {url}").into_bytes());
    }
    let cached = extract(json!({})).await.json();
    assert_eq!((&cached["render_mode"], &cached["captures"]), (&json!("cache"), &Value::Null));
    setup.world.assert_sound().await;
}

#[tokio::test]
async fn without_a_browser_there_is_a_warning_and_no_screenshot() {
    let (world, site) = (World::start().await, Site::start().await);
    let answer = world.batch(&site.urls("/p", 1), options()).await;
    let result = &answer.json()["results"][0];
    assert_eq!((&result["status"], &result["captures"]), (&json!("success"), &Value::Null), "{result}");
    assert!(result["warnings"].to_string().contains("capture needs a browser"), "{result}");
    assert_eq!(world.get(&format!("/v1/jobs/{}/captures/0", answer.job())).await.status, 404);
}
