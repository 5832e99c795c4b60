//! Reads the body of a response. Checks status, type and encoding before it reads a byte, and the size while it reads.

use std::io;

use bytes::Bytes;
use domain::Media;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use crate::body_resources::{MEDIUM_BODY, SMALL_BODY, SharedBodyResources};
use crate::bounded::TooLong;
use crate::codec::Reader;
use crate::content::{SNIFF_BYTES, is_binary_format, is_still_gzip, looks_readable};
use crate::decode::{coding, decoded, read_error};
use crate::error::FetchError;
use crate::error_chain::find;
use crate::throttle::throttled;

/// Number of bytes after which the reader of a fast body lets other tasks run.
const YIELD_EVERY: usize = 128 * 1024;

/// The content of a response.
pub(crate) struct Content {
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

impl Content {
    /// Returns whether the type is HTML, or is missing and the body is not JSON.
    pub(crate) fn is_markup(&self) -> bool {
        match Media::of(self.content_type.as_deref()) {
            Media::Html | Media::Xhtml => true,
            Media::Unspecified => !matches!(self.body.trim_ascii_start().first(), Some(b'{' | b'[')),
            Media::Xml | Media::Json | Media::Script | Media::Text | Media::Other => false,
        }
    }
}

/// Reads a response that is not a redirect. `max` is in bytes and applies both to the bytes sent and to the decoded
/// bytes. Both are counted as they arrive, so a decompression bomb ends at the limit. A body that grows large waits for
/// memory from `resources`.
pub(crate) async fn read(
    response: Response,
    max: usize,
    resources: Option<&SharedBodyResources>,
) -> Result<Content, FetchError> {
    check_status(&response)?;
    let headers = response.headers();
    let content_type = type_of(headers);
    let media = Media::of(content_type.as_deref());
    if media == Media::Other {
        return Err(unsupported_type(content_type.as_deref().unwrap_or_default()));
    }
    let sniff = media == Media::Unspecified;
    let coding = coding(headers)?;
    // Content-Length is only a claim. It can refuse the page, but no memory is allocated for it.
    if response.content_length().is_some_and(|n| n > max as u64) {
        return Err(too_large(max));
    }
    let content = decoded(response, coding, max).await.map_err(|error| body_error(&error, max))?;
    let mut reader = BodyReader { content, body: Vec::new(), max, sniff: Some(sniff), ended: false };
    match resources {
        None => reader.fill(usize::MAX).await?,
        Some(resources) => {
            while !reader.ended && reader.body.len() < SMALL_BODY && !resources.offloads_decoding() {
                reader.fill((reader.body.len() + YIELD_EVERY).min(SMALL_BODY)).await?;
            }
            if !reader.ended {
                reader = spawn_read_rest(reader, resources).await?;
            }
        }
    }
    Ok(Content { content_type, body: reader.body.into() })
}

/// Reads the rest of a body in a task that `resources` spawns.
async fn spawn_read_rest(reader: BodyReader, resources: &SharedBodyResources) -> Result<BodyReader, FetchError> {
    let (done, outcome) = oneshot::channel();
    let rest = read_rest(reader, SharedBodyResources::clone(resources));
    let _task = AbortOnDropHandle::new(resources.spawn(Box::pin(async move {
        // Sending fails only if nobody waits for the result any more.
        let _ = done.send(rest.await);
    })));
    outcome.await.unwrap_or(Err(FetchError::Internal("the rest of a page could not be decoded")))
}

async fn read_rest(mut reader: BodyReader, resources: SharedBodyResources) -> Result<BodyReader, FetchError> {
    for size in [SMALL_BODY, MEDIUM_BODY, usize::MAX] {
        if !reader.ended {
            resources.acquire_memory(size.min(reader.max)).await;
            reader.fill(size).await?;
        }
    }
    Ok(reader)
}

/// A body that is being read.
struct BodyReader {
    content: Reader,
    body: Vec<u8>,
    max: usize,
    /// `None` once the start of the body has been checked. Before that, `true` means that the body has no type, so the
    /// check includes whether it is readable.
    sniff: Option<bool>,
    ended: bool,
}

impl BodyReader {
    /// Reads until the body has `size` bytes or ends.
    async fn fill(&mut self, size: usize) -> Result<(), FetchError> {
        let mut yield_at = self.body.len() + YIELD_EVERY;
        while !self.ended && self.body.len() < size {
            grow_buffer(&mut self.body, size.min(self.max));
            let count = match self.content.read_buf(&mut self.body).await {
                Ok(count) => count,
                // The page is complete, but its Content-Length is too long or its last chunk is missing.
                Err(error) if find::<TooLong>(&error).is_none() && ends_with_end_tag(&self.body) => 0,
                Err(error) => return Err(body_error(&error, self.max)),
            };
            if self.body.len() > self.max {
                return Err(too_large(self.max));
            }
            self.ended = count == 0;
            if (self.ended || self.body.len() >= SNIFF_BYTES)
                && let Some(sniff) = self.sniff.take()
            {
                check_start(&self.body, sniff)?;
            }
            if self.body.len() >= yield_at {
                // A few bytes sent may decode to megabytes, so other tasks get a turn in between.
                tokio::task::yield_now().await;
                yield_at = self.body.len() + YIELD_EVERY;
            }
        }
        Ok(())
    }
}

/// Returns whether the page ends with its own end tag. Browsers show a page whose response breaks off after that.
fn ends_with_end_tag(body: &[u8]) -> bool {
    const END: &[u8] = b"</html>";
    let body = body.trim_ascii_end();
    body.len().checked_sub(END.len()).is_some_and(|at| body[at..].eq_ignore_ascii_case(END))
}

/// Returns the `Content-Type` of a response. If there are several, the last one that names a type counts (Fetch,
/// "extract a MIME type").
fn type_of(headers: &HeaderMap) -> Option<String> {
    let types = headers.get_all(CONTENT_TYPE).iter().map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    types.reduce(|before, last| if Media::of(Some(&last)) == Media::Unspecified { before } else { last })
}

fn body_error(error: &io::Error, max: usize) -> FetchError {
    read_error(error, |_| too_large(max))
}

/// Grows the buffer: doubles it each time, but never beyond one byte over `max`.
fn grow_buffer(body: &mut Vec<u8>, max: usize) {
    if body.len() == body.capacity() {
        let more = body.len().max(8 * 1024);
        body.reserve_exact(more.min((max + 1).saturating_sub(body.len())));
    }
}

fn check_start(start: &[u8], sniff: bool) -> Result<(), FetchError> {
    if is_still_gzip(start) {
        let text = "the content is compressed more times than its Content-Encoding says";
        return Err(FetchError::Unsupported(text.into()));
    }
    if is_binary_format(start) {
        let text =
            "the content is a document, picture, archive or media file; only HTML, XML, JSON and text can be read";
        return Err(FetchError::Unsupported(text.into()));
    }
    if sniff && !looks_readable(start) {
        let text = "the content has no Content-Type and is not HTML, JSON or text";
        return Err(FetchError::Unsupported(text.into()));
    }
    Ok(())
}

fn unsupported_type(content_type: &str) -> FetchError {
    let kind: String = content_type.chars().take(80).collect();
    FetchError::Unsupported(format!("the content type is \"{kind}\"; only HTML, XML, JSON and text can be read"))
}

fn too_large(max: usize) -> FetchError {
    FetchError::Unsupported(format!("the page is over {max} bytes, the maximum size"))
}

/// Refuses a response whose status does not belong to a page. The error says whether the site asks for fewer requests.
pub(crate) fn check_status(response: &Response) -> Result<(), FetchError> {
    classify_status(response).map_err(|error| match throttled(response) {
        Some(throttled) => FetchError::Throttled(Box::new(error), throttled, Box::new(response.url().clone())),
        None if domain::retry::is_transient(response.status().as_u16()) => FetchError::Transient(Box::new(error)),
        None => error,
    })
}

/// Checks the status of a page that another client, such as a browser, requested.
///
/// # Errors
/// The status is not that of a page.
pub fn check_code(code: u16, at: &url::Url) -> Result<(), FetchError> {
    classify_code(code).map_err(|error| match code {
        429 | 503 => {
            FetchError::Throttled(Box::new(error), crate::Throttled { retry_after: None }, Box::new(at.clone()))
        }
        code if domain::retry::is_transient(code) => FetchError::Transient(Box::new(error)),
        _ => error,
    })
}

fn classify_status(response: &Response) -> Result<(), FetchError> {
    let code = response.status().as_u16();
    if is_bot_protection(response.headers()) {
        return Err(FetchError::BotProtection(format!("the site's bot protection answered (status {code})")));
    }
    classify_code(code)
}

fn classify_code(code: u16) -> Result<(), FetchError> {
    if matches!(code, 401 | 403 | 407 | 429) {
        return Err(FetchError::Blocked(format!("the site refused with status {code}")));
    }
    // The site answered, but with no page. An empty success would hide that, and a retry would not help.
    if matches!(code, 204 | 205) {
        return Err(FetchError::Unsupported(format!("the site answered with status {code}, which has no content")));
    }
    if !(200..300).contains(&code) {
        return Err(FetchError::Unreachable(format!("the site answered with status {code}")));
    }
    Ok(())
}

/// Returns whether bot protection answered instead of the page. Cloudflare marks its challenges regardless of the
/// status; AWS WAF answers a challenge with 202 and a CAPTCHA with 405.
fn is_bot_protection(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &[u8]| headers.get(name).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(value));
    is("cf-mitigated", b"challenge") || is("x-amzn-waf-action", b"challenge") || is("x-amzn-waf-action", b"captcha")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use tokio::runtime::{Builder, Handle};
    use tokio::task::JoinHandle;

