//! Rendering in a function of its own: the real binaries on the Runtime API, with a stub of Lambda's Invoke API between
//! them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use render::{Answer, RenderError, Request};
use serde_json::{Value, json};

use crate::rendering::browser;
use crate::support::binaries::binary;
use crate::support::cloud::{Cloud, Function, TIMEOUT};
use crate::support::lambda_stub::{LambdaStub, Reply};
use crate::support::site::Site;
use crate::support::stack::schema;
use crate::support::until;

/// Starts the renderer with the variables that its image sets.
async fn renderer(cloud: &Cloud, browser: &str, allow: &str) -> Function {
    let vars = [("BROWSER", browser), ("FETCH_ALLOW", allow), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096")];
    cloud.function_with("renderer", &vars).await
}

async fn extract(function: &Function, url: &str, options: Value) -> Value {
    let body = json!({ "url": url, "schema": schema(), "options": options });
    function.request("POST", "/v1/extract", &[], &body, TIMEOUT).body().await
}

/// Invokes the renderer as another function does.
async fn rendered_by(function: &Function, url: &str) -> Result<render::Rendered, RenderError> {
    let request = Request::new(url.parse().unwrap(), "Runo/test", Duration::from_secs(60));
    let answer = function.api.invoke(&serde_json::to_value(&request).unwrap(), TIMEOUT).value().await;
    serde_json::from_value::<Answer>(answer).unwrap().unpack()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shell_is_rendered_by_the_render_function() {
    let Some(browser) = browser() else { return };
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let renderer = renderer(&cloud, &browser, "127.0.0.0/8").await;
    let lambda = LambdaStub::forwarding_to(&renderer.api).await;
    let function = cloud.function_with("extract", &lambda.variables()).await;
    let time = json!({ "timeout_ms": 60_000 });
    let got = extract(&function, &site.url("/spa/7"), time.clone()).await;
    assert_eq!(
        (&got["render_mode"], &got["data"]),
        (&json!("headless"), &json!({ "title": "Kettle 7", "price": 19.5 }))
    );
    let got = extract(&function, &site.url("/ssr/7"), time).await;
    assert_eq!((&got["render_mode"], lambda.requests()), (&json!("fetch"), 1), "{got}");
    // The renderer's own `FETCH_ALLOW` decides which addresses are reached, not that of the function that invokes it.
    let strict = self::renderer(&cloud, &browser, "").await;
    let hits = site.hits();
    let refused = rendered_by(&strict, &site.url("/spa/8")).await.unwrap_err();
    assert!(matches!(refused, RenderError::Forbidden(_)), "{refused:?}");
    assert_eq!(site.hits(), hits);
    // One page after the other in the same browser; a response that is not a page is reported.
    let pages = [rendered_by(&renderer, &site.url("/spa/1")).await, rendered_by(&renderer, &site.url("/spa/2")).await];
    for (n, page) in (1..).zip(pages) {
        assert!(page.unwrap().html.contains(&format!("Kettle {n}")));
    }
    assert!(matches!(rendered_by(&renderer, &site.url("/pdf")).await, Err(RenderError::NoPage(_))));
    cloud.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_or_slow_renderer_is_a_timeout_or_the_plain_result() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    // Only a renderer that does not answer takes the page's time.
    for (reply, timeout_ms, max) in [(0, 60_000, 30), (1, 60_000, 30), (2, 4_000, 12)] {
        let serve = move |_| -> futures_util::future::BoxFuture<'static, Reply> {
            Box::pin(async move {
                match reply {
                    0 => Reply::Died,
                    1 => Reply::Throttled,
                    _ => Reply::NoResponse,
                }
            })
        };
        let lambda = LambdaStub::start(Arc::default(), serve).await;
        let function = cloud.function_with("extract", &lambda.variables()).await;
        let options = |mode: &str| json!({ "render_js": mode, "timeout_ms": timeout_ms, "no_cache": true });
        // The measured time does not include the function's start.
        until("the function asks for work", async || function.api.polls() == 1).await;
        let started = Instant::now();
        let got = extract(&function, &site.url("/spa/7"), options("always")).await;
        assert_eq!((&got["error"]["code"], &got["error"]["retryable"]), (&json!("TIMEOUT"), &json!(true)), "{got}");
        assert!(started.elapsed() < Duration::from_secs(max), "{:?}", started.elapsed());
        let got = extract(&function, &site.url("/spa/7"), options("auto")).await;
        assert_eq!((&got["status"], &got["data"]["title"]), (&json!("success"), &json!("Shop")), "{got}");
        assert_ne!(got["render_mode"], "headless", "{got}");
        assert!(got["warnings"].to_string().contains("could not be rendered"), "{got}");
        assert!(lambda.requests() >= 2);
        if reply == 0 {
            let hits = site.hits();
            extract(&function, &site.url("/spa/7"), json!({ "render_js": "auto", "timeout_ms": timeout_ms })).await;
            assert!(site.hits() > hits, "a result for which the browser failed is not cached");
        }
    }
    cloud.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_renderers_error_is_the_units_error() {
    let (cloud, site) = (Cloud::start().await, Site::start().await);
    let error = Answer::Error(RenderError::LimitExceeded("the rendered page is over what can be carried".into()));
    for (answer, code) in [
        (serde_json::to_value(&error).unwrap(), "UNSUPPORTED_CONTENT"),
        (json!({ "error": { "unreachable": "nobody is there" } }), "URL_UNREACHABLE"),
    ] {
        let serve = move |_| -> futures_util::future::BoxFuture<'static, Reply> {
            let answer = answer.clone();
            Box::pin(async move { Reply::Answer(answer) })
        };
        let lambda = LambdaStub::start(Arc::default(), serve).await;
        let function = cloud.function_with("extract", &lambda.variables()).await;
        let got = extract(&function, &site.url("/spa/7"), json!({ "render_js": "always" })).await;
        assert_eq!(got["error"]["code"], code, "{got}");
        assert!(lambda.requests() >= 1);
    }
}

/// The browser's protocol and flags are only in the binary that has the browser.
#[test]
fn other_functions_contain_no_browser() {
    // A search by unoptimized code takes seconds.
    let has = |name: &str| {
        let grep = std::process::Command::new("grep")
            .args(["--quiet", "--text", "--fixed-strings", "--regexp=--remote-debugging-pipe"])
            .arg(binary(name))
            .status()
            .unwrap();
        assert!(matches!(grep.code(), Some(0 | 1)), "{grep}");
        grep.success()
    };
    assert!(has("renderer"));
    for name in ["extract", "batch", "crawl", "jobs", "mcp", "worker", "settle"] {
        assert!(!has(name), "{name} contains a browser's flags");
    }
}

#[tokio::test]
async fn a_renderer_without_a_browser_does_not_start() {
    let cloud = Cloud::start().await;
    let (status, output) = Function::fails_to_start("renderer", &cloud.environment("renderer")).await;
    assert!(!status.success() && output.contains("there is no Chromium on the PATH"), "{output}");
}
