//! A server that answers requests one after the other, from a list.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::loopback;

/// The id of a scripted job.
pub const JOB: &str = "job_0123456789ab";

/// One response.
#[derive(Clone, Default)]
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    end: End,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum End {
    #[default]
    Complete,
    Cut,
    Hold,
}

impl Response {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Response {
        Response { status, body: body.into(), ..Response::default() }
    }

    pub fn json(body: &Value) -> Response {
        Response::new(200, body.to_string())
    }

    /// A response with the id [`JOB`].
    pub fn of_job(body: impl Into<Vec<u8>>) -> Response {
        Response::new(200, body).header("X-Job-ID", JOB)
    }

    pub fn refused(status: u16, code: &str, retryable: bool) -> Response {
        let error = json!({ "code": code, "message": "words", "retryable": retryable });
        Response::new(status, json!({ "status": "error", "error": error }).to_string())
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Response {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Cuts the connection after the body.
    pub fn cut(self) -> Response {
        Response { end: End::Cut, ..self }
    }

    /// Sends nothing more after the body, until [`ScriptedServer::release`].
    pub fn hold(self) -> Response {
        Response { end: End::Hold, ..self }
    }
}

/// A request as received.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// The server.
pub struct ScriptedServer {
    pub base: String,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    held: watch::Sender<bool>,
}

impl ScriptedServer {
    pub async fn start(responses: impl IntoIterator<Item = Response>) -> ScriptedServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut responses: VecDeque<Response> = responses.into_iter().collect();
        let (requests, held) = (Arc::new(Mutex::new(Vec::new())), watch::Sender::new(true));
        let (record, gate) = (requests.clone(), held.clone());
        tokio::spawn(async move {
            loop {
                let mut socket = BufReader::new(loopback::accept(&listener).await);
                let Some(request) = request(&mut socket).await else { continue };
                record.lock().unwrap().push(request);
                let response = responses.pop_front().unwrap_or_else(|| Response::new(418, ""));
                let gate = gate.subscribe();
                tokio::spawn(answer(socket.into_inner(), response, gate));
            }
        });
        ScriptedServer { base, requests, held }
    }

    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// Ends held responses properly.
    pub fn release(&self) {
        self.held.send_replace(false);
    }
}

async fn request(socket: &mut BufReader<TcpStream>) -> Option<ReceivedRequest> {
    let (mut line, mut headers) = (String::new(), HashMap::new());
    socket.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    loop {
        line.clear();
        socket.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(ReceivedRequest { path, headers, body: String::from_utf8(body).unwrap() })
}

async fn answer(mut socket: TcpStream, response: Response, mut held: watch::Receiver<bool>) -> std::io::Result<()> {
    let fields: String = response.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let status = response.status;
    let head = format!("HTTP/1.1 {status} X\r\n{fields}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    if !response.body.is_empty() {
        socket.write_all(format!("{:x}\r\n", response.body.len()).as_bytes()).await?;
        socket.write_all(&response.body).await?;
        socket.write_all(b"\r\n").await?;
    }
    if response.end == End::Hold {
        let _ = held.wait_for(|held| !held).await;
    }
    if response.end != End::Cut {
        socket.write_all(b"0\r\n\r\n").await?;
    }
    socket.shutdown().await
}

/// An NDJSON line with a result.
pub fn line(index: usize) -> String {
    let result = json!({ "index": index, "url": format!("http://h/{index}"), "status": "success", "render_mode": "fetch", "data": {} });
    format!("{result}\n")
}

/// An NDJSON line with a summary.
pub fn end(total: usize, more: Value) -> String {
    let mut summary = json!({ "total": total, "cancelled": false });
    summary.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{}\n", json!({ "summary": summary }))
}
