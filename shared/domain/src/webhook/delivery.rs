//! The life of a message as functions of (row, event, now):
//! `pending → delivered | failed | gone | revoked`, and back to `pending` when it is to be sent again.
//!
//! Whoever tries claims the row first, for as long as a try may take. So a message of the queue that comes twice sends
//! nothing twice, and a process that dies in between leaves a claim that ends: then the next try is made, with the same
//! `webhook-id`.

use crate::ids::{AccountId, JobId, Nonce};
use crate::job::{Job, Settlement};
use crate::time::Timestamp;
use crate::webhook::{JobEvent, Webhook, message_body};

/// Tries of a message, the first included.
pub const MOST_TRIES: u32 = 10;
/// Seconds between a try and the next: those that the specification recommends, 75 hours and a half in all.
pub const SCHEDULE_SECS: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Longest wait that a receiver may ask for.
pub const MOST_ASKED_SECS: u64 = 3_600;
/// How long a receiver may take.
pub const TIMEOUT_MS: u32 = 15_000;
/// Least time between two orders to send a message again.
pub const RESEND_SECS: u64 = 10;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// To be sent, for the first time or again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// Every try failed.
    Failed,
    /// The receiver wants no more (410).
    Gone,
    /// The account has no secret to sign with any more.
    Revoked,
    /// The caller did not ask to be told of this end.
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

    /// The name in rows and on the wire.
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

    /// Reads the name of a row.
    pub fn parse(name: &str) -> Option<DeliveryState> {
        DeliveryState::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A message's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The job that ended.
    pub job: JobId,
    /// Whose secrets sign it.
    pub account: AccountId,
    /// Where it goes.
    pub url: String,
    /// What it says: the same at every try.
    pub body: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries that were begun.
    pub attempts: u32,
    /// Those of them since it was last ordered.
    pub round: u32,
    /// The status of the last answer, if there was one.
    pub last_status: Option<u16>,
    /// When the next try may begin; while one is under way, when its holder counts as dead.
    pub next: Timestamp,
    /// Whether a try is under way.
    pub trying: bool,
    /// When it was last ordered to be sent again.
    pub resent_at: Option<Timestamp>,
    /// Goes up with each write.
    pub version: u64,
    /// Who wrote last: whoever is refused and finds itself here only lost the reply.
    pub writer: Nonce,
}

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The receiver answered with this status, and said in how many seconds it wants to be asked again.
    Status(u16, Option<u64>),
    /// It did not answer, or may not be asked.
    None,
}

/// Whether a try may be made now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Yes, once this is written.
    Try(Box<Delivery>),
    /// Every try was begun, and the last one's holder is dead: write this.
    Exhausted(Box<Delivery>),
    /// Not before then.
    Later(Timestamp),
    /// Somebody else is at it.
    Taken,
    /// There is nothing to send.
    Over,
}

/// What an order to send a message again comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resend {
    /// Write this, then tell the queue.
    Send(Box<Delivery>),
    /// It is being sent in this moment.
    UnderWay,
    /// It was ordered just now; not before then.
    TooSoon(Timestamp),
    /// The caller did not ask to be told of this end.
    Skipped,
}

impl Delivery {
    /// The message of a job that ends now: written with its end.
    pub fn of(webhook: &Webhook, job: &Job, end: &Settlement, writer: Nonce) -> Delivery {
        let event = JobEvent::of(end.outcome, &end.tally);
        let wanted = webhook.events.contains(&event);
        Delivery {
            job: job.id.clone(),
            account: job.account.clone(),
            url: webhook.url.clone(),
            body: message_body(job, end, event),
            state: if wanted { DeliveryState::Pending } else { DeliveryState::Skipped },
            attempts: 0,
            round: 0,
            last_status: None,
            next: end.ended_at,
            trying: false,
            resent_at: None,
            version: 0,
            writer,
        }
    }

    /// Whether somebody has to look after it.
    pub fn is_pending(&self) -> bool {
        self.state == DeliveryState::Pending
    }

    fn written(&self, writer: Nonce) -> Delivery {
        Delivery { version: self.version + 1, writer, ..self.clone() }
    }

    fn over(&self, state: DeliveryState, writer: Nonce) -> Delivery {
        Delivery { state, trying: false, ..self.written(writer) }
    }

    /// Whether `writer` may try now; its claim holds for `lease_ms`.
    pub fn claim(&self, now: Timestamp, lease_ms: i64, writer: Nonce) -> Claim {
        if !self.is_pending() {
            return Claim::Over;
        }
        if self.next > now {
            return if self.trying { Claim::Taken } else { Claim::Later(self.next) };
        }
        if self.round >= MOST_TRIES {
            return Claim::Exhausted(Box::new(self.over(DeliveryState::Failed, writer)));
        }
        Claim::Try(Box::new(Delivery {
            attempts: self.attempts + 1,
            round: self.round + 1,
            next: now.plus_ms(lease_ms),
            trying: true,
            ..self.written(writer)
        }))
    }

    /// What follows from an answer. `jitter` is random: waits vary by a tenth, so that messages that failed together do
    /// not come back together. A receiver that asks for a longer wait than the schedule's gets it.
    #[must_use]
    pub fn answered(&self, answer: Answer, now: Timestamp, jitter: u64, writer: Nonce) -> Delivery {
        let (last_status, asked) = match answer {
            Answer::Status(status, asked) => (Some(status), asked),
            Answer::None => (None, None),
        };
        let told = Delivery { last_status, ..self.clone() };
        match last_status {
            Some(200..=299) => return told.over(DeliveryState::Delivered, writer),
            Some(410) => return told.over(DeliveryState::Gone, writer),
            _ => {}
        }
        let wait = usize::try_from(self.round).ok().and_then(|round| SCHEDULE_SECS.get(round.checked_sub(1)?));
        let Some(secs) = wait else { return told.over(DeliveryState::Failed, writer) };
        // At most 86,400 and 20: no sum here overflows.
        let planned = secs * 10 * (90 + jitter % 21);
        // Never before the time that it named.
        let asked = asked.map_or(0, |secs| secs.min(MOST_ASKED_SECS) * 10 * (100 + jitter % 11));
        let wait_ms = i64::try_from(planned.max(asked)).unwrap_or(i64::MAX);
        Delivery { next: now.plus_ms(wait_ms), trying: false, ..told.written(writer) }
    }

    /// There is nothing to sign it with any more.
    #[must_use]
    pub fn revoked(&self, writer: Nonce) -> Delivery {
        self.over(DeliveryState::Revoked, writer)
    }

    /// What an order to send it again comes to: all tries anew, from now on.
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
