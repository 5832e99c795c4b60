//! Parses HTML with its size bounded *while* it is parsed. html5ever's time is quadratic in depth, so a page of 16,000
//! nested elements must never become a tree of that depth. It reopens formatting elements that were left open in every
//! later paragraph, so a small page can ask for millions of nodes. And its time is quadratic in the attributes of a
//! tag, which [`crate::tags`] bounds. Depends on no schema. Every walk here is iterative.

use std::borrow::Cow;
use std::cell::Cell;

use ego_tree::NodeId;
use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use html5ever::{Attribute, QualName, TokenizerResult};
use scraper::node::Node;
use scraper::{Html, HtmlTreeSink};

use crate::budget::Budget;
use crate::tags;

use super::template::Templates;

/// Maximum depth of nesting, give or take [`DEPTH_CHECK_INTERVAL`].
pub const MAX_DEPTH: usize = 512;
/// Maximum number of nodes of a page, plus what one tag may open; what comes after them is left out.
pub const MAX_NODES: usize = 400_000;
/// Number of tags between two measurements of the depth, and the number once the limit is reached.
const DEPTH_CHECK_INTERVAL: usize = 64;
const DEPTH_CHECK_INTERVAL_AT_LIMIT: usize = 8;
/// Steps charged per token.
const TOKEN_STEPS: usize = 32;

/// Parses a fragment of a page, such as the markup in a text.
pub fn parse(text: &str) -> Html {
    parse_bounded(&tags::bounded(text), None)
}

/// Parses a page. Leaves out what comes after the budget is spent.
pub(crate) fn parse_within(text: &str, budget: &Budget<'_>) -> Html {
    parse_bounded(&tags::bounded_within(text, &|steps| budget.step(steps)), Some(budget))
}

/// Parses a page whose tags are bounded.
fn parse_bounded(text: &str, budget: Option<&Budget<'_>>) -> Html {
    let inner = HtmlTreeSink::new(Html::new_document());
    let sink = TrackingSink { inner, top: Cell::new(None), nodes: Cell::new(0), budget };
    let options = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let bounded = BoundedTokenSink {
        templates: Templates::default(),
        builder: TreeBuilder::new(sink, options),
        tags: Cell::new(0),
        at_depth_limit: Cell::new(false),
        budget,
    };
    let tokenizer = Tokenizer::new(bounded, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(text));
    // The tokenizer pauses for scripts, which are not run, and for a charset, which was determined from the bytes
    // before.
    while !matches!(tokenizer.feed(&input), TokenizerResult::Done) {}
    tokenizer.end();
    tokenizer.sink.builder.sink.take()
}

/// A tree sink that tracks which node the parser is in.
struct TrackingSink<'b> {
    inner: HtmlTreeSink,
    top: Cell<Option<NodeId>>,
    /// Nodes made, including texts that may have been joined to others.
    nodes: Cell<usize>,
    budget: Option<&'b Budget<'b>>,
}

impl TrackingSink<'_> {
    /// Returns how deep the parser is, up to a little more than [`MAX_DEPTH`].
    fn depth(&self) -> usize {
        let html = self.inner.0.borrow();
        let node = self.top.get().and_then(|id| html.tree.get(id));
        node.map_or(0, |n| n.ancestors().take(MAX_DEPTH + DEPTH_CHECK_INTERVAL).count())
    }

    fn take(&self) -> Html {
        self.inner.0.replace(Html::new_document())
    }

    /// Handles the end of an element of that name. The tree builder does not report every element that it closes;
    /// without this, the depth would not fall where only end tags follow.
    fn handle_end(&self, name: &str) {
        let html = self.inner.0.borrow();
        let Some(top) = self.top.get().and_then(|id| html.tree.get(id)) else { return };
        let is = |n: &ego_tree::NodeRef<'_, Node>| n.value().as_element().is_some_and(|e| e.name() == name);
        let closed = std::iter::once(top).chain(top.ancestors()).take(DEPTH_CHECK_INTERVAL_AT_LIMIT).find(is);
        if let Some(parent) = closed.and_then(|n| n.parent()) {
            self.top.set(Some(parent.id()));
        }
    }

    fn is_full(&self) -> bool {
        self.nodes.get() >= MAX_NODES
    }

    fn count_node(&self) {
        self.nodes.set(self.nodes.get() + 1);
        // If this exceeds the budget, parsing stops before the next token.
        let _ = self.budget.is_none_or(|budget| budget.make(1));
    }

    fn track_position(&self, parent: &NodeId, child: &NodeOrText<NodeId>) {
        self.top.set(Some(match child {
            NodeOrText::AppendNode(id) => *id,
            NodeOrText::AppendText(_) => {
                self.count_node();
                *parent
            }
        }));
    }
}

