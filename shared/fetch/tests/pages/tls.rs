//! TLS: sites that do not finish the handshake in time, that do not speak TLS, and whose certificate is not trusted.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::ErrorCode::UrlUnreachable;
use fetch::{FetchConfig, Fetcher};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::scripted::{Answer, Scripted};
use crate::{code, fetcher, get};

/// A self-signed certificate for 127.0.0.1 (`openssl req -x509`). That its key is public does no harm.
const CERTIFICATE: &[u8] = include_bytes!("self-signed.crt.der");
const KEY: &[u8] = include_bytes!("self-signed.key.der");

/// The connection is accepted but nothing is sent on it. The page would have 20 seconds; a connection has a fraction of
/// one.
#[tokio::test]
async fn a_connection_has_a_deadline_of_its_own() {
    // Never accepted, so never answered: the kernel completes the TCP handshake, but nobody the TLS handshake.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let connect_timeout = Duration::from_millis(300);
    let f = Fetcher::new(FetchConfig { allow, connect_timeout, ..FetchConfig::default() }).unwrap();
    let start = Instant::now();
    let error = get(&f, &format!("https://{}/", silent.local_addr().unwrap())).await.unwrap_err();
    assert!(error.to_string().contains("in time"), "{error}");
    assert_eq!(code(Err(error)), (UrlUnreachable, true));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(60), "{took:?}");
}

#[tokio::test]
async fn a_site_that_does_not_speak_tls_is_unreachable() {
    let alert = [0x15, 3, 3, 0, 2, 2, 40].to_vec();
    let f = fetcher();
    for (name, answer) in [
        ("plain", Answer::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())),
        ("alert", Answer::Bytes(alert)),
        ("nothing", Answer::Bytes(vec![])),
        ("reset", Answer::Reset(vec![])),
        ("endless", Answer::Endless(vec![], vec![0x16; 1_000])),
    ] {
        // A TLS handshake is not an HTTP request, so any path must match.
        let site = Scripted::start(vec![("*", answer)]).await;
        let result = get(&f, &format!("https://{}/", site.address)).await;
        assert_eq!(code(result), (UrlUnreachable, true), "{name}");
        site.wait_until_idle().await;
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_refused() {
    let f = fetcher();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let key = PrivatePkcs8KeyDer::from(KEY).into();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![CertificateDer::from(CERTIFICATE)], key).unwrap();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        while tls.is_handshaking() && tls.complete_io(&mut socket).is_ok() {}
        tls.is_handshaking()
    });
    let error = get(&f, &format!("https://{address}/")).await.unwrap_err();
    assert!(error.to_string().contains("certificate is not valid"), "{error}");
    assert_eq!(code(Err(error)), (UrlUnreachable, true));
    assert!(server.join().unwrap(), "the handshake must not complete");
}
