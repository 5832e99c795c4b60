//! The command line flags of the browser. Most of them switch off what a browser does on its own.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

/// Flags that are always set.
const BASE_FLAGS: [&str; 48] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-startup-window",
    // The proxy is the only way out, for loopback too. A request that bypasses the proxy resolves no name.
    "--proxy-bypass-list=<-loopback>",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--dns-prefetch-disable",
    "--dns-over-https-mode=off",
    // No activity of the browser's own.
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-pings",
    "--no-pings",
    "--disable-search-engine-choice-screen",
    "--disable-sync",
    "--disable-variations-seed-fetch",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-service-autorun",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--no-crash-upload",
    "--password-store=basic",
    "--use-mock-keychain",
    // Things that pages may not do.
    "--block-new-web-contents",
    "--deny-permission-prompts",
    "--disable-notifications",
    "--disable-file-system",
    "--disable-speech-api",
    "--disable-prompt-on-repost",
    "--mute-audio",
    // Pages are in no visible window; none may be throttled because of that.
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-hang-monitor",
    "--disable-gpu",
    "--hide-scrollbars",
    // Frames run in the process of their page. This is safe: no page has cookies that another site could steal.
    "--disable-site-isolation-trials",
    // Limits the scripts' heap; the rest of a process is watched from outside.
    "--js-flags=--max-old-space-size=512",
    "--disable-dev-shm-usage",
    "--disk-cache-size=16777216",
];

/// Disabled features. "WebUIOmniboxPopup" and "WebUIOmniboxAimPopup" make Chromium 156 load a page for the address bar of each
/// window, in a process of its own with 140 scripts.
const DISABLED_FEATURES: [&str; 24] = [
    "AcceptCHFrame",
    "AutofillServerCommunication",
    "BackForwardCache",
    "CertificateTransparencyComponentUpdater",
    "DialMediaRouteProvider",
    "DirectSockets",
    "GlobalMediaControls",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "IsolateOrigins",
    "IsolateSandboxedIframes",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "Prerender2",
    "PushMessaging",
    "SpareRendererForSitePerProcess",
    "Translate",
    "WebBluetooth",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
    "WebUSB",
    "site-per-process",
];

/// Returns all flags.
pub(crate) fn flags(profile: &Path, proxy: SocketAddr, sandbox: bool) -> Vec<OsString> {
    let mut flags: Vec<OsString> = BASE_FLAGS.iter().map(OsString::from).collect();
    flags.push(format!("--disable-features={}", DISABLED_FEATURES.join(",")).into());
    flags.push(format!("--proxy-server=http://{proxy}").into());
    flags.push(format!("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {}", proxy.ip()).into());
    let mut folder = OsString::from("--user-data-dir=");
    folder.push(profile);
    flags.push(folder);
    if !sandbox {
        flags.push("--no-sandbox".into());
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_off_only_where_it_must_be() {
        let flags = |sandbox| flags(Path::new("/t"), "127.0.0.1:9".parse().unwrap(), sandbox);
        assert!(!flags(true).iter().any(|f| f == "--no-sandbox"));
        assert!(flags(false).iter().any(|f| f == "--no-sandbox"));
        assert!(flags(true).iter().any(|f| f == "--proxy-server=http://127.0.0.1:9"));
    }
}
