//! Finds links by their purpose: the subject's own page, its owner's site, and links whose text or target contains the
//! field's words.

use domain::Field;

use crate::candidate::{Candidate, Source};
use crate::concept::Concept;
use crate::field_query::FieldQuery;
use crate::page_title::agreement;
use crate::phrases::Phrases;
use crate::vocabulary::{singular, words};
use crate::zones::Zone;

use super::view::{Search, View};

/// Maximum length of the text of a link, in bytes.
const MAX_TEXT: usize = 120;
/// Maximum length of the text before a link that may label it, in characters.
const MAX_LABEL: usize = 80;
/// Maximum number of candidates of one field.
const MAX_FOUND: usize = 12;

/// Adds the address of the subject of the page.
pub(super) fn own_site(view: &View<'_>, out: &mut Vec<Candidate>) {
    let title = view.head.h1.as_deref().or(view.head.title.as_deref()).unwrap_or_default().to_lowercase();
    let own: Vec<&str> = Phrases::WebsitePrefixes.all().collect();
    let mut found = 0;
    for (at, href, text) in links(view) {
        let el = &view.doc.els[at];
        let lower = text.to_lowercase();
        let in_heading = view.doc.ancestors(at).take(2).any(|a| matches!(view.doc.els[a].name(), "h1" | "h2" | "h3"));
        let shows_title = title.chars().count() > 3
            && (lower == title || (lower.ends_with(&title) && agreement(&lower, &title) == 100));
        let target = href.trim_start_matches("https:").trim_start_matches("http:").trim_matches('/').to_lowercase();
        let shown = lower.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        let shows_host = target.contains('.') && !target.contains('@') && bare_host(&target) == bare_host(shown);
        let (reason, change) = match (shows_title, shows_host) {
            (true, _) if in_heading => ("the title's link", 4),
            (true, _) => ("link with the title", 0),
            _ if leads_to_own_site(view, &href, &lower) => ("link that says that it leads to the site", 2),
            (_, true) if labelled(view, at, &own) => ("link labelled as the website", 6),
            // A site shown in brackets after a name belongs to that name.
            (_, true) if !el.zone.is_surroundings() && !line_before(view, at).ends_with('(') => {
                ("link that shows its address", -4)
            }
            _ => continue,
        };
        out.push(Candidate::text(Source::Pattern, href, reason).adjusted(change - found));
        found += 1;
        if found > 5 {
            return;
        }
    }
    if found == 0 {
        only_link(view, out);
    }
}

/// Returns whether a link to another host says that it leads to the thing's own site.
fn leads_to_own_site(view: &View<'_>, href: &str, text: &str) -> bool {
    let away = url::Url::parse(href).is_ok_and(|u| u.host_str() != view.url.host_str());
    away && text.split(' ').count() <= 3
        && Phrases::LinkTexts.of_key("website").any(|w| text == w || text.ends_with(&format!(" {w}")))
}

/// Adds the only link of a page, if there is just one.
fn only_link(view: &View<'_>, out: &mut Vec<Candidate>) {
    let mut all = view.doc.els.iter().filter(|el| el.name() == "a").filter_map(|el| el.attr("href"));
    if let (Some(_), None) = (all.next(), all.next())
        && let Some((_, href, _)) = links(view).next()
    {
        out.push(Candidate::text(Source::Pattern, href, "the page's only link").adjusted(-9));
    }
}

/// Adds links that contain the field's words. `search` finds the name of what a link leads to.
pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, search: Search, out: &mut Vec<Candidate>) {
    if query.is(Concept::Url) {
        return;
    }
    network_page(view, query, out);
    if !query.may_be_link() {
        return;
    }
    media_file(view, query, out);
    let mut link_words: Vec<String> = Vec::new();
    for name in query.core_names() {
        let last = name.rsplit(' ').next().unwrap_or(name);
        link_words.extend(Phrases::LinkTexts.of_key(last).map(words));
        link_words.push(name.clone());
    }
    link_with_name(view, query, search, out);
    let mut found = 0;
    for (at, href, text) in links(view) {
        let label = singular(&words(&text)).into_owned();
        let padded = format!(" {label} ");
        let short = label.split(' ').count() <= 4;
        let matches = short && link_words.iter().any(|s| padded.contains(&format!(" {s} ")));
        let names: Vec<&str> = link_words.iter().map(String::as_str).collect();
        let change = if matches {
            4
        } else if labelled(view, at, &names) {
            6
        } else {
            continue;
        };
        out.push(Candidate::text(Source::Pattern, href, format!("link \"{label}\"")).adjusted(change - found));
        found += 1;
        if usize::try_from(found).is_ok_and(|f| f >= MAX_FOUND) {
            return;
        }
    }
}

