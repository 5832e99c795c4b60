//! `GET /v1/usage`: plan, month, prepaid balance and rate.

use domain::Plan;
use serde_json::json;

use crate::support::site::Site;
use crate::support::stack::World;

#[tokio::test]
async fn usage_reports_plan_month_and_rate() {
    let (world, site) = (World::start().await, Site::start().await);
    let pro = world.account("pro", Plan::Pro, None, None).await;
    pro.batch(&site.urls("/p", 3), json!({})).await;
    let usage = pro.get("/v1/usage").await.json();
    assert_eq!((&usage["account_id"], &usage["plan"]), (&json!("pro"), &json!("pro")));
    assert_eq!(usage["monthly"], json!({"limit": 50000, "used": 3, "remaining": 49997}));
    assert_eq!(usage["prepaid"], json!({"balance": 0}));
    assert_eq!(usage["rate"]["limit"], 60);
    // The rate limit in the header fields of the draft standard.
    let answer = pro.get("/v1/usage").await;
    assert_eq!(answer.header("ratelimit-policy"), "\"minute\";q=60;w=60");
    let (left, seconds) = answer.header("ratelimit").split_once(";t=").unwrap();
    assert_eq!(left, format!("\"minute\";r={}", answer.number("x-ratelimit-remaining")));
    assert!((1..=60).contains(&seconds.parse::<u64>().unwrap()), "{seconds}");
    assert_eq!(usage["month"].as_str().unwrap().len(), 7);
}
