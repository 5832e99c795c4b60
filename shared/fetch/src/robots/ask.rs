//! Fetching a site's robots.txt, through the same client and the same guard as its pages. RFC 9309 §2.3.

use std::time::Duration;

use reqwest::Response;
use url::Url;

use super::{MAX_ROBOTS, Robots};
use crate::body::check_encoding;
use crate::client::{Arrival, Fetcher};
use crate::error::{FetchError, Throttled};
use crate::fault::explain;
use crate::guard::Refusal;
use crate::throttle::throttled;

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RobotsOutcome {
    /// There is a file: its rules hold.
    Found,
    /// There is none: a 4xx status, or redirects that end nowhere. Everything is allowed (§2.3.1.3).
    Unavailable,
    /// It cannot be had: a 5xx status, no answer, an answer that breaks off, an address that may not be fetched. Nothing
    /// is allowed (§2.3.1.4).
    Unreachable(FetchError),
}

/// A site's rules and where they come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RobotsAnswer {
    /// What holds, whatever the outcome.
    pub robots: Robots,
    /// Why it does.
    pub outcome: RobotsOutcome,
    /// HTTP status of the last answer, if there was one.
    pub status: Option<u16>,
    /// Whether that answer said to slow down (429, 503).
    pub throttled: Option<Throttled>,
}

impl RobotsAnswer {
    fn of(outcome: RobotsOutcome, status: Option<u16>) -> RobotsAnswer {
        let robots = match outcome {
            RobotsOutcome::Unreachable(_) => Robots::disallow_all(),
            RobotsOutcome::Found | RobotsOutcome::Unavailable => Robots::allow_all(),
        };
        RobotsAnswer { robots, outcome, status, throttled: None }
    }
}

impl Fetcher {
    /// Asks the site that `origin` is on (scheme, host and port; the rest of it does not matter) for its robots.txt.
    /// `timeout` is for all of it. Of a file that is too long its start is read.
    pub async fn robots(&self, origin: &Url, timeout: Duration) -> RobotsAnswer {
        let mut url = origin.clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        match tokio::time::timeout(timeout, self.ask(&url)).await {
            Ok(answer) => answer,
            Err(_) => RobotsAnswer::of(RobotsOutcome::Unreachable(FetchError::Timeout(timeout)), None),
        }
    }

    async fn ask(&self, url: &Url) -> RobotsAnswer {
        let response = match self.arrive(url, "text/plain,*/*;q=0.5").await {
            Ok(Arrival::At(_, response)) => response,
            Ok(Arrival::Astray(_)) => return RobotsAnswer::of(RobotsOutcome::Unavailable, None),
            Err(error) => return RobotsAnswer::of(RobotsOutcome::Unreachable(error), None),
        };
        let status = response.status();
        let code = Some(status.as_u16());
        let throttled = throttled(&response);
        if status.is_client_error() || status.is_redirection() {
            return RobotsAnswer { throttled, ..RobotsAnswer::of(RobotsOutcome::Unavailable, code) };
        }
        if !status.is_success() {
            let text = format!("the site answered with status {} when asked for its robots.txt", status.as_u16());
            let outcome = RobotsOutcome::Unreachable(FetchError::Unreachable(text));
            return RobotsAnswer { throttled, ..RobotsAnswer::of(outcome, code) };
        }
        match start_of(response).await {
            Ok(file) => {
                let robots = Robots::parse(&file, self.product_token());
                RobotsAnswer { robots, outcome: RobotsOutcome::Found, status: code, throttled: None }
            }
            Err(error) => RobotsAnswer::of(RobotsOutcome::Unreachable(error), code),
        }
    }
}

/// One byte more of a body than is used, so that the parser sees that there is more; decoded bytes are counted.
async fn start_of(mut response: Response) -> Result<Vec<u8>, FetchError> {
    check_encoding(response.headers())?;
    let mut file = Vec::new();
    // The name was resolved long ago: no refusal can come from here.
    while let Some(chunk) = response.chunk().await.map_err(|e| explain(&e, &Refusal::Name))? {
        let room = MAX_ROBOTS + 1 - file.len();
        file.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if file.len() > MAX_ROBOTS {
            break;
        }
    }
    Ok(file)
}
