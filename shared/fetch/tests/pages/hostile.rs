//! Hostile responses: endless heads, wrong lengths, things that are not HTTP, decompression bombs, drips and resets.
//! Each ends in the contract's code, within its limits, and leaves no connection behind.

use std::time::{Duration, Instant};

use domain::ErrorCode::{self, Timeout, UnsupportedContent, UrlUnreachable};
use fetch::check_url;
use fetch::client::MAX_HEAD;

use crate::scripted::{Answer, Scripted, ok, open, to};
use crate::site::page;
use crate::{MAX_BODY, code, fetcher, get, get_within, packed};

const UNREACHABLE: (ErrorCode, bool) = (UrlUnreachable, true);
const UNSUPPORTED: (ErrorCode, bool) = (UnsupportedContent, false);
/// Timeout in milliseconds for responses that never end by themselves.
const SHORT: u64 = 400;

/// Fetches each response from its own site and compares the result. The client must not keep reading afterwards.
async fn expect_errors(cases: Vec<(&'static str, Answer, (ErrorCode, bool))>) {
    let f = fetcher();
    for (name, answer, want) in cases {
        let hangs = matches!(answer, Answer::Hang(_));
        let site = Scripted::start(vec![("/", answer)]).await;
        let (url, start) = (site.url("/"), Instant::now());
        let time = if want.0 == Timeout { SHORT } else { 20_000 };
        let fetch = get_within(&f, &url, time);
        let Ok(result) = tokio::time::timeout(Duration::from_secs(15), fetch).await else { panic!("{name}: no end") };
        let text = format!("{result:?}");
        assert!(result.is_err(), "{name}: {text:.300}");
        assert_eq!(code(result), want, "{name}: {text:.300}");
        let took = start.elapsed();
        assert!(want.0 != Timeout || took >= Duration::from_millis(SHORT), "{name}: {took:?}");
        if !hangs {
            site.wait_until_idle().await;
        }
    }
}

fn raw(bytes: impl AsRef<[u8]>) -> Answer {
    Answer::Bytes(bytes.as_ref().to_vec())
}

fn endless(start: impl AsRef<[u8]>, more: &str) -> Answer {
    Answer::Endless(start.as_ref().to_vec(), more.repeat(10_000 / more.len() + 1).into_bytes())
}

#[tokio::test]
async fn endless_and_oversized_heads_are_unreachable() {
    let many: String = (0..1_500).map(|i| format!("X-{i}: y\r\n")).collect();
    // Below the client's own limit, up to which it keeps the whole head.
    let one = "a".repeat(MAX_HEAD);
    expect_errors(vec![
        ("headers", endless("HTTP/1.1 200 OK\r\n", "X: y\r\n"), UNREACHABLE),
        ("one header", endless("HTTP/1.1 200 OK\r\nX: ", "a"), UNREACHABLE),
        ("a name", endless("HTTP/1.1 200 OK\r\n", "a"), UNREACHABLE),
        ("folded", endless("HTTP/1.1 200 OK\r\nX: y\r\n", " y\r\n"), UNREACHABLE),
        ("reason", endless("HTTP/1.1 200 ", "OK"), UNREACHABLE),
        ("blank lines", endless("", "\r\n"), UNREACHABLE),
        ("too many", Answer::Bytes(open(&many, "x")), UNREACHABLE),
        ("too large", Answer::Bytes(open(&format!("X: {one}\r\n"), "x")), UNREACHABLE),
        ("too large to keep", Answer::Bytes(open(&format!("X: {}\r\n", one.repeat(4)), "x")), UNREACHABLE),
    ])
    .await;
    let large = open(&format!("Content-Type: text/html\r\nX: {}\r\n", &one[100..]), "x");
    let site = Scripted::start(vec![("/", Answer::Bytes(large))]).await;
    assert_eq!(&get(&fetcher(), &site.url("/")).await.unwrap().body[..], b"x");
}

/// Nothing of these responses is kept, so only the page's timeout has to end them.
#[tokio::test]
async fn endless_interim_responses_end_at_the_timeout() {
    expect_errors(vec![
        ("early hints", endless("", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"), (Timeout, true)),
        ("continue", endless("", "HTTP/1.1 100 Continue\r\n\r\n"), (Timeout, true)),
        ("processing", Answer::Drip(vec![], b"HTTP/1.1 102 Processing\r\n\r\n".to_vec()), (Timeout, true)),
        ("switch", raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"), UNREACHABLE),
    ])
    .await;
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n".repeat(20);
    let site = Scripted::start(vec![("/", Answer::Bytes([hints, open("", "<p>x")].concat()))]).await;
    assert_eq!(&get(&fetcher(), &site.url("/")).await.unwrap().body[..], b"<p>x");
}

#[tokio::test]
async fn responses_that_are_not_http_are_unreachable() {
    let mut cases = Vec::new();
    for text in [
        "<html><p>as if it were 1991</p>",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 000 OK\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
        "\0\0\0\0\0\0\0\0",
    ] {
        cases.push((text, raw(text), UNREACHABLE));
    }
    expect_errors(cases).await;
}

#[tokio::test]
async fn wrong_lengths_are_errors() {
    let length = |value: &str| raw(format!("HTTP/1.1 200 OK\r\nContent-Length: {value}\r\n\r\nshort"));
    expect_errors(vec![
        ("too short", length("100"), UNREACHABLE),
        ("negative", length("-1"), UNREACHABLE),
        ("no number", length("five"), UNREACHABLE),
        ("two in one", length("5, 6"), UNREACHABLE),
        ("two", length("5\r\nContent-Length: 6"), UNREACHABLE),
        ("no u64", length("99999999999999999999999"), UNREACHABLE),
        // The declared length is enough to refuse the page, but no memory is allocated for it: the body never arrives.
        ("huge", Answer::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000\r\n\r\n".to_vec()), UNSUPPORTED),
    ])
    .await;
}

/// Bytes after the declared length belong neither to this page nor to the next response.
#[tokio::test]
async fn bytes_beyond_the_declared_length_are_ignored() {
    let second = page("200 OK", "Content-Type: text/html\r\n", b"<p>smuggled");
    let first = [&b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>1"[..], &second].concat();
    let site = Scripted::start(vec![("/1", raw(first)), ("/2", ok("two"))]).await;
    let f = fetcher();
    for _ in 0..3 {
        assert_eq!(&get(&f, &site.url("/1")).await.unwrap().body[..], b"<p>1");
        assert_eq!(&get(&f, &site.url("/2")).await.unwrap().body[..], b"two");
    }
}

#[tokio::test]
async fn malformed_chunks_are_errors() {
    let chunked = |body: &str| open("Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n", body);
    expect_errors(vec![
        ("no number", Answer::Bytes(chunked("zz\r\nabc\r\n0\r\n\r\n")), UNREACHABLE),
        ("empty size", Answer::Bytes(chunked("\r\nabc\r\n0\r\n\r\n")), UNREACHABLE),
        ("no u64", Answer::Bytes(chunked("10000000000000000\r\nabc")), UNREACHABLE),
        ("negative", Answer::Bytes(chunked("-1\r\nabc\r\n0\r\n\r\n")), UNREACHABLE),
        ("longer than said", Answer::Bytes(chunked("1\r\nabc\r\n0\r\n\r\n")), UNREACHABLE),
        ("cut", Answer::Bytes(chunked("5\r\nabc")), UNREACHABLE),
        ("without its end", Answer::Bytes(chunked("3\r\nabc\r\n")), UNREACHABLE),
        ("extensions", endless(chunked("1;"), "a"), UNREACHABLE),
        ("trailers", endless(chunked("1\r\na\r\n0\r\n"), "X: y\r\n"), UNREACHABLE),
        ("one trailer", endless(chunked("1\r\na\r\n0\r\nX: "), "y"), UNREACHABLE),
        // The largest possible chunk, and tiny chunks: both end at the page's size limit.
        ("huge", endless(chunked("fffffffffffffff\r\n"), "a"), UNSUPPORTED),
        ("tiny", endless(chunked(""), "9\r\nnine byte\r\n"), UNSUPPORTED),
    ])
    .await;
}

#[tokio::test]
async fn a_response_sent_byte_by_byte_ends_at_the_timeout() {
    let late = (Timeout, true);
    expect_errors(vec![
        ("head", Answer::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), b"a".to_vec()), late),
        ("headers", Answer::Drip(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".to_vec()), late),
        ("body", Answer::Drip(open("Content-Type: text/html\r\n", ""), b"a".to_vec()), late),
        ("chunks", Answer::Drip(open("Transfer-Encoding: chunked\r\n", ""), b"1\r\na\r\n".to_vec()), late),
        ("chunk size", Answer::Drip(open("Transfer-Encoding: chunked\r\n", ""), b"0".to_vec()), late),
        (
            "packed",
            Answer::Drip(open("Content-Encoding: gzip\r\n", packed::bomb_start(b'a')), packed::bomb_more()),
            late,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_reset_connection_is_unreachable() {
    expect_errors(vec![
        ("at once", Answer::Reset(vec![]), UNREACHABLE),
        ("in the head", Answer::Reset(b"HTTP/1.1 200 OK\r\nX: ".to_vec()), UNREACHABLE),
        ("in the body", Answer::Reset(open("Content-Type: text/html\r\n", "<p>")), UNREACHABLE),
        (
            "in a chunk",
            Answer::Reset(open("Content-Type: text/html\r\nTransfer-Encoding: chunked\r\n", "5\r\na")),
            UNREACHABLE,
        ),
    ])
    .await;
}

/// Each decodes to more than may be read, or for ever to nothing.
#[tokio::test]
async fn decompression_bombs_of_every_coding_end_at_a_limit() {
    let coded =
        |name: &str, start: &[u8]| open(&format!("Content-Type: text/html\r\nContent-Encoding: {name}\r\n"), start);
    let gzip = packed::bomb_start(b'a');
    // The same as zlib (RFC 1950), without gzip's head.
    let zlib = [&[0x78, 0x01], &gzip[10..]].concat();
    let more = packed::bomb_more().repeat(1_000);
    let brotli = packed::brotli(&vec![b'a'; 20 * MAX_BODY]).await;
    assert!(brotli.len() < 1_000);
    let name = vec![b'a'; 4 * MAX_BODY];
    let named = [&[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3], &name[..], &[0], &packed::gzip(b"<p>x")[10..]].concat();
    let named = packed::brotli(&named).await;
    let empty_block = [0, 0, 0, 0xff, 0xff];
    let (empty_gzip, empty_zlib) = ([&gzip[..10], &empty_block].concat(), [&[0x78, 0x01], &empty_block[..]].concat());
    let nothing = empty_block.repeat(1_000);
    expect_errors(vec![
        ("gzip", Answer::Endless(coded("gzip", &gzip), more.clone()), UNSUPPORTED),
        ("x-gzip", Answer::Endless(coded("X-GZip", &gzip), more.clone()), UNSUPPORTED),
        ("deflate", Answer::Endless(coded("deflate", &zlib), more), UNSUPPORTED),
        ("brotli", Answer::Bytes(coded("br", &brotli)), UNSUPPORTED),
        ("gzip of nothing", Answer::Endless(coded("gzip", &empty_gzip), nothing.clone()), UNSUPPORTED),
        ("gzip members of nothing", Answer::Endless(coded("gzip", b""), packed::gzip(b"")), UNSUPPORTED),
        ("deflate of nothing", Answer::Endless(coded("deflate", &empty_zlib), nothing), UNSUPPORTED),
        // RFC 7932 §9.2: blocks of metadata, each of no bytes.
        ("brotli of nothing", Answer::Endless(coded("br", &[0x0c]), vec![0x06; 10_000]), UNSUPPORTED),
        // A window of 2^30 bytes, then the end: a decoder that accepts it returns an empty page.
        ("brotli with a large window", Answer::Bytes(coded("br", &[0x11, 0xde])), UNREACHABLE),
        ("zstd", Answer::Endless(coded("zstd", b"\x28\xb5\x2f\xfd"), vec![0; 1_000]), UNSUPPORTED),
        // Few bytes are sent and none comes out; the data between the two layers is too large.
        ("a name without end between two layers", Answer::Bytes(coded("gzip, br", &named)), UNSUPPORTED),
        ("three layers", Answer::Bytes(coded("br, gzip, gzip", &gzip)), UNSUPPORTED),
        // A block of four bytes that stands for 128 KiB.
        (
            "zstd repeats",
            Answer::Endless(coded("zstd", b"\x28\xb5\x2f\xfd\0\x50"), [2, 0, 0x10, b'a'].repeat(200)),
            UNSUPPORTED,
        ),
        ("zstd with a large window", Answer::Bytes(coded("zstd", b"\x28\xb5\x2f\xfd\0\xa0\x01\0\0")), UNREACHABLE),
        ("brotli cut off", Answer::Bytes(coded("br", &brotli[..4])), UNREACHABLE),
    ])
    .await;
    let f = fetcher();
    for (name, body) in [("br", packed::brotli(b"<p>packed").await), ("gzip", vec![]), ("br", vec![])] {
        let site = Scripted::start(vec![("/", Answer::Bytes(coded(name, &body)))]).await;
        let want = if body.is_empty() { &b""[..] } else { b"<p>packed" };
        assert_eq!(&get(&f, &site.url("/")).await.unwrap().body[..], want, "{name}");
    }
}

#[tokio::test]
async fn the_length_of_a_redirects_target_is_limited() {
    let f = fetcher();
    let long = format!("/{}", "a".repeat(9_000));
    let longest = format!("http://e.test/?{}", "é".repeat(2_000));
    assert!(longest.len() < 8_192 && check_url(&longest).is_err());
    // Refused as any URL that may not be fetched, and not retryable; the target is not requested.
    for location in [long.clone(), longest, format!("http://{}/", "a.".repeat(5_000))] {
        let site = Scripted::start(vec![("/", to(&location))]).await;
        let error = get(&f, &site.url("/")).await.unwrap_err();
        assert!(error.to_string().contains("8192 bytes"), "{error}");
        assert_eq!(code(Err(error)), (UrlUnreachable, false));
        assert_eq!(site.asked(), ["/"]);
    }
    // A Location longer than any head may be.
    expect_errors(vec![("larger than a head", to("/a".repeat(500_000)), UNREACHABLE)]).await;
    // The body of a redirect is never read.
    let endless = Answer::Endless(
        b"HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Encoding: gzip\r\n\r\n".to_vec(),
        vec![b'a'; 10_000],
    );
    let site = Scripted::start(vec![("/", endless), ("/2", ok("there"))]).await;
    assert_eq!(&get(&f, &site.url("/")).await.unwrap().body[..], b"there");
    site.wait_until_idle().await;
}
