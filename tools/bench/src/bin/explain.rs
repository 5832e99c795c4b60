//! Shows for one page and schema which candidates each field had, what became of each, and why one won. The page comes
//! from a corpus (`--case FOLDER ID`), or is a file with its URL and a schema.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use bench::Fault;
use clap::Parser;

/// Show how the extractor chose the value of each field.
#[derive(Parser)]
struct Args {
    /// An HTML file, plain or gzip.
    #[arg(required_unless_present = "case", requires_all = ["url", "schema"])]
    html: Option<PathBuf>,
    /// URL of the page.
    #[arg(long)]
    url: Option<String>,
    /// The schema as JSON, or the path of a file that contains it.
    #[arg(long)]
    schema: Option<String>,
    /// A corpus folder and the id of a case in it, instead of a file.
    #[arg(long, num_args = 2, value_names = ["FOLDER", "ID"], conflicts_with = "html")]
    case: Option<Vec<String>>,
    /// Show only this field.
    #[arg(long)]
    field: Option<String>,
    /// Number of candidates to show per field.
    #[arg(long, default_value_t = 12)]
    top: usize,
    /// BCP 47 tag of the locale in which the page is read.
    #[arg(long, default_value = "en-US")]
    locale: String,
}

fn main() -> Result<(), Fault> {
    let args = Args::parse();
    let (path, url, schema) = match &args.case {
        Some(case) => {
            let [folder, id] = &case[..] else { return Err("--case takes a folder and an id".into()) };
            let folder = PathBuf::from(folder);
            let found = bench::cases(&folder)?.into_iter().find(|c| c.id == *id).ok_or("no case has that id")?;
            (folder.join(&found.html), found.url, found.schema)
        }
        None => {
            let schema = args.schema.as_deref().unwrap_or_default();
            let text =
                if schema.trim_start().starts_with('[') { schema.to_owned() } else { fs::read_to_string(schema)? };
            let path = args.html.clone().ok_or("no page")?;
            (path, args.url.clone().unwrap_or_default(), serde_json::from_str(&text)?)
        }
    };
    let (body, url, schema) = (bench::page(&path)?, bench::address(&url)?, bench::schema(&schema)?);
    let page = extraction::Page { body: &body, content_type: None, url: &url };
    let context = extraction::Context { locale: &args.locale, now: bench::FETCHED_AT, budget: &Default::default() };
    let mut out = io::stdout().lock();
    for field in extraction::explain(&page, &schema, &context)? {
        if args.field.as_ref().is_some_and(|f| *f != field.field) {
            continue;
        }
        writeln!(out, "{} (means {}) = {}", field.field, field.meaning, field.value)?;
        for seen in field.candidates.iter().take(args.top) {
            let source = format!("{:?}", seen.source);
            writeln!(out, "  {:>4} {source:<10} {} | {} → {}", seen.score, seen.reason, seen.values, seen.outcome)?;
        }
        if field.candidates.len() > args.top {
            writeln!(out, "       and {} more", field.candidates.len() - args.top)?;
        }
    }
    Ok(())
}
