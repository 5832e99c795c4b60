//! The only definition of the queues: the local stack and the tests create them from it, and the deployment template
//! must match it.
//!
//! `settle` is a separate queue because its reader has rights to balances, and the worker, which reads `units`, has
//! none. An event source mapping takes all messages of its queue, so one queue cannot separate kinds of messages.
//! `notify` is separate because its reader calls webhooks, which may be slow.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::error::StoreError;

/// Names of the four queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueNames {
    /// Units to run.
    pub units: String,
    /// Jobs to be settled.
    pub settle: String,
    /// Jobs whose webhook is to be called.
    pub notify: String,
    /// Messages that were received too often from any of the others.
    pub dead: String,
}

impl Default for QueueNames {
    fn default() -> Self {
        QueueNames {
            units: "runo-units".into(),
            settle: "runo-settle".into(),
            notify: "runo-notify".into(),
            dead: "runo-dead".into(),
        }
    }
}

/// URLs of the four queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueUrls {
    /// Units to run.
    pub units: String,
    /// Jobs to be settled.
    pub settle: String,
    /// Jobs whose webhook is to be called.
    pub notify: String,
    /// Messages that were received too often from any of the others.
    pub dead: String,
}

/// A standard queue: unordered, at-least-once delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueDef {
    /// Its name.
    pub name: String,
    /// How long a received message is hidden unless its reader says otherwise. AWS recommends six times the timeout of
    /// the function that the event source mapping calls.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>
    pub visibility_secs: u32,
    /// How long a message is kept. In the dead-letter queue, its age counts from when it was first sent.
    pub retention_secs: u32,
    /// The dead-letter queue, and after how many receipts a message goes there.
    pub redrive: Option<Redrive>,
}

/// When a message goes to which dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redrive {
    /// The dead-letter queue's name.
    pub dead: String,
    /// `maxReceiveCount`.
    pub max_receives: u32,
}

/// Longer than the default deadline of any job: a job past its deadline needs no message.
const RETENTION_SECS: u32 = 4 * 86_400;
/// The maximum in SQS: an operator has two weeks to look.
const DEAD_RETENTION_SECS: u32 = 14 * 86_400;
/// The functions' timeouts: 150 seconds for the worker and `settle`, 30 for `notify`.
const UNITS_VISIBILITY_SECS: u32 = 6 * 150;
const SETTLE_VISIBILITY_SECS: u32 = 6 * 150;
const NOTIFY_VISIBILITY_SECS: u32 = 6 * 30;
/// AWS recommends at least five, because throttling of a function uses up receipts. A unit is attempted three times at
/// most, however many messages it has.
const MAX_RECEIVES: u32 = 10;

/// Returns the definitions of all queues, the dead-letter queue first because the others refer to it.
pub fn definitions(names: &QueueNames) -> Vec<QueueDef> {
    let redrive = Some(Redrive { dead: names.dead.clone(), max_receives: MAX_RECEIVES });
    vec![
        QueueDef {
            name: names.dead.clone(),
            visibility_secs: SETTLE_VISIBILITY_SECS,
            retention_secs: DEAD_RETENTION_SECS,
            redrive: None,
        },
        QueueDef {
            name: names.units.clone(),
            visibility_secs: UNITS_VISIBILITY_SECS,
            retention_secs: RETENTION_SECS,
            redrive: redrive.clone(),
        },
        QueueDef {
            name: names.settle.clone(),
            visibility_secs: SETTLE_VISIBILITY_SECS,
            retention_secs: RETENTION_SECS,
            redrive: redrive.clone(),
        },
        QueueDef {
            name: names.notify.clone(),
            visibility_secs: NOTIFY_VISIBILITY_SECS,
            retention_secs: RETENTION_SECS,
            redrive,
        },
    ]
}

/// Creates missing queues. For the local stack and tests; in the cloud the template creates them.
///
/// # Errors
/// SQS does not answer or refuses.
pub async fn create_queues(sqs: &Client, names: &QueueNames) -> Result<QueueUrls, StoreError> {
    let mut urls = Vec::new();
    for queue in definitions(names) {
        urls.push(create(sqs, &queue).await?);
    }
    // In the order of `definitions`.
    let [dead, units, settle, notify] = <[String; 4]>::try_from(urls)
        .map_err(|urls| StoreError::Malformed(format!("created {} queues instead of 4", urls.len())))?;
    Ok(QueueUrls { units, settle, notify, dead })
}

async fn create(sqs: &Client, queue: &QueueDef) -> Result<String, StoreError> {
    if let Some(url) = find(sqs, &queue.name).await? {
        return Ok(url);
    }
    let mut create = sqs
        .create_queue()
        .queue_name(&queue.name)
        .attributes(QueueAttributeName::VisibilityTimeout, queue.visibility_secs.to_string())
        .attributes(QueueAttributeName::MessageRetentionPeriod, queue.retention_secs.to_string());
    if let Some(redrive) = &queue.redrive {
        let policy = serde_json::json!({
            "deadLetterTargetArn": arn(sqs, &redrive.dead).await?,
            "maxReceiveCount": redrive.max_receives,
        });
        create = create.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
    }
    let created = create.send().await.map_err(|e| StoreError::sdk("CreateQueue", e))?;
    created.queue_url.ok_or_else(|| StoreError::Malformed("CreateQueue: no URL".into()))
}

/// Returns the URL of the queue called `name`, if there is one.
async fn find(sqs: &Client, name: &str) -> Result<Option<String>, StoreError> {
    match sqs.get_queue_url().queue_name(name).send().await {
        Ok(found) => Ok(found.queue_url),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_queue_does_not_exist()) => Ok(None),
        Err(e) => Err(StoreError::sdk("GetQueueUrl", e)),
    }
}

async fn arn(sqs: &Client, name: &str) -> Result<String, StoreError> {
    let missing = || StoreError::Malformed(format!("the queue {name} has no ARN"));
    let url = find(sqs, name).await?.ok_or_else(missing)?;
    let wanted = QueueAttributeName::QueueArn;
    let got = sqs.get_queue_attributes().queue_url(url).attribute_names(wanted.clone()).send().await;
    let got = got.map_err(|e| StoreError::sdk("GetQueueAttributes", e))?;
    got.attributes.and_then(|mut a| a.remove(&wanted)).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_letter_queue_comes_first_and_keeps_messages_longest() {
        let all = definitions(&QueueNames::default());
        let names: Vec<&str> = all.iter().map(|q| q.name.as_str()).collect();
        assert_eq!(names, ["runo-dead", "runo-units", "runo-settle", "runo-notify"]);
        for queue in &all[1..] {
            assert_eq!(queue.redrive.as_ref().unwrap().dead, all[0].name);
            assert!(queue.retention_secs < all[0].retention_secs);
        }
    }
}
