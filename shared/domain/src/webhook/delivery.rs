//! The life of a delivery as functions of (row, event, now):
//! `pending → delivered | failed | gone | revoked`, and back to `pending` when it is resent.
//!
//! A sender takes a lease on the row before each try, for as long as a try may take. A queue message that arrives twice
//! therefore sends nothing twice. If a process dies during a try, its lease expires and the next try is made with the
//! same `webhook-id`.

use crate::ids::{AccountId, JobId, Nonce};
use crate::job::{Job, Settlement};
use crate::time::Timestamp;
use crate::webhook::{JobEvent, Webhook, message_body};

/// Maximum number of tries of a message, including the first.
pub const MAX_TRIES: u32 = 10;
/// Seconds between one try and the next: those that the specification recommends, 75 hours and a half in all.
pub const SCHEDULE_SECS: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Maximum wait in seconds that a receiver may ask for.
pub const MAX_RETRY_AFTER_SECS: u64 = 3_600;
/// Timeout of a receiver in milliseconds.
pub const TIMEOUT_MS: u32 = 15_000;
/// Minimum time in seconds between two requests to resend a message.
pub const RESEND_SECS: u64 = 10;

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// To be sent, for the first time or again.
    Pending,
    /// The receiver accepted it.
    Delivered,
    /// Every try failed.
    Failed,
    /// The receiver refuses further messages (410).
    Gone,
    /// The account has no secret to sign with any more.
    Revoked,
    /// The caller did not subscribe to this event.
    Skipped,
}

impl DeliveryState {
    const ALL: [DeliveryState; 6] = [
        DeliveryState::Pending,
        DeliveryState::Delivered,
        DeliveryState::Failed,
        DeliveryState::Gone,
        DeliveryState::Revoked,
        DeliveryState::Skipped,
    ];

    /// Returns the name in rows and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
            DeliveryState::Gone => "gone",
            DeliveryState::Revoked => "revoked",
            DeliveryState::Skipped => "skipped",
        }
    }

    /// Parses the name in a row.
    pub fn parse(name: &str) -> Option<DeliveryState> {
        DeliveryState::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The row of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The job that ended.
    pub job: JobId,
    /// The account whose secrets sign it.
    pub account: AccountId,
    /// The receiver's URL.
    pub url: String,
    /// The body, which is the same at every try.
    pub body: String,
    /// Its state.
    pub state: DeliveryState,
    /// Number of tries that were begun.
    pub tries: u32,
    /// Number of tries since it was created or last requested to be resent.
    pub round: u32,
    /// The status of the last response, if there was one.
    pub last_status: Option<u16>,
    /// When the next try may begin. While a try is under way, this is the end of its lease.
    pub next: Timestamp,
    /// Whether a try is under way.
    pub trying: bool,
    /// When it was last requested to be resent.
    pub resent_at: Option<Timestamp>,
    /// Increases with each write.
    pub version: u64,
    /// The last writer. If a write is refused and the row names its writer, the write took effect and only the reply
    /// was lost.
    pub writer: Nonce,
}

/// The result of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The receiver answered with this status, and with the seconds to wait if it asked for a wait.
    Status(u16, Option<u64>),
    /// The receiver did not answer, or must not be contacted.
    None,
}

/// Whether a sender may make a try now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryDecision {
    /// Yes, once this row is written.
    Try(Box<Delivery>),
    /// All tries were begun, and the lease of the last one has expired. Write this row.
    Exhausted(Box<Delivery>),
    /// Not before this time.
    NotBefore(Timestamp),
    /// Another sender is making a try.
    UnderWay,
    /// There is nothing to send.
    NothingToSend,
}

/// The answer to a request to resend a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resend {
    /// Write this row, then notify the queue.
    Send(Box<Delivery>),
    /// A try is under way.
    UnderWay,
    /// The last request was too recent; not before this time.
    TooSoon(Timestamp),
    /// The caller did not subscribe to this event.
    Skipped,
}

