//! Waits that end while the page's time still allows to finish without what was waited for.

use std::time::{Duration, Instant};

use domain::AccountId;
use permits::{FairSemaphore, Permit};
use tokio::time::timeout_at;

/// Waits for a permit until `reserve` is left before `end`. Returns `None` if none became free by then: the values that
/// the page has so far are then its result. A free permit is granted whatever the time, so the caller still checks how
/// much is left.
pub(crate) async fn acquire_before(
    semaphore: &FairSemaphore,
    account: &AccountId,
    end: Instant,
    reserve: Duration,
) -> Option<Permit> {
    let latest = end.checked_sub(reserve).unwrap_or_else(Instant::now);
    timeout_at(latest.into(), semaphore.acquire(account)).await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_for_a_permit_ends_before_the_pages_time_does() {
        let (semaphore, account) = (FairSemaphore::new(1, 0), AccountId::parse("a").unwrap());
        let (reserve, end) = (Duration::from_secs(60), Instant::now() + Duration::from_secs(60));
        let held = acquire_before(&semaphore, &account, end, reserve).await;
        assert!(held.is_some(), "a free permit is granted, however late it is");
        let late = acquire_before(&semaphore, &account, end, reserve).await;
        assert!(late.is_none() && Instant::now() < end);
        drop(held);
        assert!(acquire_before(&semaphore, &account, end, reserve).await.is_some(), "the wait left nothing behind");
    }
}
