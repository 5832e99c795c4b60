//! Keeps the contents of `template` elements, which browsers do not show, out of the tree while a page is parsed.
//! Source: WHATWG HTML, "the template element", declarative shadow roots.

use std::cell::{Cell, RefCell};

use ego_tree::NodeId;
use html5ever::local_name;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TagKind, Token, TokenSinkResult};

/// Maximum number of nested templates that are tracked.
const MAX_DEPTH: usize = 64;

/// The open templates.
#[derive(Default)]
pub(super) struct Templates {
    /// For each, whether it is a shadow root, whose content is shown.
    open: RefCell<Vec<bool>>,
    /// Whether the page has any.
    any: Cell<bool>,
}

impl Templates {
    /// Returns the result for a token that the tree builder must not see, or `None` for one that it must.
    pub(super) fn intercept(&self, token: &Token) -> Option<TokenSinkResult<NodeId>> {
        let begins = matches!(token, Token::TagToken(tag) if tag.name == local_name!("template"));
        // Nearly every page has no template, so its tokens pass at once.
        if !begins && !self.any.get() {
            return None;
        }
        let mut open = self.open.borrow_mut();
        let hidden = open.contains(&false);
        self.any.set(true);
        match token {
            Token::TagToken(tag) if begins => {
                let shadow = match tag.kind {
                    TagKind::StartTag if open.len() < MAX_DEPTH => {
                        let shadow = is_shadow(tag);
                        open.push(shadow);
                        shadow
                    }
                    TagKind::StartTag => true,
                    TagKind::EndTag => open.pop().unwrap_or(true),
                };
                // The element itself stays, empty: selectors may count it.
                let kept = !shadow
                    && !open[..open.len().saturating_sub(usize::from(tag.kind == TagKind::StartTag))].contains(&false);
                (!kept).then_some(TokenSinkResult::Continue)
            }
            // Its text must not be taken for tags.
            Token::TagToken(tag) if hidden && tag.kind == TagKind::StartTag => Some(match raw_kind(&tag.name) {
                Some(kind) => TokenSinkResult::RawData(kind),
                None => TokenSinkResult::Continue,
            }),
            Token::EOFToken => None,
            _ => hidden.then_some(TokenSinkResult::Continue),
        }
    }
}

fn is_shadow(tag: &Tag) -> bool {
    tag.attrs.iter().any(|a| matches!(&*a.name.local, "shadowrootmode" | "shadowroot"))
}

fn raw_kind(name: &str) -> Option<RawKind> {
    Some(match name {
        "script" => RawKind::ScriptData,
        "style" | "iframe" | "noembed" | "noframes" | "xmp" => RawKind::Rawtext,
        "title" | "textarea" => RawKind::Rcdata,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::html::{parse, text};

    #[test]
    fn templates_are_not_part_of_the_page() {
        for (page, want) in [
            ("<p>a<template><p>b</template>c", "ac"),
            ("<template><script>'</template>'</script>b</template>c", "c"),
            ("<template>a<template>b</template>c</template>d", "d"),
            ("<div><template shadowrootmode=open><p>a</p></template></div>b", "a b"),
            ("a</template>b<template>c", "ab"),
            ("<table><template><tr><td>a</template><tr><td>b</table>", "b"),
        ] {
            assert_eq!(text(parse(page).root_element()), want, "{page}");
        }
        let names = |page: &str| -> Vec<String> {
            parse(page).tree.nodes().filter_map(|n| Some(n.value().as_element()?.name().to_owned())).skip(3).collect()
        };
        assert_eq!(names("<body><template><b>x</b></template><i>"), ["template", "i"]);
    }
}
