//! `POST /v1/crawl` as a client and the crawled site see it, on generated sites whose pages are known by number.

mod cancel;
mod coverage;
mod credits;
mod limits;
mod links;
mod page_identity;
mod politeness;
mod refusals;
mod responses;
mod robots;
mod sitemaps;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::generated::{GeneratedSite, Spec};
use crate::support::stack::{Answer, World, schema};

/// A stack that does not space its requests, because most tests are not about politeness.
async fn world() -> World {
    World::with_vars(&[("HOST_DELAY_MS", "0")]).await
}

async fn start(spec: Spec) -> (World, GeneratedSite) {
    (world().await, GeneratedSite::start(spec).await)
}

/// A crawl from `seed` with the members of `crawl`. By default the pattern matches the site's `/item/` pages.
fn body(site: &GeneratedSite, seed: &str, crawl: Value) -> Value {
    let mut plan = json!({ "follow_pattern": site.url("/item/*"), "max_pages": 1_000, "max_depth": 20 });
    plan.as_object_mut().unwrap().extend(crawl.as_object().unwrap().clone());
    json!({ "seed_url": site.url(seed), "schema": schema(), "crawl": plan })
}

fn asynchronous(mut body: Value) -> Value {
    body["async_mode"] = json!(true);
    body
}

/// The same call in both modes.
fn both_modes(body: Value) -> [Value; 2] {
    [body.clone(), asynchronous(body)]
}

/// `pages_visited`, `pages_failed`, `credits_reserved`, `credits_charged`.
fn figures(body: &Value) -> [u64; 4] {
    ["pages_visited", "pages_failed", "credits_reserved", "credits_charged"]
        .map(|name| body["crawl_meta"][name].as_u64().unwrap_or_else(|| panic!("{name}: {}", body["crawl_meta"])))
}

fn skipped(body: &Value) -> u64 {
    body["crawl_meta"]["pages_skipped"].as_u64().unwrap()
}

fn results(body: &Value) -> &Vec<Value> {
    body["results"].as_array().unwrap()
}

/// Whether a result stands for a page that was not fetched.
fn is_synthetic(result: &Value) -> bool {
    ["JOB_CANCELLED", "JOB_EXPIRED", "ROBOTS_DENIED"].iter().any(|code| result["error"]["code"] == *code)
}

/// The names of the pages that have a result in the body, without synthetic ones. Panics if a page has two results.
fn pages_with_results(site: &GeneratedSite, body: &Value) -> BTreeSet<String> {
    let ran: Vec<&Value> = results(body).iter().filter(|result| !is_synthetic(result)).collect();
    let names: BTreeSet<String> = ran.iter().map(|result| site.name_of(result["url"].as_str().unwrap())).collect();
    assert_eq!(names.len(), ran.len(), "a page has two results");
    names
}

/// The results sorted, with page names in place of the spelling of the URL that was found first.
fn as_set(site: &GeneratedSite, body: &Value) -> Vec<Value> {
    let mut results = results(body).clone();
    for result in &mut results {
        result["url"] = json!(site.name_of(result["url"].as_str().unwrap()));
    }
    results.sort_by_key(|result| result["url"].as_str().unwrap().to_owned());
    results
}

/// Crawls, and checks what holds for every ended crawl: the figures add up, they equal the job's and what the account
/// was charged, and the invariants hold. `duplicates` is how many units ended as another unit's page.
async fn crawl(world: &World, body: &Value, duplicates: u64) -> Value {
    let before = world.used().await;
    let answer = world.post("/v1/crawl", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let got = answer.json();
    assert_sums(world, &answer.job(), &got, duplicates).await;
    assert_eq!(world.used().await - before, got["crawl_meta"]["credits_charged"].as_i64().unwrap());
    got
}

async fn assert_sums(world: &World, job: &str, body: &Value, duplicates: u64) {
    let meta = &body["crawl_meta"];
    let [visited, failed, reserved, charged] = figures(body);
    let ran: Vec<&Value> = results(body).iter().filter(|result| !is_synthetic(result)).collect();
    assert_eq!(visited, ran.len() as u64, "{meta}");
    assert_eq!(failed, ran.iter().filter(|result| result["status"] == "error").count() as u64, "{meta}");
    assert_eq!(reserved, charged + meta["credits_refunded"].as_u64().unwrap(), "{meta}");
    // A unit that ends as another unit's page was charged if it started; it may also be skipped before it starts.
    assert!((visited..=visited + duplicates).contains(&charged), "{meta}, {duplicates} duplicates");
    assert!(visited <= reserved, "{meta}");
    let state = world.job(job).await;
    assert_eq!(state["endpoint"], "/crawl");
    for name in ["reserved", "charged", "refunded"] {
        assert_eq!(state["credits"][name], meta[format!("credits_{name}").as_str()], "{state}");
    }
    let progress = |name: &str| state["progress"][name].as_u64().unwrap();
    let sum: u64 = ["done", "failed", "cancelled", "pending"].iter().map(|name| progress(name)).sum();
    assert_eq!((sum, progress("pending")), (progress("total"), 0), "{state}");
    world.assert_sound().await;
}

/// A call with a header field, read to its end.
async fn with_header(world: &World, name: &str, value: &str, body: &Value) -> Answer {
    let request = world.request(reqwest::Method::POST, "/v1/crawl").header(name, value);
    world.send(request.body(body.to_string())).await
}
