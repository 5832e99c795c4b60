//! The part of the DevTools protocol that is needed: commands with answers, and events by session. Messages go over a
//! pipe and end in a zero byte.

mod session;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) use session::{Event, Events, Session};

/// Maximum size in bytes of a message from the browser. The largest one requested is a document.
const MAX_MESSAGE: usize = 80 << 20;
/// Maximum number of events queued per session.
const MAX_EVENTS: usize = 4_096;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CdpError {
    /// The browser or the session has ended.
    #[error("the session is closed")]
    Closed,
    /// The browser refused the command.
    #[error("{0}")]
    Refused(String),
}

/// A connection to a browser. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cdp {
    inner: Arc<Inner>,
}

struct Inner {
    next: AtomicU64,
    out: mpsc::UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    pending: HashMap<u64, PendingCall>,
    sessions: HashMap<String, mpsc::Sender<Event>>,
}

/// A call that waits for its answer.
struct PendingCall {
    session: Option<String>,
    answer: oneshot::Sender<Result<Value, CdpError>>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cdp {
    /// Takes over a browser's pipe. The connection closes when [`Cdp::close`] is called or its last clone is dropped.
    pub(crate) fn new((stdin, stdout): (ChildStdin, ChildStdout)) -> Cdp {
        let (out, commands) = mpsc::unbounded_channel();
        let (next, state, closed) = (AtomicU64::new(1), Mutex::default(), CancellationToken::new());
        let cdp = Cdp { inner: Arc::new(Inner { next, out, state, closed: closed.clone() }) };
        tokio::spawn(closed.clone().run_until_cancelled_owned(write(stdin, commands)));
        let weak_inner = Arc::downgrade(&cdp.inner);
        tokio::spawn(async move {
            let dispatch = |message: &[u8]| weak_inner.upgrade().map(|inner| inner.dispatch(message));
            closed.clone().run_until_cancelled_owned(read(BufReader::with_capacity(64 << 10, stdout), dispatch)).await;
            // Cancelled first, so that a caller whose session ended can see that the browser is gone.
            closed.cancel();
            if let Some(inner) = weak_inner.upgrade() {
                inner.end();
            }
        });
        cdp
    }

    /// Returns whether the browser is unreachable.
    pub(crate) fn is_closed(&self) -> bool {
        self.inner.closed.is_cancelled()
    }

    /// Waits until the browser is unreachable.
    pub(crate) async fn closed(&self) {
        self.inner.closed.cancelled().await;
    }

    /// Closes the connection: all pending commands and sessions end.
    pub(crate) fn close(&self) {
        self.inner.closed.cancel();
        self.inner.end();
    }

    /// Sends a command to the browser itself and returns its answer.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Result<Value, CdpError> {
        self.start_call(None, method, params).await
    }

    /// Sends a command and ignores its answer.
    pub(crate) fn post(&self, session: Option<&str>, method: &str, params: Value) {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        self.send(id, session, method, params);
    }

    /// Sends a command at once, even if the returned future is never polled. The future yields the answer.
    fn start_call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> impl Future<Output = Result<Value, CdpError>> + use<> {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.inner.state().pending.insert(id, PendingCall { session: session.map(str::to_owned), answer });
        let remove_on_drop = RemoveOnDrop { id, inner: Arc::clone(&self.inner) };
        if !self.send(id, session, method, params) || self.is_closed() {
            self.inner.state().pending.remove(&id);
        }
        async move {
            let _remove_on_drop = remove_on_drop;
            answered.await.unwrap_or(Err(CdpError::Closed))
        }
    }

    fn send(&self, id: u64, session: Option<&str>, method: &str, params: Value) -> bool {
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.inner.out.send(bytes).is_ok()
    }
}

/// Removes a pending call when its future is dropped.
struct RemoveOnDrop {
    id: u64,
    inner: Arc<Inner>,
}

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        self.inner.state().pending.remove(&self.id);
    }
}

impl Inner {
    /// Dispatches a message of the browser to the pending call or the session.
    fn dispatch(&self, message: &[u8]) {
        let Ok(mut message) = serde_json::from_slice::<Value>(message) else { return };
        if let Some(id) = message["id"].as_u64() {
            let Some(call) = self.state().pending.remove(&id) else { return };
            let result = match message.get("error") {
                Some(error) => Err(CdpError::Refused(error["message"].as_str().unwrap_or_default().to_owned())),
                None => Ok(message["result"].take()),
            };
            let _ = call.answer.send(result);
            return;
        }
        let Some(method) = message["method"].as_str().map(str::to_owned) else { return };
        if method == "Target.targetCreated" {
            self.close_if_opened(&message["params"]["targetInfo"]);
        }
        let params = message["params"].take();
        if method == "Target.detachedFromTarget" {
            self.end_session(params["sessionId"].as_str().unwrap_or_default());
        }
        let Some(session) = message["sessionId"].as_str() else { return };
        let mut state = self.state();
        // If the session's queue is full, the session ends, and the page with it.
        if state.sessions.get(session).is_some_and(|events| events.try_send(Event { method, params }).is_err()) {
            state.sessions.remove(session);
        }
    }

    /// Closes a window that a page opened.
    fn close_if_opened(&self, target: &Value) {
        if target["type"] == "page" && target.get("openerId").is_some() {
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            let message =
                json!({ "id": id, "method": "Target.closeTarget", "params": { "targetId": target["targetId"] } });
            let _ = self.out.send(format!("{message}\0").into_bytes());
        }
    }

    fn end_session(&self, session: &str) {
        let mut state = self.state();
        state.sessions.remove(session);
        state.pending.retain(|_, call| call.session.as_deref() != Some(session));
    }

    fn end(&self) {
        *self.state() = State::default();
    }
}

async fn write(mut stdin: ChildStdin, mut commands: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(message) = commands.recv().await {
        if stdin.write_all(&message).await.is_err() {
            return;
        }
    }
}

/// Reads messages until the browser is gone, `dispatch` returns `None`, or a message is too long.
async fn read<R: AsyncBufRead + Unpin>(mut from: R, mut dispatch: impl FnMut(&[u8]) -> Option<()>) {
    let mut message = Vec::new();
    loop {
        let Ok(bytes) = from.fill_buf().await else { return };
        if bytes.is_empty() {
            return;
        }
        let (part, ends) = match bytes.iter().position(|b| *b == 0) {
            Some(end) => (&bytes[..end], true),
            None => (bytes, false),
        };
        message.extend_from_slice(part);
        let used = part.len() + usize::from(ends);
        from.consume(used);
        if message.len() > MAX_MESSAGE || (ends && dispatch(&message).is_none()) {
            return;
        }
        if ends {
            // Frees the buffer of a large message, such as a document.
            message = if message.capacity() > 1 << 20 { Vec::new() } else { message };
            message.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_end_in_a_zero_byte() {
        let mut seen = Vec::new();
        read(BufReader::with_capacity(3, &b"{\"a\":1}\0\0{}\0rest"[..]), |message| {
            seen.push(String::from_utf8(message.to_vec()).unwrap());
            Some(())
        })
        .await;
        assert_eq!(seen, ["{\"a\":1}", "", "{}"]);
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_ends_reading() {
        let long = vec![b'x'; MAX_MESSAGE + 1];
        let mut seen = 0;
        let long = [&long[..], b"\0{}\0"].concat();
        read(BufReader::new(&long[..]), |_| {
            seen += 1;
            Some(())
        })
        .await;
        assert_eq!(seen, 0);
    }
}
