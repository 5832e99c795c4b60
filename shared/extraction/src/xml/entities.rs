//! Character and entity references in XML pages. XHTML uses HTML's entities, and feeds use them without declaring them.

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::BytesRef;

/// Maximum number of names that are looked up; a page with more invents them.
const MAX_NAMES: usize = 256;
/// Maximum length of a name of an HTML entity.
const MAX_NAME: usize = 32;

/// The names that a page used.
#[derive(Debug, Default)]
pub(super) struct Entities {
    known: HashMap<String, String>,
}

impl Entities {
    /// Returns what a reference stands for, or the reference itself if it is unknown.
    pub(super) fn text(&mut self, reference: &BytesRef<'_>) -> Cow<'static, str> {
        if let Ok(Some(c)) = reference.resolve_char_ref() {
            return Cow::Owned(c.to_string());
        }
        self.named(reference)
    }

    fn named(&mut self, name: &str) -> Cow<'static, str> {
        if let Some(text) = resolve_predefined_entity(name) {
            return Cow::Borrowed(text);
        }
        if let Some(text) = self.known.get(name) {
            return Cow::Owned(text.clone());
        }
        let written = format!("&{name};");
        let plausible = name.len() <= MAX_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#');
        if !plausible || self.known.len() >= MAX_NAMES {
            return Cow::Owned(written);
        }
        let html = crate::html::parse(&written);
        let text: String = html.root_element().text().collect();
        self.known.insert(name.to_owned(), text.clone());
        Cow::Owned(text)
    }

    /// Returns a text with its references resolved.
    pub(super) fn resolve<'t>(&mut self, text: &'t str) -> Cow<'t, str> {
        if !text.contains('&') {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('&') {
            out.push_str(before);
            let name = after.split_once(';').map(|(name, _)| name).filter(|n| !n.is_empty() && n.len() <= MAX_NAME);
            match name {
                Some(name) => {
                    out.push_str(&self.text(&BytesRef::new(name)));
                    rest = &after[name.len() + 1..];
                }
                None => {
                    out.push('&');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        Cow::Owned(out)
    }
}
