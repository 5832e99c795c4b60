//! A state of the whole: the rows, the queue, and where each actor is. States that differ only in the names of units
//! or of workers behave alike; `normal` picks one of them.

use domain::progress::Fate;

use crate::rows::{Fates, Figures, MAX_UNITS, Phase, Row, Rows};

/// Workers; their live nonces are 1 and 2.
pub const WORKERS: usize = 2;

/// A step of a program ends with one write, and the place that is named here is before that write. A crash between
/// any two writes is therefore a crash at any place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Worker {
    Idle,
    /// META was looked at; `row` is what is known of the unit.
    Claim {
        u: u8,
        row: Row,
    },
    /// The page is being fetched; next the result is put.
    Run {
        u: u8,
        attempt: u8,
    },
    /// The unit has ended; progress and the acknowledgement are missing.
    Report {
        u: u8,
        fate: u8,
    },
    Settle(Settle),
    /// An extract's handler has its result: finish and settlement in one transaction, on META as read.
    Fold {
        from: Phase,
    },
    /// An extract's handler that found the job cancelled: ends its own unit as cancelled.
    Yield,
}

/// About to settle: META as read, and what the settlement is computed from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Settle {
    pub from: Phase,
    pub figures: Figures,
    pub known: Fates,
}

/// DELETE.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Canceller {
    /// Not called, or dead and perhaps called again.
    Idle,
    Mark {
        from: Phase,
    },
    Close {
        phase: Phase,
        todo: u8,
        /// Met while closing.
        found: Fates,
        /// With what progress had.
        known: Fates,
    },
    Add {
        found: Fates,
    },
    /// Ends an extract's unit over its holder's head.
    Force {
        phase: Phase,
        attempt: u8,
        nonce: u8,
    },
    Settle(Settle),
    Answer,
    Answered,
}

/// The sweep, the settle messages, and the dead-letter queue: whatever looks at a job with nobody waiting for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Sweeper {
    Idle,
    /// META was read.
    Scan {
        phase: Phase,
    },
    Expire,
    Close {
        todo: u8,
    },
    /// Ends a started unit over its holder's head.
    Force {
        u: u8,
        attempt: u8,
        nonce: u8,
    },
    Add {
        lacking: Fates,
    },
    Send {
        units: u8,
    },
    Settle(Settle),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct State {
    pub rows: Rows,
    /// The deadline has passed.
    pub late: bool,
    /// Units that the queue has a message of. It delivers any of them, to anybody, as often as it likes.
    pub queue: u8,
    pub workers: [Worker; WORKERS],
    pub canceller: Canceller,
    pub sweeper: Sweeper,
    /// Faults that may still happen.
    pub faults: u8,
    /// How often a live worker may still be slower than its lease.
    pub overruns: u8,
}

/// A fate as a number, which has an order.
pub fn fate_code(fate: Fate) -> u8 {
    match fate {
        Fate::Done => 0,
        Fate::Failed => 1,
        Fate::Closed => 2,
    }
}

pub fn fate_of(code: u8) -> Fate {
    [Fate::Done, Fate::Failed, Fate::Closed][usize::from(code)]
}

const ORDERS_2: [[usize; MAX_UNITS]; 2] = [[0, 1, 2], [1, 0, 2]];
const ORDERS_3: [[usize; MAX_UNITS]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

impl State {
    /// The least of all states that are the same but for names.
    pub fn normal(&self, units: usize) -> State {
        let orders: &[[usize; MAX_UNITS]] = match units {
            3 => &ORDERS_3,
            2 => &ORDERS_2,
            _ => &ORDERS_2[..1],
        };
        let mut least = *self;
        for order in orders {
            for swap in [false, true] {
                least = least.min(self.renamed(order, swap));
            }
        }
        least
    }

    /// The same state with unit `u` called `order[u]`, and the two workers swapped.
    fn renamed(&self, order: &[usize; MAX_UNITS], swap: bool) -> State {
        let unit = |u: u8| order[usize::from(u)] as u8;
        let bits = |set: u8| (0..MAX_UNITS).filter(|u| set & (1 << u) != 0).fold(0, |all, u| all | (1 << order[u]));
        let name = |nonce: u8| if swap && nonce > 0 { 3 - nonce } else { nonce };
        let settle = |s: Settle| Settle { known: s.known.mapped(bits), ..s };
        let mut next = *self;
        for (row, to) in self.rows.units.iter().zip(order) {
            next.rows.units[*to] = row.renamed(name);
        }
        next.rows.progress = self.rows.progress.mapped(bits);
        next.rows.history.started = bits(self.rows.history.started);
        next.rows.history.accepted = bits(self.rows.history.accepted);
        next.rows.history.closed = bits(self.rows.history.closed);
        next.queue = bits(self.queue);
        next.workers = self.workers.map(|worker| match worker {
            Worker::Idle | Worker::Fold { .. } | Worker::Yield => worker,
            Worker::Claim { u, row } => Worker::Claim { u: unit(u), row: row.renamed(name) },
            Worker::Run { u, attempt } => Worker::Run { u: unit(u), attempt },
            Worker::Report { u, fate } => Worker::Report { u: unit(u), fate },
            Worker::Settle(s) => Worker::Settle(settle(s)),
        });
        if swap {
            next.workers.swap(0, 1);
        }
        next.canceller = match self.canceller {
            Canceller::Close { phase, todo, found, known } => {
                Canceller::Close { phase, todo: bits(todo), found: found.mapped(bits), known: known.mapped(bits) }
            }
            Canceller::Add { found } => Canceller::Add { found: found.mapped(bits) },
            Canceller::Settle(s) => Canceller::Settle(settle(s)),
            Canceller::Force { phase, attempt, nonce } => Canceller::Force { phase, attempt, nonce: name(nonce) },
            Canceller::Idle | Canceller::Mark { .. } | Canceller::Answer | Canceller::Answered => self.canceller,
        };
        next.sweeper = match self.sweeper {
            Sweeper::Close { todo } => Sweeper::Close { todo: bits(todo) },
            Sweeper::Force { u, attempt, nonce } => Sweeper::Force { u: unit(u), attempt, nonce: name(nonce) },
            Sweeper::Add { lacking } => Sweeper::Add { lacking: lacking.mapped(bits) },
            Sweeper::Send { units } => Sweeper::Send { units: bits(units) },
            Sweeper::Settle(s) => Sweeper::Settle(settle(s)),
            Sweeper::Idle | Sweeper::Scan { .. } | Sweeper::Expire => self.sweeper,
        };
        next
    }

    /// Forgets a dead worker's nonce wherever it is written or known.
    pub fn bury(&mut self, worker: usize) {
        let name = |nonce: u8| if usize::from(nonce) == worker + 1 { crate::rows::DEAD } else { nonce };
        self.workers[worker] = Worker::Idle;
        for row in &mut self.rows.units {
            *row = row.renamed(name);
        }
        for other in &mut self.workers {
            if let Worker::Claim { row, .. } = other {
                *row = row.renamed(name);
            }
        }
        if let Sweeper::Force { nonce, .. } = &mut self.sweeper {
            *nonce = name(*nonce);
        }
        if let Canceller::Force { nonce, .. } = &mut self.canceller {
            *nonce = name(*nonce);
        }
    }
}
