//! Proxies named in the environment are not used: they would connect to addresses that were not checked. The
//! environment belongs to the process, so the fetch runs in another process: this test again, marked by a variable.

use std::process::Command;

use crate::site::Site;
use crate::{fetcher, get};

const THIS_TEST: &str = "proxies::proxies_of_the_environment_are_ignored";
const CHILD_VARIABLE: &str = "RUNO_TEST_PROXIED_CHILD";

#[tokio::test]
#[allow(clippy::disallowed_methods)] // reads in which of the two processes it runs
async fn proxies_of_the_environment_are_ignored() {
    if std::env::var_os(CHILD_VARIABLE).is_some() {
        let site = Site::start().await;
        assert!(get(&fetcher(), &site.url("/ok")).await.is_ok());
        return;
    }
    // Bound but never answers: a fetch through it would time out.
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", THIS_TEST]).env(CHILD_VARIABLE, "1");
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &address);
    }
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    let output = child.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
    proxy.set_nonblocking(true).unwrap();
    assert!(proxy.accept().is_err(), "the proxy was connected to");
}