impl TreeSink for TrackingSink<'_> {
    type Handle = NodeId;
    type Output = Html;
    type ElemName<'a>
        = <HtmlTreeSink as TreeSink>::ElemName<'a>
    where
        Self: 'a;

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.track_position(parent, &child);
        self.inner.append(parent, child);
    }

    fn append_based_on_parent_node(&self, element: &NodeId, prev: &NodeId, child: NodeOrText<NodeId>) {
        self.track_position(prev, &child);
        self.inner.append_based_on_parent_node(element, prev, child);
    }

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        self.track_position(sibling, &child);
        self.inner.append_before_sibling(sibling, child);
    }

    fn pop(&self, node: &NodeId) {
        let parent = self.inner.0.borrow().tree.get(*node).and_then(|n| n.parent()).map(|p| p.id());
        self.top.set(parent);
        self.inner.pop(node);
    }

    fn finish(self) -> Html {
        self.inner.finish()
    }
    fn parse_error(&self, message: Cow<'static, str>) {
        self.inner.parse_error(message);
    }
    fn get_document(&self) -> NodeId {
        self.inner.get_document()
    }
    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Self::ElemName<'a> {
        self.inner.elem_name(target)
    }
    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.count_node();
        self.inner.create_element(name, attributes, flags)
    }
    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.count_node();
        self.inner.create_comment(text)
    }
    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.count_node();
        self.inner.create_pi(target, data)
    }
    fn append_doctype_to_document(&self, name: StrTendril, public: StrTendril, system: StrTendril) {
        self.inner.append_doctype_to_document(name, public, system);
    }
    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.inner.get_template_contents(target)
    }
    fn same_node(&self, a: &NodeId, b: &NodeId) -> bool {
        self.inner.same_node(a, b)
    }
    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.inner.set_quirks_mode(mode);
    }
    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        self.inner.add_attrs_if_missing(target, attributes);
    }
    fn remove_from_parent(&self, target: &NodeId) {
        self.inner.remove_from_parent(target);
    }
    fn reparent_children(&self, node: &NodeId, parent: &NodeId) {
        self.inner.reparent_children(node, parent);
    }
}

/// Passes tokens to the tree builder: start tags only while the depth allows, and nothing inside a `template`, which is
/// not part of the page. The content of a declarative shadow root is part of the page and goes into its host.
struct BoundedTokenSink<'b> {
    templates: Templates,
    builder: TreeBuilder<NodeId, TrackingSink<'b>>,
    tags: Cell<usize>,
    at_depth_limit: Cell<bool>,
    budget: Option<&'b Budget<'b>>,
}

