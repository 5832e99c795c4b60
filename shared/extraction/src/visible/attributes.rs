//! The `data-…` attributes of the page.

use std::collections::HashMap;

use crate::doc::Doc;
use crate::zones::Zone;

/// Maximum number of elements kept per name or word.
pub(super) const MAX_PER_WORD: usize = 400;

/// The `data-` attributes of elements by name.
#[derive(Debug, Default)]
pub(super) struct AttributeIndex<'a> {
    pub(super) by_attribute: HashMap<&'a str, Vec<(usize, &'a str)>>,
}

impl<'a> AttributeIndex<'a> {
    pub(super) fn of(doc: &'a Doc<'a>) -> AttributeIndex<'a> {
        let mut index = AttributeIndex::default();
        for (at, el) in doc.els.iter().enumerate().filter(|(_, el)| !is_outside(el.zone)) {
            for (name, value) in el.raw.attrs() {
                if let Some(name) = name.strip_prefix("data-")
                    && (1..=120).contains(&value.len())
                    && !value.starts_with(['{', '['])
                {
                    let list = index.by_attribute.entry(name).or_default();
                    if list.len() < MAX_PER_WORD {
                        list.push((at, value));
                    }
                }
            }
        }
        index
    }
}

/// Returns whether a zone is not searched.
pub(super) fn is_outside(zone: Zone) -> bool {
    zone.has(Zone::NAV) || zone.has(Zone::RELATED) || zone.has(Zone::OVERLAY)
}
