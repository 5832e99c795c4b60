//! Finds the elements that a selector matches, in time linear in the page: every part of the selector is a set of
//! elements, and a combinator takes one pass from set to set. Nothing is tried twice, so nothing needs to be cached.
//! The result equals that of the `selectors` crate (a property test compares them), which tries every combination for
//! every element: three nested sibling combinators are cubic there.
//!
//! Sources: W3C Selectors Level 4; WHATWG HTML for which attributes' values ignore case.

use std::collections::HashMap;

use html5ever::ns;
use scraper::node::Element;
use scraper::selector::{CssLocalName, Simple};
use selectors::attr::{AttrSelectorOperator, NamespaceConstraint, ParsedAttrSelectorOperation, ParsedCaseSensitivity};
use selectors::parser::{Combinator, Component, NthSelectorData, RelativeSelector, Selector, SelectorList};

use super::tree::{Axis, Set, Tree};
use crate::budget::Budget;

/// Bytes compared per step.
const COMPARED_BYTES_PER_STEP: usize = 8;

/// Returns the elements that any selector of the list matches, or `None` once the budget is spent.
pub(super) fn matches(list: &SelectorList<Simple>, tree: &Tree<'_>, budget: &Budget<'_>) -> Option<Set> {
    Evaluation { tree, budget }.list(list.slice())
}

struct Evaluation<'e, 'a> {
    tree: &'e Tree<'a>,
    budget: &'e Budget<'e>,
}

type Part<'s> = (Option<Combinator>, Vec<&'s Component<Simple>>);

/// Returns a selector's compounds from left to right, each with the combinator before it.
fn compounds(selector: &Selector<Simple>) -> Vec<Part<'_>> {
    let mut out: Vec<Part<'_>> = vec![(None, Vec::new())];
    for component in selector.iter_raw_parse_order_from(0) {
        match component {
            Component::Combinator(combinator) => out.push((Some(*combinator), Vec::new())),
            simple => out.last_mut().into_iter().for_each(|(_, all)| all.push(simple)),
        }
    }
    out
}

/// Returns the axis of a combinator, and whether it applies to all elements along the axis.
fn axis(combinator: Combinator) -> Option<(Axis, bool)> {
    match combinator {
        Combinator::Child => Some((Axis::Parent, false)),
        Combinator::Descendant => Some((Axis::Parent, true)),
        Combinator::NextSibling => Some((Axis::PreviousSibling, false)),
        Combinator::LaterSibling => Some((Axis::PreviousSibling, true)),
        // For shadow trees; the parser accepts none of these.
        Combinator::PseudoElement | Combinator::SlotAssignment | Combinator::Part => None,
    }
}

impl Evaluation<'_, '_> {
    fn empty_set(&self) -> Set {
        Set::empty(self.tree.len())
    }

    /// Charges one pass over all elements.
    fn charge_pass(&self) -> Option<()> {
        self.budget.step(self.tree.len() + 1).then_some(())
    }

    fn list(&self, selectors: &[Selector<Simple>]) -> Option<Set> {
        let mut out = self.empty_set();
        for selector in selectors {
            out.union(&self.complex(selector)?);
        }
        Some(out)
    }

    /// Evaluates from left to right: keeps the elements that a compound matches and that stand where the combinator
    /// says.
    fn complex(&self, selector: &Selector<Simple>) -> Option<Set> {
        let mut here = Set::all(self.tree.len());
        for (combinator, compound) in compounds(selector) {
            if let Some(combinator) = combinator {
                self.charge_pass()?;
                let Some((axis, all_along)) = axis(combinator) else { return Some(self.empty_set()) };
                here = self.tree.with_on_axis(&here, axis, all_along);
            }
            here = self.compound(&compound, here)?;
            if here.is_empty() {
                break;
            }
        }
        Some(here)
    }

