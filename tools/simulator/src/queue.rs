//! A standard SQS queue and the mapping that feeds a function from it.
//!
//! Modelled: messages in the order in which they were sent, delays, visibility, receives and dead letters; batches
//! without a window (the template sets none: a batch takes what is there); five concurrent invocations at first, 300
//! more a minute while messages are left, up to the mapping's `MaximumConcurrency`. Not modelled: occasional duplicate
//! deliveries by SQS, and fair queues (lanes take turns anyway).

use std::collections::VecDeque;

use crate::assumptions::{MAPPING_IDLE_SECS, Micros, SECOND};
use crate::deployment::MappingSpec;
use crate::keys::JobRef;
use crate::limits::{MAPPING_RAMP_A_MINUTE, MAPPING_START, MAX_MAPPING_CONCURRENCY};

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Run these units of a lane.
    Units {
        /// The lane.
        lane: u32,
        /// The units.
        seqs: Box<[u32]>,
    },
    /// Settle the job.
    Settle,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its job.
    pub job: JobRef,
    /// Its content.
    pub body: Body,
    /// When it was sent.
    pub sent_at: Micros,
    /// How often it was received.
    pub receives: u32,
}

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueName {
    /// Units to run.
    Units,
    /// Jobs to settle.
    Settle,
}

/// The counts of a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests to SQS.
    pub requests: u64,
    /// Messages that were sent.
    pub sent: u64,
    /// Dead letters.
    pub dead: u64,
    /// Maximum number of visible messages.
    pub max_depth: usize,
    /// Maximum time from sending a message to its first receive.
    pub max_wait: Micros,
}

/// A queue with its mapping.
#[derive(Debug)]
pub struct Queue {
    /// Its part of the template.
    pub spec: MappingSpec,
    visible: VecDeque<Message>,
    /// Invocations that are running.
    pub running: u32,
    /// When it is polled next, if that is planned.
    pub poll_at: Option<Micros>,
    allowed: u32,
    /// Since when messages have been left.
    left_since: Option<Micros>,
    /// Since when no messages have been left.
    empty_since: Option<Micros>,
    /// Its counts.
    pub counts: Counts,
}

impl Queue {
    /// An empty queue.
    pub fn new(spec: MappingSpec) -> Queue {
        Queue {
            spec,
            visible: VecDeque::new(),
            running: 0,
            poll_at: None,
            allowed: MAPPING_START,
            left_since: None,
            empty_since: Some(0),
            counts: Counts::default(),
        }
    }

    fn max(&self) -> u32 {
        self.spec.concurrency.min(MAX_MAPPING_CONCURRENCY)
    }

    /// Returns how many invocations may run.
    pub fn allowed(&self, now: Micros) -> u32 {
        let gained =
            self.left_since.map_or(0, |since| (now - since) * u64::from(MAPPING_RAMP_A_MINUTE) / (60 * SECOND));
        self.allowed.saturating_add(u32::try_from(gained).unwrap_or(u32::MAX)).min(self.max())
    }

    /// Returns whether messages wait because of the mapping's own limit.
    pub fn is_full(&self) -> bool {
        !self.visible.is_empty() && self.running >= self.max()
    }

    /// Makes a message visible.
    pub fn push(&mut self, message: Message, now: Micros) {
        if self.visible.is_empty()
            && self.running == 0
            && self.empty_since.is_some_and(|since| now >= since + MAPPING_IDLE_SECS * SECOND)
        {
            self.allowed = MAPPING_START;
        }
        self.empty_since = None;
        self.visible.push_back(message);
        self.counts.max_depth = self.counts.max_depth.max(self.visible.len());
    }

    /// Returns how many messages wait, as a request for the queue's attributes does.
    pub fn depth(&mut self) -> u64 {
        self.counts.requests += 1;
        self.visible.len() as u64
    }

    /// Returns whether an invocation may begin.
    pub fn may_invoke(&self, now: Micros) -> bool {
        !self.visible.is_empty() && self.running < self.allowed(now)
    }

    /// Returns the messages of the next invocation. Messages that were received too often become dead letters.
    pub fn receive(&mut self, now: Micros) -> Vec<Message> {
        let n = self.visible.len().min(self.spec.batch as usize);
        let mut batch: Vec<Message> = self.visible.drain(..n).collect();
        self.counts.requests += 1;
        for message in &mut batch {
            if message.receives == 0 {
                self.counts.max_wait = self.counts.max_wait.max(now - message.sent_at);
            }
            message.receives += 1;
        }
        batch.retain(|message| message.receives <= self.spec.receives);
        self.counts.dead += (n - batch.len()) as u64;
        batch
    }

    /// Records the end of a poll and whether messages are left. Returns whether to poll again
    /// even if no invocation ends.
    pub fn poll_ended(&mut self, now: Micros) -> bool {
        if self.visible.is_empty() {
            self.allowed = self.allowed(now);
            self.left_since = None;
            if self.running == 0 {
                self.empty_since.get_or_insert(now);
            }
            return false;
        }
        self.left_since.get_or_insert(now);
        self.allowed(now) < self.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployment::Deployment;

    fn message() -> Message {
        let job = JobRef { key: crate::slab::Key::null(), collection: 1, account: 0 };
        Message { job, body: Body::Settle, sent_at: 0, receives: 0 }
    }

    fn queue(concurrency: u32) -> Queue {
        Queue::new(MappingSpec { concurrency, ..Deployment::default().units })
    }

    #[test]
    fn a_mapping_begins_with_five_and_gains_three_hundred_a_minute_up_to_its_limit() {
        let mut queue = queue(200);
        (0..9_000).for_each(|_| queue.push(message(), 0));
        let start = |queue: &mut Queue, now| {
            let before = queue.running;
            while queue.may_invoke(now) {
                assert_eq!(queue.receive(now).len(), 3);
                queue.running += 1;
            }
            queue.poll_ended(now);
            queue.running - before
        };
        assert_eq!(start(&mut queue, 0), MAPPING_START);
        assert_eq!(start(&mut queue, 20 * SECOND), 100);
        assert_eq!(start(&mut queue, 60 * SECOND), 95, "its own limit");
        assert!(queue.is_full());
    }

    #[test]
    fn a_message_that_was_received_too_often_is_a_dead_letter() {
        let mut queue = queue(50);
        queue.push(Message { receives: 9, ..message() }, 0);
        let last = queue.receive(0).pop().unwrap();
        queue.push(last, 0);
        assert_eq!(queue.receive(0), []);
        assert_eq!(queue.counts.dead, 1);
    }
}
