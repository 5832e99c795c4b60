//! What reading one page may cost: the one budget that every reader draws from. Depends on no clock and no reader: a
//! callback, asked every few thousand steps, says whether time is over.
//!
//! A budget counts steps (an element examined, a byte compared), bytes copied out of the page, and nodes made from it.
//! A reader asks before it works; once the answer is no, it stops with what it has. The code that started the readers
//! then checks [`Budget::exhausted`] and reports it. A reader that may use only a share of the page's budget works on a
//! [part](Budget::part) of it.

use std::cell::Cell;
use std::fmt;

/// Bytes of a plain pass over a page's text (its charset, its tags) that count as one step.
pub(crate) const SCANNED_BYTES_PER_STEP: usize = 16;

/// Number of steps between two checks of the deadline.
const STEPS_PER_DEADLINE_CHECK: u64 = 4_096;

/// Upper limits for reading a page or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elements examined, bytes scanned and compared: a few nanoseconds each.
    pub steps: u64,
    /// Bytes copied out of the page.
    pub bytes: u64,
    /// Elements, texts and JSON values made from the page.
    pub nodes: u64,
}

impl Limits {
    /// Limits for a page. Measured on 949 pages of shops, recipes and articles (release build): a step took 10 to 20
    /// ns; the most expensive page took 3.1 million steps and 57,000 nodes. So a thousand million steps take 10 to 20
    /// seconds, about the default timeout of a unit. A caller may set a timeout of two minutes, but that time is for
    /// the site: if reading a page took so long, all other heavy pages would wait.
    pub const PAGE: Limits = Limits { steps: 1_000_000_000, bytes: 64 * 1024 * 1024, nodes: 700_000 };
    /// Limits for a page while others wait. Nearly every page stays within them; one that does not is read again as a
    /// heavy page.
    pub const LIGHT: Limits = Limits { steps: 10_000_000, bytes: 8 * 1024 * 1024, nodes: 100_000 };
    /// Limits for all JSON-LD scripts of a page together: values, including those of scripts that the strict reader
    /// gave up on.
    pub(crate) const JSON_LD: Limits = Limits { nodes: 150_000, ..Limits::NONE };
    /// Limits for the embedded state in a page's scripts: values and members.
    pub(crate) const STATE: Limits = Limits { nodes: 300_000, ..Limits::NONE };
    /// Limits for the values of a page's microdata, and of its RDFa. Properties nest, and the same text must not be
    /// read over and over; an item that is the value of several properties is copied for each.
    pub(crate) const ITEMS: Limits = Limits { steps: 16_000_000, bytes: 4 * 1024 * 1024, nodes: 2_000 };
    /// Limits for the values of one path in structured data. References may form cycles, and each round may lead to
    /// several of them and to the same text.
    pub(crate) const PATH: Limits = Limits { steps: 20_000, bytes: 4 * 1024 * 1024, nodes: u64::MAX };
    /// Limits for all selectors of a schema on one page.
    pub(crate) const SELECTION: Limits = Limits { steps: 200_000_000, bytes: 16 * 1024 * 1024, nodes: u64::MAX };
    /// No limits: for a part to which only the limits of the whole budget apply.
    pub const NONE: Limits = Limits { steps: u64::MAX, bytes: u64::MAX, nodes: u64::MAX };
}

/// The resource that a budget ran out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Resource {
    /// The deadline passed.
    #[error("time")]
    Time,
    /// More steps were taken than [`Limits::steps`].
    #[error("steps")]
    Steps,
    /// More bytes were copied than [`Limits::bytes`].
    #[error("bytes of values")]
    Bytes,
    /// More nodes were made than [`Limits::nodes`].
    #[error("nodes")]
    Nodes,
}

/// What reading one page may still cost. Create one per page; an exhausted budget stays exhausted.
pub struct Budget<'a> {
    limits: Limits,
    deadline_passed: Option<&'a dyn Fn() -> bool>,
    parent: Option<&'a Budget<'a>>,
    steps: Cell<u64>,
    bytes: Cell<u64>,
    nodes: Cell<u64>,
    next_check: Cell<u64>,
    exhausted: Cell<Option<Resource>>,
}

impl Default for Budget<'_> {
    /// [`Limits::PAGE`] without a deadline.
    fn default() -> Self {
        Budget::limited(Limits::PAGE)
    }
}

