//! `Prefer: explain`: why each value was chosen, if the operator allows it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{Answer, World, schema};

async fn ask(world: &World, path: &str, body: &Value, prefer: &str) -> Answer {
    world.send(world.request(Method::POST, path).header("Prefer", prefer).body(body.to_string())).await
}

#[tokio::test]
async fn each_value_is_explained_by_its_candidates() {
    let (world, site) = (World::with_vars(&[("EXPLAIN", "1")]).await, Site::start().await);
    let body = json!({ "url": site.url("/p/7"), "schema": schema() });
    let answer = ask(&world, "/v1/extract", &body, "explain").await;
    assert_eq!(answer.header("preference-applied"), "explain");
    let result = answer.json();
    assert_eq!(result["data"], json!({ "title": "Page 7", "price": 7.5 }));
    let explained = result["explain"].as_array().unwrap();
    assert_eq!(explained.iter().map(|one| &one["field"]).collect::<Vec<_>>(), ["title", "price"]);
    for (one, value) in explained.iter().zip(["Page 7", "7.5"]) {
        let best = &one["candidates"][0];
        assert!(best["outcome"].as_str().unwrap().contains(value), "{one}");
        assert!(best["score"].as_i64().unwrap() > 0 && !best["source"].as_str().unwrap().is_empty(), "{one}");
        let scores: Vec<i64> =
            one["candidates"].as_array().unwrap().iter().map(|seen| seen["score"].as_i64().unwrap()).collect();
        assert!(scores.is_sorted_by(|a, b| a >= b), "best first: {scores:?}");
    }
    // The explanation is part of the job's result and kept as long.
    assert_eq!(world.get(&format!("/v1/jobs/{}/result", answer.job())).await.json(), result);
    // An explained result is not served from the cache to other calls, and a cached result is not served to a call with
    // `explain`.
    let plain = world.post("/v1/extract", &body).await.json();
    assert_eq!((&plain["render_mode"], &plain["explain"]), (&json!("structured"), &Value::Null));
    let again = ask(&world, "/v1/extract", &body, "explain").await.json();
    assert!(again["explain"].is_array() && again["render_mode"] == "structured", "{again}");
    assert_eq!((site.hits(), world.used().await), (3, 3));
    world.assert_sound().await;
}

#[tokio::test]
async fn explain_is_ignored_for_batches_and_where_the_operator_forbids_it() {
    let site = Site::start().await;
    let body = json!({ "url": site.url("/p/7"), "schema": schema() });
    for vars in [&[][..], &[("EXPLAIN", "0")]] {
        let world = World::with_vars(vars).await;
        let answer = ask(&world, "/v1/extract", &body, "explain").await;
        assert_eq!((answer.header("preference-applied"), &answer.json()["explain"]), ("", &Value::Null));
        assert!(world.get("/console").await.text.contains("data-explain=\"no\""));
    }
    let world = World::with_vars(&[("EXPLAIN", "1")]).await;
    let batch = json!({ "urls": [site.url("/p/7")], "schema": schema() });
    let answer = ask(&world, "/v1/batch", &batch, "explain, wait=60").await;
    assert_eq!(
        (answer.header("preference-applied"), &answer.json()["results"][0]["explain"]),
        ("wait=60", &Value::Null)
    );
    assert!(world.get("/console").await.text.contains("data-explain=\"yes\""));
}

/// A page that could not be fetched has no candidates. With many fields, the explanation ends at its size limit.
#[tokio::test]
async fn the_explanation_is_bounded() {
    let (world, site) = (World::with_vars(&[("EXPLAIN", "1")]).await, Site::start().await);
    let lost = json!({ "url": site.url("/404"), "schema": schema() });
    let answer = ask(&world, "/v1/extract", &lost, "explain").await.json();
    assert_eq!((&answer["status"], &answer["explain"]), (&json!("error"), &Value::Null));
    let many: Vec<Value> =
        (0..150).map(|n| json!({ "field": format!("title {n}"), "type": "string", "example": "x" })).collect();
    let answer = ask(&world, "/v1/extract", &json!({ "url": site.url("/p/7"), "schema": many }), "explain").await;
    assert_eq!(answer.json()["data"].as_object().unwrap().len(), 150);
    assert!(answer.text.len() < 64 * 1024, "{}", answer.text.len());
}
