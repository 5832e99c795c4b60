//! `GET /v1/keys`: the caller's keys, masked.

use domain::Plan;
use serde_json::json;

use crate::support::stack::World;

#[tokio::test]
async fn the_callers_keys_are_listed_masked() {
    let world = World::start().await;
    let other = world.account("other", Plan::Free, None, None).await;
    let store = world.stack.engine().store();
    let (account, now) = (domain::AccountId::parse("other").unwrap(), world.stack.engine().now());
    let secret = "sk_static_abcdefghijklmnop";
    let hash = api::auth::key_hash(secret);
    store.accounts.add_key(&account, &hash, &domain::ids::masked(secret), None, now).await.unwrap();
    store.accounts.revoke_key(&account, &hash).await.unwrap();
    let answer = other.get("/v1/keys").await;
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 2, "{}", answer.text);
    assert!(keys.contains(&json!({ "key": "sk_static_…mnop", "kind": "static", "active": false })), "{}", answer.text);
    assert!(keys.contains(&json!({ "key": "…test", "kind": null, "active": true })), "{}", answer.text);
    assert!(!answer.text.contains(secret) && !answer.text.contains(&hash));
    assert_eq!(world.get("/v1/keys").await.json()["keys"].as_array().unwrap().len(), 1);
    assert_eq!(world.with_key("sk_live_unknown").get("/v1/keys").await.code(), "UNAUTHORIZED");
    assert_eq!(world.get("/v1/keys?all=1").await.code(), "INVALID_REQUEST");
}
