//! A field's candidates from everything that a page offers: structured data first, the visible page where that is not
//! enough. What is known of particular kinds of fields (a publisher is no author, a headline may be shortened) changes
//! scores here, and nowhere else.

use std::cell::OnceCell;

use domain::{FieldType, Schema};
use scraper::Html;
use serde_json::Value;
use url::Url;

use crate::candidate::{Candidate, Source};
use crate::coercion::Reading;
use crate::doc::Doc;
use crate::entity::{self, Entity};
use crate::fields::SURE;
use crate::head::Head;
use crate::structured::{Graph, Origin, state};
use crate::visible::{View, without_site};
use crate::vocabulary::{Concept, concept_of, words};
use crate::wanted::Wanted;
use crate::{selector, visible};

/// Most values of one member of embedded state.
const MAX_STATE_VALUES: usize = 200;

/// Lengths of headlines, in characters, that were likely cut: search engines once took 110 and no more, and plugins
/// still see to it.
const HEADLINE: std::ops::RangeInclusive<usize> = 90..=113;

/// Everything that a page offers.
pub(crate) struct Sources<'a> {
    page: &'a Html,
    url: &'a Url,
    head: &'a Head,
    graph: &'a Graph<'a>,
    view: View<'a>,
    ranked: Vec<Entity<'a>>,
    state: OnceCell<Vec<Member>>,
}

/// A member of embedded state that speaks of the page's subject.
struct Member {
    name: String,
    concept: Option<&'static Concept>,
    values: Vec<Value>,
    nested: bool,
}

impl<'a> Sources<'a> {
    pub(crate) fn of(
        page: &'a Html,
        doc: &'a Doc<'a>,
        head: &'a Head,
        graph: &'a Graph<'a>,
        url: &'a Url,
        reading: Reading<'a>,
        wanted: &[Wanted<'_>],
    ) -> Sources<'a> {
        let ranked = entity::ranked(graph, wanted, head, url);
        let view = visible::View::of(doc, head, url, reading);
        Sources { page, url, head, graph, view, ranked, state: OnceCell::new() }
    }

    /// What structured data says; for a field with a selector, what that matches and nothing else.
    pub(crate) fn structured(&self, wanted: &Wanted<'_>) -> Vec<Candidate> {
        if let Some(css) = &wanted.field.selector {
            let values = selector::read(self.page, css, self.url).into_iter().map(Value::String).collect();
            return vec![Candidate::new(Source::Selector, values, "the selector")];
        }
        let mut out = Vec::new();
        for entity in &self.ranked {
            self.entity_says(entity, wanted, &mut out);
        }
        if wanted.id() == "total time" {
            self.total_time(wanted, &mut out);
        }
        let metas = wanted.concept.map(|c| c.metas.as_slice()).unwrap_or_default();
        let own = wanted.field.field.to_lowercase();
        let own = Some(own.as_str()).filter(|o| !metas.contains(o));
        for (rank, name) in (0..).zip(metas.iter().copied().chain(own)) {
            let values: Vec<Value> = self.head.metas(name).iter().cloned().map(Value::String).collect();
            if !values.is_empty() && wanted.id() != "title" {
                out.push(Candidate::new(Source::Meta, values, format!("meta {name}")).scored(-rank));
            }
        }
        self.finish(wanted, &mut out);
        out
    }

    /// Whether the visible page is asked even where structured data has an answer of this score: where the page is
    /// known to say it better, or the answer is one of little trust.
    pub(crate) fn also_visible(&self, wanted: &Wanted<'_>, score: i32) -> bool {
        let doubted = matches!(wanted.id(), "author" | "published" | "modified" | "stock" | "sku" | "brand");
        wanted.field.selector.is_none() && (matches!(wanted.id(), "title" | "price") || (doubted && score < SURE))
    }

    /// What the visible page says, and embedded state where nothing better structured does.
    pub(crate) fn visible(&self, wanted: &Wanted<'_>, state_too: bool) -> Vec<Candidate> {
        let mut out = Vec::new();
        if wanted.field.selector.is_some() {
            return out;
        }
        if state_too {
            self.state_says(wanted, &mut out);
        }
        self.view.candidates(wanted, &mut out);
        let priced = |e: &Entity<'a>| !self.graph.at(e.members, "offers.price").is_empty();
        if wanted.id() == "stock" && wanted.field.kind == FieldType::Boolean && self.ranked.iter().any(priced) {
            out.push(
                Candidate::text(Source::Message, "true", "an offer with a price and no message against it").scored(-12),
            );
        }
        self.finish(wanted, &mut out);
        out
    }

