//! The driver's lease: renewed while it works, given back when it stops, noticed when it is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::Job;
use domain::job::DriverLease;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::Engine;

/// Keeps a driver's lease alive until it is dropped.
pub(crate) struct Keeper {
    engine: Engine,
    job: Job,
    held: Arc<Mutex<DriverLease>>,
    lost: Arc<AtomicBool>,
    renewer: AbortHandle,
}

impl Keeper {
    /// Renews the lease that `job` bears, every third of its length.
    pub(crate) fn start(engine: &Engine, job: &Job) -> Keeper {
        let held = Arc::new(Mutex::new(job.driver.clone()));
        let lost = Arc::new(AtomicBool::new(false));
        let every = Duration::from_millis(engine.settings().lease_secs * 1_000 / 3).max(Duration::from_millis(50));
        let renewer = {
            let (engine, job, held, lost) = (engine.clone(), job.clone(), Arc::clone(&held), Arc::clone(&lost));
            tokio::spawn(async move {
                loop {
                    tokio::time::sleep(every).await;
                    let mut lease = held.lock().await;
                    let until = engine.now().plus_secs(engine.settings().lease_secs);
                    let next = DriverLease { until, quiet: 0, ..lease.clone() };
                    match engine.store().drive(&job, &lease, &next).await {
                        Ok(true) => *lease = next,
                        Ok(false) => {
                            lost.store(true, Ordering::Release);
                            return;
                        }
                        Err(error) => {
                            tracing::warn!(job = %job.id, %error, "could not renew the driver's lease");
                            if engine.now() >= lease.until {
                                lost.store(true, Ordering::Release);
                                return;
                            }
                        }
                    }
                }
            })
            .abort_handle()
        };
        Keeper { engine: engine.clone(), job: job.clone(), held, lost, renewer }
    }

    /// Whether another has taken the job up, or may have. Whoever has lost it starts nothing more.
    pub(crate) fn lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Notes that the queue knows of the open units; said with the next renewal.
    pub(crate) async fn queued(&self) {
        self.held.lock().await.queued = true;
    }

    /// Gives the lease back, so that a sweeper takes the job up at once.
    pub(crate) async fn give_back(&self) {
        self.renewer.abort();
        let lease = self.held.lock().await;
        let over = DriverLease { until: self.engine.now(), ..lease.clone() };
        if let Err(error) = self.engine.store().drive(&self.job, &lease, &over).await {
            tracing::warn!(job = %self.job.id, %error, "could not give the driver's lease back; it ends by itself");
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.renewer.abort();
    }
}
