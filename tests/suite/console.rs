//! The console over HTTP: who gets its files, how they are cached, and what its content security policy allows. What
//! the page does is tested in a Chromium (`tests/console.sh`).

use reqwest::Method;

use crate::support::stack::{Answer, Caller, World};

/// The paths of the files that the page names.
fn files(page: &str) -> Vec<String> {
    let named = page.split('"').filter(|text| text.starts_with("console/"));
    named.map(|path| format!("/{path}")).collect()
}

async fn ask(caller: &Caller, method: Method, path: &str, fields: &[(&str, &str)]) -> Answer {
    // Redirects are returned, not followed.
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let request = client.request(method, format!("{}{path}", caller.base()));
    caller.send(fields.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn the_files_are_public_cached_and_compressed() {
    let world = World::start().await;
    let root = ask(&world, Method::GET, "/", &[]).await;
    assert_eq!((root.status.as_u16(), root.header("location")), (302, "/console"));
    let page = ask(&world, Method::GET, "/console", &[]).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!((page.header("cache-control"), page.header("vary")), ("no-cache", "Accept-Encoding"));
    let files = files(&page.text);
    assert!(files.len() > 20, "{}", page.text);
    for path in &files {
        let file = ask(&world, Method::GET, path, &[]).await;
        assert_eq!((file.status.as_u16(), file.header("cache-control")), (200, "public, max-age=31536000, immutable"));
        let packed = ask(&world, Method::HEAD, path, &[("Accept-Encoding", "gzip, br")]).await;
        assert_eq!((packed.header("content-encoding"), packed.text.as_str()), ("gzip", ""), "{path}");
        assert!(packed.number("content-length") < file.text.len() as i64 + 40, "{path}");
    }
    let gone = ask(&world, Method::GET, "/console/0a1b2c3d4e5f/app.js", &[]).await;
    assert_eq!(
        (gone.status.as_u16(), gone.code(), gone.header("cache-control")),
        (404, "NOT_FOUND".into(), "no-store")
    );
    let post = ask(&world, Method::POST, "/console", &[]).await;
    assert_eq!((post.status.as_u16(), post.header("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn the_policy_allows_only_its_own_scripts_and_origin() {
    let world = World::start().await;
    let page = ask(&world, Method::GET, "/console", &[]).await;
    let paths = files(&page.text);
    for path in paths.iter().map(String::as_str).chain(["/console"]) {
        let answer = ask(&world, Method::GET, path, &[("Cookie", "a=b")]).await;
        let policy = answer.header("content-security-policy");
        for wanted in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(wanted), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("data:"), "{path}: {policy}");
        assert!(answer.headers.get("set-cookie").is_none(), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}