/// Sites on which people and companies have pages of their own, by the words of fields.
const NETWORKS: [(&str, &[&str]); 12] = [
    ("linkedin", &["linkedin.com"]),
    ("twitter", &["twitter.com", "x.com"]),
    ("facebook", &["facebook.com", "fb.com"]),
    ("instagram", &["instagram.com"]),
    ("youtube", &["youtube.com", "youtu.be"]),
    ("github", &["github.com"]),
    ("gitlab", &["gitlab.com"]),
    ("tiktok", &["tiktok.com"]),
    ("xing", &["xing.com"]),
    ("pinterest", &["pinterest.com"]),
    ("vimeo", &["vimeo.com"]),
    ("orcid", &["orcid.org"]),
];

/// Adds the page on the network that the field names.
fn network_page(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let joined = query.label.replace(' ', "");
    let Some((_, hosts)) = NETWORKS.iter().find(|(name, _)| joined.starts_with(name)) else { return };
    let has_own_footer = view.has_own_footer();
    for (at, href, _) in links(view) {
        let Ok(url) = url::Url::parse(&href) else { continue };
        let host = url.host_str().unwrap_or_default();
        let on_network =
            hosts.iter().any(|h| host == *h || host.strip_suffix(h).is_some_and(|rest| rest.ends_with('.')));
        let shares = url.path().contains("share") || url.path().contains("intent") || url.path().len() < 2;
        let outside = view.doc.els[at].zone.is_surroundings() && !has_own_footer;
        if on_network && !shares && !outside {
            out.push(Candidate::text(Source::Pattern, href, "link to the network that the field names").adjusted(4));
            return;
        }
    }
}

/// Adds the file that a player on the page plays.
fn media_file(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let asks_for = |words: &[&str]| query.core_names().iter().any(|t| t.split(' ').any(|w| words.contains(&w)));
    let any = asks_for(&["content", "media", "file", "stream"]);
    let (audio, video) =
        (any || asks_for(&["audio", "sound", "podcast", "mp3"]), any || asks_for(&["video", "movie", "clip"]));
    let doc = view.doc;
    for (at, el) in doc.els.iter().enumerate().filter(|(_, el)| matches!(el.name(), "audio" | "video" | "source")) {
        let kind = if el.name() == "source" { doc.els[el.parent].name() } else { el.name() };
        let Some(src) = el.attr("src").filter(|_| (kind == "audio" && audio) || (kind == "video" && video)) else {
            continue;
        };
        if let Ok(url) = view.url.join(src.trim())
            && !doc.els[at].zone.is_surroundings()
        {
            out.push(
                Candidate::text(Source::Pattern, url.as_str(), format!("what the {kind} element plays")).adjusted(4),
            );
            return;
        }
    }
}

/// Adds the link that shows the name of the thing whose address is asked for: for `location.url`, the name of the
/// location.
fn link_with_name(view: &View<'_>, query: &FieldQuery<'_>, search: Search, out: &mut Vec<Candidate>) {
    let Some((of, "url")) = query.field.field.rsplit_once('.') else { return };
    let field = Field { field: format!("{of}.name"), hint: None, selector: None, ..query.field.clone() };
    let field = Field { example: "Some name".into(), ..field };
    let mut names = Vec::new();
    search(view, &FieldQuery::of(&field), &mut names);
    let best = names.iter().filter(|c| c.score >= crate::scores::MIN_SCORE).max_by_key(|c| c.score);
    let Some(name) = best.and_then(|c| c.values.first()).and_then(|v| v.as_str()) else { return };
    let name = words(name);
    for (_, href, text) in links(view).filter(|(_, _, text)| words(text) == name).take(2) {
        out.push(Candidate::text(Source::Pattern, href, format!("link with the name \"{text}\"")).adjusted(2));
    }
}

/// Yields links to pages with their absolute addresses and their texts.
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

/// Returns the text before an element on its line.
fn line_before<'v>(view: &'v View<'_>, at: usize) -> &'v str {
    let before = crate::doc::text_before(view.doc, at, MAX_LABEL);
    before.rsplit('\n').next().unwrap_or_default().trim()
}

/// Returns the line above the one that an element begins.
fn line_above<'v>(view: &'v View<'_>, at: usize) -> &'v str {
    let all = view.doc.all_text().get(..view.doc.text_start(at)).unwrap_or_default().trim_end();
    all.rsplit('\n').next().unwrap_or_default().trim()
}

/// Returns whether the text right before an element labels it with one of the names.
fn labelled(view: &View<'_>, at: usize, names: &[&str]) -> bool {
    let line = line_before(view, at);
    // A label may stand on a line of its own, above the link.
    let above = line.is_empty().then(|| line_above(view, at)).filter(|l| l.len() <= 24);
    let Some(label) = line.strip_suffix([':', '：']).or(above) else { return false };
    let label = words(label);
    names.iter().any(|n| label == *n || singular(&label) == *n || label.ends_with(&format!(" {n}")))
}
