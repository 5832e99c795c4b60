//! Deliveries that do not succeed at once: the schedule, Retry-After, 410, redirects, and sending again.

use serde_json::json;

use super::{Setup, state};
use crate::support::until;

/// Longer than the longest wait after a try, plus the time that the sweeper leaves to the queue.
const FIRST_WAIT: i64 = 6 + 30;
const SECOND_WAIT: i64 = 330 + 30;

#[tokio::test]
async fn a_receiver_that_fails_twice_gets_a_third_try() {
    let setup = Setup::start(&[500, 503, 200]).await;
    let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
    setup.until_tried(&job, 1, 500).await;
    setup.duplicate(&job).await;
    assert_eq!(setup.receiver.received().len(), 1, "not before the try is due");
    setup.clock.advance(FIRST_WAIT);
    setup.until_tried(&job, 2, 503).await;
    setup.clock.advance(SECOND_WAIT);
    assert_eq!(setup.until_state(&job, "delivered").await, state("delivered", 3, Some(200)));
    let received = setup.receiver.received();
    assert_eq!(received.len(), 3);
    for again in &received[1..] {
        assert_eq!((&again.id, &again.body), (&received[0].id, &received[0].body));
        assert_eq!(again.signed_by(&setup.secret), 1, "each try has its own signature");
        assert!(again.timestamp > received[0].timestamp);
    }
    setup.world.assert_sound().await;
}

#[tokio::test]
async fn retry_after_delays_the_next_try() {
    let setup = Setup::start(&[503, 429, 200]).await;
    setup.receiver.set_retry_after(600);
    let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
    setup.until_tried(&job, 1, 503).await;
    // By the schedule, the second try would long be due.
    setup.clock.advance(540);
    setup.duplicate(&job).await;
    assert_eq!(setup.state(&job).await, state("pending", 1, Some(503)));
    setup.clock.advance(180);
    setup.until_tried(&job, 2, 429).await;
    assert_eq!(setup.receiver.received().len(), 2);
    // Retry-After has no effect on a success.
    setup.clock.advance(720);
    assert_eq!(setup.until_state(&job, "delivered").await, state("delivered", 3, Some(200)));
    setup.world.assert_sound().await;
}

/// Results are kept for a day: afterwards the job is not found any more, but its message is still sent.
#[tokio::test]
async fn after_ten_tries_the_delivery_has_failed() {
    let setup = Setup::start(&[500]).await;
    let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
    let id = domain::JobId::parse(&job).unwrap();
    let notifier = &setup.world.stack.engine().notifier;
    let row = async || notifier.delivery(&id).await.unwrap().unwrap();
    for n in 1..=10 {
        until("the next try", async || {
            notifier.delivery(&id).await.unwrap().is_some_and(|row| row.tries == n && !row.trying)
        })
        .await;
        setup.clock.advance(27 * 3_600);
    }
    assert_eq!((row().await.state.name(), row().await.last_status), ("failed", Some(500)));
    notifier.deliver(&id).await.unwrap();
    assert_eq!(notifier.sweep().await.unwrap(), 0);
    assert_eq!(setup.receiver.received().len(), 10);
    assert_eq!(setup.world.get(&format!("/v1/jobs/{job}")).await.code(), "JOB_NOT_FOUND");
}

#[tokio::test]
async fn after_410_there_is_no_try_until_the_message_is_resent() {
    let setup = Setup::start(&[410, 200]).await;
    let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
    assert_eq!(setup.until_state(&job, "gone").await, state("gone", 1, Some(410)));
    setup.clock.advance(86_000);
    setup.duplicate(&job).await;
    assert_eq!(setup.receiver.received().len(), 1);
    let again = setup.resend(&job).await;
    assert_eq!((again.status.as_u16(), &again.json()["job_id"]), (202, &json!(job)), "{}", again.text);
    assert_eq!(setup.until_state(&job, "delivered").await, state("delivered", 2, Some(200)));
    let received = setup.receiver.received();
    assert_eq!((&received[0].id, &received[0].body), (&received[1].id, &received[1].body));
    // A delivered message can be sent again too, but only once in 10 s.
    let too_early = setup.resend(&job).await;
    assert_eq!((too_early.status.as_u16(), too_early.code().as_str()), (429, "RATE_LIMITED"));
    assert!((1..=10).contains(&too_early.number("retry-after")), "{:?}", too_early.headers);
    setup.clock.advance(10);
    assert_eq!(setup.resend(&job).await.status, 202);
    until("the message arrives a third time", async || setup.receiver.received().len() == 3).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let setup = Setup::start(&[302]).await;
    let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
    setup.until_tried(&job, 1, 302).await;
    assert_eq!(setup.state(&job).await["state"], "pending", "a redirect counts as a failure");
    let received = setup.receiver.received();
    assert_eq!(received.iter().map(|message| message.path.as_str()).collect::<Vec<_>>(), ["/in"]);
}

#[tokio::test]
async fn an_unreachable_receiver_is_tried_again() {
    let setup = Setup::start(&[200]).await;
    let mut body = setup.batch(&["/p/1"]);
    // Nothing listens there.
    body["webhook"]["url"] = json!("http://127.0.0.1:1/");
    let job = setup.post("/v1/batch", &body).await.job();
    until("the first try was made", async || setup.state(&job).await == state("pending", 1, None)).await;
}

#[tokio::test]
async fn a_missing_message_cannot_be_resent() {
    let setup = Setup::start(&[200]).await;
    let (running, body) = setup.world.begin("/v1/batch", setup.batch(&["/gate/1"])).await;
    let plain = setup.post("/v1/batch", &super::without(setup.batch(&["/p/1"]))).await.job();
    for (job, word) in [(&running, "not ended"), (&plain, "has no \"webhook\"")] {
        let refused = setup.resend(job).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (404, "NOT_FOUND"));
        assert!(refused.message().contains(word), "{}", refused.message());
    }
    assert_eq!(setup.resend("job_0123456789abcdef").await.code(), "JOB_NOT_FOUND");
    setup.site.open_gate();
    body.await.unwrap();
    setup.until_state(&running, "delivered").await;
}
