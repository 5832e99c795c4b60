//! Writes a page's main content as compact text, for a language model, which charges by the word: headings, list items
//! and table rows as lines, without surroundings (navigation, footers, related items, comments). Pure; depends on no
//! schema and no model.

use super::{Doc, El, is_block};
use crate::zones::Zone;

/// Maximum number of bytes of a table row that is written on one line; a longer one is layout, not a row.
const MAX_ROW: usize = 1_000;
/// Minimum number of bytes of main content: with less, the surroundings are the content.
const MIN_MAIN: usize = 200;

/// What compact text contains of links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addresses {
    /// Their text only.
    LeftOut,
    /// Their text, and their address in brackets after it.
    Written,
}

/// An element that the walk is in: its next child to visit, and where the text begins that is not written yet.
struct Open {
    at: usize,
    child: usize,
    from: usize,
}

/// Returns the main content as lines, at most `max` bytes of it; the whole content if there is hardly any main
/// content.
pub(crate) fn compact(doc: &Doc<'_>, max: usize, addresses: Addresses) -> String {
    let walk = Walk { doc, addresses };
    let main = walk.lines(max, Zone::is_surroundings);
    if main.len() >= MIN_MAIN.min(max) {
        return main;
    }
    walk.lines(max, |_| false)
}

/// A walk through a page.
struct Walk<'d, 'a> {
    doc: &'d Doc<'a>,
    addresses: Addresses,
}

impl Walk<'_, '_> {
    fn lines(&self, max: usize, outside: impl Fn(Zone) -> bool) -> String {
        let mut out = Lines { text: String::new(), max };
        let Some(root) = self.doc.els.first() else { return out.text };
        let mut open = vec![Open { at: 0, child: 1, from: root.from }];
        while let Some(top) = open.last_mut() {
            if out.is_full() || !self.doc.budget.is_none_or(|b| b.step(1)) {
                break;
            }
            let end = self.doc.els.get(top.at).map_or(0, |el| el.end);
            let Some(child) = self.doc.els.get(top.child).filter(|_| top.child < end) else {
                let rest = self.doc.els.get(top.at).map_or("", |el| self.slice(top.from, el.to));
                out.push("", rest);
                open.pop();
                continue;
            };
            let at = top.child;
            top.child = child.end;
            let hidden = child.zone.has(Zone::HIDDEN) || outside(child.zone);
            let link = link_of(child.name(), child.attr("href")).filter(|_| self.addresses == Addresses::Written);
            // Text only: nothing in it is left out or has an address.
            let plain = !hidden && link.is_none() && self.doc.is_line(at) && self.is_plain(at, &outside);
            if plain && !is_block(child.name()) {
                // Part of the surrounding text.
                continue;
            }
            let before = self.slice(top.from, child.from).to_owned();
            top.from = child.to;
            out.push("", &before);
            if hidden {
                continue;
            }
            if let Some(address) = link {
                let text = self.doc.text(at);
                out.push("", &format!("{text} ({address})"));
            } else if child.name() == "tr" && child.to - child.from <= MAX_ROW && self.is_plain(at, &outside) {
                let cells: Vec<String> = self.doc.children(at).map(|cell| self.doc.text(cell)).collect();
                out.push("", &cells.join(" | "));
            } else if child.name() == "dt" && plain {
                // A term and its description go on one line.
                match self.doc.next_sibling(at).filter(|dd| self.doc.els[*dd].name() == "dd" && self.doc.is_line(*dd)) {
                    Some(dd) => {
                        out.push("", &format!("{}: {}", self.doc.text(at).trim_end_matches(':'), self.doc.text(dd)));
                        (top.child, top.from) = (self.doc.els[dd].end, self.doc.els[dd].to);
                    }
                    None => out.push("", &self.doc.text(at)),
                }
            } else if plain {
                out.push(prefix(child.name()), self.slice(child.from, child.to));
            } else {
                open.push(Open { at, child: at + 1, from: child.from });
            }
        }
        out.text
    }

