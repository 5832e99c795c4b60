//! What a page says of itself outside of its entities: meta elements, title, first heading, canonical link, language.

use std::collections::HashMap;

use scraper::{ElementRef, Html};

use crate::coercion::collapse;
use crate::html;

/// The page's own words.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// Meta elements by property, name or itemprop in lower case; several values in order.
    pub(crate) meta: HashMap<String, Vec<String>>,
    pub(crate) title: Option<String>,
    pub(crate) h1: Option<String>,
    pub(crate) canonical: Option<String>,
    pub(crate) language: Option<String>,
    /// `time` elements' `datetime`, in order.
    pub(crate) times: Vec<String>,
}

impl Head {
    pub(crate) fn of(page: &Html) -> Head {
        let mut head = Head::default();
        for element in page.tree.nodes().filter_map(ElementRef::wrap) {
            let value = element.value();
            match value.name() {
                "meta" => {
                    let name = value.attr("property").or(value.attr("name"));
                    if let (Some(name), Some(content)) = (name, value.attr("content")) {
                        let content = collapse(content);
                        if !content.is_empty() {
                            head.meta.entry(name.trim().to_ascii_lowercase()).or_default().push(content);
                        }
                    }
                }
                "title" if head.title.is_none() && !in_svg(element) => {
                    head.title = Some(html::text(element)).filter(|t| !t.is_empty());
                }
                "h1" if head.h1.is_none() => head.h1 = Some(html::text(element)).filter(|t| !t.is_empty()),
                "link" if head.canonical.is_none() => {
                    let canonical = value
                        .attr("rel")
                        .is_some_and(|r| r.split_whitespace().any(|r| r.eq_ignore_ascii_case("canonical")));
                    head.canonical = value.attr("href").filter(|_| canonical).map(|h| h.trim().to_owned());
                }
                "html" => head.language = value.attr("lang").map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()),
                "time" => head.times.extend(value.attr("datetime").map(str::to_owned)),
                _ => {}
            }
        }
        head
    }

    /// The values of a meta element.
    pub(crate) fn metas(&self, name: &str) -> &[String] {
        self.meta.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The page's title without the site's name.
    pub(crate) fn bare_title(&self) -> Option<String> {
        let title = self.title.as_deref()?;
        let site = self.metas("og:site_name").first().map(|s| s.to_lowercase());
        for separator in [" | ", " – ", " — ", " - ", " · ", " :: ", " » "] {
            if let Some((first, last)) = title.rsplit_once(separator) {
                let is_site = site.as_deref().is_some_and(|s| last.to_lowercase() == s);
                let heading = self.h1.as_deref().is_some_and(|h| h.eq_ignore_ascii_case(first.trim()));
                if is_site || heading || separator == " | " {
                    return Some(first.trim().to_owned()).filter(|t| !t.is_empty());
                }
            }
        }
        Some(title.to_owned())
    }
}

fn in_svg(element: ElementRef<'_>) -> bool {
    element.ancestors().filter_map(|a| a.value().as_element()).any(|e| e.name() == "svg")
}
