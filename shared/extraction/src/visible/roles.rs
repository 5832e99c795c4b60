//! Links by what they are for: the page's own, its owner's site, and those whose text or target says the field's words.

use crate::candidate::{Candidate, Source};
use crate::concept::Concept;
use crate::vocabulary::{singular, words};
use crate::wanted::Wanted;
use crate::zones::Zone;

use super::{View, agreement};

/// What links say that lead to what a field's word names.
const SAID: [(&str, &[&str]); 9] = [
    ("offer", &["ticket", "buy", "book", "order", "shop", "purchase", "reserve", "add to cart", "enroll", "get it"]),
    ("apply", &["apply", "application"]),
    ("application", &["apply"]),
    ("website", &["website", "homepage", "home page", "official site", "visit site", "web"]),
    ("content", &["download", "listen", "play", "watch"]),
    ("download", &["download"]),
    ("map", &["map", "direction"]),
    ("register", &["register", "registration", "sign up", "rsvp"]),
    ("trailer", &["trailer", "watch"]),
];
/// Longest text of a link, in bytes.
const MAX_TEXT: usize = 120;
/// Most candidates of one field.
const MAX_FOUND: usize = 12;

/// The address of what the page is about.
pub(super) fn own(view: &View<'_>, out: &mut Vec<Candidate>) {
    let title = view.head.h1.as_deref().or(view.head.title.as_deref()).unwrap_or_default().to_lowercase();
    let mut found = 0;
    for (at, href, text) in links(view) {
        let el = &view.doc.els[at];
        let lower = text.to_lowercase();
        let heads = view.doc.above(at).take(2).any(|a| matches!(view.doc.els[a].name(), "h1" | "h2" | "h3"));
        let titled = title.chars().count() > 3
            && (lower == title || (lower.ends_with(&title) && agreement(&lower, &title) == 100));
        let target = href.trim_start_matches("https:").trim_start_matches("http:").trim_matches('/').to_lowercase();
        let shown = lower.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        let host = target.contains('.') && !target.contains('@') && bare_host(&target) == bare_host(shown);
        let (reason, change) = match (titled, host) {
            (true, _) if heads => ("the title's link", 4),
            (true, _) => ("link with the title", 0),
            (_, true) if labelled(view, at, &["website", "homepage", "home page", "web", "url", "site"]) => {
                ("link labelled as the website", 6)
            }
            // A site shown in brackets behind a name is that name's.
            (_, true) if !el.zone.is_surroundings() && !before(view, at).ends_with('(') => {
                ("link that shows its address", -4)
            }
            _ => continue,
        };
        out.push(Candidate::text(Source::Pattern, href, reason).scored(change - found));
        found += 1;
        if found > 5 {
            return;
        }
    }
}

/// Links that say the field's words.
pub(super) fn candidates(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    if wanted.is(Concept::Url) || !wanted.asks_link() {
        return;
    }
    let mut said: Vec<String> = Vec::new();
    for name in wanted.things() {
        let last = name.rsplit(' ').next().unwrap_or(name);
        said.extend(
            SAID.iter().filter(|(word, _)| *word == last).flat_map(|(_, says)| says.iter().map(|s| (*s).to_owned())),
        );
        said.push(name.clone());
    }
    let mut found = 0;
    for (at, href, text) in links(view) {
        let label = singular(&words(&text)).into_owned();
        let padded = format!(" {label} ");
        let short = label.split(' ').count() <= 4;
        let says = short && said.iter().any(|s| padded.contains(&format!(" {s} ")));
        let names: Vec<&str> = said.iter().map(String::as_str).collect();
        let change = if says {
            4
        } else if labelled(view, at, &names) {
            6
        } else {
            continue;
        };
        out.push(Candidate::text(Source::Pattern, href, format!("link \"{label}\"")).scored(change - found));
        found += 1;
        if usize::try_from(found).is_ok_and(|f| f >= MAX_FOUND) {
            return;
        }
    }
}

/// Links to pages with their absolute addresses and what they show.
fn links<'v>(view: &'v View<'_>) -> impl Iterator<Item = (usize, String, String)> + 'v {
    let doc = view.doc;
    (0..doc.els.len()).filter_map(move |at| {
        let el = &doc.els[at];
        let href = el.attr("href").filter(|h| el.name() == "a" && !h.starts_with('#'))?;
        let size = doc.text_len(at);
        if size > MAX_TEXT || el.zone.has(Zone::NAV) || el.zone.has(Zone::RELATED) || el.zone.has(Zone::COMMENTS) {
            return None;
        }
        let url = view.url.join(href.trim()).ok().filter(|u| matches!(u.scheme(), "http" | "https"))?;
        let text = doc.text(at);
        let named = ["title", "aria-label"].iter().find_map(|n| el.attr(n)).filter(|_| text.is_empty());
        Some((at, url.to_string(), named.map_or(text, str::to_owned)))
    })
}

fn bare_host(text: &str) -> &str {
    text.trim_start_matches('/').trim_start_matches("www.").trim_end_matches('/')
}

/// What stands on the line before an element.
fn before<'v>(view: &'v View<'_>, at: usize) -> &'v str {
    let all = view.doc.all_text();
    let end = view.doc.text_at(at).min(all.len());
    all.get(all.floor_char_boundary(end.saturating_sub(80))..end)
        .unwrap_or_default()
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim()
}

/// Whether the text right before an element labels it so.
fn labelled(view: &View<'_>, at: usize, names: &[&str]) -> bool {
    let Some(label) = before(view, at).strip_suffix([':', '：']) else { return false };
    let label = words(label);
    names.iter().any(|n| label == *n || singular(&label) == *n || label.ends_with(&format!(" {n}")))
}
