//! A file's rules, indexed by the part of each pattern before its first `*`. A look-up finds the patterns that begin
//! like a path, and compares no others.

use super::{Rule, pattern};

/// Rules whose patterns share the same literal prefix, up to the first `*` or the final `$`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    /// The prefix: index of the group's first rule, and the length of the prefix.
    first_rule: usize,
    prefix_len: usize,
    /// Whether the rule whose pattern is exactly the prefix allows; `None` if there is no such rule.
    plain: Option<bool>,
    /// Whether the rule whose pattern is the prefix followed by `$` allows; `None` if there is no such rule.
    exact: Option<bool>,
    /// Indexes of rules with `*`, the most specific first.
    wildcards: Vec<usize>,
}

/// The rules of a file, indexed for matching.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// The most specific rules come first. Of two equally specific rules, the one that allows comes first.
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
        // Drops repeated rules. Equal rules are adjacent: the order depends on the pattern and on whether the rule
        // allows.
        rules.dedup();
        let prefix_len = |rule: &Rule| {
            let end = rule.pattern.find('*').unwrap_or(rule.pattern.len());
            if rule.pattern[..end].ends_with('$') { end - 1 } else { end }
        };
        let mut order: Vec<(usize, usize)> = rules.iter().map(prefix_len).enumerate().collect();
        // The sort is stable: within a group the most specific rule stays first.
        order.sort_by(|(a, a_end), (b, b_end)| rules[*a].pattern[..*a_end].cmp(&rules[*b].pattern[..*b_end]));
        let mut groups: Vec<Group> = Vec::new();
        for (at, end) in order {
            let rule = &rules[at];
            let same =
                groups.last().is_some_and(|g| rules[g.first_rule].pattern[..g.prefix_len] == rule.pattern[..end]);
            if !same {
                groups.push(Group { first_rule: at, prefix_len: end, plain: None, exact: None, wildcards: Vec::new() });
            }
            let Some(group) = groups.last_mut() else { continue };
            match &rule.pattern[end..] {
                // A rule that allows comes first, if there is one.
                "" => group.plain = group.plain.or(Some(rule.allow)),
                "$" => group.exact = group.exact.or(Some(rule.allow)),
                _ => group.wildcards.push(at),
            }
        }
        Rules { rules, groups }
    }

    /// Yields the rules in order of precedence.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// Returns the verdict of the most specific rule that matches a path (in the form of [`pattern::normalise_path`]);
    /// true if none does. Calls `spend` with a number of bytes before it compares them; if `spend` returns false, the
    /// answer is false.
    pub(super) fn allow(&self, path: &str, spend: &dyn Fn(usize) -> bool) -> bool {
        if self.groups.is_empty() {
            return true;
        }
        if !spend(path.len()) {
            return false;
        }
        let mut best: Best = None;
        let mut matched: Vec<&Group> = Vec::new();
        let mut range = self.groups.as_slice();
        for depth in 0..=path.len() {
            // Of the prefixes that begin alike, the shortest comes first.
            if let Some((group, rest)) = range.split_first().filter(|(group, _)| group.prefix_len == depth) {
                self.update_best(group, depth == path.len(), &mut best);
                if !group.wildcards.is_empty() {
                    matched.push(group);
                }
                range = rest;
            }
            let Some(byte) = path.as_bytes().get(depth) else { break };
            let next = |group: &Group| self.rules[group.first_rule].pattern.as_bytes()[depth];
            let from = range.partition_point(|group| next(group) < *byte);
            let to = range.partition_point(|group| next(group) <= *byte);
            range = &range[from..to];
            if range.is_empty() {
                break;
            }
        }
        for at in matched.into_iter().rev().flat_map(|group| group.wildcards.iter()) {
            let rule = &self.rules[*at];
            let rank = (rule.pattern.len(), rule.allow);
            if best.is_some_and(|best| best >= rank) {
                continue;
            }
            if !spend(rule.pattern.len() + path.len()) {
                return false;
            }
            if pattern::matches(&rule.pattern, path) {
                best = Some(rank);
            }
        }
        best.is_none_or(|(_, allow)| allow)
    }

    fn update_best(&self, group: &Group, at_end: bool, best: &mut Best) {
        let plain = group.plain.map(|allow| (group.prefix_len, allow));
        let exact = group.exact.filter(|_| at_end).map(|allow| (group.prefix_len + 1, allow));
        *best = (*best).max(plain).max(exact);
    }
}
