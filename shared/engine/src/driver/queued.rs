//! A driver whose units are with the queue: it tells the queue of them, waits for workers to end them, and does the work
//! itself where the queue does not take it or no worker is alive.

use std::time::Duration;

use domain::{Job, Timestamp};
use tokio::time::Instant;

use super::Driver;
use super::slots::Slot;

/// How often a driver that waits for workers looks at the job's state.
pub(super) const STATE_LOOK: Duration = Duration::from_secs(1);
/// Shortest wait between two looks at progress, longest while something moves, and longest of all.
const POLL: (Duration, Duration, Duration) =
    (Duration::from_millis(40), Duration::from_millis(200), Duration::from_millis(1_000));
/// For how long after the last move a job counts as moving.
const MOVING: Duration = Duration::from_secs(10);
/// How long the queue is left alone after it refused.
const REFUSED_PAUSE: Duration = Duration::from_secs(2);

/// What a driver that waits for workers remembers.
pub(super) struct Waiting {
    /// When the queue was told, or a sign of life was seen, last.
    sign: Timestamp,
    moved: Instant,
    poll: Duration,
    next_poll: Instant,
    /// When unit rows were last compared with progress; the next time comes the later, the less they told.
    checked: Timestamp,
    check_secs: u64,
    send_after: Instant,
    /// Whether new units are the workers' to run.
    pub(super) in_charge: bool,
}

impl Waiting {
    pub(super) fn new(now: Timestamp) -> Waiting {
        let at = Instant::now();
        Waiting {
            sign: now,
            moved: at,
            poll: POLL.0,
            next_poll: at,
            checked: now,
            check_secs: 0,
            send_after: at,
            in_charge: false,
        }
    }

    /// How long the driver may sleep, if it would otherwise sleep for `pause`.
    pub(super) fn pause(&self, pause: Duration, waits: bool) -> Duration {
        if waits { pause.min(self.next_poll.saturating_duration_since(Instant::now())) } else { pause }
    }
}

impl Driver {
    /// Whether workers have something to do for this job.
    pub(super) fn waits_for_queue(&self) -> bool {
        !self.slots.queued.is_empty()
    }

    /// Tells the queue of every open unit. What it does not take stays open, for this driver to run.
    pub(super) async fn send_open(&mut self) {
        let open = self.slots.open.clone();
        let job = Job { admitted: self.admitted, ..(*self.job).clone() };
        let refused = self.engine.send_open(&job, &open).await;
        if refused.len() < open.len() {
            self.keeper.queued().await;
        }
        for seq in open.difference(&refused) {
            self.slots.put(*seq, Slot::Queued);
        }
        self.queue = Waiting::new(self.engine.now());
        self.queue.in_charge = refused.len() < open.len();
        if !refused.is_empty() {
            self.queue.send_after = Instant::now() + REFUSED_PAUSE;
        }
    }

    /// This process will be gone before another page is done: what is open goes to the queue.
    pub(super) async fn spill(&mut self) {
        if Instant::now() >= self.queue.send_after && !self.slots.open.is_empty() {
            tracing::info!(job = %self.job.id, "handing open units to the queue");
            self.send_open().await;
        }
    }

    /// Sees what workers have ended since the last look, and that there are any.
    pub(super) async fn attend(&mut self) {
        if !self.waits_for_queue() || Instant::now() < self.queue.next_poll {
            return;
        }
        match self.engine.store().progress(&self.job.id).await {
            Ok(progress) => {
                let others: Vec<_> = self.slots.queued.iter().chain(self.slots.held.keys()).copied().collect();
                let mut moved = false;
                for seq in others {
                    if let Some(fate) = progress.fate(seq) {
                        moved |= self.know(seq, fate, None);
                    }
                }
                self.faults = 0;
                self.pace(moved);
            }
            Err(error) => {
                tracing::warn!(job = %self.job.id, %error, "could not read progress");
                self.faults += 1;
                self.pace(false);
            }
        }
        if self.engine.now() >= self.queue.sign.plus_secs(self.engine.settings().stall_secs) {
            self.look_for_life().await;
        }
        let check = self.queue.check_secs.max(self.engine.settings().lease_secs);
        if self.engine.now() >= self.queue.checked.plus_secs(check) && self.waits_for_queue() {
            self.tell_again().await;
        }
    }

    /// Looks again soon while something moves, and rarely while nothing does.
    fn pace(&mut self, moved: bool) {
        let (now, queue) = (Instant::now(), &mut self.queue);
        if moved {
            queue.moved = now;
            queue.poll = POLL.0;
            queue.sign = self.engine.now();
            queue.checked = queue.sign;
            queue.check_secs = 0;
        } else {
            let most = if now.duration_since(queue.moved) < MOVING { POLL.1 } else { POLL.2 };
            queue.poll = (queue.poll * 3 / 2).min(most);
        }
        queue.next_poll = now + queue.poll;
    }

    /// No sign of life of this job for a while: a backlog if workers are alive, else a standstill, and the work is done
    /// here.
    async fn look_for_life(&mut self) {
        let stall = self.engine.settings().stall_secs;
        match self.engine.store().heartbeat().await {
            Ok(Some(at)) if at.plus_secs(stall) > self.engine.now() => self.queue.sign = at,
            Ok(_) => {
                tracing::warn!(job = %self.job.id, "no worker gave a sign of life; doing the work here");
                self.queue.in_charge = false;
                let queued = std::mem::take(&mut self.slots.queued);
                self.slots.open.extend(queued);
            }
            Err(error) => tracing::warn!(job = %self.job.id, %error, "could not read the heartbeat"),
        }
    }

    /// Nothing moved for a lease: perhaps progress was not written, perhaps a message is lost. The rows tell the first,
    /// and for the second the queue is told again, less and less often.
    async fn tell_again(&mut self) {
        self.queue.checked = self.engine.now();
        self.queue.check_secs = (self.queue.check_secs.max(self.engine.settings().lease_secs) * 2).min(900);
        let before = self.slots.len();
        if let Err(error) = self.read_rows().await {
            tracing::warn!(job = %self.job.id, %error, "could not read unit rows");
            return;
        }
        let queued = self.slots.queued.clone();
        if self.slots.len() == before && !queued.is_empty() {
            tracing::info!(job = %self.job.id, open = queued.len(), "telling the queue again");
            let job = self.watch.job().await;
            self.engine.send_open(&job, &queued).await;
        }
    }
}
