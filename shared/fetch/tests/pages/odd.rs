//! Responses that browsers accept and HTTP libraries have refused, collected from issue trackers of such libraries:
//! tables of raw bytes, grouped by what is odd about them.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::scripted::{Answer, Scripted, open, to};
use crate::site::page;
use crate::{fetcher, get, packed};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
const PAGE: &str = "<html><h1>Page</h1></html>\n";

/// Fetches each of these responses and expects the page.
async fn expect_pages(answers: Vec<(&'static str, Vec<u8>)>) {
    let f = fetcher();
    for (what, bytes) in answers {
        let site = Scripted::start(vec![("/", Answer::Bytes(bytes))]).await;
        let got = get(&f, &site.url("/")).await;
        let text = got.as_ref().map(|page| String::from_utf8_lossy(&page.body).into_owned());
        assert_eq!(text, Ok(PAGE.to_owned()), "{what}");
    }
}

fn raw(head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [head.as_bytes(), b"\r\n", body.as_ref()].concat()
}

fn chunked(fields: &str, chunks: &str) -> Vec<u8> {
    raw(&format!("{OK}Transfer-Encoding: chunked\r\n{fields}"), chunks)
}

#[tokio::test]
async fn odd_heads_are_read() {
    let length = PAGE.len();
    let with = |fields: &str| raw(&format!("{OK}Content-Length: {length}\r\n{fields}"), PAGE);
    let typed = |kind: &str| raw(&format!("HTTP/1.1 200 OK\r\n{kind}Content-Length: {length}\r\n"), PAGE);
    expect_pages(vec![
        ("a second status line", raw("HTTP/1.0 200 OK\r\nHTTP/1.0 200 OK\r\nContent-Type: text/html\r\n", PAGE)),
        ("empty lines before the status", [b"\r\n\r\n".to_vec(), with("")].concat()),
        ("a control character in a cookie", with("Set-Cookie: a=b; domain=\x7fwwom\x7f.com\r\n")),
        ("no blank behind the colon", with("X:y\r\nServer:z\r\n")),
        ("tabs around a value", with("X:\t y \t\r\n")),
        ("empty values", with("X:\r\nContent-Encoding:\r\nTransfer-Encoding:\r\n")),
        ("a name of punctuation", with("X_(y)!: z\r\n")),
        ("a name in quotes", with("\"X\": z\r\n")),
        ("no name", with(": z\r\n")),
        ("an offered upgrade", with("Upgrade: h2,h2c\r\nConnection: Upgrade, close\r\n")),
        ("an attachment", with("Content-Disposition: attachment; filename=\"a.html\"\r\n")),
        ("a length given twice in one field", raw(&format!("{OK}Content-Length: {length}, {length}\r\n"), PAGE)),
        ("a length with zeros", raw(&format!("{OK}Content-Length: 000{length}\r\n"), PAGE)),
        (
            "HTTP/1.0 that keeps the connection",
            raw(&format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: {length}\r\n"), PAGE),
        ),
        ("early hints", [b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n".to_vec(), with("")].concat()),
        ("a 100 nobody asked for", [b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), with("")].concat()),
        ("two types", typed("Content-Type: text/html\r\nContent-Type: text/html; charset=utf-8\r\n")),
        ("a type after an invalid one", typed("Content-Type: unknown/unknown\r\nContent-Type: text/html\r\n")),
        (
            "a type that browsers prefer to the first",
            typed("Content-Type: application/pdf\r\nContent-Type: text/html\r\n"),
        ),
        ("something to save", typed("Content-Type: application/force-download\r\n")),
        ("bytes of any kind", typed("Content-Type: application/octet-stream\r\n")),
        ("a type without a subtype", typed("Content-Type: text\r\n")),
        ("a type in quotes", typed("Content-Type: \"text/html\"\r\n")),
        ("a type with a colon", typed("Content-Type: text/html: charset=utf-8\r\n")),
    ])
    .await;
}

#[tokio::test]
async fn odd_bodies_are_read() {
    let length = PAGE.len();
    let whole = |size: &str| chunked("", &format!("{size}\r\n{PAGE}\r\n0\r\n\r\n"));
    let long = raw(&format!("{OK}Content-Length: {}\r\n", length + 200), PAGE);
    expect_pages(vec![
        ("a chunk's size in capitals", whole(&format!("{length:X}"))),
        ("with zeros", whole(&format!("0000{length:x}"))),
        ("with blanks behind it", whole(&format!("{length:x}  "))),
        ("with an extension", whole(&format!("{length:x};a=b;c=\"d\""))),
        ("trailers", chunked("Trailer: X\r\n", &format!("{length:x}\r\n{PAGE}\r\n0\r\nX: y\r\n\r\n"))),
        ("Chunked", raw(&format!("{OK}Transfer-Encoding: Chunked\r\n"), format!("{length:x}\r\n{PAGE}\r\n0\r\n\r\n"))),
        ("a length beside chunks", chunked("Content-Length: 7\r\n", &format!("{length:x}\r\n{PAGE}\r\n0\r\n\r\n"))),
        ("identity as transfer coding", raw(&format!("{OK}Transfer-Encoding: identity\r\n"), PAGE)),
        ("no last chunk", chunked("", &format!("{length:x}\r\n{PAGE}\r\n"))),
        ("no end of the last chunk", chunked("", &format!("{length:x}\r\n{PAGE}\r\n0\r\n"))),
        ("a length that is too long", long),
        ("the length of the decoded page", {
            let packed = packed::gzip(PAGE.as_bytes());
            raw(&format!("{OK}Content-Encoding: gzip\r\nContent-Length: {}\r\n", packed.len() + 900), packed)
        }),
    ])
    .await;
    // A page without its end tag may be incomplete.
    for cut in ["<html><h1>Page</h1>", "<html><h1>Page</h1></html", "plain words"] {
        let bytes = raw(&format!("{OK}Content-Length: 1000\r\n"), cut);
        let site = Scripted::start(vec![("/", Answer::Bytes(bytes))]).await;
        let error = get(&fetcher(), &site.url("/")).await.unwrap_err();
        assert!(error.is_transient(), "{cut}: {error}");
    }
}

/// Characters in URLs that a request must carry.
#[tokio::test]
async fn odd_characters_in_urls_are_sent() {
    let f = fetcher();
    for (written, asked) in [
        ("/a|b", "/a|b"),
        ("/a b", "/a%20b"),
        ("/a\"b", "/a%22b"),
        ("/{a}", "/%7Ba%7D"),
        ("/a%zz", "/a%zz"),
        ("/caf\u{e9}", "/caf%C3%A9"),
        ("/a;b=c,d!$&'()*+", "/a;b=c,d!$&'()*+"),
        ("/[a]", "/[a]"),
        ("/?a[]=1&b={2}", "/?a[]=1&b={2}"),
        ("/?a=b|c^d`e", "/?a=b|c^d`e"),
        ("/?q=\u{2603}", "/?q=%E2%98%83"),
        ("/?a=\"<b>'", "/?a=%22%3Cb%3E%27"),
        ("//a//b/", "//a//b/"),
        ("/a/../b/./c", "/b/c"),
    ] {
        let site = Scripted::start(vec![("*", Answer::Bytes(page("200 OK", "", PAGE.as_bytes())))]).await;
        let got = get(&f, &site.url(written)).await;
        assert!(got.is_ok(), "{written}: {got:?}");
        assert_eq!(site.asked(), [asked], "{written}");
        // The same URL as written in a redirect.
        let from = Scripted::start(vec![("/", to(site.url(written)))]).await;
        let got = get(&f, &from.url("/")).await;
        assert!(got.is_ok(), "{written}: {got:?}");
    }
}

/// The server sends junk or a second response on an idle connection, or closes it.
#[tokio::test]
async fn a_connection_with_unexpected_data_or_end_is_not_reused() {
    for (what, junk, closes) in [
        ("junk", "junk\r\n", false),
        ("a closed one", "", true),
        ("a second answer", "HTTP/1.1 200 OK\r\n\r\nno", false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut head = vec![0u8; 4_096];
                    while socket.read(&mut head).await.is_ok_and(|n| n > 0) {
                        let bytes = raw(&format!("{OK}Content-Length: {}\r\n", PAGE.len()), format!("{PAGE}{junk}"));
                        if socket.write_all(&bytes).await.is_err() || closes {
                            return;
                        }
                    }
                });
            }
        });
        let f = fetcher();
        for n in 0..4 {
            let got = get(&f, &format!("http://{address}/{n}")).await;
            assert_eq!(got.map(|page| page.body).as_deref(), Ok(PAGE.as_bytes()), "{what}, {n}");
        }
    }
}

