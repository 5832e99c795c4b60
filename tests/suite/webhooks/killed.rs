//! The local server killed with SIGKILL while a message is due: every message is sent, under one `webhook-id`.

use serde_json::{Value, json};

use crate::support::receiver::{ReceivedMessage, Receiver};
use crate::support::server::{Folder, Server, admin, assert_sound};
use crate::support::site::Site;
use crate::support::stack::schema;
use crate::support::until;

struct Setup {
    folder: Folder,
    site: Site,
    receiver: Receiver,
    secret: String,
}

impl Setup {
    /// With a server whose account has a secret.
    async fn start(name: &str, answers: &[u16]) -> (Setup, Server) {
        let (folder, site, receiver) = (Folder::new(name), Site::start().await, Receiver::start(answers).await);
        let server = Server::start(&folder.0);
        let (good, text) = admin(&folder.0, &["hook", "secret", "create", "--account", "dev", "--json"]);
        assert!(good, "{text}");
        let secret = serde_json::from_str::<Value>(&text).unwrap()["secret"].as_str().unwrap().to_owned();
        (Setup { folder, site, receiver, secret }, server)
    }

    async fn begin(&self, server: &Server, path: &str) -> String {
        let body = json!({
            "urls": [self.site.url(path)],
            "schema": schema(),
            "options": { "timeout_ms": 8_000 },
            "webhook": { "url": self.receiver.url() },
        });
        server.detach("/v1/batch", &body).await
    }

    /// Restarts the server, waits for the delivery and returns what the receiver got.
    async fn received_after_restart(&self, job: &str, attempts: u32) -> Vec<ReceivedMessage> {
        let server = Server::start(&self.folder.0);
        until("the message is delivered", async || webhook(&server, job).await["state"] == "delivered").await;
        let state = webhook(&server, job).await;
        assert_eq!(state, json!({ "state": "delivered", "attempts": attempts, "last_status": 200 }));
        assert_sound(&self.folder.0);
        let received = self.receiver.received();
        for message in &received {
            assert_eq!((&message.id, &message.body), (&received[0].id, &received[0].body));
            assert_eq!((message.signed_by(&self.secret), message.event().as_str()), (1, "job.completed"));
        }
        received
    }
}

async fn webhook(server: &Server, job: &str) -> Value {
    server.get(&format!("/v1/jobs/{job}")).await["webhook"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_during_the_job_sends_its_message() {
    let (setup, server) = Setup::start("hook-job", &[200]).await;
    let job = setup.begin(&server, "/gate/1").await;
    until("the job runs", async || setup.site.hits() >= 1).await;
    assert_eq!(webhook(&server, &job).await["state"], "waiting");
    drop(server); // SIGKILL
    setup.site.open_gate();
    assert_eq!(setup.received_after_restart(&job, 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_two_tries_makes_the_next() {
    let (setup, server) = Setup::start("hook-between", &[503, 200]).await;
    // The next try is due 15 seconds later at the earliest, so that it is not made before the kill.
    setup.receiver.set_retry_after(15);
    let job = setup.begin(&server, "/p/1").await;
    until("the first try has its answer", async || webhook(&server, &job).await["last_status"] == 503).await;
    drop(server); // SIGKILL
    assert_eq!(setup.receiver.received().len(), 1, "the server was killed too late");
    assert_eq!(setup.received_after_restart(&job, 2).await.len(), 2);
}

/// Whether the receiver accepted it is unknown, so it is sent again with the same `webhook-id`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_during_a_try_sends_it_again() {
    let (setup, server) = Setup::start("hook-thinks", &[200]).await;
    setup.receiver.hold(true);
    let job = setup.begin(&server, "/p/1").await;
    until("the try has arrived", async || setup.receiver.received().len() == 1).await;
    drop(server); // SIGKILL
    setup.receiver.hold(false);
    assert_eq!(setup.received_after_restart(&job, 2).await.len(), 2);
}
