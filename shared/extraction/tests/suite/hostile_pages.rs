//! Pages made to multiply work, each family in growing sizes: whatever the size, the thread that reads one ends and
//! stays within the page's budget. Counted work must grow with the page and no faster; uncounted work shows as a thread
//! that does not end.

use std::sync::mpsc;
use std::time::Duration;

use extraction::budget::{Budget, Limits};
use extraction::{Context, ExtractError, Extracted, Page, extract};
use serde_json::{Value, json};

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// Time limit for a thread: many times what the slowest takes.
const THREAD_TIMEOUT: Duration = Duration::from_secs(120);
/// Maximum number of steps per byte of a page: a text is examined once for each of the roughly 500 elements that may
/// contain it.
const MAX_STEPS_PER_BYTE: u64 = 1_000;

/// A kind of page: its name, its type, its schema, and a function that makes a page with roughly the given
/// number of elements or values.
struct Family {
    name: &'static str,
    kind: &'static str,
    schema: Value,
    page: fn(usize) -> String,
}

fn selectors(all: &[&str]) -> Value {
    let field = |(i, selector): (usize, &&str)| json!({ "field": format!("f{i}"), "type": "array<string>", "example": ["x"], "selector": selector });
    all.iter().enumerate().map(field).collect()
}

fn fields(count: usize) -> Value {
    let names = ["title", "price", "author", "tags"].map(str::to_owned).into_iter();
    let all = names.chain((0..).map(|i| format!("zork{i}"))).take(count);
    all.map(|name| json!({ "field": name, "type": "string", "example": "x" })).collect()
}

fn html(name: &'static str, all: &[&str], page: fn(usize) -> String) -> Family {
    Family { name, kind: "text/html; charset=utf-8", schema: selectors(all), page }
}

fn values(name: &'static str, count: usize, page: fn(usize) -> String) -> Family {
    Family { name, kind: "application/json", schema: fields(count), page }
}

fn families() -> Vec<Family> {
    vec![
        html(
            "siblings of siblings",
            &["i:has(~ i:is(b ~ i))::attr(x)", "i:first-child ~ i", ":has(~ i:last-child)"],
            |n| "<i></i>".repeat(n),
        ),
        html("what has none", &["p:has(~ b)", "p:not(:has(+ p)):has(~ i, ~ b)"], |n| "<p>x</p>".repeat(n)),
        html("ancestors", &["div div div div i", ":has(div div i)", "i:is(div i):not(p > i)"], |n| {
            format!("{}{}", "<div>".repeat(n.min(50)), "<i></i>".repeat(n))
        }),
        html("texts around a text", &["div", "div div", ":is(div, body)"], |n| {
            format!("{}{}", "<div>".repeat(480), "word ".repeat(n))
        }),
        html("texts of nothing", &["div", "div > div"], |n| format!("{}{}x", "<div>".repeat(480), " ".repeat(n / 10))),
        html("values of attributes", &["a::attr(href)", "a::attr(title)"], |n| {
            format!("<a href='/{}' title=x>y</a>", "y".repeat(500)).repeat(n / 100)
        }),
        html("places among siblings", &["li:nth-last-child(2n+1):nth-of-type(3n):only-of-type"], |n| "<li>".repeat(n)),
        values("lists in lists", 4, |n| format!("{}{}", "[".repeat(n), "]".repeat(n))),
        values("empty lists", 4, |n| format!("[{}[]]", "[],".repeat(n))),
        values("members times fields", 200, |n| {
            format!("{{{}\"z\":0}}", (0..n).map(|i| format!("\"k{i}\":1,")).collect::<String>())
        }),
        values("the same member", 50, |n| format!("[{}{{}}]", "{\"title\":\"x\",\"zork7\":[1,2,3]},".repeat(n))),
        values("a name over and over", 4, |n| {
            format!("{}1{}", "{\"title\":".repeat(100), "}".repeat(100)).repeat(n / 100)
        }),
    ]
}

fn read(family: &Family, page: &str, budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let url = url::Url::parse("https://e.test/").unwrap();
    let page = Page { body: page.as_bytes(), content_type: Some(family.kind), url: &url };
    let context = Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget };
    extract(&page, &domain::Schema::parse(&family.schema).unwrap(), &context)
}

/// Runs `work` on a thread of its own and fails if that does not end.
fn run_with_timeout(name: &str, work: impl FnOnce() + Send + 'static) {
    let (done, ended) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    match ended.recv_timeout(THREAD_TIMEOUT) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: the thread does not end"),
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => thread.join().unwrap(),
    }
}

#[test]
fn steps_are_bounded_by_the_bytes_of_a_page() {
    for family in families() {
        run_with_timeout(family.name, move || {
            for n in SIZES {
                let page = (family.page)(n);
                let budget = Budget::default();
                let _ = read(&family, &page, &budget);
                let (taken, bytes) = (budget.taken(), page.len() as u64);
                assert!(
                    taken.steps <= MAX_STEPS_PER_BYTE * (bytes + 10_000),
                    "{} {n}: {taken:?} of {bytes} bytes",
                    family.name
                );
                assert!(taken.nodes <= Limits::PAGE.nodes + 2, "{} {n}: {taken:?}", family.name);
                let max = 2 * (extraction::MAX_SELECTED * family.schema.as_array().unwrap().len()) as u64;
                assert!(taken.bytes <= max + bytes, "{} {n}: {taken:?} of {bytes} bytes", family.name);
            }
        });
    }
}

/// Reads the same pages with a smaller budget, and with a deadline that passes soon: each ends there.
#[test]
fn reading_a_page_of_any_size_ends_with_its_budget() {
    for family in families() {
        run_with_timeout(family.name, move || {
            for n in &SIZES[..2] {
                let page = (family.page)(*n);
                let few = Limits { steps: 20_000, bytes: 2_000, nodes: 500 };
                let asked = std::cell::Cell::new(0u32);
                let over = || asked.replace(asked.get() + 1) >= 2;
                for budget in [Budget::limited(few), Budget::with_deadline(&over)] {
                    let read = read(&family, &page, &budget);
                    let taken = budget.taken();
                    // Work in progress is finished: a pass over the elements, a scan of the bytes.
                    let max = few.steps + 20 * page.len() as u64;
                    assert!(taken.steps <= max, "{} {n}: {taken:?} of {} bytes", family.name, page.len());
                    let nodes = if asked.get() == 0 { few.nodes } else { Limits::PAGE.nodes };
                    assert!(taken.nodes <= nodes + 2, "{} {n}: {taken:?}", family.name);
                    assert!(
                        budget.exhausted().is_none() || read.is_err() || !read.unwrap().warnings.is_empty(),
                        "{} {n}",
                        family.name
                    );
                }
            }
        });
    }
}
