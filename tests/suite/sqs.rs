//! What Runo needs of SQS, tested against the embedded one, or against the one that `RUNO_TEST_SQS_ENDPOINT` names.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use api::env::process_env;
use aws_config::retry::RetryConfig;
use domain::{JobId, Seq};
use local::sqs::Sqs;
use runtime::clock::{Clock, SystemClock};
use store::client::Connection;
use store::queue::{self, Depth, Message, Queue, QueueNames, Received, connect_with_http_client, create_queues};
use store::{RetryPolicy, StoreError};
use tokio::net::TcpListener;

use crate::support::faults::{Fault, Faults, Refusal, Service};
use crate::support::ports::ClosedPort;
use crate::support::test_bed::account;
use crate::support::until;

/// Wait time of a receive, in seconds. A receive ends as soon as there is a message.
const WAIT_SECS: u32 = 20;
/// Visibility timeout, in seconds: longer than a test takes.
const HIDE_SECS: u32 = 600;

struct TestQueues {
    units: Queue,
    settle: Queue,
    notify: Queue,
    dead: Queue,
    faults: Faults,
    connection: Connection,
    names: QueueNames,
    embedded: Option<Sqs>,
}

impl TestQueues {
    /// Four new queues, with faults in front of them.
    async fn open() -> TestQueues {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let given = process_env("RUNO_TEST_SQS_ENDPOINT").filter(|e| !e.is_empty());
        let embedded = given.is_none().then(|| Sqs::start(None));
        let connection = embedded.as_ref().map_or_else(|| at(&given.unwrap()), |sqs| sqs.service().connection());
        let (now, n) = (SystemClock.now().0, COUNT.fetch_add(1, Ordering::SeqCst));
        let name = |kind: &str| format!("runo-{kind}-{now}-{n}");
        let [units, settle, notify, dead] = ["units", "settle", "notify", "dead"].map(name);
        let (names, faults) = (QueueNames { units, settle, notify, dead }, Faults::default());
        let [units, settle, notify, dead] = connect_queues(&connection, &names, &faults).await;
        faults.reset();
        TestQueues { units, settle, notify, dead, faults, connection, names, embedded }
    }
}

async fn connect_queues(connection: &Connection, names: &QueueNames, faults: &Faults) -> [Queue; 4] {
    let http = connection.http.clone().unwrap_or_else(|| store::client::http_client(true));
    let sqs = connect_with_http_client(connection, faults.wrap_client(http), RetryConfig::disabled()).await;
    let urls = create_queues(&sqs, names).await.unwrap();
    assert_eq!(create_queues(&sqs, names).await.unwrap(), urls, "creating the queues again changes nothing");
    let queue = |url: &str| Queue::new(sqs.clone(), url, RetryPolicy { max_tries: 3, base_ms: 1 });
    [&urls.units, &urls.settle, &urls.notify, &urls.dead].map(|url| queue(url))
}

fn at(endpoint: &str) -> Connection {
    Connection { endpoint: Some(endpoint.to_owned()), ..Connection::default() }
}

fn job() -> JobId {
    JobId::from_random(7)
}

/// `n` messages of one unit each.
fn messages(n: Seq) -> Vec<Message> {
    (0..n).map(|seq| Message::Units { job: job(), lane: 0, seqs: vec![seq] }).collect()
}

fn handles(received: &[Received]) -> Vec<&str> {
    received.iter().map(|r| r.receipt_handle.as_str()).collect()
}

/// Receives and deletes `n` messages. Returns their units in order.
async fn take(queue: &Queue, n: usize) -> Vec<Seq> {
    let mut seqs = Vec::new();
    while seqs.len() < n {
        let received = queue.receive(10, WAIT_SECS, HIDE_SECS).await.unwrap();
        assert!(!received.is_empty(), "only {seqs:?} came");
        for message in &received {
            match message.message().unwrap() {
                Message::Units { job: of, seqs: some, .. } => {
                    assert_eq!(of, job());
                    seqs.extend(some);
                }
                Message::Settle { .. } | Message::Notify { .. } => panic!("not units"),
            }
        }
        let deleted = queue.delete(&handles(&received)).await;
        assert!(deleted.complete(), "{deleted:?}");
    }
    seqs.sort_unstable();
    seqs
}

async fn receive_one(queue: &Queue, wait: u32, visibility: u32) -> Received {
    let mut received = queue.receive(1, wait, visibility).await.unwrap();
    assert_eq!(received.len(), 1);
    received.remove(0)
}

