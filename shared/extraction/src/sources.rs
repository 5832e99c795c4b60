//! Collects a field's candidates from everything that a page offers: structured data first, the visible page where that
//! is not enough.

use std::cell::OnceCell;

use domain::{FieldType, Schema};
use scraper::Html;
use serde_json::Value;
use url::Url;

use crate::budget::Budget;
use crate::candidate::{Candidate, Evidence, Source};
use crate::coercion::ReadingContext;
use crate::concept::{Concept, Shape, Trait};
use crate::doc::Doc;
use crate::entity::{self, Entity};
use crate::field_query::FieldQuery;
use crate::fields::Chosen;
use crate::head::Head;
use crate::page_title::without_site;
use crate::scores::{Scorer, TRUSTED_SCORE, is_shown};
use crate::selector::Selection;
use crate::spelling::letters_and_digits;
use crate::structured::{Graph, Links, Origin, state};
use crate::visible;
use crate::visible::View;
use crate::vocabulary::{concept_of, words};

/// Maximum number of values of one member of embedded state.
const MAX_STATE_VALUES: usize = 200;

/// Bonus for a candidate whose path the caller spelled out: larger than any other.
const SPELLED_PATH_BONUS: i32 = 30;

/// Everything that a page offers.
pub(crate) struct Sources<'a> {
    page: &'a Html,
    url: &'a Url,
    head: &'a Head,
    graph: &'a Graph<'a>,
    view: View<'a>,
    entities: Vec<Entity<'a>>,
    state: OnceCell<Vec<Member>>,
    selection: Selection<'a>,
}

/// A member of embedded state that describes the subject of the page.
struct Member {
    name: String,
    concept: Option<Concept>,
    values: Vec<Value>,
    nested: bool,
}

impl<'a> Sources<'a> {
    pub(crate) fn of(
        selection: Selection<'a>,
        doc: &'a Doc<'a>,
        head: &'a Head,
        graph: &'a Graph<'a>,
        reading: ReadingContext<'a>,
        queries: &[FieldQuery<'_>],
    ) -> Sources<'a> {
        let (page, url) = (selection.page, selection.url);
        let entities = entity::rank(graph, queries, head, url);
        let view = View::of(doc, head, url, reading);
        Sources { page, url, head, graph, view, entities, state: OnceCell::new(), selection }
    }

    /// Returns the candidates of structured data; for a field with a selector, only what the selector matches.
    pub(crate) fn structured(&self, query: &FieldQuery<'_>) -> Vec<Candidate> {
        if let Some(css) = &query.field.selector {
            let selected = self.selection.read(css, query.is_array(), query.is_shape(Shape::Money));
            let values = selected.values.into_iter().map(Value::String).collect();
            let candidate = Candidate::new(Source::Selector, values, "the selector");
            return vec![Candidate { cut_warning: selected.cut_warning, ..candidate }];
        }
        let mut out = Vec::new();
        for entity in &self.entities {
            self.add_from_entity(entity, query, &mut out);
        }
        if query.is(Concept::TotalTime) {
            self.add_total_time(query, &mut out);
        }
        let metas = query.words().map(|w| w.metas.as_slice()).unwrap_or_default();
        let own = query.field.field.to_lowercase();
        let own = Some(own.as_str()).filter(|o| !metas.contains(o));
        for (rank, name) in (0..).zip(metas.iter().copied().chain(own)) {
            let values: Vec<Value> = self.head.metas(name).iter().cloned().map(Value::String).collect();
            if !values.is_empty() && !query.is(Concept::Title) {
                out.push(Candidate::new(Source::Meta, values, format!("meta {name}")).adjusted(-rank));
            }
        }
        self.scorer().adjust_all(query, &mut out);
        out
    }

    /// Returns whether to examine the visible page although structured data has an answer: if the page is known to
    /// state it better, if the answer has little trust, or if it is a code that the page does not show.
    pub(crate) fn needs_visible(&self, query: &FieldQuery<'_>, chosen: &Chosen) -> bool {
        let doubted = || query.has(Trait::UnreliableMarkup) && chosen.score < TRUSTED_SCORE;
        let unseen = || query.is(Concept::Sku) && !is_shown(self.view.doc, &chosen.text());
        query.field.selector.is_none() && (query.has(Trait::PreferVisible) || doubted() || unseen())
    }

    /// Returns the candidates of the visible page, and with `state_too` those of embedded state.
    pub(crate) fn visible(&self, query: &FieldQuery<'_>, state_too: bool) -> Vec<Candidate> {
        let mut out = Vec::new();
        if query.field.selector.is_some() {
            return out;
        }
        if state_too {
            self.add_from_state(query, &mut out);
        }
        visible::candidates(&self.view, query, &mut out);
        let priced = |e: &Entity<'a>| !self.graph.values_at(e.members, "offers.price").is_empty();
        if query.is(Concept::Stock) && query.field.kind == FieldType::Boolean && self.entities.iter().any(priced) {
            out.push(
                Candidate::text(
                    Source::Message,
                    "true",
                    "an offer with a price, and no message that it is unavailable",
                )
                .adjusted(-12)
                .with_evidence(Evidence::Guess),
            );
        }
        self.scorer().adjust_all(query, &mut out);
        out
    }

