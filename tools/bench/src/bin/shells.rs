//! Reports which pages of a corpus folder would be rendered in a browser: one line for each page that is taken for a
//! shell, and the cost of that check beside the cost of the extraction. Pages of a corpus show their content without
//! scripts, so each such line is an unnecessary rendering.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bench::Fault;
use clap::Parser;
use extraction::shell::{FieldsFound, detect_shell};

/// Report which pages of a corpus are taken for shells, and what the check costs.
#[derive(Parser)]
struct Args {
    /// A folder with `cases.jsonl` and the pages that it lists.
    folder: PathBuf,
}

fn main() -> Result<(), Fault> {
    let (args, mut out) = (Args::parse(), io::stdout().lock());
    let (mut all, mut shells, mut checked, mut by_appearance) = (0u32, 0u32, 0u32, 0u32);
    let (mut extraction_time, mut check_time, mut appearance_time) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for case in bench::cases(&args.folder)? {
        let body = bench::page(&args.folder.join(&case.html))?;
        let (url, schema) = (bench::address(&case.url)?, bench::schema(&case.schema)?);
        let page = extraction::Page { body: &body, content_type: Some("text/html"), url: &url };
        let context = extraction::Context { locale: &case.locale, now: bench::FETCHED_AT, budget: &Default::default() };
        let start = Instant::now();
        let got = extraction::extract(&page, &schema, &context)?;
        extraction_time += start.elapsed();
        all += 1;
        let is_empty = |value: &serde_json::Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let found = match got.data.values().filter(|value| !is_empty(value)).count() {
            0 => FieldsFound::Nothing,
            found if found == got.data.len() => FieldsFound::All,
            _ => FieldsFound::Some,
        };
        let start = Instant::now();
        let shell_kind = detect_shell(&page, found);
        check_time += start.elapsed();
        checked += u32::from(found != FieldsFound::All);
        if let Some(shell_kind) = shell_kind {
            shells += 1;
            writeln!(out, "{shell_kind:?}\t{}", case.id)?;
        }
        // By its appearance alone, independent of the fields that were found.
        let start = Instant::now();
        by_appearance += u32::from(detect_shell(&page, FieldsFound::Some).is_some());
        appearance_time += start.elapsed();
    }
    let per_page = |time: Duration, pages: u32| time.as_secs_f64() * 1e6 / f64::from(pages.max(1));
    writeln!(out, "{shells} of {all} pages would be rendered; {checked} had a field without a value and were checked")?;
    writeln!(out, "{by_appearance} look like shells, independent of the fields that were found")?;
    writeln!(
        out,
        "a page: {:.0} µs to extract, {:.1} µs to check on average, {:.0} µs if its appearance is examined",
        per_page(extraction_time, all),
        per_page(check_time, all),
        per_page(appearance_time, all)
    )?;
    Ok(())
}
