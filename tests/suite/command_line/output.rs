//! Inputs, output formats and exit codes.

use std::fs;

use serde_json::{Value, json};

use super::{run_command, run_with_input, runo, runo_at, runo_without_config};
use crate::support::scripted::{Response, ScriptedServer, end, line};
use crate::support::server::Folder;
use crate::support::site::Site;
use crate::support::stack::World;
use crate::support::until;

#[tokio::test]
async fn an_extract_writes_one_object() {
    let (world, site) = (World::start().await, Site::start().await);
    let url = site.url("/p/7");
    let found = run_command(runo(&world, &["extract", &url, "--field", "title", "--field", "price:float=9.99"])).await;
    assert_eq!((found.code, found.err.as_str()), (0, ""), "{found:?}");
    let page: Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!((&page["data"], &page["status"]), (&json!({ "title": "Page 7", "price": 7.5 }), &json!("success")));
    assert!(found.out.find("\"title\"") < found.out.find("\"price\""), "in the schema's order: {}", found.out);
    let csv = run_command(runo(&world, &["extract", &url, "--field", "title", "-f", "csv"])).await;
    assert_eq!(csv.out, format!("title,page_url,page_error\nPage 7,{url},\n"));
    let gone = site.url("/404");
    let failed = run_command(runo(&world, &["extract", &gone, "--field", "title"])).await;
    assert_eq!(failed.code, 3, "{failed:?}");
    assert_eq!(serde_json::from_str::<Value>(&failed.out).unwrap()["error"]["code"], "URL_UNREACHABLE");
}

#[tokio::test]
async fn a_schema_is_a_field_list_or_json_schema_inline_or_in_a_file() {
    let (world, site, folder) = (World::start().await, Site::start().await, Folder::new("cli-schema"));
    fs::create_dir_all(&folder.0).unwrap();
    let file = folder.0.join("schema.json");
    let list = r#"[{"field": "title", "type": "string", "example": "A title"}]"#;
    let typed = r#"{"type": "object", "properties": {"title": {"type": ["string", "null"]}}}"#;
    fs::write(&file, typed).unwrap();
    let url = site.url("/p/1");
    for schema in [list, typed, r#"{"title": "string"}"#, file.to_str().unwrap()] {
        let found = run_command(runo(&world, &["extract", &url, "--schema", schema])).await;
        assert_eq!((found.code, &found.lines()[0]["data"]), (0, &json!({ "title": "Page 1" })), "{schema}: {found:?}");
    }
    for (schema, word) in
        [("nowhere.json", "nowhere.json"), ("{", "not JSON"), (r#"{"a": "money"}"#, "no type \"money\"")]
    {
        let wrong = run_command(runo(&world, &["extract", &url, "--schema", schema])).await;
        assert_eq!(wrong.code, 2, "{wrong:?}");
        assert!(wrong.err.contains(word) && wrong.out.is_empty(), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_batch_is_written_in_the_requested_format() {
    let (world, site, folder) = (World::start().await, Site::start().await, Folder::new("cli-formats"));
    fs::create_dir_all(&folder.0).unwrap();
    let list = folder.0.join("urls.txt");
    let urls = [site.url("/p/0"), site.url("/404"), site.url("/p/2")];
    fs::write(&list, format!("# three\n\n{}\n", urls.join("\r\n"))).unwrap();
    let batch = ["batch", list.to_str().unwrap(), "--field", "title", "--field", "price:float", "--retries", "0"];

    let lines = run_command(runo(&world, &batch)).await;
    assert_eq!(lines.code, 3, "{lines:?}");
    let mut pages = lines.lines();
    pages.sort_by_key(|page| page["index"].as_u64());
    assert_eq!(pages.iter().map(|page| page["url"].as_str().unwrap()).collect::<Vec<_>>(), urls);
    assert_eq!(pages[2]["data"], json!({ "title": "Page 2", "price": 2.5 }));
    assert!(lines.err.contains("2 read, 1 failed; 3 credits") && lines.err.contains("is running; `runo result job_"));

    let write = async |name: &str| -> String {
        let file = folder.0.join(name);
        let run = run_command(runo(&world, &[&batch[..], &["-q", "-o", file.to_str().unwrap()]].concat())).await;
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (3, "", ""), "{run:?}");
        fs::read_to_string(file).unwrap()
    };
    let array: Vec<Value> = serde_json::from_str(&write("out.json").await).unwrap();
    assert_eq!(array.len(), 3);
    assert_eq!(write("out.jsonl").await.lines().count(), 3);
    let text = write("out.csv").await;
    let mut rows: Vec<&str> = text.lines().collect();
    assert_eq!(rows.remove(0), "title,price,page_url,page_error");
    rows.sort_unstable();
    let [first, gone, third] = &urls;
    let row = [format!(",,{gone},URL_UNREACHABLE"), format!("Page 0,0.5,{first},"), format!("Page 2,2.5,{third},")];
    assert_eq!(rows, row);

    let odd = run_command(runo(&world, &[&batch[..], &["-o", "out.txt"]].concat())).await;
    assert!(odd.code == 2 && odd.err.contains("the extension selects no format"), "{odd:?}");
}

#[tokio::test]
async fn urls_are_read_from_standard_input_and_results_written_at_once() {
    let (world, site) = (World::start().await, Site::start().await);
    let args = ["batch", "--field", "title", "--concurrency", "1"];
    let urls = format!("{}\n{}\n", site.url("/p/0"), site.url("/gate/1"));
    let mut command = runo(&world, &args);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stdin, urls.as_bytes()).await.unwrap();
    drop(stdin);
    // The first result is written while the second page waits.
    let mut out = tokio::io::BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut out, &mut first).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&first).unwrap()["data"]["title"], "Page 0");
    site.open_gate();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));

    let wrong = run_with_input(runo(&world, &args), "http://h/\nnot a url\n").await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("standard input, line 2: \"not a url\" is not an http or https URL"), "{wrong:?}");
    let none = run_with_input(runo(&world, &args), "# nothing\n").await;
    assert!(none.code == 2 && none.err.contains("the input has no URL"), "{none:?}");
}

