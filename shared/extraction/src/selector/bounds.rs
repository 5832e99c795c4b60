//! Limits on a caller's selectors, checked when a call is accepted. Matching is linear in the page, so these limits
//! bound the factor: how many passes over a page the selectors of a schema may take.

use scraper::selector::Simple;
use selectors::parser::{Component, Selector};

/// Maximum number of compounds of a selector, including those in `:is()`, `:not()`, `:where()` and `:has()`.
pub const MAX_COMPOUNDS: usize = 100;
/// Maximum depth of pseudo-classes that contain selectors.
pub const MAX_NESTING: usize = 4;
/// Maximum number of simple selectors and combinators of all fields together.
pub const MAX_PARTS: usize = 10_000;

/// The size of a selector.
#[derive(Debug, Default)]
struct Size {
    compounds: usize,
    parts: usize,
}

/// Counts the simple selectors and combinators of a selector list.
///
/// # Errors
/// The exceeded limit, as the end of a sentence that begins with the member's name.
pub(super) fn parts(selectors: &[Selector<Simple>]) -> Result<usize, String> {
    let mut size = Size::default();
    measure(&mut selectors.iter(), 0, false, &mut size)?;
    if size.compounds > MAX_COMPOUNDS {
        return Err(format!("has {} compound selectors; at most {MAX_COMPOUNDS} are allowed", size.compounds));
    }
    Ok(size.parts)
}

fn measure(
    selectors: &mut dyn Iterator<Item = &'_ Selector<Simple>>,
    depth: usize,
    in_has: bool,
    size: &mut Size,
) -> Result<(), String> {
    if depth > MAX_NESTING {
        return Err(format!("nests pseudo-classes (:is(), :not(), :where(), :has()) more than {MAX_NESTING} deep"));
    }
    for selector in selectors {
        size.compounds += 1;
        for component in selector.iter_raw_match_order() {
            size.parts += 1;
            match component {
                Component::Combinator(_) => size.compounds += 1,
                Component::Is(list) | Component::Where(list) | Component::Negation(list) => {
                    measure(&mut list.slice().iter(), depth + 1, in_has, size)?;
                }
                // The parser drops a nested `:has()` from a forgiving list, and refuses it elsewhere.
                Component::Invalid(text) if in_has && text.contains(":has(") => {
                    return Err("has :has() inside :has(), which is not allowed".into());
                }
                Component::Has(relative) => measure(&mut relative.iter().map(|r| &r.selector), depth + 1, true, size)?,
                _ => {}
            }
        }
    }
    Ok(())
}
