//! What reading one page may cost: the one notion of it that every reader draws from. Knows no clock and no reader: that
//! time is over is told from outside, by a question that is asked every some thousand steps.
//!
//! A budget counts steps (an element looked at, a byte compared), bytes that are copied out of the page, and nodes
//! that are made from it. A reader asks before it works; once the answer is no, it stops with what it has. Whoever
//! started the readers then sees [`Budget::spent`] and says so. A reader that must not take all that a page has works
//! on a [part](Budget::part) of it.

use std::cell::Cell;
use std::fmt;

/// How many bytes of a plain pass over a page's text (its charset, its tags) are one step.
pub(crate) const PASS: usize = 16;

/// After how many steps it is asked whether time is over.
const ASK_EVERY: u64 = 4_096;

/// The most that reading a page, or a part of that, may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elements looked at, bytes scanned and compared: some nanoseconds each.
    pub steps: u64,
    /// Bytes copied out of the page.
    pub bytes: u64,
    /// Elements, texts and JSON values that are made of the page.
    pub nodes: u64,
}

impl Limits {
    /// What a page may cost. A step took 10 to 20 ns where pages of shops, recipes and articles were read (949 pages, release
    /// build; the dearest took 3.1 million steps and 57,000 nodes): a thousand million are 10 to 20 seconds, about the
    /// time that a unit has if its caller says nothing. A caller who allows two minutes allows them to the site: whoever reads
    /// for so long would keep all other heavy pages waiting.
    pub const PAGE: Limits = Limits { steps: 1_000_000_000, bytes: 64 * 1024 * 1024, nodes: 700_000 };
    /// What a page may cost where others wait: nearly every page is read within it. One that is not is read anew, as a
    /// heavy one.
    pub const LIGHT: Limits = Limits { steps: 10_000_000, bytes: 8 * 1024 * 1024, nodes: 100_000 };
    /// Of a page, its JSON-LD scripts together: values, those of scripts that a strict reader gave up on included.
    pub(crate) const JSON_LD: Limits = Limits { nodes: 150_000, ..Limits::NONE };
    /// Of a page, the state that its scripts bring along: values and members.
    pub(crate) const STATE: Limits = Limits { nodes: 300_000, ..Limits::NONE };
    /// Of a page, the values of its microdata, and of its RDFa: properties nest, and the same text must not be read for
    /// ever; an item that is several properties is copied for each.
    pub(crate) const ITEMS: Limits = Limits { steps: 16_000_000, bytes: 4 * 1024 * 1024, nodes: 2_000 };
    /// The values of one path in structured data: references may lead round in circles, and each time around to several
    /// of them and to the same text.
    pub(crate) const PATH: Limits = Limits { steps: 20_000, bytes: 4 * 1024 * 1024, nodes: u64::MAX };
    /// Of a page, all selectors of a schema.
    pub(crate) const SELECTION: Limits = Limits { steps: 200_000_000, bytes: 16 * 1024 * 1024, nodes: u64::MAX };
    /// No limits, for a part that is held by those of the whole.
    pub const NONE: Limits = Limits { steps: u64::MAX, bytes: u64::MAX, nodes: u64::MAX };
}

/// What a budget ran out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Spent {
    /// The deadline passed.
    #[error("time")]
    Time,
    /// More was looked at than [`Limits::steps`].
    #[error("steps of reading")]
    Steps,
    /// More was copied than [`Limits::bytes`].
    #[error("bytes of values")]
    Bytes,
    /// More was made than [`Limits::nodes`].
    #[error("nodes")]
    Nodes,
}

/// What reading one page may still cost. One for each page: what was spent stays spent.
pub struct Budget<'a> {
    limits: Limits,
    over: Option<&'a dyn Fn() -> bool>,
    whole: Option<&'a Budget<'a>>,
    steps: Cell<u64>,
    bytes: Cell<u64>,
    nodes: Cell<u64>,
    ask_at: Cell<u64>,
    spent: Cell<Option<Spent>>,
}

impl Default for Budget<'_> {
    /// [`Limits::PAGE`] without a deadline.
    fn default() -> Self {
        Budget::limited(Limits::PAGE)
    }
}