/// Sites that require their cookie back, set in many spellings.
#[tokio::test]
async fn cookies_set_in_odd_spellings_are_returned() {
    let f = fetcher();
    for set in [
        "seen=1",
        "seen=1; Domain=127.0.0.1",
        "seen=1; path=/; expires=Fri, 31-Dec-2032 23:59:59 GMT",
        "seen=1; expires=Fri, 31 Dec 32 23:59:59 GMT; Path=/",
        "seen=1; expires=nonsense; path=",
        "seen=1; HttpOnly; SameSite=None; Partitioned; Priority=High",
        "seen=1; Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "  seen = 1 ;path=/",
        "seen=1;path=/;",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = vec![0u8; 8_192];
                let n = socket.read(&mut head).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..n]).to_lowercase();
                let answer = match head.contains("seen=1") {
                    true => page("200 OK", "Content-Type: text/html\r\n", PAGE.as_bytes()),
                    // Set by a page that refreshes itself, without a redirect status.
                    false if head.starts_with("get /meta") => page(
                        "200 OK",
                        &format!("Content-Type: text/html\r\nSet-Cookie: {set}\r\n"),
                        b"<meta http-equiv=refresh content='0;url=/meta'>",
                    ),
                    false => page("302 Found", &format!("Set-Cookie: {set}\r\nLocation: /\r\n"), b""),
                };
                let _ = socket.write_all(&answer).await;
            }
        });
        for path in ["", "meta"] {
            let got = get(&f, &format!("http://{address}/{path}")).await;
            assert_eq!(got.map(|page| page.body).as_deref(), Ok(PAGE.as_bytes()), "{set}, /{path}");
        }
    }
}

