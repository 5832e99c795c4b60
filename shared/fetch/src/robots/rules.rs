//! A file's rules, sorted once so that a path finds those that could match it without looking at the others: what comes
//! before the first `*` of a pattern is looked up, and only patterns that begin as the path does are compared.

use super::{Rule, pattern};

/// Rules whose patterns begin alike, up to the first `*` or the `$` at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    /// Where the beginning is written: the first rule of the group, and how long it is.
    rule: usize,
    start: usize,
    /// Whether the pattern that is the beginning and nothing else allows, if there is one.
    plain: Option<bool>,
    /// The same of the one that is the beginning and `$`.
    exact: Option<bool>,
    /// Rules with `*`, the most specific first.
    wild: Vec<usize>,
}

/// The rules of a file, ready to be asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// The most specific first, and of two that are equally so the one that allows.
    rules: Vec<Rule>,
    /// By their beginnings, no two alike.
    groups: Vec<Group>,
}

/// The rule that decides so far: how specific it is, and what it says.
type Best = Option<(usize, bool)>;

impl Rules {
    pub(super) fn new(mut rules: Vec<Rule>) -> Rules {
        rules.sort_by(|a, b| {
            let order = |rule: &Rule| (std::cmp::Reverse(rule.pattern.len()), !rule.allow);
            order(a).cmp(&order(b)).then_with(|| a.pattern.cmp(&b.pattern))
        });
        // Of two with one pattern only one can decide. They are neighbours only if both say the same.
        rules.dedup();
        let start = |rule: &Rule| {
            let end = rule.pattern.find('*').unwrap_or(rule.pattern.len());
            if rule.pattern[..end].ends_with('$') { end - 1 } else { end }
        };
        let mut order: Vec<(usize, usize)> = rules.iter().map(start).enumerate().collect();
        // Stable: within a group the most specific stays first.
        order.sort_by(|(a, a_end), (b, b_end)| rules[*a].pattern[..*a_end].cmp(&rules[*b].pattern[..*b_end]));
        let mut groups: Vec<Group> = Vec::new();
        for (at, end) in order {
            let rule = &rules[at];
            let same = groups.last().is_some_and(|g| rules[g.rule].pattern[..g.start] == rule.pattern[..end]);
            if !same {
                groups.push(Group { rule: at, start: end, plain: None, exact: None, wild: Vec::new() });
            }
            let Some(group) = groups.last_mut() else { continue };
            match &rule.pattern[end..] {
                // The first is the one that allows, if one does.
                "" => group.plain = group.plain.or(Some(rule.allow)),
                "$" => group.exact = group.exact.or(Some(rule.allow)),
                _ => group.wild.push(at),
            }
        }
        Rules { rules, groups }
    }

    /// In the order in which they decide.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// What the most specific rule says that matches a path in the form of [`pattern::of_url`]; allowed where none does.
    /// `take` is asked before bytes are compared, with how many; where it says no, the answer is no.
    pub(super) fn allow(&self, path: &str, take: &dyn Fn(usize) -> bool) -> bool {
        if self.groups.is_empty() {
            return true;
        }
        if !take(path.len()) {
            return false;
        }
        let mut best: Best = None;
        let mut matched: Vec<&Group> = Vec::new();
        let mut range = self.groups.as_slice();
        for depth in 0..=path.len() {
            // The shortest of those that begin alike comes first.
            if let Some((group, rest)) = range.split_first().filter(|(group, _)| group.start == depth) {
                self.note(group, depth == path.len(), &mut best);
                if !group.wild.is_empty() {
                    matched.push(group);
                }
                range = rest;
            }
            let Some(byte) = path.as_bytes().get(depth) else { break };
            let next = |group: &Group| self.rules[group.rule].pattern.as_bytes()[depth];
            let from = range.partition_point(|group| next(group) < *byte);
            let to = range.partition_point(|group| next(group) <= *byte);
            range = &range[from..to];
            if range.is_empty() {
                break;
            }
        }
        for at in matched.into_iter().rev().flat_map(|group| group.wild.iter()) {
            let rule = &self.rules[*at];
            let rank = (rule.pattern.len(), rule.allow);
            if best.is_some_and(|best| best >= rank) {
                continue;
            }
            if !take(rule.pattern.len() + path.len()) {
                return false;
            }
            if pattern::matches(&rule.pattern, path) {
                best = Some(rank);
            }
        }
        best.is_none_or(|(_, allow)| allow)
    }

    fn note(&self, group: &Group, at_end: bool, best: &mut Best) {
        let plain = group.plain.map(|allow| (group.start, allow));
        let exact = group.exact.filter(|_| at_end).map(|allow| (group.start + 1, allow));
        *best = (*best).max(plain).max(exact);
    }
}