    /// Returns whether nothing below an element is left out or has an address to be written.
    fn is_plain(&self, at: usize, outside: &impl Fn(Zone) -> bool) -> bool {
        let below = self.doc.els.get(self.doc.descendants(at)).unwrap_or_default();
        let apart = |el: &El<'_>| {
            let link = self.addresses == Addresses::Written && link_of(el.name(), el.attr("href")).is_some();
            link || el.zone.has(Zone::HIDDEN) || outside(el.zone)
        };
        self.doc.budget.is_none_or(|b| b.step(below.len() + 1)) && !below.iter().any(apart)
    }

    fn slice(&self, from: usize, to: usize) -> &str {
        self.doc.text.get(from..to.max(from)).unwrap_or_default()
    }
}

/// Returns the address of a link, unless it only leads to a place on the page.
fn link_of<'a>(name: &str, href: Option<&'a str>) -> Option<&'a str> {
    let href = href.filter(|_| name == "a")?.trim();
    (!href.is_empty() && !href.starts_with('#') && !href.starts_with("javascript:") && href.len() <= 500)
        .then_some(href)
}

/// Returns the prefix of a line for an element.
fn prefix(name: &str) -> &'static str {
    match name {
        "h1" => "# ",
        "h2" => "## ",
        "h3" | "h4" | "h5" | "h6" => "### ",
        "li" => "- ",
        _ => "",
    }
}

/// The lines written so far, up to a number of bytes.
struct Lines {
    text: String,
    max: usize,
}

impl Lines {
    fn is_full(&self) -> bool {
        self.text.len() >= self.max
    }

    /// Adds lines; skips a line that equals the one right before it.
    fn push(&mut self, prefix: &str, lines: &str) {
        for line in lines.split('\n').map(str::trim).filter(|line| line.chars().any(|c| !c.is_whitespace() && c != '|'))
        {
            if self.text.lines().next_back() == Some(line) {
                continue;
            }
            if !self.text.is_empty() {
                self.text.push('\n');
            }
            let room = self.max.saturating_sub(self.text.len());
            self.text.push_str(prefix);
            self.text.push_str(&line[..line.floor_char_boundary(room)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(page: &str, max: usize, addresses: Addresses) -> String {
        let html = crate::html::parse(page);
        super::compact(&Doc::of(&html), max, addresses)
    }

    const PAGE: &str = "<header><nav><a href=/>Home</a></nav></header><main><h1>Ada <i>Lovelace</i></h1>\
        <p>She wrote <b>notes</b> on <a href='/engine'>the engine</a>.<br>In 1843.</p>\
        <ul><li>Mathematician<li>Writer</ul><table><tr><th>Born<td>1815<tr><th>Died<td>1852</table>\
        <dl><dt>Field:<dd>Computing<dt>Title<dd>Countess</dl><div>Loose <div>inner</div> tail</div>\
        <p>A paragraph that is long enough to make this the main content of the page, which the surroundings are not; it \
        goes on for a while, so that nobody takes it for less.</p>\
        <div hidden>Secret</div></main><footer>Imprint</footer>";

    #[test]
    fn main_content_is_written_in_lines() {
        let text = compact(PAGE, 60_000, Addresses::LeftOut);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..9],
            [
                "# Ada Lovelace",
                "She wrote notes on the engine.",
                "In 1843.",
                "- Mathematician",
                "- Writer",
                "Born | 1815",
                "Died | 1852",
                "Field: Computing",
                "Title: Countess",
            ]
        );
        assert_eq!(lines[9..12], ["Loose", "inner", "tail"]);
        assert_eq!(lines.len(), 13, "{text}");
    }

    #[test]
    fn addresses_are_written_where_they_are_asked_for() {
        let text = compact(PAGE, 60_000, Addresses::Written);
        assert!(text.contains("the engine (/engine)"), "{text}");
        assert!(!text.contains("Home") && !text.contains("Secret") && !text.contains("Imprint"));
    }

    #[test]
    fn the_surroundings_are_written_if_there_is_nothing_else() {
        assert_eq!(compact("<footer>Tel. 0123 456</footer>", 60_000, Addresses::LeftOut), "Tel. 0123 456");
    }

    #[test]
    fn the_text_is_bounded_by_the_bytes_asked_for() {
        let page = format!("<main>{}</main>", "<p>Ünïcödé words</p><p>other</p>".repeat(1_000));
        for max in [0, 1, 50, 1_000] {
            let text = compact(&page, max, Addresses::LeftOut);
            assert!(text.len() <= max + 1, "{max}: {}", text.len());
        }
        assert_eq!(compact("", 100, Addresses::LeftOut), "");
    }
}