/// Refreshes as sites write them.
#[tokio::test]
async fn odd_refreshes_are_followed() {
    let f = fetcher();
    for written in [
        "<META HTTP-EQUIV=\"REFRESH\" CONTENT=\"0; URL=/z\">",
        "<meta content='0;\n  url = /z' http-equiv='refresh'>",
        "<meta http-equiv=\"refresh\" content=\"0;url=&quot;/z&quot;\">",
        "<meta http-equiv=refresh content=0;url=/z>",
        "<meta http-equiv='refresh' content='0.5;URL=\"/z\"'/>",
        "<!DOCTYPE html><html><head><title>x</title><meta charset=utf-8><meta http-equiv=refresh content='1 url=/z'>",
        "<meta http-equiv=refresh content='0;url=\t/z\n'>",
        "<meta http-equiv=refresh content='0; /z'>",
        "<meta http-equiv=refresh content='00; url=z'>",
        "<!--[if lt IE 9]><p>old<![endif]--><meta http-equiv=refresh content='0; url=/z'>",
        "<style>a > b {}</style><meta http-equiv=refresh content='0;url=/z'>",
    ] {
        let site = Scripted::start(vec![
            ("/", Answer::Bytes(open("Content-Type: text/html\r\n", written))),
            ("/z", Answer::Bytes(page("200 OK", "", PAGE.as_bytes()))),
        ])
        .await;
        let got = get(&f, &site.url("/")).await;
        assert_eq!(got.map(|page| page.body).as_deref(), Ok(PAGE.as_bytes()), "{written}");
    }
}