    fn entity_says(&self, entity: &Entity<'a>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
        let source = match entity.origin {
            Origin::JsonLd => Source::JsonLd,
            Origin::Microdata => Source::Microdata,
            Origin::Rdfa => Source::Rdfa,
        };
        let mut add = |path: &str, rank: i32| {
            let Some(path) = (if entity.prefix.is_empty() { Some(path) } else { path.strip_prefix(entity.prefix) })
            else {
                return;
            };
            let values = self.graph.at(entity.members, path);
            if !values.is_empty() {
                let mut candidate =
                    Candidate::new(source, values, format!("{path} of the main entity")).scored(-rank - entity.behind);
                self.adjust(wanted, entity, path, &mut candidate);
                out.push(candidate);
            }
        };
        // The field's own name may be the very term: it says best which of several is meant.
        let field = &wanted.field.field;
        let own = if field.contains('.') { field.clone() } else { camel(&wanted.label) };
        let paths = wanted.concept.map(|c| c.paths.as_slice()).unwrap_or_default();
        for (rank, path) in (1..).zip(paths) {
            let ends_so = path.rsplit('.').next() == Some(own.as_str()) && own != "name";
            add(path, if ends_so { 0 } else { rank });
        }
        if !paths.contains(&own.as_str()) {
            add(&own, if wanted.concept.is_none() { 0 } else { 8 });
        }
    }

    /// What is known of particular members.
    fn adjust(&self, wanted: &Wanted<'_>, entity: &Entity<'a>, path: &str, candidate: &mut Candidate) {
        let text = candidate.values.first().and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
        match wanted.id() {
            "title" => {
                // What was cut to fit is worth less than the whole.
                let whole = |t: &str| t.len() > text.len() + 3 && t.starts_with(text.trim_end_matches(['.', '…', ' ']));
                if HEADLINE.contains(&text.chars().count()) && self.head.names().any(whole) {
                    candidate.score -= 16;
                    candidate.reason = format!("{}, cut short", candidate.reason).into();
                }
                // A page's name has the site's in it; an article's headline may be another than the one printed.
                if entity.is_page {
                    candidate.score -= 18;
                } else if entity.is_article {
                    candidate.score -= 6;
                } else {
                    // What the page itself does not call so is another thing, or the site.
                    let agree = |n: &str| visible::agreement(n, &text) >= 60;
                    // Longer stories have titles of their own.
                    let og_title = self.head.metas("og:title").first().filter(|_| !entity.is_embedded);
                    let agrees = og_title.map_or_else(|| self.head.names().any(agree), |t| agree(t));
                    let change = if entity.is_embedded { 6 } else { 3 };
                    let og = self.head.metas("og:title").first().map(|t| without_site(t, self.head));
                    let same = i32::from(og.as_deref() == Some(text.trim())) * 3;
                    candidate.score += if agrees && !self.head.is_site(&text) { change + same } else { -24 };
                }
                if let Some(Value::String(title)) = candidate.values.first_mut() {
                    *title = without_site(&crate::tidy::text_of(title), self.head);
                }
            }
            "author" => {
                let publisher = self.graph.at(entity.members, "publisher.name");
                let is_publisher = publisher.iter().any(|p| p.as_str() == Some(&text)) || self.head.is_site(&text);
                if is_publisher {
                    // A blog's recipes are its own; an article was written by someone.
                    candidate.score -= if entity.is_embedded { 4 } else { 26 };
                    candidate.reason = "author, but it is the publisher".into();
                }
            }
            "old price" if path.contains("priceSpecification") || path == "offers.highPrice" => {
                // Only where it says more than the price itself.
                let price = self.graph.at(entity.members, "offers.price");
                candidate.values.retain(|v| !price.contains(v));
            }
            "stock" => {
                // A thing can be had if any of its variants can.
                let there = |v: &Value| v.as_str().is_some_and(|t| t.ends_with("InStock"));
                candidate.values.sort_by_key(|v| !there(v));
            }
            "description" if entity.is_page => candidate.score -= 4,
            "image" if path.starts_with("logo") => candidate.score -= 40,
            _ => {}
        }
    }

    /// Preparing and cooking, added up, where the whole is not told.
    fn total_time(&self, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
        let Some(unit) = wanted.unit else { return };
        for entity in self.ranked.iter().filter(|e| e.prefix.is_empty()) {
            let seconds = |path: &str| {
                let found = self.graph.at(entity.members, path);
                found.first().and_then(Value::as_str).and_then(crate::coercion::iso_seconds)
            };
            let parts: Vec<f64> = ["prepTime", "cookTime", "performTime"].into_iter().filter_map(seconds).collect();
            let total: f64 = parts.iter().sum();
            if parts.len() > 1 && total > 0.0 {
                let value = Value::from((total / unit).round() as i64);
                out.push(Candidate::new(Source::Derived, vec![value], "preparing and cooking, added up"));
                return;
            }
        }
    }