impl<'a> Budget<'a> {
    /// Returns a budget of [`Limits::PAGE`] with a deadline; `deadline_passed` says whether the deadline has passed.
    pub fn with_deadline(deadline_passed: &'a dyn Fn() -> bool) -> Budget<'a> {
        Budget::limited_with_deadline(Limits::PAGE, deadline_passed)
    }

    /// Returns a budget of these limits with a deadline; `deadline_passed` says whether the deadline has passed.
    pub fn limited_with_deadline(limits: Limits, deadline_passed: &'a dyn Fn() -> bool) -> Budget<'a> {
        Budget { deadline_passed: Some(deadline_passed), ..Budget::limited(limits) }
    }

    /// Returns a budget of these limits without a deadline.
    pub fn limited(limits: Limits) -> Budget<'a> {
        Budget {
            limits,
            deadline_passed: None,
            parent: None,
            steps: Cell::new(0),
            bytes: Cell::new(0),
            nodes: Cell::new(0),
            next_check: Cell::new(0),
            exhausted: Cell::new(None),
        }
    }

    /// Returns a part of this budget. What the part spends is spent here too; the part ends when either budget is
    /// exhausted.
    pub fn part<'b>(&'b self, limits: Limits) -> Budget<'b>
    where
        'a: 'b,
    {
        Budget { parent: Some(self), exhausted: Cell::new(self.exhausted.get()), ..Budget::limited(limits) }
    }

    /// Spends `steps`. Returns whether the budget still holds.
    #[inline]
    pub fn step(&self, steps: usize) -> bool {
        let taken = self.steps.get().saturating_add(steps as u64);
        self.steps.set(taken);
        if taken > self.limits.steps {
            self.exhaust(Resource::Steps);
        } else if taken >= self.next_check.get() {
            self.next_check.set(taken.saturating_add(STEPS_PER_DEADLINE_CHECK));
            if self.deadline_passed.is_some_and(|passed| passed()) {
                self.exhaust(Resource::Time);
            }
        }
        if let Some(parent) = self.parent
            && !parent.step(steps)
        {
            self.exhausted.set(parent.exhausted());
        }
        !self.is_exhausted()
    }

    /// Spends bytes that are about to be copied. Returns whether the budget still holds.
    #[inline]
    pub fn copy(&self, bytes: usize) -> bool {
        self.bytes.set(self.bytes.get().saturating_add(bytes as u64));
        if self.bytes.get() > self.limits.bytes {
            self.exhaust(Resource::Bytes);
        }
        if let Some(parent) = self.parent
            && !parent.copy(bytes)
        {
            self.exhausted.set(parent.exhausted());
        }
        !self.is_exhausted()
    }

    /// Spends nodes that are about to be made. Returns whether the budget still holds.
    #[inline]
    pub fn make(&self, nodes: usize) -> bool {
        self.nodes.set(self.nodes.get().saturating_add(nodes as u64));
        if self.nodes.get() > self.limits.nodes {
            self.exhaust(Resource::Nodes);
        }
        if let Some(parent) = self.parent
            && !parent.make(nodes)
        {
            self.exhausted.set(parent.exhausted());
        }
        !self.is_exhausted()
    }

    fn exhaust(&self, resource: Resource) {
        if self.exhausted.get().is_none() {
            self.exhausted.set(Some(resource));
        }
    }

    /// Returns whether a limit is exceeded or the deadline has passed.
    #[inline]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted.get().is_some()
    }

    /// Returns what ran out first.
    pub fn exhausted(&self) -> Option<Resource> {
        self.exhausted.get()
    }

    /// Returns how much has been spent so far.
    pub fn taken(&self) -> Limits {
        Limits { steps: self.steps.get(), bytes: self.bytes.get(), nodes: self.nodes.get() }
    }
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.taken();
        f.debug_struct("Budget").field("limits", &self.limits).field("taken", &taken).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { steps: 10, bytes: 20, nodes: 3 };

    #[test]
    fn each_limit_exhausts_the_budget_and_the_first_is_reported() {
        let budget = Budget::limited(SMALL);
        assert!(budget.step(10) && budget.copy(20) && budget.make(3));
        assert!(!budget.copy(1) && !budget.step(0));
        assert!(!budget.step(1));
        assert_eq!((budget.exhausted(), budget.taken().steps), (Some(Resource::Bytes), 11));
    }

    #[test]
    fn a_part_is_exhausted_alone_or_with_the_whole() {
        let whole = Budget::limited(Limits { steps: 15, ..SMALL });
        let part = whole.part(SMALL);
        assert!(part.step(10) && !part.step(1) && !whole.is_exhausted());
        assert_eq!((whole.taken().steps, part.exhausted()), (11, Some(Resource::Steps)));
        let other = whole.part(Limits::NONE);
        assert!(other.step(4) && !other.step(1));
        assert_eq!(
            (whole.exhausted(), other.exhausted(), whole.part(SMALL).is_exhausted()),
            (Some(Resource::Steps), Some(Resource::Steps), true)
        );
    }

    #[test]
    fn the_deadline_is_checked_every_so_many_steps() {
        let asked = Cell::new(0u64);
        let over = || {
            asked.set(asked.get() + 1);
            asked.get() > 3
        };
        let budget = Budget::with_deadline(&over);
        let part = budget.part(Limits::NONE);
        let steps = (0u64..).take_while(|_| part.step(1)).count() as u64;
        assert_eq!(
            (asked.get(), budget.exhausted(), part.exhausted()),
            (4, Some(Resource::Time), Some(Resource::Time))
        );
        assert_eq!(steps, 3 * STEPS_PER_DEADLINE_CHECK);
    }
}
