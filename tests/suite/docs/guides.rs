//! The shell blocks of documents, pasted into one shell after the other beside a real server. What a document shows after a
//! block must be what the block prints.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use super::read;
use super::snippets::{RUN_BESIDE_A_SERVER, blocks, is_listed, shown_after};
use crate::rendering::browser;
use crate::support::binaries::binary;
use crate::support::model::{ScriptedModel, fields};
use crate::support::ports::free_port;
use crate::support::server::{Folder, Server};
use crate::support::stack::client;

/// Runs before the blocks: provides the repository's programs, and ends background jobs with the shell.
const PREAMBLE: &str = r#"
set -euo pipefail
export PATH="$PWD/bin:$PATH"
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
cargo() {
  case "$*" in
    "run -q -p admin -- "*) shift 5; admin "$@" ;;
    "install --path tools/cli") ;;
    *) echo "the test does not know: cargo $*" >&2; return 1 ;;
  esac
}
"#;

/// The line before the output of a block.
const BLOCK_MARKER: &str = "= = = block";

/// Reports that a document's commands were not run. Written directly, because the test harness captures the output of
/// macros.
fn report_skipped(document: &str, why: &str) {
    let text = format!("\nSKIPPED: the commands of {document} were not run: {why}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
}

/// The first line of `expected` that is not in what was shown, in order. `…` stands for anything within a line.
fn missing<'a>(shown: &str, expected: &'a str) -> Option<&'a str> {
    let mut lines = shown.lines();
    let is_in = |line: &str, wanted: &str| {
        wanted.split('…').try_fold(line, |rest, piece| rest.find(piece).map(|at| &rest[at + piece.len()..])).is_some()
    };
    expected.lines().map(str::trim).find(|wanted| !lines.any(|line| is_in(line, wanted)))
}

/// Runs the blocks of a document that docs/TESTING.md does not list.
async fn run(document: &str, vars: &[(&str, &str)]) {
    assert!(RUN_BESIDE_A_SERVER.contains(&document), "{document} is in the list");
    let text = read(document);
    if text.contains("python3 ") && std::process::Command::new("python3").arg("--version").output().is_err() {
        return report_skipped(document, "python3 is missing");
    }
    let folder = Folder::new(&document.replace('/', "-"));
    fs::create_dir_all(folder.0.join("bin")).unwrap();
    for program in ["runo", "admin"] {
        symlink(binary(program), folder.0.join("bin").join(program)).unwrap();
    }
    let data = folder.0.join(".runo");
    let server = Server::start_with(&data, &[&[("RUNO_DEV_KEY", "sk_live_try_me")], vars].concat());
    if vars.iter().any(|(name, _)| *name == "BROWSER") {
        // Starts the browser beforehand: on a slow machine its start takes longer than the document's own pages may
        // take.
        let options = json!({ "render_js": "always", "timeout_ms": 120_000 });
        let schema = json!([{ "field": "title", "type": "string", "example": "A title" }]);
        let body = json!({ "url": format!("{}/sample/product", server.base), "schema": schema, "options": options });
        let call = client().post(format!("{}/v1/extract", server.base)).header("X-API-Key", "sk_live_try_me");
        let shown = call.body(body.to_string()).send().await.unwrap().text().await.unwrap();
        assert!(shown.contains("headless"), "{shown}");
    }
    // For a server that the document starts.
    let port = free_port().to_string();
    let here = server.base.trim_start_matches("http://");
    let adapted = |text: &str| text.replace("127.0.0.1:8080", here).replace("9000", &port);

    let blocks = blocks(&text);
    let (mut script, mut expected) = (PREAMBLE.to_owned(), Vec::new());
    for (at, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "bash") {
        if !is_listed(document, block) {
            script += &format!("printf '\\n{BLOCK_MARKER} {}\\n'\n{}", block.line, adapted(&block.text));
            expected.push((block.line, shown_after(&blocks, at).map(|output| adapted(&output.text))));
        }
    }
    assert!(!expected.is_empty(), "{document} has commands");
    let mut shell = tokio::process::Command::new("bash");
    shell.args(["-c", &script]).current_dir(&folder.0);
    shell.env("XDG_CONFIG_HOME", folder.0.join("config")).env("NO_PROXY", "127.0.0.1,localhost");
    shell.env_remove("RUNO_API_KEY").env_remove("RUNO_BASE_URL");
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let ran = tokio::time::timeout(Duration::from_secs(180), shell.output()).await;
    let ran = ran.unwrap_or_else(|_| panic!("{document}: the commands do not end")).unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{document}: a command failed:\n{out}\n{err}");
    for (line, wanted) in expected {
        let shown = out.split(&format!("{BLOCK_MARKER} {line}\n")).nth(1).unwrap();
        let shown = shown.split(BLOCK_MARKER).next().unwrap();
        let missing = wanted.as_deref().and_then(|wanted| missing(shown, wanted));
        assert!(missing.is_none(), "{document}:{line} should show {}\nand shows {shown}\n{err}", missing.unwrap());
    }
}

#[test]
fn missing_output_is_detected() {
    assert_eq!(missing("x\n {\"a\":1,\"b\":2}\nc", "{…\"b\":2}\nc"), None);
    assert_eq!(missing("c\n{\"a\":1}", "{…}\nc"), Some("c"), "another order");
    assert_eq!(missing("{\"a\":1}", "{\"a\":2}"), Some("{\"a\":2}"));
    assert_eq!(missing("abc", "c…a"), Some("c…a"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readme_shows_what_its_commands_do() {
    run("README.md", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_quick_start_shows_what_its_commands_do() {
    run("docs/guides/quick-start.md", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_batches_shows_what_its_commands_do() {
    run("docs/guides/batch.md", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_crawls_shows_what_its_commands_do() {
    run("docs/guides/crawl.md", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_background_jobs_shows_what_its_commands_do() {
    run("docs/guides/background.md", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_webhooks_shows_what_its_commands_do() {
    run("docs/guides/webhooks.md", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_rendering_shows_what_its_commands_do() {
    let Some(browser) = browser() else { return };
    run("docs/guides/rendering.md", &[("BROWSER", &browser)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_to_models_shows_what_its_commands_do() {
    let model = ScriptedModel::start(vec![fields([("ownersOrigin", json!("Bergen"), "a couple from Bergen")])]).await;
    model.without_key();
    run("docs/guides/model.md", &[("MODEL_URL", &model.base()), ("MODEL_NAME", "small")]).await;
    assert_eq!(model.calls().len(), 1, "the second call does not use the model");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_lines_readme_shows_what_its_commands_do() {
    run("tools/cli/README.md", &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documents_of_agents_and_webhooks_show_what_their_commands_do() {
    run("docs/MCP.md", &[]).await;
    run("docs/WEBHOOKS.md", &[]).await;
}
