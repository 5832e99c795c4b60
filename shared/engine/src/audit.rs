//! Whether everything holds that must: every row, looked at more than once, since others write meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::invariants::{Violation, check};
use store::{Store, StoreError};

use runtime::clock::Clock;

/// How often the rows are read. A write that a scan passes in its midst looks like a violation; it does not twice.
const PASSES: u32 = 3;
/// A job may be found running this long past its deadline, if sweeps come no more seldom.
pub(crate) const AUDIT_SECS: u64 = 120;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Violations that every one of several scans of all tables finds. `sweep_secs` is how far past its deadline a job may
/// be found running.
///
/// # Errors
/// The rows could not be read.
pub async fn violations(store: &Store, clock: &dyn Clock, sweep_secs: u64) -> Result<BTreeSet<Violation>, StoreError> {
    let mut believed: Option<BTreeSet<Violation>> = None;
    for pass in 0..PASSES {
        if pass > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let snapshot = store.admin.snapshot().await?;
        let found: BTreeSet<Violation> = check(&snapshot, clock.now(), sweep_secs).into_iter().collect();
        let still = match believed {
            None => found,
            Some(before) => before.intersection(&found).cloned().collect(),
        };
        if still.is_empty() {
            return Ok(still);
        }
        believed = Some(still);
    }
    Ok(believed.unwrap_or_default())
}
