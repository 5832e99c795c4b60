//! Counts what is looked at, in tests only: elsewhere it is nothing.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// So many bytes are looked at.
#[cfg(test)]
pub(crate) fn count(bytes: usize) {
    BYTES.with(|b| b.set(b.get() + bytes + 1));
}

/// Nothing is counted outside of tests.
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn count(_bytes: usize) {}

/// Begins anew.
#[cfg(test)]
pub(crate) fn reset() {
    BYTES.with(|b| b.set(0));
}

/// How much was looked at.
#[cfg(test)]
pub(crate) fn done() -> usize {
    BYTES.with(Cell::get)
}
