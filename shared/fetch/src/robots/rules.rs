//! A file's rules, sorted so that a path finds those that could match without looking at the others. The part of a
//! pattern before its first `*` is looked up; only patterns that begin like the path are compared.

use super::{Rule, pattern};

/// Rules whose patterns share the same literal prefix, up to the first `*` or the final `$`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    /// The prefix: index of the group's first rule, and the length of the prefix.
    rule: usize,
    start: usize,
    /// Verdict of the pattern that is exactly the prefix, if there is one: whether it allows.
    plain: Option<bool>,
    /// Verdict of the pattern that is the prefix followed by `$`, if there is one.
    exact: Option<bool>,
    /// Indexes of rules with `*`, the most specific first.
    wild: Vec<usize>,
}

/// The rules of a file, indexed for matching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// The most specific first; of two equally specific ones, the one that allows first.
    rules: Vec<Rule>,
    /// Sorted by prefix; prefixes are unique.
    groups: Vec<Group>,
}

/// The best match so far: its specificity, and whether it allows.
type Best = Option<(usize, bool)>;

impl Rules {
    pub(super) fn new(mut rules: Vec<Rule>) -> Rules {
        rules.sort_by(|a, b| {
            let order = |rule: &Rule| (std::cmp::Reverse(rule.pattern.len()), !rule.allow);
            order(a).cmp(&order(b)).then_with(|| a.pattern.cmp(&b.pattern))
        });
        // Of two rules with the same pattern only one can decide. They are neighbours only if both have the same
        // verdict.
        rules.dedup();
        let start = |rule: &Rule| {
            let end = rule.pattern.find('*').unwrap_or(rule.pattern.len());
            if rule.pattern[..end].ends_with('$') { end - 1 } else { end }
        };
        let mut order: Vec<(usize, usize)> = rules.iter().map(start).enumerate().collect();
        // The sort is stable: within a group the most specific rule stays first.
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
                // A rule that allows comes first, if there is one.
                "" => group.plain = group.plain.or(Some(rule.allow)),
                "$" => group.exact = group.exact.or(Some(rule.allow)),
                _ => group.wild.push(at),
            }
        }
        Rules { rules, groups }
    }

    /// Yields the rules in order of precedence.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Returns the verdict of the most specific rule that matches a path (normalised by [`pattern::of_url`]); true if
    /// none does. Calls `take` with a number of bytes before it compares them; if `take` returns false, the answer is
    /// false.
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
            // The shortest of the prefixes that begin alike comes first.
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
