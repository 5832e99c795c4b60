//! Fetches a site's robots.txt with the same client and guard as its pages (RFC 9309 §2.3).

use std::io::Cursor;
use std::time::Duration;

use reqwest::Response;
use tokio::io::AsyncReadExt;
use url::Url;

use super::{MAX_ROBOTS, Robots};
use crate::bounded::Bounded;
use crate::client::{Fetcher, NoResponse, RedirectEnd};
use crate::codec::{GZIP_MAGIC, Reader, gunzipped, up_to};
use crate::decode::{coding, decoded, read_error};
use crate::error::{FetchError, Throttled};
use crate::throttle::throttled;

/// The outcome of fetching a robots.txt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RobotsOutcome {
    /// There is a file; its rules apply.
    Found,
    /// There is no file: a 4xx status, or redirects that lead nowhere. Everything is allowed (§2.3.1.3).
    Unavailable,
    /// The file cannot be fetched: a 5xx status, no response, a response that breaks off, or an address that may not be
    /// fetched. Nothing is allowed (§2.3.1.4).
    Unreachable(FetchError),
    /// No connection to the site was made, or none is allowed. Nothing is allowed; fetching the site's pages reports
    /// the reason.
    NoConnection(FetchError),
}

/// A site's rules and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsAnswer {
    /// The rules that apply, whatever the outcome.
    pub robots: Robots,
    /// Why these rules apply.
    pub outcome: RobotsOutcome,
    /// HTTP status of the last response, if there was one.
    pub status: Option<u16>,
    /// Set if that response asked for fewer requests (429, 503).
    pub throttled: Option<Throttled>,
}

impl RobotsAnswer {
    fn without_file(outcome: RobotsOutcome, status: Option<u16>) -> RobotsAnswer {
        let robots = match outcome {
            RobotsOutcome::Unreachable(_) => Robots::disallow_all(),
            RobotsOutcome::NoConnection(_) => Robots::no_connection(),
            RobotsOutcome::Found | RobotsOutcome::Unavailable => Robots::allow_all(),
        };
        RobotsAnswer { robots, outcome, status, throttled: None }
    }
}

impl Fetcher {
    /// Fetches the robots.txt of the site of `origin` (scheme, host and port; the rest is ignored). `timeout` covers
    /// the whole fetch. Reads only the start of a file that is too long.
    pub async fn robots(&self, origin: &Url, timeout: Duration) -> RobotsAnswer {
        let mut url = origin.clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        match tokio::time::timeout(timeout, self.fetch_robots(&url)).await {
            Ok(answer) => answer,
            Err(_) => RobotsAnswer::without_file(RobotsOutcome::Unreachable(FetchError::Timeout(timeout)), None),
        }
    }

    async fn fetch_robots(&self, url: &Url) -> RobotsAnswer {
        let (at, response) = match self.follow_redirects(url, "text/plain,*/*;q=0.5").await {
            Ok(RedirectEnd::Response(at, response)) => (at, response),
            Ok(RedirectEnd::DeadEnd(_)) => return RobotsAnswer::without_file(RobotsOutcome::Unavailable, None),
            Err(NoResponse { error, hops: 0 }) if error.has_no_connection() => {
                return RobotsAnswer::without_file(RobotsOutcome::NoConnection(error), None);
            }
            Err(NoResponse { error, .. }) => {
                return RobotsAnswer::without_file(RobotsOutcome::Unreachable(error), None);
            }
        };
        let status = response.status();
        let code = Some(status.as_u16());
        let throttled = throttled(&response);
        if status.is_client_error() || status.is_redirection() {
            return RobotsAnswer { throttled, ..RobotsAnswer::without_file(RobotsOutcome::Unavailable, code) };
        }
        if !status.is_success() {
            let text = format!("the site answered with status {} when asked for its robots.txt", status.as_u16());
            let outcome = RobotsOutcome::Unreachable(FetchError::Unreachable(text));
            return RobotsAnswer { throttled, ..RobotsAnswer::without_file(outcome, code) };
        }
        match start_of(response).await {
            Ok(file) => {
                let robots = Robots::parse(&file, self.product_token(), Some(&at));
                RobotsAnswer { robots, outcome: RobotsOutcome::Found, status: code, throttled: None }
            }
            Err(error) => RobotsAnswer::without_file(RobotsOutcome::Unreachable(error), code),
        }
    }
}

/// Maximum number of bytes sent. It stops endless compressed data. It is larger than the limit on decoded bytes, which
/// truncates a file and keeps its start.
const MAX_SENT: usize = 2 * MAX_ROBOTS;

/// Reads one byte more than is used, so that the parser sees that the file continues. Counts decoded bytes.
async fn start_of(response: Response) -> Result<Vec<u8>, FetchError> {
    let failed = |error| {
        read_error(&error, |_| FetchError::Unsupported(format!("the robots.txt is over {MAX_SENT} bytes as sent")))
    };
    let coding = coding(response.headers())?;
    let mut sent = decoded(response, coding, MAX_SENT).await.map_err(failed)?;
    // The file itself may be gzip, beyond what `Content-Encoding` declares.
    let start = up_to(&mut sent, GZIP_MAGIC.len() as u64).await.map_err(failed)?;
    let packed = start == GZIP_MAGIC;
    let file: Reader = Box::new(Cursor::new(start).chain(Bounded::new(sent, MAX_SENT, usize::MAX)));
    let mut start = if packed { gunzipped(file) } else { file }.take(MAX_ROBOTS as u64 + 1);
    let mut file = Vec::new();
    start.read_to_end(&mut file).await.map_err(failed)?;
    Ok(file)
}
