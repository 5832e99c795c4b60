//! A caller's own CSS selector: if given, it alone decides where a value is read. The selector's size is limited when a
//! call is accepted, and its cost on a page while the page is read.

mod bounds;
mod eval;
#[cfg(test)]
mod tests;
mod tree;

use std::cell::OnceCell;

use scraper::selector::{Parser, Simple};
use scraper::{ElementRef, Html};
use selectors::parser::{ParseRelative, SelectorList};
use url::Url;

use crate::budget::{Budget, Limits, Resource};
use crate::{cents, html};
use tree::Tree;

pub use bounds::{MAX_COMPOUNDS, MAX_NESTING, MAX_PARTS};

/// Maximum number of matches read.
const MAX_MATCHES: usize = 1_000;
/// Maximum number of matches read for a single value, which is the first that reads as its type.
const MAX_SINGLE: usize = 20;
/// Maximum length of a text in which separate cents are looked for, in bytes.
const MAX_AMOUNT: usize = 100;
/// Maximum number of bytes of all matches of one selector together: as many as a whole result may have.
pub const MAX_SELECTED: usize = 64 * 1024;
/// Attributes whose values are addresses.
const ADDRESSES: [&str; 7] = ["href", "src", "action", "poster", "data-src", "cite", "formaction"];

/// Checks a selector, with or without `::attr(name)` at its end. Returns its number of parts (simple selectors and
/// combinators), of which all fields together may have [`MAX_PARTS`].
///
/// # Errors
/// What is wrong with it, as the end of a sentence that begins with the member's name.
pub fn check_selector(selector: &str) -> Result<usize, String> {
    let (selector, _) = parse(selector)?;
    bounds::parts(selector.slice())
}

fn parse(selector: &str) -> Result<(SelectorList<Simple>, Option<String>), String> {
    let text = selector.trim();
    let (css, attribute) = match text.rsplit_once("::attr(") {
        Some((css, rest)) => {
            let name = rest
                .strip_suffix(')')
                .map(str::trim)
                .filter(|n| !n.is_empty() && n.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ':')));
            let Some(name) = name else {
                return Err("must end in ::attr(name) with the name of one attribute, like a::attr(href)".into());
            };
            (css.trim(), Some(name.to_ascii_lowercase()))
        }
        None => (text, None),
    };
    // A bare ::attr(name) selects any element that has the attribute.
    let css = match (&attribute, css) {
        (Some(name), "") => format!("[{name}]"),
        _ => css.to_owned(),
    };
    match SelectorList::parse(&Parser, &mut cssparser::Parser::new(&css), ParseRelative::No) {
        Ok(selector) => Ok((selector, attribute)),
        Err(_) => Err(format!("is not a valid CSS selector: \"{}\"", crate::coercion::clip(&css))),
    }
}

/// The matches of a selector.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Selected {
    /// The texts or attribute values, in document order, without empty ones.
    pub(crate) values: Vec<String>,
    /// The warning, if something was left out.
    pub(crate) cut_warning: Option<String>,
}

/// A page to select from. Its elements are numbered once, and all selectors share one part of the budget.
pub(crate) struct Selection<'a> {
    pub(crate) page: &'a Html,
    pub(crate) url: &'a Url,
    budget: Budget<'a>,
    tree: OnceCell<Tree<'a>>,
}

impl<'a> Selection<'a> {
    pub(crate) fn of(page: &'a Html, url: &'a Url, budget: &'a Budget<'a>) -> Selection<'a> {
        Selection::limited(page, url, budget.part(Limits::SELECTION))
    }

    fn limited(page: &'a Html, url: &'a Url, budget: Budget<'a>) -> Selection<'a> {
        Selection { page, url, budget, tree: OnceCell::new() }
    }

    /// Reads what a selector matches: as many values as a list may have, or as a single value needs. With `money`,
    /// texts are read as amounts (`cents`).
    pub(crate) fn read(&self, selector: &str, list: bool, money: bool) -> Selected {
        let mut out = Selected::default();
        let Ok((selector, attribute)) = parse(selector) else { return out };
        let tree = self.tree.get_or_init(|| Tree::of(self.page, &self.budget));
        let Some(found) = eval::matches(&selector, tree, &self.budget) else {
            out.cut_warning = self.budget_warning();
            return out;
        };
        let max = if list { MAX_MATCHES } else { MAX_SINGLE };
        let mut remaining = MAX_SELECTED;
        for element in found.iter().take(MAX_MATCHES).filter_map(|at| tree.elements.get(at)) {
            if out.values.len() == max || self.budget.is_exhausted() {
                break;
            }
            let (text, whole) = match &attribute {
                None => match ElementRef::wrap(element.node) {
                    Some(element) => {
                        let (text, whole) = html::text_within(element, &self.budget, remaining);
                        // Money is short; a longer text is not a price and is not processed further.
                        let amount = money && whole && text.len() <= MAX_AMOUNT;
                        (if amount { cents::amount_of(element, text) } else { text }, whole)
                    }
                    None => continue,
                },
                Some(name) => {
                    let Some(value) = element.raw.attr(name) else { continue };
                    if value.len() <= remaining && self.budget.copy(value.len()) {
                        (absolute(name, value, self.url), true)
                    } else {
                        (String::new(), false)
                    }
                }
            };
            remaining = remaining.saturating_sub(text.len());
            if !text.is_empty() {
                out.values.push(text);
            }
            if !whole || remaining == 0 {
                out.cut_warning = Some(format!(
                    "the selector matches more than {} KiB, the limit for one field; the rest was left out",
                    MAX_SELECTED / 1024
                ));
                break;
            }
        }
        out.cut_warning = self.budget_warning().or(out.cut_warning);
        out
    }

    fn budget_warning(&self) -> Option<String> {
        // When time runs out, the whole page fails.
        let what = self.budget.exhausted().filter(|what| *what != Resource::Time)?;
        Some(format!("the schema's selectors take more {what} than a page may take; the rest was left out"))
    }
}

fn absolute(name: &str, value: &str, url: &Url) -> String {
    let value = value.trim();
    if ADDRESSES.contains(&name) && !value.is_empty() {
        url.join(value).map_or_else(|_| value.to_owned(), |u| u.to_string())
    } else {
        value.to_owned()
    }
}