async fn assert_depth(queue: &Queue, depth: Depth) {
    until(&format!("{depth:?}"), || async { queue.depth().await.unwrap() == depth }).await;
}

async fn assert_empty(queue: &Queue) {
    assert_depth(queue, Depth::default()).await;
    assert_eq!(queue.receive(10, 0, 0).await.unwrap(), []);
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let links = std::iter::successors(Some(error), |error| (**error).source());
    links.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn a_long_poll_ends_with_a_message_or_its_wait_time() {
    let queues = TestQueues::open().await;
    let waiting = queues.units.clone();
    let poll = tokio::spawn(async move { waiting.receive(10, WAIT_SECS, HIDE_SECS).await });
    until("a poll", || async { queues.faults.operations(Service::Sqs) == ["ReceiveMessage"] }).await;
    let start = Instant::now();
    assert!(queues.units.send(&account(), &messages(1)).await.complete());
    let received = poll.await.unwrap().unwrap();
    assert_eq!(received[0].message(), Ok(messages(1).remove(0)));
    assert_eq!(received[0].body, messages(1)[0].to_body(), "ids and nothing else");
    assert!((SystemClock.now().0 - received[0].sent_at.0).abs() < 60_000, "{:?}", received[0].sent_at);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    // Longer than any other request may take.
    let start = Instant::now();
    assert_eq!(queues.settle.receive(10, 4, HIDE_SECS).await.unwrap(), []);
    assert!(start.elapsed() > Duration::from_millis(3_500), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_undeleted_message_becomes_visible_again_and_is_counted() {
    let queues = TestQueues::open().await;
    assert!(queues.units.send(&account(), &messages(1)).await.complete());
    let start = Instant::now();
    let first = receive_one(&queues.units, WAIT_SECS, 1).await;
    // A long poll returns as soon as a message is visible, so it was hidden until now.
    let second = receive_one(&queues.units, WAIT_SECS, HIDE_SECS).await;
    assert!(start.elapsed() > Duration::from_millis(900), "{:?}", start.elapsed());
    assert_eq!(queues.units.receive(10, 0, HIDE_SECS).await.unwrap(), [], "it is hidden");
    assert_eq!((first.receive_count, second.receive_count), (1, 2));
    assert_eq!((&first.message_id, first.sent_at, &first.body), (&second.message_id, second.sent_at, &second.body));
    assert_ne!(first.receipt_handle, second.receipt_handle);
    assert_depth(&queues.units, Depth { in_flight: 1, ..Depth::default() }).await;
    assert!(queues.units.delete(&[second.receipt_handle]).await.complete());
    assert_empty(&queues.units).await;
}

#[tokio::test]
async fn visibility_is_changed_per_message() {
    // Only a hidden message can be changed. If the three seconds are over before that, all is repeated with new queues.
    let mut tries = 0..10;
    let (queues, second, changed) = loop {
        tries.next().expect("a receive and a change take three seconds");
        let queues = TestQueues::open().await;
        assert!(queues.units.send(&account(), &messages(2)).await.complete());
        let (start, mut received) = (Instant::now(), Vec::new());
        while received.len() < 2 {
            received.extend(queues.units.receive(10, WAIT_SECS, 3).await.unwrap());
        }
        let (second, first) = (received.remove(1), received.remove(0).receipt_handle);
        let changes = [(&*first, HIDE_SECS), ("no such handle", 5), (&*second.receipt_handle, 0)];
        let changed = queues.units.change_visibility(&changes).await;
        if start.elapsed() < Duration::from_secs(3) {
            break (queues, second, changed);
        }
    };
    assert_eq!(changed.failed, [1]);
    assert!(matches!(changed.fault, Some(StoreError::Malformed(_))), "{:?}", changed.fault);
    assert_eq!(queues.faults.operations(Service::Sqs).last().unwrap(), "ChangeMessageVisibilityBatch");
    let again = receive_one(&queues.units, WAIT_SECS, HIDE_SECS).await;
    assert_eq!((&again.message_id, again.receive_count), (&second.message_id, 2));
    // This receive ends after the other message's three seconds are over.
    assert_eq!(queues.units.receive(10, 4, HIDE_SECS).await.unwrap(), [], "its visibility timeout was extended");
}

#[tokio::test]
async fn a_delayed_message_is_hidden_until_its_delay_ends() {
    let queues = TestQueues::open().await;
    assert!(queues.settle.send_delayed(&account(), &messages(1), 900).await.complete());
    assert_depth(&queues.settle, Depth { delayed: 1, ..Depth::default() }).await;
    assert_eq!(queues.settle.receive(10, 0, HIDE_SECS).await.unwrap(), []);
    let start = Instant::now();
    assert!(queues.units.send_delayed(&account(), &messages(1), 1).await.complete());
    assert_eq!(take(&queues.units, 1).await, [0]);
    assert!(start.elapsed() > Duration::from_millis(900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn sends_are_split_into_batches_and_queues_are_separate() {
    let queues = TestQueues::open().await;
    assert!(queues.units.send(&account(), &messages(25)).await.complete());
    let settle = Message::Settle { job: job() };
    assert!(queues.settle.send(&account(), std::slice::from_ref(&settle)).await.complete());
    let sent: Vec<usize> = queues.faults.calls().iter().map(|c| c.entries).collect();
    assert_eq!(sent, [10, 10, 5, 1]);
    let received = receive_one(&queues.settle, WAIT_SECS, HIDE_SECS).await;
    assert_eq!(received.message(), Ok(settle));
    assert_eq!(take(&queues.units, 25).await, (0..25).collect::<Vec<_>>());
    assert_empty(&queues.units).await;
    queues.faults.reset();
    let nothing = queues.units.send(&account(), &[]).await;
    assert!(nothing.complete() && nothing.fault.is_none());
    assert_eq!(queues.faults.calls().len(), 0);
}

#[tokio::test]
async fn an_oversized_message_fails_alone() {
    let queues = TestQueues::open().await;
    let mut sent = messages(3);
    sent[1] = Message::Units { job: job(), lane: 0, seqs: vec![Seq::MAX; 120_000] };
    let outcome = queues.units.send(&account(), &sent).await;
    assert_eq!(outcome.failed, [1]);
    assert!(outcome.fault.is_some());
    assert_eq!(take(&queues.units, 2).await, [0, 2]);
    assert_empty(&queues.units).await;
}

#[tokio::test]
async fn refused_entries_are_retried_and_reported() {
    let queues = TestQueues::open().await;
    let (units, faults) = (&queues.units, &queues.faults);
    let entries = || faults.calls().iter().map(|call| call.entries).collect::<Vec<_>>();
    faults.refuse_sends(1, Refusal::TransientEntries);
    assert!(units.send(&account(), &messages(5)).await.complete());
    assert_eq!(entries(), [5, 3]);
    assert_eq!(take(units, 5).await, [0, 1, 2, 3, 4], "none twice");

    faults.refuse_sends(usize::MAX, Refusal::TransientEntries);
    let outcome = units.send(&account(), &messages(12)).await;
    assert_eq!(entries(), [10, 5, 3, 2, 1, 1]);
    assert_eq!(outcome.failed, [0, 8, 10]);
    assert!(matches!(outcome.fault, Some(StoreError::Unavailable { .. })), "{:?}", outcome.fault);
    let text = outcome.fault.unwrap().to_string();
    assert!(text.contains("SendMessageBatch") && text.contains("InternalError"), "the log line: {text}");
    assert_eq!(take(units, 9).await, [1, 2, 3, 4, 5, 6, 7, 9, 11]);

    faults.refuse_sends(1, Refusal::PermanentEntries);
    let outcome = units.send(&account(), &messages(4)).await;
    assert_eq!(faults.calls().len(), 1, "a permanent error is not retried");
    assert_eq!(outcome.failed, [0, 2]);
    assert!(matches!(outcome.fault, Some(StoreError::Malformed(_))), "{:?}", outcome.fault);
    assert_eq!(take(units, 2).await, [1, 3]);
    assert_empty(units).await;
}

#[tokio::test]
async fn a_failed_request_affects_only_its_own_entries() {
    let queues = TestQueues::open().await;
    let (units, faults) = (&queues.units, &queues.faults);
    faults.refuse_sends(1, Refusal::Request);
    let outcome = units.send(&account(), &messages(25)).await;
    assert_eq!(outcome.failed, (0..10).collect::<Vec<_>>());
    assert!(matches!(outcome.fault, Some(StoreError::Unavailable { .. })), "{:?}", outcome.fault);
    assert_eq!(take(units, 15).await, (10..25).collect::<Vec<_>>());

    faults.refuse_sends(usize::MAX, Refusal::Request);
    let outcome = units.send(&account(), &messages(100)).await;
    assert_eq!(outcome.failed, (0..100).collect::<Vec<_>>());
    assert_eq!(faults.calls().len(), 2, "a dead endpoint gets no further requests");
    assert_empty(units).await;

    // Whether the messages were accepted is unknown; here they were.
    faults.plan(0, Fault::ReplyLost);
    assert_eq!(units.send(&account(), &messages(2)).await.failed, [0, 1]);
    let received = units.receive(10, WAIT_SECS, 0).await.unwrap();
    assert!(!received.is_empty());
    faults.plan(0, Fault::DeathAfter);
    assert!(units.receive(10, WAIT_SECS, 0).await.is_err());
    assert_eq!(units.delete(&handles(&received)).await.failed.len(), received.len());
    assert!(faults.injected());
    faults.reset();
    assert_eq!(take(units, 2).await, [0, 1]);
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    let queues = TestQueues::open().await;
    let max = queue::definitions(&queues.names)[1].redrive.as_ref().unwrap().max_receives;
    for queue in [&queues.units, &queues.settle, &queues.notify] {
        assert!(queue.send(&account(), &messages(1)).await.complete());
        for count in 1..=max {
            assert_eq!(receive_one(queue, WAIT_SECS, 0).await.receive_count, count);
        }
        assert_eq!(queue.receive(1, 0, 0).await.unwrap(), []);
        assert_eq!(take(&queues.dead, 1).await, [0]);
        assert_empty(queue).await;
    }
    assert_empty(&queues.dead).await;
}

#[tokio::test]
async fn a_missing_queue_is_reported_as_such() {
    let queues = TestQueues::open().await;
    let sqs = queue::connect(&queues.connection).await;
    let none = Queue::new(sqs, &format!("{}-none", queues.units.url()), RetryPolicy::default());
    let outcome = none.send(&account(), &messages(2)).await;
    assert_eq!(outcome.failed, [0, 1]);
    for fault in [outcome.fault.unwrap(), none.receive(1, 0, 0).await.unwrap_err(), none.depth().await.unwrap_err()] {
        assert!(chain(&fault).contains("QueueDoesNotExist"), "{}", chain(&fault));
    }
}

#[tokio::test]
async fn a_dead_or_silent_endpoint_fails_within_seconds() {
    let (refusing, silent) = (ClosedPort::new(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    // Two batches, or one that runs into a timeout, each with the SDK's second try. The other batches are not sent.
    for (address, max_tries) in [(refusing.address(), 4), (silent.local_addr().unwrap(), 2)] {
        let (endpoint, faults) = (format!("http://{address}"), Faults::default());
        let http = Some(faults.wrap_client(store::client::http_client(true)));
        let sqs = queue::connect(&Connection { http, ..at(&endpoint) }).await;
        let queue = Queue::new(sqs, &format!("{endpoint}/0/units"), RetryPolicy::default());
        let start = Instant::now();
        let outcome = queue.send(&account(), &messages(100)).await;
        assert_eq!(outcome.failed.len(), 100);
        assert!(matches!(outcome.fault, Some(StoreError::Unavailable { .. })), "{:?}", outcome.fault);
        let (took, tries) = (start.elapsed(), faults.operations(Service::Sqs).len());
        assert!(took < Duration::from_secs(30) && (1..=max_tries).contains(&tries), "{took:?}, {tries} tries");
    }
}

#[tokio::test]
async fn the_embedded_sqs_stops_at_once_and_loses_its_messages() {
    let mut queues = TestQueues::open().await;
    let Some(embedded) = queues.embedded.take() else { return };
    assert!(queues.units.send(&account(), &messages(1)).await.complete());
    let waiting = queues.settle.clone();
    let poll = tokio::spawn(async move { waiting.receive(10, WAIT_SECS, HIDE_SECS).await });
    until("a poll", || async { queues.faults.operations(Service::Sqs).len() == 2 }).await;
    let start = Instant::now();
    embedded.stop().await;
    assert!(poll.await.unwrap().is_err());
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    let again = Sqs::start(None);
    let [units, ..] = connect_queues(&again.service().connection(), &queues.names, &Faults::default()).await;
    assert_eq!(units.depth().await.unwrap(), Depth::default());
    again.stop().await;
}
