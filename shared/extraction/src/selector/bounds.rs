//! What a caller's selector may ask for, judged where a call is accepted. Matching is linear, so this bounds the
//! factor: how many passes over a page the selectors of a schema may take.

use scraper::selector::Simple;
use selectors::parser::{Component, Selector};

/// Most compounds of a selector, those in `:is()`, `:not()`, `:where()` and `:has()` included.
pub const MAX_COMPOUNDS: usize = 100;
/// Deepest that pseudo-classes with selectors in them may stand in each other.
pub const MAX_NESTING: usize = 4;
/// Most simple selectors and combinators of all fields together.
pub const MAX_PARTS: usize = 10_000;

/// What a selector asks for.
#[derive(Debug, Default)]
struct Size {
    compounds: usize,
    parts: usize,
}

/// The parts of a list of selectors.
///
/// # Errors
/// What is too much, as the end of a sentence that begins with its member's name.
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
        return Err(format!(
            "has pseudo-classes in each other more than {MAX_NESTING} deep (:is(), :not(), :where(), :has())"
        ));
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
                // The parser takes it out of a list that forgives faults, and refuses it elsewhere.
                Component::Invalid(text) if in_has && text.contains(":has(") => {
                    return Err("has :has() inside of :has(), which is not allowed".into());
                }
                Component::Has(relative) => measure(&mut relative.iter().map(|r| &r.selector), depth + 1, true, size)?,
                _ => {}
            }
        }
    }
    Ok(())
}
