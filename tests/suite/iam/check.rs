//! The daily check: a month that is closed, confirmed and expires, a violation, and nothing to resume.

use domain::JobId;
use serde_json::{Value, json};

use super::{Stage, assert_allows_exactly};
use crate::support::cloud::PLENTY;

/// Runs on the rows that other functions left; `job` has a result.
pub(super) async fn the_check_does_what_its_role_allows(stage: &Stage, job: &JobId) {
    let (audit, seen) = stage.recorded("settle", &[]).await;
    let check = async |how: Value| audit.api.invoke(&json!({ "check": how }), PLENTY).value().await;
    stage.cloud.use_long_ago("2025-01").await;
    for _ in 0..3 {
        assert_eq!(check(json!(true)).await, json!({ "violations": 0 }));
    }
    stage.cloud.lose_result(job).await; // The second look reads the suspect's own rows.
    assert_eq!(check(json!(true)).await, json!({ "violations": 1 }));
    assert_eq!(check(json!("go on")).await, json!({ "nothing_to_go_on_with": true }));
    assert_allows_exactly("AuditFunction", &[&seen]);
}
