//! Converts an HTTP request to the request that a Lambda function behind an API Gateway REST API gets. It goes through
//! the event's JSON, so that the local server runs the same code as the cloud.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use lambda_http::Request;
use serde_json::{Map, Value, json};

/// Converts an HTTP request to the request of a Lambda function.
///
/// # Errors
/// The event cannot be read back, which is a bug of this module.
pub fn to_lambda(parts: &Parts, body: &[u8]) -> Result<Request, serde_json::Error> {
    lambda_http::request::from_str(&event(parts, body).to_string())
}

/// Builds the proxy event of an API Gateway REST API.
/// Source: AWS, "Lambda proxy integrations in API Gateway", input format.
pub fn event(parts: &Parts, body: &[u8]) -> Value {
    let (mut headers, mut multi) = (Map::new(), Map::new());
    for name in parts.headers.keys() {
        let values: Vec<String> =
            parts.headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).collect();
        headers.insert(name.to_string(), values.last().cloned().into());
        multi.insert(name.to_string(), values.into());
    }
    let (mut query, mut multi_query) = (Map::new(), Map::<String, Value>::new());
    for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
        query.insert(name.to_string(), value.as_ref().into());
        if let Value::Array(list) = multi_query.entry(name).or_insert_with(|| json!([])) {
            list.push(value.as_ref().into());
        }
    }
    let (body, encoded) = match std::str::from_utf8(body) {
        Ok("") => (Value::Null, false),
        Ok(text) => (text.into(), false),
        Err(_) => (STANDARD.encode(body).into(), true),
    };
    let path = parts.uri.path();
    json!({
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": parts.method.as_str(),
        "headers": headers,
        "multiValueHeaders": multi,
        "queryStringParameters": query,
        "multiValueQueryStringParameters": multi_query,
        "pathParameters": { "proxy": path.trim_start_matches('/') },
        "stageVariables": null,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "stage": "local",
            "resourceId": "local",
            "resourcePath": "/{proxy+}",
            "requestId": "local",
            "httpMethod": parts.method.as_str(),
            "path": path,
            "protocol": "HTTP/1.1",
            "identity": { "sourceIp": "127.0.0.1" },
        },
        "body": body,
        "isBase64Encoded": encoded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_the_conversion_to_an_event() {
        let request = http::Request::builder()
            .method("POST")
            .uri("http://127.0.0.1:1/v1/jobs?state=finished&limit=5&x=%C3%A9")
            .header("x-api-key", "k")
            .header("accept", "a")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        for body in [&b"{\"a\":1}"[..], b"\xff\xfe", b""] {
            let got = to_lambda(&parts, body).unwrap();
            assert_eq!(got.method(), "POST");
            assert_eq!(api::request::path(&got), "/v1/jobs");
            assert_eq!(got.headers()["x-api-key"], "k");
            assert_eq!(api::request::body(&got).unwrap(), body);
            let query = api::request::query(&got, &["state", "limit", "x"]).unwrap();
            assert!(query.contains(&("x".into(), "é".into())) && query.len() == 3);
        }
    }
}
