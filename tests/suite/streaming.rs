//! What is on the wire and when: the head before the work, results in order as soon as possible, white space while
//! waiting. Each test holds back a page and reads what is sent meanwhile; none uses a stopwatch.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::site::Site;
use crate::support::stack::{World, schema};
use crate::support::until;

/// Sends a POST over a plain socket.
async fn post(world: &World, path: &str, body: &Value) -> TcpStream {
    let address = world.base().trim_start_matches("http://").to_owned();
    let mut socket = TcpStream::connect(&address).await.unwrap();
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        world.key,
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    socket
}

/// Reads until `done` accepts the text so far.
async fn read_until(socket: &mut TcpStream, text: &mut String, done: impl Fn(&str) -> bool) {
    let mut buffer = [0u8; 8192];
    while !done(text) {
        let n = socket.read(&mut buffer).await.unwrap();
        assert!(n > 0, "the connection ended: {text}");
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
    }
}

#[tokio::test]
async fn the_head_and_padding_are_sent_before_any_page_is_fetched() {
    let (world, site) = (World::start().await, Site::start().await);
    for (path, body) in [
        ("/v1/batch", json!({ "urls": site.urls("/gate", 3), "schema": schema() })),
        ("/v1/extract", json!({ "url": site.url("/gate/9"), "schema": schema() })),
    ] {
        let mut socket = post(&world, path, &body).await;
        let mut text = String::new();
        // No page is served before the gate opens, so what is read here was sent before the work was done.
        read_until(&mut socket, &mut text, |t| t.contains("\r\n\r\n")).await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("\r\nx-job-id: job_"), "{text}");
        read_until(&mut socket, &mut text, |t| t.contains(&" ".repeat(4096))).await;
    }
    site.open_gate();
}

#[tokio::test]
async fn results_are_sent_as_soon_as_their_order_allows() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = [site.url("/p/0"), site.url("/p/1"), site.url("/gate/2"), site.url("/p/3")];
    let mut socket = post(&world, "/v1/batch", &json!({ "urls": urls, "schema": schema() })).await;
    let mut text = String::new();
    read_until(&mut socket, &mut text, |t| t.contains("Page 1")).await;
    let job = text.split("x-job-id: ").nth(1).unwrap().lines().next().unwrap().to_owned();
    until("the last page has ended", async || world.job(&job).await["progress"]["done"] == 3).await;
    site.open_gate();
    read_until(&mut socket, &mut text, |t| t.contains("credits_refunded")).await;
    let places: Vec<usize> = (0..4).map(|n| text.find(&format!("Page {n}")).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}