    fn state_says(&self, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
        for member in self.state.get_or_init(|| self.read_state()) {
            let same = member.name == wanted.label;
            let alike = wanted.concept.zip(member.concept).is_some_and(|(a, b)| std::ptr::eq(a, b));
            if same || alike {
                let change = i32::from(same) * 3 - i32::from(member.nested) * 6;
                let reason = format!("member \"{}\" of embedded state", member.name);
                out.push(Candidate::new(Source::State, member.values.clone(), reason).scored(change));
            }
        }
    }

    fn read_state(&self) -> Vec<Member> {
        let roots = state::read(self.page);
        if roots.is_empty() {
            return Vec::new();
        }
        let plain =
            |t: &str| t.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
        let titles: Vec<String> =
            self.head.names().map(|t| plain(&without_site(t, self.head))).filter(|t| t.len() >= 4).collect();
        let is_title = |text: &str| text.len() < 400 && titles.contains(&plain(text));
        let mut out = Vec::new();
        for object in state::named(&roots, &is_title) {
            let mut add = |name: &str, value: &Value, nested: bool| {
                let values = flat(value);
                if !values.is_empty() {
                    out.push(Member { name: words(name), concept: concept_of(name), values, nested });
                }
            };
            for (name, value) in object.iter().take(300) {
                add(name, value, false);
                if let Value::Object(inner) = value {
                    for (inner_name, value) in inner.iter().take(40) {
                        add(inner_name, value, true);
                        add(&format!("{name} {inner_name}"), value, true);
                    }
                }
            }
        }
        out
    }

    /// What holds for candidates of every source: addresses are absolute, authors are no addresses.
    fn finish(&self, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
        let address = wanted.concept.is_some_and(Concept::is_address);
        for candidate in out.iter_mut() {
            if address {
                for value in &mut candidate.values {
                    if let Some(url) = value.as_str().and_then(|text| self.url.join(text.trim()).ok()) {
                        *value = url.to_string().into();
                    }
                }
            }
            if wanted.id() == "image" && candidate.source == Source::Meta && !wanted.is_array() {
                // What a site shows elsewhere as the page's picture is what it takes for its main one.
                let logo =
                    candidate.values.first().and_then(Value::as_str).is_some_and(|u| u.to_lowercase().contains("logo"));
                candidate.score += if logo { -10 } else { 20 };
            }
            let text = candidate.values.first().and_then(Value::as_str).unwrap_or_default();
            if wanted.id() == "author" && candidate.source != Source::JsonLd && self.head.is_site(text) {
                candidate.score -= 18;
            }
            if wanted.id() == "price" && !candidate.source.is_structured() && is_least(text) {
                candidate.score -= 14;
                candidate.reason = format!("{}, the least of several", candidate.reason).into();
            }
            if wanted.id() == "brand" && self.head.is_site(text) && !candidate.source.is_structured() {
                candidate.score -= 6;
            }
        }
        out.retain(|c| !c.values.is_empty());
    }
}

/// Whether a price is told to be the least of several: "from $5".
fn is_least(text: &str) -> bool {
    let lower = text.trim_start().to_lowercase();
    [
        "from ",
        "ab ",
        "à partir",
        "dès ",
        "desde ",
        "a partir",
        "da ",
        "vanaf ",
        "od ",
        "fra ",
        "från ",
        "alkaen ",
        "от ",
        "starting ",
    ]
    .iter()
    .any(|w| lower.starts_with(w))
}

/// `date published` as schema.org writes it.
fn camel(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for (at, word) in words.split(' ').enumerate() {
        let mut chars = word.chars();
        match (at, chars.next()) {
            (0, _) | (_, None) => out.push_str(word),
            (_, Some(first)) => {
                out.extend(first.to_uppercase());
                out.push_str(chars.as_str());
            }
        }
    }
    out
}

/// A value of embedded state as plain values: of an object what names it, of a list each.
fn flat(value: &Value) -> Vec<Value> {
    let one = |value: &Value| match value {
        Value::Object(members) => ["value", "name", "text", "title", "url", "amount", "formatted"]
            .iter()
            .find_map(|k| members.get(*k).filter(|v| !v.is_object() && !v.is_array() && !v.is_null()))
            .cloned(),
        Value::Array(_) | Value::Null => None,
        other => Some(other.clone()),
    };
    match value {
        Value::Array(items) => items.iter().take(MAX_STATE_VALUES).filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

/// A schema's fields, understood.
pub(crate) fn wanted(schema: &Schema) -> Vec<Wanted<'_>> {
    schema.fields().iter().map(Wanted::of).collect()
}