/// More than 10,000 URLs become several jobs, with consecutive indexes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_urls_become_several_jobs() {
    let body =
        |count: usize| (0..count).map(line).collect::<String>() + &end(count, json!({ "credits_charged": count }));
    let server = ScriptedServer::start([10_000, 10_000, 1].map(|count| Response::of_job(body(count)))).await;
    let urls: String = (0..20_001).map(|n| format!("http://h/{n}\n")).collect();
    let run = run_with_input(runo_at(&server.base, "sk_live_x", &["batch", "--field", "a"]), &urls).await;
    assert_eq!(run.code, 0, "{}", run.err);
    let places: Vec<u64> = run.lines().iter().map(|page| page["index"].as_u64().unwrap()).collect();
    assert_eq!(places, (0..20_001).collect::<Vec<_>>());
    assert!(run.err.contains("20,001 read, 0 failed; 20,001 credits"), "{}", run.err);
    let requested: Vec<Value> =
        server.requests().iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
    let counts: Vec<usize> = requested.iter().map(|body| body["urls"].as_array().unwrap().len()).collect();
    assert_eq!((counts.as_slice(), &requested[2]["urls"][0]), (&[10_000, 10_000, 1][..], &json!("http://h/20000")));
    let keys: std::collections::HashSet<String> =
        server.requests().iter().map(|seen| seen.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 3);
}

/// 40 MB of results pass through a program that never holds more than a part of them.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_take_constant_memory() {
    const MAX_KB: u64 = 40_000;
    let folder = Folder::new("cli-memory");
    fs::create_dir_all(&folder.0).unwrap();
    let (urls, out) = (folder.0.join("urls"), folder.0.join("out.csv"));
    fs::write(&urls, "http://h/\n".repeat(10_000)).unwrap();
    let data = json!({ "title": "x".repeat(4_000) });
    // The indexes are distinct; otherwise all lines would count as one result.
    let body: String = (0..10_000)
        .map(|n| {
            format!(
                "{}\n",
                json!({ "index": n, "url": "http://h/", "status": "success", "render_mode": "fetch", "data": data })
            )
        })
        .collect();
    let server = ScriptedServer::start([Response::of_job(body).hold()]).await;
    let args =
        ["batch", urls.to_str().unwrap(), "--field", "title", "-o", out.to_str().unwrap(), "--on-interrupt", "leave"];
    let mut child = runo_at(&server.base, "sk_live_x", &args).spawn().unwrap();
    until("all results are written", async || fs::metadata(&out).is_ok_and(|data| data.len() > 40_000_000)).await;
    let status = fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < MAX_KB, "{peak} kB at most");
    child.kill().await.unwrap();
    server.release();
}

#[tokio::test]
async fn each_outcome_has_its_exit_code() {
    let (world, site) = (World::start().await, Site::start().await);
    let url = site.url("/p/1");
    let extract = ["extract", url.as_str(), "--field", "title"];
    let code = async |command| {
        let run = run_command(command).await;
        assert!(!run.err.is_empty() && run.out.is_empty(), "{run:?}");
        run.code
    };
    assert_eq!(code(runo(&world, &["extract"])).await, 2);
    assert_eq!(code(runo(&world, &["extract", &url])).await, 2, "SCHEMA_REQUIRED");
    assert_eq!(code(runo(&world, &["extract", "ftp://x/", "--field", "a"])).await, 2);
    assert_eq!(code(runo_at(world.base(), "sk_live_unknown", &extract)).await, 5);
    assert_eq!(code(runo_without_config(&extract)).await, 5, "there is no key");
    let poor = world.account("poor", domain::Plan::Free, None, None).await;
    let many = ["crawl", &url, "--follow", "*", "--max-pages", "1000", "--allow-large", "--field", "a"];
    assert_eq!(code(runo(&poor, &many)).await, 6);
    assert_eq!(code(runo_at("http://127.0.0.1:1", "sk_live_x", &extract)).await, 7);
    assert_eq!(code(runo(&world, &["result", "job_0123456789ab"])).await, 8);
    assert_eq!(code(runo(&world, &["cancel", "job_0123456789ab"])).await, 8);
    // The reader of the output may close it.
    let mut child = runo(&world, &["extract", &url, "--field", "title"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().await.unwrap().code(), Some(141));
}