impl Delivery {
    /// Creates the delivery of a job that ends now, to be written together with its end.
    pub fn of(webhook: &Webhook, job: &Job, end: &Settlement, writer: Nonce) -> Delivery {
        let event = JobEvent::of(end.outcome, &end.tally);
        let wanted = webhook.events.contains(&event);
        Delivery {
            job: job.id.clone(),
            account: job.account.clone(),
            url: webhook.url.clone(),
            body: message_body(job, end, event),
            state: if wanted { DeliveryState::Pending } else { DeliveryState::Skipped },
            tries: 0,
            round: 0,
            last_status: None,
            next: end.ended_at,
            trying: false,
            resent_at: None,
            version: 0,
            writer,
        }
    }

    /// Returns whether it is still to be sent.
    pub fn is_pending(&self) -> bool {
        self.state == DeliveryState::Pending
    }

    fn written(&self, writer: Nonce) -> Delivery {
        Delivery { version: self.version + 1, writer, ..self.clone() }
    }

    fn over(&self, state: DeliveryState, writer: Nonce) -> Delivery {
        Delivery { state, trying: false, ..self.written(writer) }
    }

    /// Decides whether `writer` may make a try now. Its lease lasts `lease_ms`.
    pub fn begin_try(&self, now: Timestamp, lease_ms: i64, writer: Nonce) -> TryDecision {
        if !self.is_pending() {
            return TryDecision::NothingToSend;
        }
        if self.next > now {
            return if self.trying { TryDecision::UnderWay } else { TryDecision::NotBefore(self.next) };
        }
        if self.round >= MAX_TRIES {
            return TryDecision::Exhausted(Box::new(self.over(DeliveryState::Failed, writer)));
        }
        TryDecision::Try(Box::new(Delivery {
            tries: self.tries + 1,
            round: self.round + 1,
            next: now.plus_ms(lease_ms),
            trying: true,
            ..self.written(writer)
        }))
    }

    /// Returns the row after a try. `jitter` is random: waits vary by a tenth, so that messages that failed together
    /// are not retried together. If the receiver asks for a longer wait than the schedule's, that wait applies.
    #[must_use]
    pub fn answered(&self, answer: Answer, now: Timestamp, jitter: u64, writer: Nonce) -> Delivery {
        let (last_status, asked) = match answer {
            Answer::Status(status, asked) => (Some(status), asked),
            Answer::None => (None, None),
        };
        let answered = Delivery { last_status, ..self.clone() };
        match last_status {
            Some(200..=299) => return answered.over(DeliveryState::Delivered, writer),
            Some(410) => return answered.over(DeliveryState::Gone, writer),
            _ => {}
        }
        let wait = usize::try_from(self.round).ok().and_then(|round| SCHEDULE_SECS.get(round.checked_sub(1)?));
        let Some(secs) = wait else { return answered.over(DeliveryState::Failed, writer) };
        // At most 86,400 and 20, so these products do not overflow.
        let planned = secs * 10 * (90 + jitter % 21);
        // Never earlier than the receiver asked for.
        let asked = asked.map_or(0, |secs| secs.min(MAX_RETRY_AFTER_SECS) * 10 * (100 + jitter % 11));
        let wait_ms = i64::try_from(planned.max(asked)).unwrap_or(i64::MAX);
        Delivery { next: now.plus_ms(wait_ms), trying: false, ..answered.written(writer) }
    }

    /// Returns the row after the last secret to sign it with was removed.
    #[must_use]
    pub fn revoked(&self, writer: Nonce) -> Delivery {
        self.over(DeliveryState::Revoked, writer)
    }

    /// Handles a request to resend it: all tries begin anew, from now on.
    pub fn resend(&self, now: Timestamp, writer: Nonce) -> Resend {
        if self.state == DeliveryState::Skipped {
            return Resend::Skipped;
        }
        if self.is_pending() && self.trying && self.next > now {
            return Resend::UnderWay;
        }
        if let Some(until) = self.resent_at.map(|at| at.plus_secs(RESEND_SECS)).filter(|until| *until > now) {
            return Resend::TooSoon(until);
        }
        Resend::Send(Box::new(Delivery {
            state: DeliveryState::Pending,
            round: 0,
            next: now,
            trying: false,
            resent_at: Some(now),
            ..self.written(writer)
        }))
    }
}
