//! Whole calls of the client against a real stack.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use runo_client::{
    BatchOptions, Client, CrawlRules, ErrorKind, FieldType, JobState, JobStatus, Page, PageOptions, Row, Schema,
};
use serde::Deserialize;
use serde_json::json;

use crate::support::site::Site;
use crate::support::stack::{Caller, World};
use crate::support::until;

#[derive(Debug, PartialEq, Deserialize)]
struct Product {
    title: String,
    price: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Strict {
    #[expect(dead_code, reason = "it does not fit")]
    isbn: String,
}

fn client(caller: &Caller) -> Client {
    Client::builder().api_key(&caller.key).base_url(caller.base()).build().unwrap()
}

fn schema() -> Schema {
    Schema::from([("title", FieldType::String), ("price", FieldType::Float)])
}

fn one_at_a_time() -> BatchOptions {
    BatchOptions { concurrency: Some(1), ..BatchOptions::default() }
}

#[tokio::test]
async fn extract_returns_typed_data_or_an_error() {
    let (world, site) = (World::start().await, Site::start().await);
    let client = client(&world);
    let options = PageOptions { no_cache: Some(true), ..PageOptions::default() };
    let page = client.extract(site.url("/p/7"), schema()).options(options).send::<Product>().await.unwrap();
    assert_eq!(page.data, Product { title: "Page 7".into(), price: Some(7.5) });
    let json_schema = json!({ "type": "object", "properties": {
        "title": { "type": "string" },
        "offer": { "type": "object", "properties": { "price": { "type": ["number", "null"] } } },
    } });
    #[derive(Deserialize)]
    struct Nested {
        offer: Offer,
    }
    #[derive(Deserialize)]
    struct Offer {
        price: Option<f64>,
    }
    let json_schema = Schema::from_json(json_schema).unwrap();
    let page = client.extract(site.url("/p/7"), json_schema).send::<Nested>().await.unwrap();
    assert!(page.data.offer.price.is_none_or(|price| price == 7.5));
    let gone = client.extract(site.url("/404"), schema()).send::<Product>().await.unwrap_err();
    assert_eq!((gone.kind, gone.code.as_str()), (ErrorKind::Page, "URL_UNREACHABLE"));
    assert!(gone.job_id.is_some());
    let odd = Schema::from([("title", FieldType::String)]);
    let misfit = client.extract(site.url("/p/7"), odd).send::<Strict>().await.unwrap_err();
    assert_eq!((misfit.kind, misfit.code.as_str()), (ErrorKind::ModelMismatch, "MODEL_MISMATCH"));
    assert_eq!(misfit.page.unwrap().data.unwrap()["title"], "Page 7");
}

#[tokio::test]
async fn a_batch_yields_results_and_errors_in_order() {
    let (world, site) = (World::start().await, Site::start().await);
    let client = client(&world);
    let urls = [site.url("/p/0"), site.url("/404"), site.url("/p/2"), site.url("/p/0"), "http://10.0.0.1/".into()];
    let mut job = client.batch(urls.clone(), schema()).start::<Product>().await.unwrap();
    let pages = job.results().await.unwrap();
    let shown: Vec<&str> = pages.iter().map(Page::url).collect();
    assert_eq!(shown, urls);
    let codes = pages.into_iter().map(|page| page.into_data().map(|row| row.title).map_err(|problem| problem.code));
    let (first, gone) = (Ok("Page 0".to_owned()), Err("URL_UNREACHABLE".to_owned()));
    assert_eq!(codes.collect::<Vec<_>>(), [first.clone(), gone.clone(), Ok("Page 2".into()), first, gone]);
    let summary = job.summary().unwrap().clone();
    assert_eq!((summary.total, summary.succeeded, summary.failed), (Some(5), Some(3), Some(2)));
    assert_eq!((summary.credits_charged, summary.cancelled), (Some(5), false));
    // The client keeps no results; they can be read again.
    job.rewind();
    let again: Vec<_> = job.stream().collect().await;
    assert_eq!(again.len(), 5);
    let mut later = client.result::<Row>(job.id(), Schema::bound(), None).await.unwrap();
    assert_eq!(later.wait().await.unwrap(), summary);
    // A row that does not fit the type does not end the stream.
    let mut odd = client.batch(site.urls("/p", 2), schema()).start::<Strict>().await.unwrap();
    assert!(odd.results().await.unwrap().iter().all(|page| !page.ok()));
    assert_eq!(odd.summary().unwrap().succeeded, Some(2));
}

#[tokio::test]
async fn a_crawl_yields_each_page_once_in_both_modes() {
    let (world, site) = (World::with_vars(&[("HOST_DELAY_MS", "0")]).await, Site::start().await);
    let rules = CrawlRules { use_sitemap: Some(false), ..CrawlRules::new(site.url("/tree/*"), 50) };
    for async_mode in [false, true] {
        let client = client(&world);
        let crawl = client.crawl(site.url("/tree/0"), schema(), rules.clone()).async_mode(async_mode);
        let mut job = crawl.start::<Row>().await.unwrap();
        let pages = job.results().await.unwrap();
        let urls: BTreeSet<&str> = pages.iter().map(Page::url).collect();
        assert_eq!((pages.len(), urls.len()), (5, 5));
        let summary = job.summary().unwrap();
        assert_eq!(summary.crawl_meta.as_ref().unwrap().pages_visited, 5);
        assert_eq!((summary.credits_reserved, summary.credits_refunded), (Some(50), Some(45)));
    }
}

#[tokio::test]
async fn a_cancelled_batch_yields_what_ran_and_what_did_not() {
    let (world, site) = (World::start().await, Site::start().await);
    let client = client(&world);
    let urls = [site.urls("/p", 1), site.urls("/gate", 19)].concat();
    let mut job = client.batch(urls, schema()).options(one_at_a_time()).start::<Product>().await.unwrap();
    assert!(job.next().await.unwrap().unwrap().ok());
    until("a page waits at the gate", async || site.hits() >= 2).await;
    let listed = client.jobs(JobState::Running).next().await.unwrap().unwrap();
    assert_eq!(listed.job_id, job.id());
    assert!(job.cancel().await.unwrap());
    site.open_gate();
    let mut codes = Vec::new();
    while let Some(page) = job.next().await {
        codes.push(page.unwrap().into_data().map_err(|problem| problem.code).err());
    }
    let cancelled = codes.iter().flatten().filter(|code| *code == "JOB_CANCELLED").count();
    assert_eq!((codes.len(), cancelled), (19, 18));
    let summary = job.summary().unwrap();
    assert_eq!((summary.cancelled, summary.succeeded, summary.not_run), (true, Some(2), Some(18)));
    assert_eq!((summary.credits_charged, summary.credits_refunded), (Some(2), Some(18)));
    assert_eq!(job.info().await.unwrap().status, JobStatus::Cancelled);
    assert!(job.cancel().await.unwrap(), "it is cancelled");
    assert_eq!(client.cancel("job_0123456789ab").await.unwrap_err().kind, ErrorKind::JobNotFound);
    world.assert_sound().await;
}

/// A job that is dropped while it runs keeps running, unless `cancel_on_drop` is set.
#[tokio::test]
async fn a_dropped_job_is_cancelled_only_with_cancel_on_drop() {
    let (world, site) = (World::start().await, Site::start().await);
    let client = client(&world);
    let mut ids = Vec::new();
    for cancel in [false, true] {
        let batch = client.batch(site.urls("/gate", 4), schema()).options(one_at_a_time());
        let hits = site.hits();
        let mut job = batch.cancel_on_drop(cancel).start::<Product>().await.unwrap();
        until("a page waits at the gate", async || site.hits() > hits).await;
        // Dropping a future of `next` loses nothing and cancels nothing.
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), job.next()).await;
        assert!(waited.is_err());
        ids.push(job.id().to_owned());
    }
    until("the second is being cancelled", async || client.job(&ids[1]).await.unwrap().status != JobStatus::Running)
        .await;
    site.open_gate();
    for (id, cancelled) in ids.iter().zip([false, true]) {
        let mut job = client.result::<Row>(id, Schema::bound(), None).await.unwrap();
        assert_eq!(job.wait().await.unwrap().cancelled, cancelled);
    }
}