    use super::*;
    use crate::body_resources::BodyResources;
    use futures_util::future::BoxFuture;

    struct TestResources {
        decoder: Handle,
        /// How many times [`BodyResources::offloads_decoding`] returns false.
        checks_before_offload: AtomicUsize,
        /// The sizes requested, and the name of the requesting thread.
        requests: Mutex<Vec<(usize, String)>>,
    }

    impl BodyResources for TestResources {
        fn acquire_memory(&self, bytes: usize) -> BoxFuture<'_, ()> {
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            self.requests.lock().unwrap().push((bytes, thread));
            Box::pin(std::future::ready(()))
        }

        fn offloads_decoding(&self) -> bool {
            let one_less = |left: usize| left.checked_sub(1);
            self.checks_before_offload.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less).is_err()
        }

        fn spawn(&self, work: BoxFuture<'static, ()>) -> JoinHandle<()> {
            self.decoder.spawn(work)
        }
    }

    /// Decoding moves to the spawned task once `offloads_decoding` returns true, which may be before the first byte.
    #[test]
    fn a_large_body_is_decoded_in_a_spawned_task() {
        let runtime = |name: &str| Builder::new_multi_thread().worker_threads(1).thread_name(name).build().unwrap();
        let (fetching, decoding) = (runtime("fetching"), runtime("decoding"));
        let max = 10 * MEDIUM_BODY;
        for (bytes, checks_before_offload, want) in [
            (SMALL_BODY - 1, usize::MAX, vec![]),
            (1, 0, vec![SMALL_BODY]),
            (SMALL_BODY - 1, 2, vec![SMALL_BODY]),
            (SMALL_BODY + 1, usize::MAX, vec![SMALL_BODY, MEDIUM_BODY]),
            (MEDIUM_BODY + 1, 1, vec![SMALL_BODY, MEDIUM_BODY, max]),
        ] {
            let resources = Arc::new(TestResources {
                decoder: decoding.handle().clone(),
                checks_before_offload: checks_before_offload.into(),
                requests: Mutex::default(),
            });
            let response = http::Response::builder().header(CONTENT_TYPE, "text/html").body("x".repeat(bytes)).unwrap();
            let shared: SharedBodyResources = resources.clone();
            let read = async move { read(response.into(), max, Some(&shared)).await.unwrap().body.len() };
            assert_eq!(fetching.block_on(fetching.spawn(read)).unwrap(), bytes);
            let requests = resources.requests.lock().unwrap().clone();
            assert_eq!(requests.iter().map(|(bytes, _)| *bytes).collect::<Vec<_>>(), want, "{bytes}");
            assert!(requests.iter().all(|(_, thread)| thread == "decoding"), "{requests:?}");
        }
    }
}
