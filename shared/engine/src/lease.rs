//! The driver's lease: renews it while the driver works, returns it when the driver stops, and notices its loss.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Job;
use domain::job::DriverLease;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tracing::Instrument;

use runtime::context::Context;
use runtime::rows::Rows;

/// Keeps a driver's lease alive until it is dropped.
pub(crate) struct LeaseGuard {
    context: Arc<Context>,
    rows: Rows,
    job: Job,
    held: Arc<Mutex<DriverLease>>,
    lost: Arc<AtomicBool>,
    renewer: AbortHandle,
}

impl LeaseGuard {
    /// Starts to renew the lease in `job`, every third of its length.
    pub(crate) fn start(context: &Arc<Context>, rows: &Rows, job: &Job) -> LeaseGuard {
        let held = Arc::new(Mutex::new(job.driver));
        let lost = Arc::new(AtomicBool::new(false));
        let interval = Duration::from_millis(context.settings().lease_secs * 1_000 / 3).max(Duration::from_millis(50));
        let renewer = {
            let (context, rows, job) = (Arc::clone(context), rows.clone(), job.clone());
            let (held, lost) = (Arc::clone(&held), Arc::clone(&lost));
            let renew = async move {
                loop {
                    tokio::time::sleep(interval).await;
                    let mut lease = held.lock().await;
                    let until = context.now().plus_secs(context.settings().lease_secs);
                    let next = DriverLease { until, idle_checks: 0, ..*lease };
                    match rows.store().jobs.replace_lease(&job, &lease, &next).await {
                        Ok(true) => *lease = next,
                        Ok(false) => {
                            lost.store(true, Ordering::Release);
                            return;
                        }
                        Err(error) => {
                            tracing::warn!(job = %job.id, %error, "could not renew the driver's lease");
                            if context.now() >= lease.until {
                                lost.store(true, Ordering::Release);
                                return;
                            }
                        }
                    }
                }
            };
            tokio::spawn(renew.in_current_span()).abort_handle()
        };
        LeaseGuard { context: Arc::clone(context), rows: rows.clone(), job: job.clone(), held, lost, renewer }
    }

    /// Returns whether another process has taken over the job, or may have. A driver that has lost its
    /// lease starts nothing more.
    pub(crate) fn lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Returns a handle that records facts in the lease. It works while another part of the program owns the guard.
    pub(crate) fn handle(&self) -> LeaseHandle {
        LeaseHandle(Arc::clone(&self.held))
    }

    /// Gives the lease back, so that a sweeper takes the job over at once.
    pub(crate) async fn give_back(&self) {
        self.renewer.abort();
        let lease = self.held.lock().await;
        let expired = DriverLease { until: self.context.now(), ..*lease };
        if let Err(error) = self.rows.store().jobs.replace_lease(&self.job, &lease, &expired).await {
            tracing::warn!(job = %self.job.id, %error, "could not return the driver's lease; it expires by itself");
        }
    }
}

/// Records facts in a lease.
#[derive(Clone)]
pub(crate) struct LeaseHandle(Arc<Mutex<DriverLease>>);

impl LeaseHandle {
    /// Records that the open units were sent to the queue. The next renewal writes it.
    pub(crate) async fn record_queued(&self) {
        self.0.lock().await.queued = true;
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.renewer.abort();
    }
}
