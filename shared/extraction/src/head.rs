//! What a page says about itself outside its entities: meta elements, title, first heading, canonical link, language,
//! and the names of its site.

use std::collections::HashMap;

use scraper::{ElementRef, Html};
use url::Url;

use crate::coercion::collapse;
use crate::doc::Doc;
use crate::html;
use crate::spelling::letters_and_digits;
use crate::structured::{Graph, types};

/// Second-level domain labels that do not name a site.
const SECOND_LEVELS: [&str; 8] = ["co", "com", "org", "net", "ac", "gov", "or", "ne"];

/// What the page says about itself.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// Values of meta elements by property or name in lower case, in document order.
    pub(crate) meta: HashMap<String, Vec<String>>,
    pub(crate) title: Option<String>,
    pub(crate) h1: Option<String>,
    pub(crate) canonical: Option<String>,
    /// The page's language, a BCP 47 tag.
    pub(crate) language: Option<String>,
    /// Names of the site, in lower case.
    pub(crate) site_names: Vec<String>,
}

impl Head {
    pub(crate) fn of(page: &Html, doc: &Doc<'_>, url: &Url) -> Head {
        let mut head = Head { h1: doc.heading.map(|at| doc.text(at)), ..Head::default() };
        for element in page.tree.nodes().filter_map(ElementRef::wrap) {
            let value = element.value();
            match value.name() {
                "meta" => {
                    let name = value.attr("property").or(value.attr("name")).or(value.attr("itemprop"));
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
                "link" if head.canonical.is_none() => {
                    let canonical = value
                        .attr("rel")
                        .is_some_and(|r| r.split_whitespace().any(|r| r.eq_ignore_ascii_case("canonical")));
                    head.canonical = value.attr("href").filter(|_| canonical).map(|h| h.trim().to_owned());
                }
                "html" => {
                    // Some pages write a locale as their server does: "de_DE" instead of "de-DE".
                    let language = value.attr("lang").map(|l| l.trim().replace('_', "-"));
                    head.language = language.filter(|l| !l.is_empty());
                }
                _ => {}
            }
        }
        let named = ["og:site_name", "application-name", "al:ios:app_name", "apple-mobile-web-app-title"];
        let mut sites: Vec<String> =
            named.iter().filter_map(|n| head.metas(n).first()).map(|s| s.to_lowercase()).collect();
        let host = url.host_str().unwrap_or_default().to_lowercase();
        sites.extend(host_names(&host));
        head.site_names = sites;
        head
    }

    /// Adds the names that structured data gives the site and its publisher.
    pub(crate) fn add_site_names(&mut self, graph: &Graph<'_>) {
        for object in graph.objects.iter().take(100) {
            let is = |list: &[&str]| types(object.members).any(|t| list.contains(&t));
            let own = is(&["WebSite", "Organization", "NewsMediaOrganization"])
                .then(|| graph.values_at(object.members, "name"));
            let others = graph.values_at(object.members, "publisher.name").into_iter().chain(own.into_iter().flatten());
            for name in others.filter_map(|v| v.as_str().map(str::to_lowercase)).take(3) {
                if self.site_names.len() < 20
                    && (2..=60).contains(&name.chars().count())
                    && !self.site_names.contains(&name)
                {
                    self.site_names.push(name);
                }
            }
        }
    }

    /// Returns the values of a meta element.
    pub(crate) fn metas(&self, name: &str) -> &[String] {
        self.meta.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Yields the page's names: first heading, OpenGraph title, title.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let og = self.metas("og:title").first().map(String::as_str);
        [self.h1.as_deref(), og, self.title.as_deref()].into_iter().flatten()
    }

    /// Returns whether a text is a name of the site, comparing letters and digits only.
    pub(crate) fn is_site_name(&self, text: &str) -> bool {
        let text = letters_and_digits(text);
        !text.is_empty() && self.site_names.iter().any(|s| letters_and_digits(s) == text)
    }
}

/// Returns the names that a host gives a site: the host without `www`, its main label, and the domain from that label
/// on.
fn host_names(host: &str) -> Vec<String> {
    let host = host.trim_start_matches("www.");
    let labels: Vec<&str> = host.split('.').collect();
    let mut names = vec![host.to_owned()];
    let last = labels.len().saturating_sub(2);
    let at = if labels.len() > 2 && SECOND_LEVELS.contains(&labels[last]) { last - 1 } else { last };
    names.extend(labels.get(at).map(|l| (*l).to_owned()));
    names.extend(labels.get(at..).map(|l| l.join(".")));
    names
}

fn in_svg(element: ElementRef<'_>) -> bool {
    element.ancestors().filter_map(|a| a.value().as_element()).any(|e| e.name() == "svg")
}
