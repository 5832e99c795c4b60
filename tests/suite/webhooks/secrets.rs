//! The secrets that sign: two during a rotation, none after a revocation; the operator's commands; and that no log
//! contains them.

use serde_json::Value;

use super::{Setup, state};
use crate::support::receiver::{Receiver, revoke, rotate};
use crate::support::server::{Folder, Server, admin};
use crate::support::until;

#[tokio::test]
async fn two_secrets_sign_during_a_rotation() {
    let setup = Setup::start(&[200]).await;
    let store = setup.world.stack.engine().store();
    let new = rotate(store, "dev", setup.world.stack.engine().now(), 3_600, 8).await;
    let send = async || {
        let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
        setup.until_state(&job, "delivered").await;
        let received = setup.receiver.received().pop().unwrap();
        (received.signed_by(&setup.secret), received.signed_by(&new), received.signature.split(' ').count())
    };
    assert_eq!(send().await, (1, 1, 2));
    setup.clock.advance(3_600);
    assert_eq!(send().await, (0, 1, 1));
}

#[tokio::test]
async fn revoking_the_secret_ends_pending_deliveries() {
    let setup = Setup::start(&[500, 200]).await;
    let store = setup.world.stack.engine().store();
    let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
    setup.until_tried(&job, 1, 500).await;
    revoke(store, "dev").await;
    setup.clock.advance(36);
    assert_eq!(setup.until_state(&job, "revoked").await, state("revoked", 1, Some(500)));
    assert_eq!(setup.receiver.received().len(), 1, "nothing was sent unsigned");
    // With a new secret the message can be sent again.
    let new = rotate(store, "dev", setup.world.stack.engine().now(), 0, 9).await;
    assert_eq!(setup.resend(&job).await.status, 202);
    setup.until_state(&job, "delivered").await;
    assert_eq!(setup.receiver.received()[1].signed_by(&new), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_creates_rotates_and_revokes_secrets() {
    let folder = Folder::new("hook-secrets");
    let _server = Server::start(&folder.0);
    let secret = |args: &[&str]| {
        let args = [&["hook", "secret"], args, &["--account", "dev", "--json"]].concat();
        let (good, text) = admin(&folder.0, &args);
        good.then(|| serde_json::from_str::<Value>(&text).unwrap())
    };
    assert_eq!(secret(&["rotate"]), None, "there is no secret yet");
    let first = secret(&["create"]).unwrap()["secret"].as_str().unwrap().to_owned();
    assert!(first.starts_with("whsec_") && first.len() == 50, "{first}");
    assert_eq!(secret(&["create"]), None, "there is a secret already");
    let second = secret(&["rotate", "--keep-hours", "1"]).unwrap()["secret"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let listed = secret(&["list"]).unwrap();
    let ends: Vec<&str> =
        listed["secrets"].as_array().unwrap().iter().map(|s| s["ends_in"].as_str().unwrap()).collect();
    assert_eq!(ends, [&second[45..], &first[45..]]);
    assert!(listed["secrets"][0]["until"].is_null() && listed["secrets"][1]["until"].is_string(), "{listed}");
    assert!(!listed.to_string().contains(&first[6..30]), "a list shows no secret");
    assert_eq!(secret(&["revoke"]).unwrap()["status"], "revoked");
    assert_eq!(secret(&["list"]).unwrap()["secrets"], serde_json::json!([]));
    let (good, _) = admin(&folder.0, &["hook", "secret", "create", "--account", "nobody"]);
    assert!(!good);
}

/// At every log level the server logs neither the secret nor the query of the receiver's URL, whether the receiver is
/// reached or not.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_contains_a_secret_or_a_receivers_query() {
    use crate::support::site::Site;
    use crate::support::stack::{client, schema};
    use serde_json::json;

    let (site, receiver) = (Site::start().await, Receiver::start(&[500, 200]).await);
    let folder = Folder::new("hook-log");
    let file = folder.0.with_extension("log");
    let mut command = Server::command(&folder.0, &[("RUST_LOG", "trace")]);
    command.stderr(std::fs::File::create(&file).unwrap());
    let server = Server::spawn(command);
    let (good, text) = admin(&folder.0, &["hook", "secret", "create", "--account", "dev", "--json"]);
    assert!(good, "{text}");
    let secret = serde_json::from_str::<Value>(&text).unwrap()["secret"].as_str().unwrap().to_owned();
    let post = async |url: &str| {
        let body = json!({ "urls": [site.url("/p/1")], "schema": schema(), "webhook": { "url": url } });
        let request =
            client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", crate::support::server::KEY);
        let response = request.body(body.to_string()).send().await.unwrap();
        response.headers()["x-job-id"].to_str().unwrap().to_owned()
    };
    let unreached = post("http://127.0.0.1:1/?token=QUERYSECRET").await;
    let reached = post(&receiver.url()).await;
    for job in [&unreached, &reached] {
        until("it is tried", async || server.get(&format!("/v1/jobs/{job}")).await["webhook"]["attempts"] != 0).await;
    }
    until("the receiver accepts it", async || {
        server.get(&format!("/v1/jobs/{reached}")).await["webhook"]["state"] == "delivered"
    })
    .await;
    assert_eq!(receiver.received()[0].signed_by(&secret), 1);
    drop(server);
    let log = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(log.contains("a receiver was not reached"), "the log was read");
    let bad: Vec<&str> =
        log.lines().filter(|l| l.contains("QUERYSECRET") || l.contains(&secret[6..])).take(3).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