/// robots.txt files as sites write them: each disallows `/private` and nothing else.
#[tokio::test]
async fn odd_robots_files_are_read() {
    let f = fetcher();
    let denies = "User-agent: *\nDisallow: /private\n";
    for (what, bytes) in [
        ("a byte order mark", page("200 OK", "", format!("\u{feff}{denies}").as_bytes())),
        ("old line ends", page("200 OK", "", denies.replace('\n', "\r").as_bytes())),
        ("blank lines in a group", page("200 OK", "", b"User-agent: *\n\n\nDisallow: /private")),
        ("capitals", page("200 OK", "", b"USER-AGENT: *\nDISALLOW: /private")),
        ("blanks before colons", page("200 OK", "", b"User-agent : *\n  Disallow : /private  # ours\n")),
        ("bytes of latin-1", page("200 OK", "", b"# caf\xe9\nUser-agent: *\nDisallow: /private\n")),
        (
            "markup around it",
            page("200 OK", "Content-Type: text/html\r\n", format!("<pre>\n{denies}</pre>").as_bytes()),
        ),
        ("a name beside others", page("200 OK", "", b"User-agent: a\nUser-agent: Runo/2.0\nDisallow: /private\n")),
        ("no length", raw("HTTP/1.0 200 OK\r\n", denies)),
        ("a zero byte", page("200 OK", "", b"\0\nUser-agent: *\nDisallow: /private\n")),
        ("declared brotli but plain", page("200 OK", "Content-Encoding: br\r\n", denies.as_bytes())),
    ] {
        let site = Scripted::start(vec![("/robots.txt", Answer::Bytes(bytes))]).await;
        let origin = url::Url::parse(&site.url("/")).unwrap();
        let robots = f.robots(&origin, std::time::Duration::from_secs(20)).await.robots;
        let allows = |path| robots.allows(&origin.join(path).unwrap());
        assert_eq!((allows("/private/x"), allows("/public")), (false, true), "{what}");
    }
}

/// Sitemaps as sites write them: each lists one page.
#[tokio::test]
async fn odd_sitemaps_are_read() {
    let f = fetcher();
    let set = "<urlset><url><loc>https://e.test/a</loc></url></urlset>";
    for (what, bytes) in [
        ("blank lines first", page("200 OK", "", format!("\n \r\n<?xml version='1.0'?>{set}").as_bytes())),
        ("two byte order marks", page("200 OK", "", format!("\u{feff}\u{feff}{set}").as_bytes())),
        (
            "a style sheet",
            page("200 OK", "", format!("<?xml version='1.0'?><?xml-stylesheet href='s.xsl'?>{set}").as_bytes()),
        ),
        ("comments around", page("200 OK", "", format!("<!-- a --><!-- > -->{set}<!-- b -->").as_bytes())),
        ("a doctype", page("200 OK", "", format!("<!DOCTYPE urlset>{set}").as_bytes())),
        (
            "white space in it",
            page("200 OK", "", set.replace("https://e.test/a", "\n\t https://e.test/a \n").as_bytes()),
        ),
        ("attributes", page("200 OK", "", set.replace("<url>", "<url id='1>'>").replace("1>'", "1'").as_bytes())),
        (
            "the type of a gzip file",
            page("200 OK", "Content-Type: application/x-gzip;charset=utf-8\r\n", &packed::gzip(set.as_bytes())),
        ),
        ("compressed but not declared", page("200 OK", "Content-Type: text/xml\r\n", &packed::gzip(set.as_bytes()))),
        ("declared compressed but plain", page("200 OK", "Content-Encoding: gzip\r\n", set.as_bytes())),
        ("a length that is too long", raw(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", set.len() + 99), set)),
        (
            "HTML's entities beside it",
            page("200 OK", "", set.replace("<url>", "<url><title>caf&eacute; & tea</title>").as_bytes()),
        ),
        ("a host in capitals", page("200 OK", "", set.replace("https://e.test", "HTTPS://E.TEST").as_bytes())),
        ("words behind it", page("200 OK", "", format!("{set}\n<br /><b>Warning</b>: x in y.php").as_bytes())),
    ] {
        let site = Scripted::start(vec![("/s", Answer::Bytes(bytes))]).await;
        let url = url::Url::parse(&site.url("/s")).unwrap();
        let timeout = std::time::Duration::from_secs(20);
        let pause = std::time::Duration::ZERO;
        let request = fetch::SitemapRequest { url: &url, wanted: &|_| true, max_urls: 9, timeout, pause };
        let found = f.sitemap(request).await;
        let urls: Vec<&str> = found.urls.iter().map(url::Url::as_str).collect();
        assert_eq!(urls, ["https://e.test/a"], "{what}: {:?}", found.fault);
    }
}