impl<'a> Budget<'a> {
    /// [`Limits::PAGE`] and a deadline: `over` says whether it has passed.
    pub fn until(over: &'a dyn Fn() -> bool) -> Budget<'a> {
        Budget::limited_until(Limits::PAGE, over)
    }

    /// These limits and a deadline.
    pub fn limited_until(limits: Limits, over: &'a dyn Fn() -> bool) -> Budget<'a> {
        Budget { over: Some(over), ..Budget::limited(limits) }
    }

    /// These limits without a deadline.
    pub fn limited(limits: Limits) -> Budget<'a> {
        Budget {
            limits,
            over: None,
            whole: None,
            steps: Cell::new(0),
            bytes: Cell::new(0),
            nodes: Cell::new(0),
            ask_at: Cell::new(0),
            spent: Cell::new(None),
        }
    }

    /// A part of this budget: what it spends is spent here too, and it ends where either ends.
    pub fn part<'b>(&'b self, limits: Limits) -> Budget<'b>
    where
        'a: 'b,
    {
        Budget { whole: Some(self), spent: Cell::new(self.spent.get()), ..Budget::limited(limits) }
    }

    /// Takes steps; whether there were so many.
    #[inline]
    pub fn step(&self, steps: usize) -> bool {
        let taken = self.steps.get().saturating_add(steps as u64);
        self.steps.set(taken);
        if taken > self.limits.steps {
            self.end(Spent::Steps);
        } else if taken >= self.ask_at.get() {
            self.ask_at.set(taken.saturating_add(ASK_EVERY));
            if self.over.is_some_and(|over| over()) {
                self.end(Spent::Time);
            }
        }
        if let Some(whole) = self.whole
            && !whole.step(steps)
        {
            self.spent.set(whole.spent());
        }
        self.goes_on()
    }

    /// Takes bytes that are about to be copied; whether there were so many.
    #[inline]
    pub fn copy(&self, bytes: usize) -> bool {
        self.bytes.set(self.bytes.get().saturating_add(bytes as u64));
        if self.bytes.get() > self.limits.bytes {
            self.end(Spent::Bytes);
        }
        if let Some(whole) = self.whole
            && !whole.copy(bytes)
        {
            self.spent.set(whole.spent());
        }
        self.goes_on()
    }

    /// Takes nodes that are about to be made; whether there were so many.
    #[inline]
    pub fn make(&self, nodes: usize) -> bool {
        self.nodes.set(self.nodes.get().saturating_add(nodes as u64));
        if self.nodes.get() > self.limits.nodes {
            self.end(Spent::Nodes);
        }
        if let Some(whole) = self.whole
            && !whole.make(nodes)
        {
            self.spent.set(whole.spent());
        }
        self.goes_on()
    }

    fn end(&self, why: Spent) {
        if self.spent.get().is_none() {
            self.spent.set(Some(why));
        }
    }

    /// Whether nothing has run out.
    #[inline]
    pub fn goes_on(&self) -> bool {
        self.spent.get().is_none()
    }

    /// What ran out first.
    pub fn spent(&self) -> Option<Spent> {
        self.spent.get()
    }

    /// How much was taken so far.
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
    fn each_limit_ends_it_and_the_first_is_told() {
        let budget = Budget::limited(SMALL);
        assert!(budget.step(10) && budget.copy(20) && budget.make(3));
        assert!(!budget.copy(1) && !budget.step(0));
        assert!(!budget.step(1));
        assert_eq!((budget.spent(), budget.taken().steps), (Some(Spent::Bytes), 11));
    }

    #[test]
    fn a_part_ends_alone_and_with_the_whole() {
        let whole = Budget::limited(Limits { steps: 15, ..SMALL });
        let part = whole.part(SMALL);
        assert!(part.step(10) && !part.step(1) && whole.goes_on());
        assert_eq!((whole.taken().steps, part.spent()), (11, Some(Spent::Steps)));
        let other = whole.part(Limits::NONE);
        assert!(other.step(4) && !other.step(1));
        assert_eq!(
            (whole.spent(), other.spent(), whole.part(SMALL).goes_on()),
            (Some(Spent::Steps), Some(Spent::Steps), false)
        );
    }

    #[test]
    fn time_is_asked_for_now_and_then() {
        let asked = Cell::new(0u64);
        let over = || {
            asked.set(asked.get() + 1);
            asked.get() > 3
        };
        let budget = Budget::until(&over);
        let part = budget.part(Limits::NONE);
        let steps = (0u64..).take_while(|_| part.step(1)).count() as u64;
        assert_eq!((asked.get(), budget.spent(), part.spent()), (4, Some(Spent::Time), Some(Spent::Time)));
        assert_eq!(steps, 3 * ASK_EVERY);
    }
}
