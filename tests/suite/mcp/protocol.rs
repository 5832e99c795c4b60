//! The protocol around the tools: revisions, keys, and refused requests.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CURRENT_REVISION, OLDER_REVISION, message, post, tool, tool_result};
use crate::support::stack::World;

const TOOLS: [&str; 7] = ["extract", "start_batch", "start_crawl", "job_status", "job_results", "cancel_job", "usage"];

#[tokio::test]
async fn older_clients_complete_the_handshake_without_a_session() {
    let world = World::start().await;
    for revision in ["2024-11-05", "2025-03-26", OLDER_REVISION, "2025-11-25"] {
        let hello =
            json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        let answer = post(&world, &[], &message("initialize", hello)).await;
        let result = answer.json()["result"].clone();
        assert_eq!((answer.status.as_u16(), &result["protocolVersion"]), (200, &json!(revision)), "{}", answer.text);
        assert_eq!(result["serverInfo"]["name"], "runo");
        assert!(result["capabilities"]["tools"].is_object() && result["instructions"].is_string(), "{}", answer.text);
        assert!(answer.headers.get("mcp-session-id").is_none(), "there is no state that another process would lack");
        assert_eq!(answer.header("cache-control"), "no-store");

        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        let taken = post(&world, &[("MCP-Protocol-Version", revision)], &ready).await;
        assert_eq!((taken.status.as_u16(), taken.text.as_str()), (202, ""));
        let list = post(&world, &[("MCP-Protocol-Version", revision)], &message("tools/list", json!({}))).await.json();
        let names: Vec<_> = list["result"]["tools"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect();
        assert_eq!(names, TOOLS, "{revision}");
    }
}

/// A request of the current revision, which needs no handshake.
fn current_request(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": CURRENT_REVISION,
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    message(method, params)
}

#[tokio::test]
async fn the_current_revision_needs_no_handshake() {
    let world = World::start().await;
    let fields = |method: &'static str| [("MCP-Protocol-Version", CURRENT_REVISION), ("Mcp-Method", method)];
    let found = post(&world, &fields("server/discover"), &current_request("server/discover", json!({}))).await;
    assert!(
        found.json()["result"]["supportedVersions"].as_array().unwrap().contains(&json!(CURRENT_REVISION)),
        "{}",
        found.text
    );
    let list = post(&world, &fields("tools/list"), &current_request("tools/list", json!({}))).await.json();
    let tools = list["result"]["tools"].as_array().unwrap();
    assert_eq!(tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect::<Vec<_>>(), TOOLS);
    assert_eq!((&list["result"]["cacheScope"], list["result"]["ttlMs"].is_u64()), (&json!("public"), true), "{list}");
    let [version, method] = fields("tools/call");
    let call = current_request("tools/call", json!({ "name": "usage", "arguments": {} }));
    let answer = post(&world, &[version, method, ("Mcp-Name", "usage")], &call).await;
    assert_eq!(tool_result(&answer.json()).unwrap()["account_id"], "dev");
    // A header field that contradicts the body, and an unknown revision.
    let wrong = post(&world, &[version, method, ("Mcp-Name", "cancel_job")], &call).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    let unknown = post(&world, &[("MCP-Protocol-Version", "1999-01-01")], &message("tools/list", json!({}))).await;
    assert_eq!(unknown.status, 400, "{}", unknown.text);
}

#[tokio::test]
async fn every_request_needs_a_key() {
    let world = World::start().await;
    for revision in [OLDER_REVISION, CURRENT_REVISION] {
        let stranger = post(
            &world.with_key("sk_live_unknown"),
            &[("MCP-Protocol-Version", revision)],
            &message("tools/list", json!({})),
        )
        .await;
        assert_eq!((stranger.status.as_u16(), stranger.code().as_str()), (401, "UNAUTHORIZED"), "{}", stranger.text);
    }
    // For agents that can only send a bearer token.
    let bearer = |key: &str| {
        let request = reqwest::Client::new().post(format!("{}/mcp", world.base())).bearer_auth(key);
        request
            .header("Accept", "application/json, text/event-stream")
            .header("Content-Type", "application/json")
            .body(message("tools/call", json!({ "name": "usage", "arguments": {} })).to_string())
    };
    let answer = world.send(bearer(&world.key)).await;
    assert_eq!(tool_result(&answer.json()).unwrap()["account_id"], "dev");
    assert_eq!(world.send(bearer("sk_live_unknown")).await.status, 401);
    // A bearer token is accepted on this path only.
    let elsewhere = reqwest::Client::new().get(format!("{}/v1/usage", world.base())).bearer_auth(&world.key);
    assert_eq!(world.send(elsewhere).await.status, 401);
}

#[tokio::test]
async fn browser_origins_other_methods_and_malformed_messages_are_refused() {
    let world = World::start().await;
    let list = message("tools/list", json!({}));
    for origin in ["https://evil.example", "http://localhost:3000", "null"] {
        let answer = post(&world, &[("Origin", origin)], &list).await;
        assert_eq!(answer.status, 403, "{origin}: {}", answer.text);
    }
    for method in [Method::GET, Method::DELETE] {
        let answer = world.send(world.request(method, "/mcp").header("Accept", "text/event-stream")).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST, OPTIONS"));
    }
    let request = |body: String| {
        let accept = "application/json, text/event-stream";
        world
            .request(Method::POST, "/mcp")
            .header("Accept", accept)
            .header("Content-Type", "application/json")
            .body(body)
    };
    let answer = world.send(request("{".to_owned())).await;
    assert!(answer.status.is_client_error(), "{}: {}", answer.status, answer.text);
    let large = message("tools/call", json!({ "name": "usage", "arguments": { "x": "x".repeat(5 * 1024 * 1024) } }));
    let answer = world.send(request(large.to_string())).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
    let unknown = post(&world, &[], &message("tools/call", json!({ "name": "delete_all", "arguments": {} }))).await;
    assert_eq!(unknown.json()["error"]["code"], -32602, "{}", unknown.text);
    // The server still works.
    assert_eq!(tool(&world, "usage", json!({})).await.unwrap()["monthly"]["used"], 0);
}
