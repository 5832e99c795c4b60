//! Resolves names as the machine does: its hosts file first, then the DNS servers of its resolver configuration. Checks
//! no address.
//!
//! Look-ups are futures instead of calls to the C library, because such a call cannot be abandoned: it occupies one of
//! the runtime's blocking threads until a silent server has timed out, even if nobody waits for it any more.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hickory_resolver::config::{ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Hosts, TokioResolver};
use tokio::sync::Semaphore;

/// Maximum number of look-ups at once; further ones wait for a permit within their own deadline.
const MAX_LOOKUPS: usize = 256;
/// Maximum number of look-ups at once by the C library, each of which occupies a thread.
const MAX_BLOCKING: usize = 16;
/// Number of names in the cache.
const CACHED_NAMES: u64 = 4_096;
/// Maximum time that an answer is cached, whatever its TTL.
const MAX_TTL: Duration = Duration::from_secs(60);
/// Maximum time that "there is no such name" is cached.
const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(10);

/// The name has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name is unknown")]
pub(crate) struct UnknownName;

/// The machine's resolver. It is set up at the first look-up, inside the runtime, and reads the machine's files then.
#[derive(Clone)]
pub(crate) struct SystemResolver {
    inner: Arc<Inner>,
}

struct Inner {
    source: OnceLock<Source>,
    permits: Arc<Semaphore>,
    blocking_permits: Arc<Semaphore>,
}

enum Source {
    Dns(Box<(Hosts, TokioResolver)>),
    /// The resolver configuration cannot be read. The C library may know more; it runs in a bounded number of threads.
    System,
}

impl std::fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemResolver")
    }
}

impl SystemResolver {
    pub(crate) fn new() -> SystemResolver {
        let (permits, blocking_permits) = (Semaphore::new(MAX_LOOKUPS), Semaphore::new(MAX_BLOCKING));
        let inner =
            Inner { source: OnceLock::new(), permits: Arc::new(permits), blocking_permits: Arc::new(blocking_permits) };
        SystemResolver { inner: Arc::new(inner) }
    }

    /// Returns the addresses of a name, with port 0.
    ///
    /// # Errors
    /// [`UnknownName`] if the name has none; another error if no server answers.
    pub(crate) async fn resolve(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        // The permit is released with this future, whether it completes or is dropped.
        let _permit = self.inner.permits.acquire().await.map_err(io::Error::other)?;
        match self.inner.source.get_or_init(Source::from_system) {
            Source::Dns(dns) => look_up(&dns.0, &dns.1, name).await,
            Source::System => self.look_up_blocking(name.to_owned()).await,
        }
    }

    /// Resolves a name with the C library. Holds a permit until that call returns, which may be long after the caller
    /// has gone.
    async fn look_up_blocking(&self, name: String) -> io::Result<Vec<SocketAddr>> {
        let permit = Arc::clone(&self.inner.blocking_permits).acquire_owned().await.map_err(io::Error::other)?;
        let task = tokio::spawn(async move {
            let _permit = permit;
            // The C library does not distinguish an unknown name from a silent server.
            tokio::net::lookup_host((name, 0)).await.map(Vec::from_iter).map_err(|_| io::Error::other(UnknownName))
        });
        task.await.map_err(io::Error::other)?
    }
}

impl Source {
    fn from_system() -> Source {
        let hosts = Hosts::from_system().unwrap_or_default();
        match read_system_conf().and_then(|(config, options)| resolver(config, options)) {
            Ok(resolver) => Source::Dns(Box::new((hosts, resolver))),
            Err(_) => Source::System,
        }
    }
}

fn resolver(config: ResolverConfig, options: ResolverOpts) -> Result<TokioResolver, NetError> {
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
    let options = builder.options_mut();
    // `look_up` consults the hosts file itself: for a name in the file, no server is queried for addresses that the
    // file lacks.
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = CACHED_NAMES;
    options.positive_max_ttl = Some(MAX_TTL);
    options.negative_max_ttl = Some(MAX_NEGATIVE_TTL);
    builder.build()
}

