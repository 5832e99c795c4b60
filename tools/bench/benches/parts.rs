//! Measures the cost of the parts of a unit on one core: `cargo bench -p bench`. The input is generated here, so that
//! two machines measure the same.

#![allow(clippy::expect_used)] // the inputs are constants of this benchmark

use bench::FETCHED_AT;
use bench::compare::page;
use divan::{Bencher, black_box};
use domain::Reservation;
use domain::job::{CrawlFigures, DriverLease};
use domain::segment::{Segment, UnitEnd, UnitState, WriteId};
use domain::time::Month;
use domain::{AccountId, CanonicalUrl, Endpoint, FieldType, Job, JobId, JobState, Nonce, Schema, Timestamp};
use extraction::coercion::{ReadingContext, coerce};
use extraction::{Context, Page, RequestedExtras};
use fetch::Robots;
use serde_json::json;
use store::client::{Connection, connect};
use store::results::ResultText;
use store::segments::SegmentWrite;
use store::{RetryPolicy, Store, TableNames};
use url::Url;

fn main() {
    divan::main();
}

fn schema(fields: usize) -> Schema {
    Schema::parse(&page::schema(fields)).expect("the bench's schemas are valid")
}

const URL: &str = "http://shop.test/t/7";

/// Parses and extracts a page of 9 KB.
#[divan::bench(args = [2, 10])]
fn extract(bencher: Bencher<'_, '_>, fields: usize) {
    let (html, schema, url) = (page::page(7, &page::links("/t/", 7, 2_000)), schema(fields), url());
    let page = Page { body: html.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url };
    bencher.bench(|| {
        extraction::extract(&page, &schema, &Context { locale: "en-US", now: FETCHED_AT, budget: &Default::default() })
    });
}

/// Parses and extracts the page with its links, as a crawl does.
#[divan::bench(args = [2, 10])]
fn extract_with_links(bencher: Bencher<'_, '_>, fields: usize) {
    let (html, schema, url) = (page::page(7, &page::links("/t/", 7, 2_000)), schema(fields), url());
    let page = Page { body: html.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url };
    bencher.bench(|| {
        let context = Context { locale: "en-US", now: FETCHED_AT, budget: &Default::default() };
        extraction::extract_with(&page, &schema, &context, RequestedExtras { links: true, compact: None })
    });
}

/// Only parses the page: the lower bound of the two above.
#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let html = page::page(7, &page::links("/t/", 7, 2_000));
    bencher.bench(|| scraper::Html::parse_document(&html));
}

fn url() -> Url {
    Url::parse(URL).expect("a valid URL")
}

#[divan::bench(args = ["$1,234.50", "12.5.2026", "In stock", "4,6 von 5"])]
fn coerce_to_every_type(bencher: Bencher<'_, '_>, text: &str) {
    let reading = ReadingContext { locale: "en-US", today: jiff::civil::date(2026, 1, 1) };
    let raw = json!(text);
    bencher.bench(|| {
        for kind in FieldType::ALL {
            black_box(coerce(kind, black_box(&raw), &reading));
        }
    });
}

#[divan::bench]
fn canonicalise_and_hash(bencher: Bencher<'_, '_>) {
    let text = "HTTP://www.Shop.test:80/a/./b/../c/%7Ename/index.html?b=2&utm_source=x&a=1#part";
    bencher.bench(|| CanonicalUrl::parse(black_box(text)).map(|page| page.key().hash()));
}

/// Matches one path against a robots.txt of 200 rules.
#[divan::bench]
fn robots_match(bencher: Bencher<'_, '_>) {
    let rules: String = (0..200).map(|i| format!("Disallow: /private/{i}/*.pdf$\n")).collect();
    let robots = Robots::parse(format!("User-agent: *\n{rules}").as_bytes(), "Runo", None);
    let url = url();
    bencher.bench(|| robots.allows(black_box(&url)));
}

/// One page's part of a group commit: a result and a segment's write, converted to rows and to and from the SDK's
/// types, on a store that takes no time.
#[divan::bench]
fn commit(bencher: Bencher<'_, '_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = runtime.block_on(async {
        let nowhere = Connection { endpoint: Some("http://127.0.0.1:1".into()), ..Connection::default() };
        let store = Store::new(connect(&nowhere).await, TableNames::default(), RetryPolicy::default(), 86_400);
        store.in_memory(Default::default())
    });
    let job = job();
    let text = json!({ "status": "success", "url": URL, "data": { "title": "Page 7", "price": 12.5 } }).to_string();
    let (mut row, writer) = (Segment::untouched(0), Nonce::from_random(7));
    bencher.bench_local(|| {
        let n = u32::try_from(row.version).unwrap_or_default();
        row = row.next(WriteId { writer, n });
        row.put(n % 64, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: Timestamp(5), skipped: 0 });
        let result = ResultText { seq: n % 64, attempt: 1, text: text.clone() };
        let wrote = runtime.block_on(async {
            (store.segments.put_results(&job, &[result]).await.ok(), store.segments.put_segment(&job, &row).await.ok())
        });
        assert_eq!(wrote, (Some(()), Some(SegmentWrite::Written)));
    });
}

fn job() -> Job {
    Job {
        id: JobId::from_random(7),
        account: AccountId::parse("bench").expect("a valid name"),
        endpoint: Endpoint::Batch,
        timeout_ms: 15_000,
        concurrency: None,
        fail_fast: false,
        extract_unit: None,
        limit_reached: false,
        webhook: false,
        async_mode: false,
        state: JobState::Running,
        reservation: Reservation { monthly: 1, prepaid: 0, month: Month::parse("2026-01").expect("a month") },
        admitted: 1,
        started_at: Timestamp(0),
        deadline: Timestamp(1_000),
        driver: DriverLease { holder: Nonce::from_random(4), until: Timestamp(30), queued: false, idle_checks: 0 },
        cancelled_at: None,
        ended_at: None,
        expires_at: None,
        tally: None,
        figures: CrawlFigures::default(),
        charge: None,
    }
}