    /// Returns the anchors of relative selectors, evaluated from right to left: the elements from which the combinators
    /// lead to a match.
    fn anchors(&self, relative: &[RelativeSelector<Simple>]) -> Option<Set> {
        let mut out = self.empty_set();
        for selector in relative {
            let mut here = Set::all(self.tree.len());
            for (combinator, compound) in compounds(&selector.selector).into_iter().rev() {
                // The first compound is the anchor itself.
                let Some(combinator) = combinator else { break };
                here = self.compound(&compound, here)?;
                self.charge_pass()?;
                let Some((axis, all_along)) = axis(combinator) else { return Some(self.empty_set()) };
                here = self.tree.on_axis_of(&here, axis, all_along);
            }
            out.union(&here);
        }
        Some(out)
    }

    /// Returns the elements of a set that match all simple selectors of a compound.
    fn compound(&self, simple: &[&Component<Simple>], mut set: Set) -> Option<Set> {
        for component in simple {
            match component {
                Component::ExplicitUniversalType | Component::ExplicitAnyNamespace => {}
                Component::Is(list) | Component::Where(list) => set.intersect(&self.list(list.slice())?),
                Component::Negation(list) => set.intersect(&self.list(list.slice())?.complement()),
                Component::Has(relative) => set.intersect(&self.anchors(relative)?),
                Component::Nth(nth) => set.intersect(&self.nth(nth)?),
                other => {
                    let before = set.clone();
                    for at in before.iter() {
                        if !self.simple(other, at)? {
                            set.remove(at);
                        }
                    }
                }
            }
        }
        Some(set)
    }

    /// Returns the elements whose position among their siblings, or those of their type, is one of `an + b`: one pass
    /// per direction.
    fn nth(&self, nth: &NthSelectorData) -> Option<Set> {
        let one = |ty: NthSelectorData| -> Option<Set> {
            self.charge_pass()?;
            let (mut out, len) = (self.empty_set(), self.tree.len());
            // Siblings seen so far, in total or by type, for each parent.
            let mut seen: HashMap<(Option<usize>, Option<&html5ever::QualName>), i32> = HashMap::new();
            let mut count = |at: usize, out: &mut Set| {
                let Some(element) = self.tree.elements.get(at) else { return };
                let name = ty.ty.is_of_type().then_some(&element.raw.name);
                let place = seen.entry((element.at(Axis::Parent), name)).or_default();
                *place += 1;
                if ty.an_plus_b.matches_index(*place) {
                    out.insert(at);
                }
            };
            if ty.ty.is_from_end() {
                (0..len).rev().for_each(|at| count(at, &mut out));
            } else {
                (0..len).for_each(|at| count(at, &mut out));
            }
            Some(out)
        };
        if nth.ty.is_only() {
            let of_type = nth.ty.is_of_type();
            let mut both = one(NthSelectorData::first(of_type))?;
            both.intersect(&one(NthSelectorData::last(of_type))?);
            return Some(both);
        }
        one(*nth)
    }

