//! Plain TCP connections for callers that speak HTTP themselves, such as the proxy of a browser. Checked like a page's
//! connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;
use url::{Host, Url};

use super::{FetchConfig, Fetcher, Inner};
use crate::error::{BuildError, FetchError};
use crate::fault::translate_dial;
use crate::resolver::{GuardedResolver, Lookup};
use crate::target::check_parsed;

/// Connect timeout for each address of a host except the last one.
const PER_ADDRESS_TIMEOUT: Duration = Duration::from_secs(3);

impl Fetcher {
    /// Connects to the host and port of a URL. Looks the name up once, checks all its addresses, and connects to one of
    /// them.
    ///
    /// # Errors
    /// The URL may not be fetched, or the connection fails.
    pub async fn dial(&self, url: &Url) -> Result<TcpStream, FetchError> {
        self.inner.dial(url).await
    }

    /// Builds a client that resolves names from a table instead of the machine's DNS: for tests, whose look-ups must
    /// not leave the machine.
    ///
    /// # Errors
    /// As [`Fetcher::new`].
    pub fn with_names(config: FetchConfig, names: fn(&str) -> Vec<SocketAddr>) -> Result<Fetcher, BuildError> {
        Fetcher::with_lookup(config, Lookup::Fixed(names))
    }
}

impl Inner {
    async fn dial(&self, url: &Url) -> Result<TcpStream, FetchError> {
        check_parsed(url).map_err(|fault| FetchError::Forbidden(format!("this URL may not be fetched: {fault}")))?;
        let route = self.route(url).map_err(|refusal| FetchError::Forbidden(refusal.to_string()))?;
        let resolver = GuardedResolver { guard: self.guard.clone(), scope: route.scope, lookup: self.lookup.clone() };
        let opened = tokio::time::timeout(self.connect_timeout, connect(url, &resolver)).await;
        let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let stream = opened.map_err(|error| translate_dial(&error, &route.refusal))?;
        self.check_peer(&route, stream.peer_addr().ok(), url)?;
        Ok(stream)
    }
}

/// Connects to one of a host's checked addresses; tries them in the order of the DNS answer.
async fn connect(url: &Url, resolver: &GuardedResolver) -> io::Result<TcpStream> {
    let port = url.port_or_known_default().unwrap_or(0);
    let ips: Vec<IpAddr> = match url.host() {
        Some(Host::Ipv4(ip)) => vec![ip.into()],
        Some(Host::Ipv6(ip)) => vec![ip.into()],
        Some(Host::Domain(name)) => resolver.addresses(name).await?.iter().map(SocketAddr::ip).collect(),
        None => Vec::new(),
    };
    let Some((last, others)) = ips.split_last() else { return Err(io::ErrorKind::AddrNotAvailable.into()) };
    for ip in others {
        if let Ok(Ok(stream)) = tokio::time::timeout(PER_ADDRESS_TIMEOUT, TcpStream::connect((*ip, port))).await {
            return Ok(stream);
        }
    }
    TcpStream::connect((*last, port)).await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// Resolves `turns.example.com` to an allowed address once and to a forbidden one from then on.
    fn rebound(name: &str) -> Vec<SocketAddr> {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let last = match name {
            "turns.example.com" if ASKED.fetch_add(1, Ordering::SeqCst) == 0 => 1,
            "good.example.com" => 1,
            _ => 2,
        };
        vec![([127, 0, 0, last], 0).into()]
    }

    #[tokio::test]
    async fn a_dialled_connection_is_checked_like_a_page() {
        let [allowed, other] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.2:0").await];
        let (allowed, other) = (allowed.unwrap(), other.unwrap());
        let (good, bad) = (allowed.local_addr().unwrap(), other.local_addr().unwrap());
        let config = FetchConfig { allow: vec!["127.0.0.1/32".parse().unwrap()], ..FetchConfig::default() };
        let fetcher = Fetcher::with_names(config, rebound).unwrap();
        let dial = async |text: String| fetcher.dial(&Url::parse(&text).unwrap()).await;
        for text in [format!("http://{good}/"), format!("https://good.example.com:{}/", good.port())] {
            assert_eq!(dial(text).await.unwrap().peer_addr().unwrap(), good);
        }
        let turns = format!("http://turns.example.com:{}/", good.port());
        assert_eq!(dial(turns.clone()).await.unwrap().peer_addr().unwrap(), good);
        for text in [
            turns,
            format!("http://{bad}/"),
            format!("http://bad.example.com:{}/", bad.port()),
            format!("http://user@{good}/"),
            "ftp://good.example.com/".into(),
        ] {
            let refused = dial(text.clone()).await;
            assert!(matches!(refused, Err(FetchError::Forbidden(_))), "{text}: {refused:?}");
        }
        // It does not listen, so it refuses connections, and no other test gets its port.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        assert!(dial(format!("http://{}/", closed.local_addr().unwrap())).await.unwrap_err().is_transient());
        let waiting = tokio::time::timeout(Duration::from_millis(50), other.accept()).await;
        assert!(waiting.is_err(), "a forbidden address was connected to");
    }
}
