//! Sending a message again, with the client and with the command line.

use runo_client::{Client, ErrorKind};

use super::{Setup, state};
use crate::command_line::{run_command, runo};
use crate::support::until;

#[tokio::test]
async fn the_client_resends_a_message() {
    let setup = Setup::start(&[410, 200]).await;
    let client = Client::builder().api_key(&setup.world.key).base_url(setup.world.base()).build().unwrap();
    let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
    setup.until_state(&job, "gone").await;
    let ordered = client.resend_webhook(&job).await.unwrap();
    assert_eq!((ordered.state.as_str(), ordered.attempts, ordered.last_status), ("pending", 1, Some(410)));
    assert_eq!(setup.until_state(&job, "delivered").await, state("delivered", 2, Some(200)));
    let delivery = client.job(&job).await.unwrap().webhook.unwrap();
    assert_eq!((delivery.state.as_str(), delivery.attempts), ("delivered", 2));

    let plain = setup.post("/v1/batch", &super::without(setup.batch(&["/p/1"]))).await.job();
    let none = client.resend_webhook(&plain).await.unwrap_err();
    assert_eq!((none.kind, none.code.as_str()), (ErrorKind::InvalidRequest, "NOT_FOUND"), "{none}");
    let unknown = client.resend_webhook("job_0123456789abcdef").await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::JobNotFound);
}

#[tokio::test]
async fn the_command_line_resends_a_message() {
    let setup = Setup::start(&[200]).await;
    let job = setup.post("/v1/batch", &setup.batch(&["/p/1"])).await.job();
    setup.until_state(&job, "delivered").await;
    let again = run_command(runo(&setup.world, &["resend", &job])).await;
    assert!(again.code == 0 && again.err.contains("is sent again"), "{again:?}");
    until("the message arrives again", async || setup.receiver.received().len() == 2).await;
    let received = setup.receiver.received();
    assert_eq!((&received[0].id, &received[0].body), (&received[1].id, &received[1].body));
    assert_eq!(run_command(runo(&setup.world, &["resend", "job_0123456789abcdef"])).await.code, 8);
}
