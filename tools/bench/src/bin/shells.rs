//! Reports for every page of a corpus folder whether a browser would be asked: one line for each page that looks like a
//! shell, and the cost of judging beside that of reading. Pages of a corpus show their content without scripts, so each
//! such line is a needless rendering.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bench::Fault;
use clap::Parser;
use extraction::shell::{Found, shell};

/// Report which pages of a corpus look like shells, and what judging them costs.
#[derive(Parser)]
struct Args {
    /// A folder with `cases.jsonl` and the pages that it lists.
    folder: PathBuf,
}

fn main() -> Result<(), Fault> {
    let (args, mut out) = (Args::parse(), io::stdout().lock());
    let (mut all, mut shells, mut judged, mut looks) = (0u32, 0u32, 0u32, 0u32);
    let (mut reading, mut judging, mut looking) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for case in bench::cases(&args.folder)? {
        let body = bench::page(&args.folder.join(&case.html))?;
        let (url, schema) = (bench::address(&case.url)?, bench::schema(&case.schema)?);
        let page = extraction::Page { body: &body, content_type: Some("text/html"), url: &url };
        let context = extraction::Context { locale: &case.locale, now: bench::FETCHED, budget: &Default::default() };
        let start = Instant::now();
        let got = extraction::extract(&page, &schema, &context)?;
        reading += start.elapsed();
        all += 1;
        let none = |value: &serde_json::Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let found = match got.data.values().filter(|value| !none(value)).count() {
            0 => Found::Nothing,
            found if found == got.data.len() => Found::All,
            _ => Found::Some,
        };
        let start = Instant::now();
        let what = shell(&page, found);
        judging += start.elapsed();
        judged += u32::from(found != Found::All);
        if let Some(what) = what {
            shells += 1;
            writeln!(out, "{what:?}\t{}", case.id)?;
        }
        // By its appearance alone, whatever was found.
        let start = Instant::now();
        looks += u32::from(shell(&page, Found::Some).is_some());
        looking += start.elapsed();
    }
    let each = |time: Duration, pages: u32| time.as_secs_f64() * 1e6 / f64::from(pages.max(1));
    writeln!(out, "{shells} of {all} pages would be rendered; {judged} had a field without a value and were judged")?;
    writeln!(out, "{looks} look like shells, whatever was found in them")?;
    writeln!(
        out,
        "a page: {:.0} µs to read, {:.1} µs to judge as it comes, {:.0} µs where it is looked at",
        each(reading, all),
        each(judging, all),
        each(looking, all)
    )?;
    Ok(())
}
