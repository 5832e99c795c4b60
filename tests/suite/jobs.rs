//! `GET /v1/jobs`, `GET /v1/jobs/{job_id}` and `GET /v1/jobs/{job_id}/result`: lists, single jobs, results of running
//! and ended jobs.

use domain::Plan;
use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{World, schema};
use crate::support::until;

#[tokio::test]
async fn running_jobs_of_the_caller_are_listed_newest_first() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut started = Vec::new();
    for i in 0..3 {
        let body = json!({ "urls": [site.url(&format!("/gate/{i}")), site.url("/404")], "schema": schema() });
        let (job, result) = world.begin("/v1/batch", body).await;
        started.push((job, result));
        // Jobs of the same millisecond would be listed in the order of their ids.
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    until("the failures are counted", async || {
        let list = world.get("/v1/jobs").await.json();
        list["jobs"].as_array().unwrap().iter().all(|j| j["progress"] == json!({"total": 2, "done": 0, "failed": 1}))
    })
    .await;
    let list = world.get("/v1/jobs").await.json();
    let ids: Vec<&str> = list["jobs"].as_array().unwrap().iter().map(|j| j["job_id"].as_str().unwrap()).collect();
    let want: Vec<&str> = started.iter().rev().map(|(job, _)| job.as_str()).collect();
    assert_eq!(ids, want);
    let first = &list["jobs"][0];
    assert_eq!((&first["endpoint"], &first["status"]), (&json!("/batch"), &json!("running")));
    assert_eq!(first["async_mode"], false);
    assert_eq!(first["started_at"].as_str().unwrap().len(), "2026-05-08T10:14:21Z".len());

    let page = world.get("/v1/jobs?limit=2").await.json();
    assert_eq!(page["jobs"].as_array().unwrap().len(), 2);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/v1/jobs?limit=2&cursor={cursor}")).await.json();
    assert_eq!(rest["jobs"][0]["job_id"], want[2]);
    assert_eq!(rest["next_cursor"], Value::Null);

    let other = world.account("other", Plan::Free, None, None).await;
    assert_eq!(other.get("/v1/jobs").await.json(), json!({ "jobs": [] }));
    for path in [format!("/v1/jobs/{}", want[0]), format!("/v1/jobs/{}/result", want[0])] {
        let answer = other.get(&path).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "JOB_FORBIDDEN"));
    }
    site.open_gate();
    let want: Vec<String> = want.iter().map(|s| (*s).to_owned()).collect();
    for (_, result) in started {
        result.await.unwrap();
    }
    assert_eq!(world.get("/v1/jobs").await.json(), json!({ "jobs": [] }));
    let finished = world.get("/v1/jobs?state=finished").await.json();
    let ids: Vec<&str> = finished["jobs"].as_array().unwrap().iter().map(|j| j["job_id"].as_str().unwrap()).collect();
    assert_eq!(ids, want);
    assert_eq!(finished["jobs"][0]["progress"], json!({"total": 2, "done": 1, "failed": 1}));
}

#[tokio::test]
async fn state_all_lists_running_and_ended_jobs_together() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut ids = Vec::new();
    for path in ["/p/0", "/gate/1", "/p/2", "/gate/3", "/p/4"] {
        let body = json!({ "urls": [site.url(path)], "schema": schema() });
        let (job, result) = world.begin("/v1/batch", body).await;
        if path.starts_with("/p") {
            result.await.unwrap();
        }
        ids.insert(0, job);
        // Jobs of the same millisecond would be listed in the order of their ids.
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    let (mut listed, mut path) = (Vec::new(), "/v1/jobs?state=all&limit=2".to_owned());
    loop {
        let page = world.get(&path).await.json();
        let jobs = page["jobs"].as_array().unwrap();
        assert!(jobs.len() <= 2);
        listed.extend(jobs.iter().map(|job| job["job_id"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/jobs?state=all&limit=2&cursor={cursor}");
    }
    assert_eq!(listed, ids);
    site.open_gate();
}

#[tokio::test]
async fn results_are_read_while_they_arrive_again_and_from_an_index() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut urls = site.urls("/p", 40);
    urls.push(site.url("/gate/40"));
    let body = json!({ "urls": urls, "schema": schema() });
    let (job, first) = world.begin("/v1/batch", body).await;
    let path = format!("/v1/jobs/{job}/result");
    let (reader, waiting) = (world.dev.clone(), path.clone());
    let long_poll = tokio::spawn(async move { reader.get(&waiting).await });
    until("only the page at the gate is left", async || site.hits() == 41).await;
    site.open_gate();
    let first = first.await.unwrap();
    let polled = long_poll.await.unwrap();
    assert_eq!(polled.header("x-job-id"), job);
    assert_eq!(polled.json(), first);
    let from = world.get(&format!("{path}?from=39")).await.json();
    assert_eq!(from["results"].as_array().unwrap()[..], first["results"].as_array().unwrap()[39..]);
    assert_eq!(from["total"], 41);
    assert_eq!(world.get(&format!("{path}?from=41")).await.json()["results"], json!([]));
    assert_eq!(world.get(&format!("{path}?from=x")).await.code(), "INVALID_REQUEST");
    let state = world.job(&job).await;
    assert_eq!(state["endpoint"], "/batch");
    assert_eq!(state["result"], path);
    assert_eq!(state["progress"], json!({"total": 41, "done": 41, "failed": 0, "cancelled": 0, "pending": 0}));
    assert!(state["ended_at"].as_str().unwrap() >= state["started_at"].as_str().unwrap());
}
