//! The event queue: events in the order of their time. Events at the same time keep the order in which they were added.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::assumptions::Micros;

struct Entry<T> {
    at: Micros,
    n: u64,
    event: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.n) == (other.at, other.n)
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.n).cmp(&(other.at, other.n))
    }
}

/// A queue of future events.
pub struct EventQueue<T> {
    entries: BinaryHeap<Reverse<Entry<T>>>,
    n: u64,
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        EventQueue { entries: BinaryHeap::new(), n: 0 }
    }
}

impl<T> EventQueue<T> {
    /// Adds an event.
    pub fn schedule(&mut self, at: Micros, event: T) {
        self.n += 1;
        self.entries.push(Reverse(Entry { at, n: self.n, event }));
    }

    /// Returns the next event with its time.
    pub fn pop(&mut self) -> Option<(Micros, T)> {
        self.entries.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    /// Returns how many events have been added so far.
    pub fn count(&self) -> u64 {
        self.n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_of_time_then_of_insertion() {
        let mut events = EventQueue::default();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            events.schedule(at, event);
        }
        let order: String = std::iter::from_fn(|| events.pop()).map(|(_, event)| event).collect();
        assert_eq!(order, "abcd");
    }
}
