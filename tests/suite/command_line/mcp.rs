//! `runo mcp`: the agents' tools over a process's standard input and output.

use std::process::ExitStatus;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::{run_command, run_with_input, runo, runo_at, runo_without_config};
use crate::support::proxy::Proxy;
use crate::support::site::Site;
use crate::support::stack::{World, schema};
use crate::support::until;

/// An agent's end of the streams.
struct Agent {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Agent {
    fn spawn(mut command: tokio::process::Command) -> Agent {
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Agent { child, input, output: BufReader::new(output).lines() }
    }

    /// Starts the command and makes the handshake of older clients.
    async fn initialized(command: tokio::process::Command) -> Agent {
        let mut agent = Agent::spawn(command);
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        let greeting = agent.ask("initialize", hello).await;
        assert_eq!(greeting["result"]["serverInfo"]["name"], "runo", "{greeting}");
        agent.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        agent
    }

    async fn send(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })).await;
        let line = self.output.next_line().await.unwrap().expect("an answer");
        serde_json::from_str(&line).unwrap()
    }

    /// Calls a tool. Returns its JSON, as `Err` if the tool reports an error.
    async fn tool(&mut self, name: &str, arguments: Value) -> Result<Value, Value> {
        let answer = self.ask("tools/call", json!({ "name": name, "arguments": arguments })).await;
        let content = serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
        if answer["result"]["isError"] == true { Err(content) } else { Ok(content) }
    }

    /// Closes the input. Returns the exit status and what was written to standard error.
    async fn close(mut self) -> (ExitStatus, String) {
        drop(self.input);
        assert_eq!(self.output.next_line().await.unwrap(), None);
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
        (self.child.wait().await.unwrap(), errors)
    }
}

#[tokio::test]
async fn the_tools_are_those_over_http_and_jobs_outlive_the_agent() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut agent = Agent::initialized(runo(&world, &["mcp"])).await;
    let listed = agent.ask("tools/list", json!({})).await["result"]["tools"].clone();
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list", "params": {} });
    let request = world.request(Method::POST, "/mcp").header("Accept", "application/json, text/event-stream");
    let request = request
        .header("Content-Type", "application/json")
        .header("MCP-Protocol-Version", "2025-06-18")
        .body(list.to_string());
    assert_eq!(listed, world.send(request).await.json()["result"]["tools"], "one set of tools");

    let urls = [site.url("/p/1"), site.url("/gate/1")];
    let call = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 120_000 } });
    let job = agent.tool("start_batch", call).await.unwrap()["job_id"].clone();
    let page = agent.tool("job_results", json!({ "job_id": job, "limit": 1, "wait_seconds": 40 })).await.unwrap();
    assert_eq!((&page["results"][0]["data"]["title"], &page["next_from"]), (&json!("Page 1"), &json!(1)), "{page}");
    let refused = agent.tool("extract", json!({ "url": site.url("/p/2") })).await.unwrap_err();
    assert_eq!(refused["error"]["code"], "SCHEMA_REQUIRED", "{refused}");

    let (status, errors) = agent.close().await;
    assert!(status.success() && errors.is_empty(), "{status:?}: {errors}");
    assert_eq!(world.job(job.as_str().unwrap()).await["status"], "running", "the job keeps running");
    site.open_gate();
    until("the job ends", async || world.job(job.as_str().unwrap()).await["status"] == "completed").await;
    assert_eq!(world.used().await, 2);
    world.assert_sound().await;
}

/// Each call that makes a job has its own idempotency key, so a call whose response was lost is repeated safely.
#[tokio::test]
async fn a_call_whose_response_is_lost_is_charged_once() {
    let (world, site) = (World::start().await, Site::start().await);
    let proxy = Proxy::start(world.base(), &[0]).await;
    let mut agent = Agent::initialized(runo_at(&proxy.base, &world.key, &["mcp"])).await;
    let call = json!({ "urls": site.urls("/p", 3), "schema": schema() });
    let job = agent.tool("start_batch", call).await.unwrap()["job_id"].clone();
    let page = agent.tool("job_results", json!({ "job_id": job, "wait_seconds": 40 })).await.unwrap();
    assert!(!page["results"].as_array().unwrap().is_empty(), "{page}");
    assert!(proxy.connections() > 1, "the first connection was cut");
    until("the job ends", async || world.job(job.as_str().unwrap()).await["status"] == "completed").await;
    assert_eq!(world.used().await, 3);
    assert_eq!(world.get("/v1/jobs?state=all").await.json()["jobs"].as_array().unwrap().len(), 1);
    assert!(agent.close().await.0.success());
}

#[tokio::test]
async fn the_current_revision_is_supported() {
    let world = World::start().await;
    let mut agent = Agent::spawn(runo(&world, &["mcp"]));
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let found = agent.ask("server/discover", json!({ "_meta": meta })).await;
    assert!(found["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
    let call = json!({ "name": "usage", "arguments": {}, "_meta": meta });
    let usage = agent.ask("tools/call", call).await["result"]["content"][0]["text"].clone();
    assert!(usage.as_str().unwrap().contains("\"account_id\":\"dev\""), "{usage}");
    assert!(agent.close().await.0.success());
}

#[tokio::test]
async fn errors_are_reported_by_tools_or_by_the_process() {
    // Without a key nothing is served.
    let without = run_command(runo_without_config(&["mcp"])).await;
    assert_eq!((without.code, without.out.as_str()), (5, ""), "{without:?}");
    assert!(without.err.contains("there is no API key") && without.err.contains("RUNO_API_KEY"), "{without:?}");
    // A service that is unreachable may come back: each tool reports it, and the process keeps running.
    let mut agent = Agent::initialized(runo_at("http://127.0.0.1:1", "sk_live_test", &["mcp"])).await;
    for _ in 0..2 {
        let lost = agent.tool("usage", json!({})).await.unwrap_err();
        assert_eq!(
            (&lost["error"]["code"], &lost["error"]["retryable"]),
            (&json!("UNAVAILABLE"), &json!(true)),
            "{lost}"
        );
    }
    assert!(agent.close().await.0.success());
    // A key that the service does not know.
    let world = World::start().await;
    let mut agent = Agent::initialized(runo(&world.with_key("sk_live_unknown"), &["mcp"])).await;
    assert_eq!(agent.tool("usage", json!({})).await.unwrap_err()["error"]["code"], "UNAUTHORIZED");
    assert!(agent.close().await.0.success());
    // An empty input, and an input that is not the protocol.
    let empty = run_command(runo(&world, &["mcp"])).await;
    assert_eq!((empty.code, empty.out.as_str()), (0, ""), "{empty:?}");
    let uninitialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let refused = run_with_input(runo(&world, &["mcp"]), &format!("{uninitialized}\n")).await;
    assert!(
        refused.code == 1
            && refused.out.is_empty()
            && refused.err.contains("does not speak the Model Context Protocol"),
        "{refused:?}"
    );
}