impl TokenSink for BoundedTokenSink<'_> {
    type Handle = NodeId;

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<NodeId> {
        // Until the end, a token costs some dozen steps of the tokenizer and the tree builder.
        let may_continue =
            !self.builder.sink.is_full() && self.budget.is_none_or(|b| !b.is_exhausted() && b.step(TOKEN_STEPS));
        if !may_continue && !matches!(token, Token::EOFToken) {
            return TokenSinkResult::Continue;
        }
        if let Some(result) = self.templates.intercept(&token) {
            return result;
        }
        if let Token::TagToken(tag) = &token {
            let tags = self.tags.get() + 1;
            self.tags.set(tags);
            if tags.is_multiple_of(if self.at_depth_limit.get() {
                DEPTH_CHECK_INTERVAL_AT_LIMIT
            } else {
                DEPTH_CHECK_INTERVAL
            }) {
                self.at_depth_limit.set(self.builder.sink.depth() >= MAX_DEPTH);
            }
            // Elements that hold only text cannot nest, and their text must not be taken for tags.
            let holds_text = matches!(&*tag.name, "script" | "style" | "title" | "textarea" | "noscript" | "iframe");
            if self.at_depth_limit.get() && tag.kind == TagKind::StartTag && !holds_text {
                return TokenSinkResult::Continue;
            }
            if self.at_depth_limit.get() && tag.kind == TagKind::EndTag {
                let (name, before) = (tag.name.clone(), self.builder.sink.top.get());
                let result = self.builder.process_token(token, line);
                if self.builder.sink.top.get() == before {
                    self.builder.sink.handle_end(&name);
                }
                return result;
            }
        }
        self.builder.process_token(token, line)
    }

    fn end(&self) {
        self.builder.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.builder.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html::text;

    fn words(page: &str) -> String {
        text(parse(page).root_element())
    }

    #[test]
    fn a_charset_or_a_script_does_not_end_the_page() {
        let page = "<head><meta charset=utf-8><title>T</title><script>1</script></head><h1>after</h1>";
        assert_eq!(words(page), "T after");
    }

    #[test]
    fn depth_is_bounded() {
        for page in
            ["<div>".repeat(50_000), "<div>x".repeat(20_000), "<b><i>".repeat(10_000), "</p><div>".repeat(20_000)]
        {
            let html = parse(&page);
            let deepest = html.tree.nodes().map(|n| n.ancestors().take(5_000).count()).max().unwrap();
            assert!(deepest <= MAX_DEPTH + 3 * DEPTH_CHECK_INTERVAL, "{deepest}");
        }
    }

    #[test]
    fn nodes_are_bounded_even_if_a_small_page_asks_for_many() {
        let open: String = (0..300).map(|i| format!("<b a={i}>")).collect();
        // Every paragraph reopens the 300 elements that the division left open.
        let page = format!("<div>{open}</div>{}", "<p>x</p>".repeat(2_000));
        let nodes = parse(&page).tree.nodes().count();
        assert!(nodes > MAX_NODES / 2 && nodes <= MAX_NODES + 2 * MAX_DEPTH, "{nodes}");
    }

    #[test]
    fn attributes_are_bounded() {
        let many: String = (0..5_000).map(|i| format!(" a{i}=1")).collect();
        for page in [format!("<p{many}>x"), format!("<!--><p{many}>x"), format!("<p{many}"), format!("</p{many}>")] {
            let html = parse(&page);
            let max = html.tree.nodes().filter_map(|n| n.value().as_element()).map(|e| e.attrs().count()).max();
            assert!(max.is_some_and(|n| n <= tags::MAX_ATTRIBUTES), "{max:?}");
        }
    }

    #[test]
    fn old_pages_without_end_tags_keep_every_element() {
        let page: String = (0..3_000).map(|i| format!("<p>p{i}<ul><li>a{i}<li>b{i}</ul>")).collect();
        let html = parse(&page);
        let count =
            |name: &str| html.tree.nodes().filter(|n| n.value().as_element().is_some_and(|e| e.name() == name)).count();
        assert_eq!((count("p"), count("li")), (3_000, 6_000));
    }

    #[test]
    fn a_page_is_read_on_after_a_deep_part() {
        let page = format!("{}x{}<p id=after>y", "<div>".repeat(2_000), "</div>".repeat(2_000));
        assert!(words(&page).contains('y'));
        let after = parse(&page).tree.nodes().filter_map(|n| n.value().as_element()).any(|e| e.id() == Some("after"));
        assert!(after);
    }
}
