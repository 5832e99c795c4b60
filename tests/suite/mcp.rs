//! The API as tools for agents: what a client of the Model Context Protocol gets from `/mcp`.

mod iam;
mod protocol;
mod tools;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::stack::{Answer, Caller};

/// A revision in which requests depend on a handshake.
const OLDER_REVISION: &str = "2025-06-18";
/// The current revision.
const CURRENT_REVISION: &str = "2026-07-28";

/// A request as an older client sends it.
fn message(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })
}

/// Posts a message with additional header fields.
async fn post(caller: &Caller, fields: &[(&str, &str)], message: &Value) -> Answer {
    let request = caller
        .request(Method::POST, "/mcp")
        .header("Accept", "application/json, text/event-stream")
        .header("Content-Type", "application/json");
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    caller.send(request.body(message.to_string())).await
}

/// Calls a tool. Returns its JSON, as `Err` if the tool reports an error.
async fn tool(caller: &Caller, name: &str, arguments: Value) -> Result<Value, Value> {
    let message = message("tools/call", json!({ "name": name, "arguments": arguments }));
    let answer = post(caller, &[("MCP-Protocol-Version", OLDER_REVISION)], &message).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"), "{}", answer.text);
    tool_result(&answer.json())
}

/// The JSON that a tool returned in a message.
fn tool_result(message: &Value) -> Result<Value, Value> {
    let result = &message["result"];
    assert_eq!((&message["jsonrpc"], &message["id"]), (&json!("2.0"), &json!(7)), "{message}");
    assert_eq!((&result["content"][0]["type"], &result["content"][1]), (&json!("text"), &Value::Null), "{message}");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    if result["isError"] == true { Err(text) } else { Ok(text) }
}

/// The code of a refusal.
fn code(refusal: Result<Value, Value>) -> String {
    refusal.unwrap_err()["error"]["code"].as_str().unwrap().to_owned()
}
