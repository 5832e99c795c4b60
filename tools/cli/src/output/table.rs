//! Tables for a terminal: one row per result for many results, one line per field for a single one.

use std::io::{self, Write};

use console::{Alignment, Term, pad_str, style, truncate_str};
use runo_client::{Page, Problem, Row};
use serde_json::Value;

use crate::terminal::line;

const INDEX_WIDTH: usize = 6;
const MIN_WIDTH: usize = 8;
const GAP: &str = "  ";

/// Table with one row per page.
pub(super) struct Table {
    columns: Option<Vec<String>>,
    header_written: bool,
    width: usize,
}

impl Table {
    pub(super) fn new(columns: Option<Vec<String>>) -> Table {
        let width = Term::stdout().size_checked().map_or(100, |(_, width)| usize::from(width).max(40));
        Table { columns, header_written: false, width }
    }

    pub(super) fn page(&mut self, page: &Page, text: &mut Vec<u8>) -> io::Result<()> {
        if let (None, Some(data)) = (&self.columns, page.data()) {
            self.columns = Some(data.keys().cloned().collect());
        }
        let columns: &[String] = self.columns.as_deref().unwrap_or_default();
        let url_width = (self.width / 3).clamp(12, 48);
        let left = self.width.saturating_sub(INDEX_WIDTH + 2 * GAP.len() + url_width + 1);
        let shown = columns.len().min(left / (MIN_WIDTH + GAP.len())).max(1);
        let each = (left / shown).saturating_sub(GAP.len());
        if !self.header_written && !columns.is_empty() {
            self.header_written = true;
            let names = columns.iter().take(shown).map(|name| fit(name, each)).collect::<Vec<_>>().join(GAP);
            let more = if shown < columns.len() { "…" } else { "" };
            let head = format!("{:>INDEX_WIDTH$}{GAP}{}{GAP}{names}{more}", "#", fit("page", url_width));
            writeln!(text, "{}", style(head.trim_end()).bold())?;
        }
        let index = page.index().map(|index| index.to_string()).unwrap_or_default();
        write!(text, "{index:>INDEX_WIDTH$}{GAP}{}{GAP}", fit(&url_end(page.url(), url_width), url_width))?;
        match page {
            Page::Success(page) => {
                let cells = columns.iter().take(shown).map(|name| fit(&shown_value(&page.data, name), each));
                writeln!(text, "{}", cells.collect::<Vec<_>>().join(GAP).trim_end())
            }
            Page::Failure(page) => writeln!(text, "{}", truncate_str(&problem(&page.error), left, "…")),
        }
    }
}

/// Sheet with one line per field.
pub(super) struct Sheet;

impl Sheet {
    pub(super) fn page(&mut self, page: &Page, text: &mut Vec<u8>) -> io::Result<()> {
        match page {
            Page::Failure(page) => writeln!(text, "{}  {}", line(&page.url), problem(&page.error)),
            Page::Success(page) => {
                let names: Vec<String> = page.data.keys().map(|name| line(name)).collect();
                let width = names.iter().map(|name| console::measure_text_width(name)).max().unwrap_or_default();
                for (key, name) in page.data.keys().zip(&names) {
                    let name = pad_str(name, width, Alignment::Left, None);
                    writeln!(text, "{}{GAP}{}", style(name).bold(), shown_value(&page.data, key))?;
                }
                for warning in &page.warnings {
                    writeln!(text, "{}", style(line(warning)).dim())?;
                }
                Ok(())
            }
        }
    }
}

fn problem(problem: &Problem) -> String {
    format!("{} {}", style(line(&problem.code)).red(), line(&problem.message))
}

fn shown_value(row: &Row, name: &str) -> String {
    match row.get(name) {
        None | Some(Value::Null) => style("-").dim().to_string(),
        Some(Value::String(text)) => line(text),
        Some(Value::Array(values)) => {
            let shown = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), line));
            shown.collect::<Vec<_>>().join(", ")
        }
        Some(value) => value.to_string(),
    }
}

/// Returns the end of the URL without its scheme: URLs of one site differ at their end.
fn url_end(url: &str, width: usize) -> String {
    let url = line(url.split_once("://").map_or(url, |(_, rest)| rest));
    let excess = url.chars().count().saturating_sub(width);
    if excess == 0 { url } else { format!("…{}", url.chars().skip(excess + 1).collect::<String>()) }
}

fn fit(text: &str, width: usize) -> String {
    pad_str(&plain_line(text), width, Alignment::Left, Some("…")).into_owned()
}

/// Keeps the styled dash of `shown_value`; makes everything else plain.
fn plain_line(text: &str) -> String {
    if text.starts_with('\u{1b}') && console::strip_ansi_codes(text) == "-" { text.to_owned() } else { line(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hostile_value_stays_in_its_cell() {
        let page = json!({
            "status": "success", "index": 7, "url": "http://a/\u{1b}[2J", "render_mode": "fetch",
            "data": { "title": "a\u{1b}[31m\nb", "tags": ["x\u{7}"], "gone": null },
        });
        let page: Page = serde_json::from_value(page).unwrap();
        for form in [true, false] {
            let mut text = Vec::new();
            if form {
                let mut table = Table { columns: None, header_written: false, width: 80 };
                table.page(&page, &mut text).unwrap();
            } else {
                Sheet.page(&page, &mut text).unwrap();
            }
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("title") && text.contains("a\u{fffd}[31m b") && text.contains("x\u{fffd}"), "{text}");
            assert!(!text.contains("\u{1b}[2J") && !text.contains("\u{1b}[31m") && !text.contains('\u{7}'), "{text:?}");
            assert!(text.lines().all(|line| console::measure_text_width(line) <= 80), "{text}");
        }
    }
}