    /// Returns whether an element matches a selector that depends on the element alone.
    fn simple(&self, component: &Component<Simple>, at: usize) -> Option<bool> {
        let Some(element) = self.tree.elements.get(at) else { return Some(false) };
        let raw = element.raw;
        if !self.budget.step(1) {
            return None;
        }
        Some(match component {
            Component::LocalName(name) => raw.name.local == name_to_compare(raw, &name.name, &name.lower_name).0,
            Component::ID(id) => {
                let value = self.values(raw).find(|(name, _)| &*name.local == "id").map(|(_, value)| value);
                value.is_some_and(|value| self.charge_comparison(value) && *value == *id.0)
            }
            Component::Class(class) => {
                let mut values = self.values(raw).filter(|(name, _)| &*name.local == "class").map(|(_, value)| value);
                values.any(|v| self.charge_comparison(v) && v.split_ascii_whitespace().any(|word| *word == *class.0))
            }
            Component::AttributeInNoNamespaceExists { local_name, local_name_lower } => {
                let wanted = name_to_compare(raw, local_name, local_name_lower);
                self.values(raw).any(|(name, _)| name.ns == ns!() && name.local == wanted.0)
            }
            Component::AttributeInNoNamespace { local_name, operator, value, case_sensitivity } => {
                let test = AttributeTest { operator: *operator, value: &value.0, case: *case_sensitivity };
                let mut values = self.values(raw).filter(|(name, _)| name.ns == ns!() && name.local == local_name.0);
                values.any(|(_, value)| self.charge_comparison(value) && test.matches(raw, value))
            }
            Component::AttributeOther(other) => {
                let wanted = name_to_compare(raw, &other.local_name, &other.local_name_lower);
                let in_namespace = |ns: &html5ever::Namespace| match other.namespace() {
                    None => *ns == ns!(),
                    Some(NamespaceConstraint::Any) => true,
                    Some(NamespaceConstraint::Specific(wanted)) => ns == wanted,
                };
                let mut values = self.values(raw).filter(|(name, _)| name.local == wanted.0 && in_namespace(&name.ns));
                match &other.operation {
                    ParsedAttrSelectorOperation::Exists => values.next().is_some(),
                    ParsedAttrSelectorOperation::WithValue { operator, case_sensitivity, value } => {
                        let test = AttributeTest { operator: *operator, value: &value.0, case: *case_sensitivity };
                        values.any(|(_, value)| self.charge_comparison(value) && test.matches(raw, value))
                    }
                }
            }
            Component::ExplicitNoNamespace => raw.name.ns == ns!(),
            Component::DefaultNamespace(url) | Component::Namespace(_, url) => raw.name.ns == *url,
            // Without a scope, `:scope` is the root.
            Component::Root | Component::Scope => element.node.parent().is_some_and(|p| p.value().is_document()),
            Component::Empty => {
                let children = element.node.children().take_while(|_| self.budget.step(1));
                !children.into_iter().any(|c| c.value().is_element() || c.value().is_text())
            }
            _ => false,
        })
    }

    /// Returns an element's attributes, charging a step for each.
    fn values<'r>(&self, raw: &'r Element) -> impl Iterator<Item = (&'r html5ever::QualName, &'r str)> {
        self.budget.step(raw.attrs.len());
        raw.attrs.iter().map(|(name, value)| (name, &**value))
    }

    /// Charges the steps for comparing a value. Returns whether the budget holds.
    fn charge_comparison(&self, value: &str) -> bool {
        self.budget.step(value.len() / COMPARED_BYTES_PER_STEP)
    }
}

/// Returns the form of a name to compare with an element's name. Names of HTML's own elements are in lower case.
fn name_to_compare<'n>(raw: &Element, name: &'n CssLocalName, lower: &'n CssLocalName) -> &'n CssLocalName {
    if raw.name.ns == ns!(html) { lower } else { name }
}

/// A comparison with an attribute's value.
struct AttributeTest<'s> {
    operator: AttrSelectorOperator,
    value: &'s str,
    case: ParsedCaseSensitivity,
}

impl AttributeTest<'_> {
    fn matches(&self, raw: &Element, value: &str) -> bool {
        let ignores_case = match self.case {
            ParsedCaseSensitivity::CaseSensitive | ParsedCaseSensitivity::ExplicitCaseSensitive => false,
            ParsedCaseSensitivity::AsciiCaseInsensitive => true,
            ParsedCaseSensitivity::AsciiCaseInsensitiveIfInHtmlElementInHtmlDocument => raw.name.ns == ns!(html),
        };
        if ignores_case {
            // Lower-cases both first: a case-insensitive substring search is quadratic.
            let (value, wanted) = (value.to_ascii_lowercase(), self.value.to_ascii_lowercase());
            compare(self.operator, &value, &wanted)
        } else {
            compare(self.operator, value, self.value)
        }
    }
}

fn compare(operator: AttrSelectorOperator, value: &str, wanted: &str) -> bool {
    operator.eval_str(value, wanted, selectors::attr::CaseSensitivity::CaseSensitive)
}