async fn look_up(hosts: &Hosts, resolver: &TokioResolver, name: &str) -> io::Result<Vec<SocketAddr>> {
    let unknown = || io::Error::other(UnknownName);
    // Text that cannot be a DNS name, such as a label of over 63 bytes, has no address.
    let parsed = Name::from_utf8(name).map_err(|_| unknown())?;
    let from_hosts_file: Vec<SocketAddr> = [RecordType::A, RecordType::AAAA]
        .into_iter()
        .filter_map(|kind| hosts.lookup_static_host(&Query::query(parsed.clone(), kind)))
        .flat_map(|found| found.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<IpAddr>>())
        .map(|ip| SocketAddr::new(ip, 0))
        .collect();
    if !from_hosts_file.is_empty() {
        return Ok(from_hosts_file);
    }
    match resolver.lookup_ip(parsed).await {
        Ok(found) => Ok(found.iter().map(|ip| SocketAddr::new(ip, 0)).collect()),
        Err(error) if error.is_no_records_found() => Err(unknown()),
        Err(error) => Err(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use hickory_resolver::config::{ConnectionConfig, NameServerConfig};
    use tokio::net::UdpSocket;

    use super::*;

    /// Builds a resolver that queries only this server.
    fn resolver_for(server: SocketAddr) -> SystemResolver {
        let mut connection = ConnectionConfig::udp();
        connection.port = server.port();
        let config =
            ResolverConfig::from_parts(None, vec![], vec![NameServerConfig::new(server.ip(), true, vec![connection])]);
        let dns = resolver(config, ResolverOpts::default()).unwrap();
        let resolver = SystemResolver::new();
        let _ = resolver.inner.source.set(Source::Dns(Box::new((Hosts::default(), dns))));
        resolver
    }

    /// Runs a DNS server that answers each query with this code and, for IPv4 queries, with this address.
    async fn server(code: u8, address: Option<Ipv4Addr>) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut query = [0u8; 512];
            while let Ok((n, peer)) = socket.recv_from(&mut query).await {
                // The question ends after the root label, its type and its class.
                let end = 12 + query[12..n].iter().position(|b| *b == 0).unwrap() + 5;
                let given = address.filter(|_| query[end - 3] == 1);
                let mut answer = query[..end].to_vec();
                answer[2] = 0x84;
                answer[3] = code;
                answer[6..12].copy_from_slice(&[0, u8::from(given.is_some()), 0, 0, 0, 0]);
                if let Some(ip) = given {
                    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                    answer.extend(ip.octets());
                }
                let _ = socket.send_to(&answer, peer).await;
            }
        });
        at
    }

    #[tokio::test]
    async fn a_name_is_resolved_by_the_configured_server() {
        let resolver = resolver_for(server(0, Some(Ipv4Addr::new(127, 0, 0, 9))).await);
        assert_eq!(resolver.resolve("a.example.com").await.unwrap(), ["127.0.0.9:0".parse().unwrap()]);
    }

    #[tokio::test]
    async fn an_unknown_name_is_distinguished_from_a_failing_server() {
        let unknown = |error: &io::Error| error.get_ref().is_some_and(|e| e.is::<UnknownName>());
        let nobody = resolver_for(server(3, None).await).resolve("a.example.com").await.unwrap_err();
        assert!(unknown(&nobody), "{nobody:?}");
        let failing = resolver_for(server(2, None).await).resolve("a.example.com").await.unwrap_err();
        assert!(!unknown(&failing), "{failing:?}");
        assert!(unknown(&SystemResolver::new().resolve(&format!("{}.test", "a".repeat(64))).await.unwrap_err()));
    }

    #[tokio::test]
    async fn the_hosts_file_is_consulted_before_any_server() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let resolver = resolver_for(silent.local_addr().unwrap());
        let Some(Source::Dns(dns)) = resolver.inner.source.get() else { panic!("set above") };
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(&b"127.0.0.7 printer printer.example.com\n"[..]).unwrap();
        for name in ["printer", "printer.example.com", "PRINTER.example.com."] {
            assert_eq!(look_up(&hosts, &dns.1, name).await.unwrap(), ["127.0.0.7:0".parse().unwrap()], "{name}");
        }
    }

    /// Twice as many look-ups as there are permits, and many more than threads, all abandoned: later look-ups still get
    /// a permit.
    #[test]
    fn abandoned_look_ups_hold_no_permit_and_no_thread() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
        runtime.unwrap().block_on(async {
            let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let resolver = resolver_for(silent.local_addr().unwrap());
            for i in 0..2 * MAX_LOOKUPS {
                let name = format!("n{i}.example.com");
                let abandoned = tokio::time::timeout(Duration::from_millis(1), resolver.resolve(&name)).await;
                assert!(abandoned.is_err());
            }
            assert_eq!(resolver.inner.permits.available_permits(), MAX_LOOKUPS);
            let free = tokio::time::timeout(Duration::from_secs(10), tokio::task::spawn_blocking(|| 1)).await;
            assert_eq!(free.unwrap().unwrap(), 1);
        });
    }
}
