//! The daily check: a month that is closed, confirmed and expires, a violation, and nothing to resume.

use domain::JobId;
use serde_json::{Value, json};

use super::{Setup, assert_allows_exactly};
use crate::support::cloud::TIMEOUT;

/// Runs on the rows that other functions left; `job` has a result.
pub(super) async fn the_check_does_what_its_role_allows(setup: &Setup, job: &JobId) {
    let (audit, seen) = setup.recorded("settle", &[]).await;
    let check = async |mode: Value| audit.api.invoke(&json!({ "check": mode }), TIMEOUT).value().await;
    setup.cloud.add_past_usage("2025-01").await;
    for _ in 0..3 {
        assert_eq!(check(json!(true)).await, json!({ "violations": 0 }));
    }
    setup.cloud.delete_result(job).await; // The recheck reads the suspect's own rows.
    assert_eq!(check(json!(true)).await, json!({ "violations": 1 }));
    assert_eq!(check(json!("go on")).await, json!({ "nothing_to_go_on_with": true }));
    assert_allows_exactly("AuditFunction", &[&seen]);
}