    fn scorer(&self) -> Scorer<'a> {
        Scorer { head: self.head, graph: self.graph, url: self.url }
    }

    /// Adds the values of an entity at the paths of the field.
    fn add_from_entity(&self, entity: &Entity<'a>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
        let source = match entity.origin {
            Origin::JsonLd => Source::JsonLd,
            Origin::Microdata => Source::Microdata,
            Origin::Rdfa => Source::Rdfa,
        };
        // A link is read as its address, except where names, words or codes are asked for.
        let address = query.concept.is_none() && query.field.kind.element() == FieldType::String;
        let links = if address || query.is_shape(Shape::Link) { Links::Addresses } else { Links::Texts };
        let mut add = |path: &str, rank: i32, spelled: bool| {
            let Some(path) = (if entity.prefix.is_empty() { Some(path) } else { path.strip_prefix(entity.prefix) })
            else {
                return;
            };
            let values = self.graph.values_as(entity.members, path, links);
            if !values.is_empty() {
                let mut candidate = Candidate::new(source, values, format!("{path} of the main entity"))
                    .adjusted(-rank - entity.penalty);
                // What is known of a concept applies to the main entity's own members.
                if !spelled || !query.is(Concept::Title) {
                    self.scorer().adjust(query, entity, path, &mut candidate);
                }
                candidate.score += if spelled { SPELLED_PATH_BONUS } else { 0 };
                out.push(candidate);
            }
        };
        // The field's own name may be the exact schema.org term; then it identifies the value best.
        let field = &query.field.field;
        let own = if field.contains('.') { field.clone() } else { camel_case(&query.label) };
        // If the caller spells out a path, only the values at that path count as the field's.
        let spelled = crate::vocabulary::is_path(field);
        let paths = query.words().filter(|_| !spelled).map(|w| w.paths.as_slice()).unwrap_or_default();
        for (rank, path) in (1..).zip(paths) {
            let same_end = path.rsplit('.').next() == Some(own.as_str()) && own != "name";
            add(path, if same_end { 0 } else { rank }, false);
        }
        if !paths.contains(&own.as_str()) {
            add(&own, if query.concept.is_none() || spelled { 0 } else { 8 }, own.contains('.'));
        }
        // Initials in a name keep their capitals: `titleEIDR`.
        if *field != own && !paths.contains(&field.as_str()) {
            add(field, 0, false);
        }
    }

    /// Adds the sum of preparing and cooking times, for pages that do not give the total.
    fn add_total_time(&self, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
        let Some(unit) = query.unit else { return };
        for entity in self.entities.iter().filter(|e| e.prefix.is_empty()) {
            let seconds = |path: &str| {
                let found = self.graph.values_at(entity.members, path);
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

    /// Adds the members of embedded state that have the field's name or concept.
    fn add_from_state(&self, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
        for member in self.state.get_or_init(|| self.read_state()) {
            let same = member.name == query.label;
            let alike = query.concept.zip(member.concept).is_some_and(|(a, b)| a == b);
            if same || alike {
                let change = i32::from(same) * 3 - i32::from(member.nested) * 6;
                let reason = format!("member \"{}\" of embedded state", member.name);
                out.push(Candidate::new(Source::State, member.values.clone(), reason).adjusted(change));
            }
        }
    }

    fn read_state(&self) -> Vec<Member> {
        let roots = state::read(self.page, self.graph.budget);
        if roots.is_empty() {
            return Vec::new();
        }
        let titles = self.head.names().map(|t| letters_and_digits(&without_site(t, self.head)));
        let titles: Vec<String> = titles.filter(|t| t.len() >= 4).collect();
        let is_title = |text: &str| text.len() < 400 && titles.contains(&letters_and_digits(text));
        let mut out = Vec::new();
        for object in state::named(&roots, &is_title) {
            let mut add = |name: &str, value: &Value, nested: bool| {
                let values = scalars(value, self.graph.budget);
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
}

/// Returns words as schema.org writes them: `datePublished` for `date published`.
fn camel_case(words: &str) -> String {
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

/// Returns a value of embedded state as scalars: for an object, the member that names it; for a list, one scalar per
/// element.
fn scalars(value: &Value, budget: &Budget<'_>) -> Vec<Value> {
    let one = |value: &Value| named_scalar(value).filter(|v| budget.copy(v.as_str().map_or(1, str::len))).cloned();
    match value {
        Value::Array(items) => items.iter().take(MAX_STATE_VALUES).filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

/// Returns the scalar of a value: for an object, the member that names it.
fn named_scalar(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(members) => ["value", "name", "text", "title", "url", "amount", "formatted"]
            .iter()
            .find_map(|k| members.get(*k).filter(|v| !v.is_object() && !v.is_array() && !v.is_null())),
        Value::Array(_) | Value::Null => None,
        other => Some(other),
    }
}

/// Interprets a schema's fields.
pub(crate) fn interpret(schema: &Schema) -> Vec<FieldQuery<'_>> {
    schema.fields().iter().map(FieldQuery::of).collect()
}
