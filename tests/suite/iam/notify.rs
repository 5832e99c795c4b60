//! The function that sends webhooks: a receiver that accepts, one that fails, a message that arrives too early, and one
//! that belongs to another queue.

use serde_json::json;
use store::queue::Message;

use super::{Setup, assert_allows_exactly, post};
use crate::support::receiver::Receiver;
use crate::support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notify_does_what_its_role_allows() {
    let setup = Setup::start().await;
    let (notify, seen) = setup.recorded("notify", &[]).await;
    let batch = setup.cloud.function("batch").await;
    let receiver = Receiver::start(&[200, 503]).await;
    let run = async || {
        let mut body = setup.batch(&setup.site.urls("/p", 1), json!({}));
        body["webhook"] = json!({ "url": receiver.url() });
        let mut answer = post(&batch, "/v1/batch", &[], &body);
        let job = answer.job().await;
        answer.body().await;
        until("the queue has the message", async || setup.cloud.notify.depth().await.unwrap().visible > 0).await;
        let (_, failed) = setup.cloud.deliver(&setup.cloud.notify, &notify).await;
        assert!(failed.is_empty(), "{failed:?}");
        job
    };
    let state = async |job| setup.cloud.store.webhooks.delivery(job).await.unwrap().unwrap();
    let taken = run().await;
    assert_eq!((state(&taken).await.state.name(), receiver.received().len()), ("delivered", 1));
    // So that the next try is not due before the test ends.
    receiver.set_retry_after(600);
    let failed = run().await;
    assert_eq!((state(&failed).await.state.name(), state(&failed).await.tries), ("pending", 1));
    assert_eq!(setup.cloud.notify.depth().await.unwrap().delayed, 1, "the next try is in the queue");
    // Too early: it is delivered again when it is due.
    let account = domain::AccountId::parse("dev").unwrap();
    let early = [Message::Notify { job: failed.clone() }];
    assert!(setup.cloud.notify.send(&account, &early).await.complete());
    let (received, later) = setup.cloud.deliver(&setup.cloud.notify, &notify).await;
    assert_eq!((received.len(), later.len(), receiver.received().len()), (1, 1, 2));
    // A message of another queue stays, for an operator to see.
    assert!(setup.cloud.notify.send(&account, &[Message::Settle { job: taken }]).await.complete());
    assert_eq!(setup.cloud.deliver(&setup.cloud.notify, &notify).await.1.len(), 1);
    assert_allows_exactly("NotifyFunction", &[&seen]);
}
