//! Sends one POST to a URL that a caller gave. Checks the URL like a page's, follows no redirects, and reads only the
//! response's status and `Retry-After`.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use url::{Host, Url};

use super::{Fetcher, Inner, Route};
use crate::error::FetchError;
use crate::error_chain::find;
use crate::fault::translate;
use crate::guard::Refusal;
use crate::resolver::{GuardedResolver, NameRefused};
use crate::target::check_parsed;
use crate::throttle::throttled;

/// Timeout of the look-up that checks a URL before the call that names it is accepted. The name is checked again when
/// it is used.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// A request: what to send, and where.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// Target URL.
    pub url: &'a Url,
    /// Header fields besides `Content-Type`.
    pub headers: &'a HeaderMap,
    /// The body, as JSON.
    pub body: &'a str,
    /// Timeout for everything from the look-up of the name to the head of the response.
    pub timeout: Duration,
}

/// The response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostResponse {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` of a 429 or 503, capped at one hour.
    pub retry_after: Option<Duration>,
}

impl Fetcher {
    /// Sends a JSON document and returns the response, whatever its status. Does not follow redirects.
    ///
    /// # Errors
    /// The address may not be requested, or no response arrived.
    pub async fn post(&self, post: Post<'_>) -> Result<PostResponse, FetchError> {
        match tokio::time::timeout(post.timeout, self.inner.post(post)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Timeout(post.timeout)),
        }
    }

    /// Checks a URL that is requested later, including the addresses of its name. Accepts what cannot be determined
    /// now, such as a name whose look-up fails: it is checked again when it is requested.
    ///
    /// # Errors
    /// The URL leads to an address that may not be requested.
    pub async fn check_target(&self, url: &Url) -> Result<(), FetchError> {
        let forbidden = |refusal: Refusal| FetchError::Forbidden(refusal.to_string());
        let Route { scope, refusal, .. } = self.inner.route(url).map_err(forbidden)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        let inner = &self.inner;
        let resolver = GuardedResolver { guard: inner.guard.clone(), scope, lookup: inner.lookup.clone() };
        match tokio::time::timeout(LOOKUP_TIMEOUT, resolver.addresses(name)).await {
            Ok(Err(error)) if find::<NameRefused>(&error).is_some() => Err(forbidden(refusal)),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

impl Inner {
    async fn post(&self, post: Post<'_>) -> Result<PostResponse, FetchError> {
        let url = post.url;
        check_parsed(url).map_err(|fault| FetchError::Forbidden(format!("this URL may not be requested: {fault}")))?;
        let route = self.route(url).map_err(|refusal| FetchError::Forbidden(refusal.to_string()))?;
        let body = Bytes::copy_from_slice(post.body.as_bytes());
        let request = route.client.post(url.clone()).headers(post.headers.clone());
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        let response = request.send().await.map_err(|e| translate(&e, &route.refusal))?;
        self.check_peer(&route, response.remote_addr(), url)?;
        let retry_after = throttled(&response).and_then(|throttled| throttled.retry_after);
        Ok(PostResponse { status: response.status().as_u16(), retry_after })
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::FetchConfig;

    fn names(name: &str) -> Vec<SocketAddr> {
        match name {
            "good.example.com" => vec![([127, 0, 0, 1], 0).into()],
            "unknown.example.com" => vec![],
            _ => vec![([10, 0, 0, 1], 0).into()],
        }
    }

    fn fetcher(allow: &[&str]) -> Fetcher {
        let allow = allow.iter().map(|range| range.parse().unwrap()).collect();
        Fetcher::with_names(FetchConfig { allow, ..FetchConfig::default() }, names).unwrap()
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    /// Answers one request with this text. The task returns the request.
    async fn receiver(answer: &'static str) -> (SocketAddr, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let asked = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            while !text.ends_with("{\"a\":1}") {
                let mut piece = [0; 1_024];
                let n = socket.read(&mut piece).await.unwrap();
                text.push_str(std::str::from_utf8(&piece[..n]).unwrap());
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
            text
        });
        (at, asked)
    }

    async fn send(fetcher: &Fetcher, url: &Url) -> Result<PostResponse, FetchError> {
        let headers = HeaderMap::from_iter([("webhook-id".parse().unwrap(), "msg_1".parse().unwrap())]);
        fetcher.post(Post { url, headers: &headers, body: "{\"a\":1}", timeout: Duration::from_secs(10) }).await
    }

    #[tokio::test]
    async fn a_post_sends_what_was_given_and_does_not_follow_redirects() {
        let fetcher = fetcher(&["127.0.0.0/8"]);
        let (at, asked) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
        let plain = |status| Ok(PostResponse { status, retry_after: None });
        assert_eq!(send(&fetcher, &url(&format!("http://{at}/in?k=v"))).await, plain(204));
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("POST /in?k=v HTTP/1.1\r\n"), "{asked}");
        for field in
            ["webhook-id: msg_1", "content-type: application/json", "content-length: 7", "user-agent: Runo/0.1"]
        {
            assert!(asked.to_lowercase().contains(&field.to_lowercase()), "{field}: {asked}");
        }
        let (at, _asked) = receiver("HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(send(&fetcher, &url(&format!("http://{at}/"))).await, plain(302));
        let (at, _asked) = receiver("HTTP/1.1 503 X\r\nRetry-After: 99999\r\nContent-Length: 0\r\n\r\n").await;
        let asked = Ok(PostResponse { status: 503, retry_after: Some(Duration::from_secs(3_600)) });
        assert_eq!(send(&fetcher, &url(&format!("http://{at}/"))).await, asked);
        // `Retry-After` of a 500 is ignored.
        let (at, _asked) = receiver("HTTP/1.1 500 X\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(send(&fetcher, &url(&format!("http://{at}/"))).await, plain(500));
    }

    /// A receiver that sends nothing, one whose head never ends, and one that keeps sending after its head.
    #[tokio::test]
    async fn a_silent_receiver_times_out_and_the_body_of_a_response_is_not_read() {
        let fetcher = fetcher(&["127.0.0.0/8"]);
        for (head, more) in [("", ""), ("HTTP/1.1 200 OK\r\n", "a: b\r\n")] {
            let url = url(&format!("http://{}/", endless_sender(head, more).await.0));
            let timeout = Duration::from_millis(300);
            let post = Post { url: &url, headers: &HeaderMap::new(), body: "{}", timeout };
            let sent = tokio::time::timeout(Duration::from_secs(20), fetcher.post(post)).await;
            assert_eq!(sent, Ok(Err(FetchError::Timeout(timeout))), "{head:?}");
        }
        let (at, talk) = endless_sender("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n").await;
        assert_eq!(
            send(&fetcher, &url(&format!("http://{at}/"))).await,
            Ok(PostResponse { status: 200, retry_after: None })
        );
        // The client has closed the connection.
        talk.await.unwrap();
    }

    /// Sends `head` and then `more` until the client closes the connection, whatever the request.
    async fn endless_sender(head: &'static str, more: &'static str) -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let talk = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = [0; 1_024];
            let _ = socket.read(&mut asked).await;
            let mut written = socket.write_all(head.as_bytes()).await;
            while written.is_ok() {
                tokio::time::sleep(Duration::from_millis(20)).await;
                written = socket.write_all(more.as_bytes()).await;
            }
        });
        (at, talk)
    }

    #[tokio::test]
    async fn nothing_is_posted_to_an_address_that_may_not_be_fetched() {
        let (at, asked) = receiver("").await;
        for (fetcher, text) in [
            (fetcher(&[]), format!("http://{at}/")),
            (fetcher(&[]), "http://localhost/".to_owned()),
            (fetcher(&["127.0.0.0/8"]), "http://bad.example.com/".to_owned()),
            (fetcher(&["127.0.0.0/8"]), "http://u:p@127.0.0.1/".to_owned()),
        ] {
            let sent = send(&fetcher, &url(&text)).await;
            assert!(matches!(sent, Err(FetchError::Forbidden(_))), "{text}: {sent:?}");
        }
        assert!(!asked.is_finished());
        asked.abort();
    }

    #[tokio::test]
    async fn a_target_is_checked_before_it_is_requested() {
        let allowing = fetcher(&["127.0.0.0/8"]);
        for good in ["http://127.0.0.1:8080/", "https://good.example.com/", "https://8.8.8.8/"] {
            assert_eq!(allowing.check_target(&url(good)).await, Ok(()), "{good}");
        }
        for bad in [
            "http://10.0.0.1/",
            "http://[::ffff:192.168.0.1]/",
            "http://169.254.169.254/latest",
            "https://bad.example.com/",
            "https://unknown.example.com/",
            "https://printer.local/",
            "http://8.8.8.8:8080/",
        ] {
            let checked = allowing.check_target(&url(bad)).await;
            assert!(matches!(checked, Err(FetchError::Forbidden(_))), "{bad}: {checked:?}");
        }
        assert!(fetcher(&[]).check_target(&url("http://127.0.0.1:8080/")).await.is_err());
    }
}
