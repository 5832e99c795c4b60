//! One try: take the lease, sign, send, and record the answer.

use std::fmt;
use std::time::Duration;

use domain::Timestamp;
use domain::webhook::{Answer, Delivery, Secrets, TIMEOUT_MS, message_id};
use fetch::{FetchError, Post, PostResponse};
use store::StoreError;
use store::queue::MAX_DELAY_SECS;
use url::Url;

use super::Notifier;

/// Why a try has no answer. Its text names no URL: URLs may contain secrets.
enum SendError {
    /// The receiver's URL cannot be parsed.
    Url,
    /// The account's secrets have expired.
    NoSecret,
    /// The receiver was not reached.
    Fetch(FetchError),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Url => f.write_str("its URL cannot be read"),
            SendError::NoSecret => f.write_str("there is no valid secret to sign with"),
            SendError::Fetch(error) => write!(f, "{error}"),
        }
    }
}

impl Notifier {
    /// Makes a try. `before` is the delivery as it was read, and `claimed` the same delivery with this process's lease.
    pub(super) async fn make_try(&self, before: &Delivery, claimed: Delivery) -> Result<(), StoreError> {
        let account = &claimed.account;
        let signing = self.rows.retry(|| self.rows.store().webhooks.secrets(account)).await?.secrets;
        let now = self.context.now();
        if signing.valid(now).next().is_none() {
            self.write(&before.revoked(self.context.nonce()), now).await?;
            return Ok(());
        }
        // The lease keeps other processes away while the try runs. Once it has expired, its holder counts as dead, and
        // another process continues.
        if !self.write(&claimed, claimed.next).await? {
            return Ok(());
        }
        let answer = match self.send(&claimed, &signing).await {
            Ok(posted) => Answer::Status(posted.status, posted.retry_after.map(|wait| wait.as_secs())),
            Err(error) => {
                tracing::info!(job = %claimed.job, %error, "a receiver was not reached");
                Answer::None
            }
        };
        let now = self.context.now();
        let jitter = (self.context.random() % 1_000_003) as u64; // far below u64::MAX
        let after = claimed.answered(answer, now, jitter, self.context.nonce());
        let wait = after.next.ms_since(now).div_ceil(1_000);
        let by_queue = after.is_pending() && wait <= u64::from(MAX_DELAY_SECS);
        // If the queue has a message for the next try, the sweeper waits a while longer. It then handles the delivery
        // only if that message was lost.
        let grace = if by_queue { self.context.settings().lease_secs } else { 0 };
        if !self.write(&after, after.next.plus_secs(grace)).await? {
            tracing::info!(job = %claimed.job, "a try took too long, and another process has taken over the delivery");
            return Ok(());
        }
        if by_queue {
            self.enqueue(&after, u32::try_from(wait).unwrap_or(0)).await;
        }
        Ok(())
    }

    async fn send(&self, delivery: &Delivery, signing: &Secrets) -> Result<PostResponse, SendError> {
        let id = message_id(&delivery.job);
        let sent_at: Timestamp = self.context.now();
        let url = Url::parse(&delivery.url).map_err(|_| SendError::Url)?;
        // The secret expired between the check and the signature: the next try notices it.
        let signature = signing.sign(&id, sent_at, &delivery.body).ok_or(SendError::NoSecret)?;
        let at = sent_at.secs().to_string();
        let fields = [("webhook-id", id.as_str()), ("webhook-timestamp", &at), ("webhook-signature", &signature)];
        let headers = fetch::header_map(fields.into_iter());
        let timeout = Duration::from_millis(u64::from(TIMEOUT_MS));
        let post = Post { url: &url, headers: &headers, body: &delivery.body, timeout };
        self.fetcher.post(post).await.map_err(SendError::Fetch)
    }
}
