//! `batch --resume`: after the program or the server dies, nothing is lost or charged twice.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{run_command, runo, runo_at};
use crate::support::ports::free_port;
use crate::support::scripted::{Response, ScriptedServer, end, line};
use crate::support::server::{Folder, KEY, Server};
use crate::support::site::Site;
use crate::support::stack::World;
use crate::support::until;

/// A folder with a list of URLs, an output and a resume file.
struct Files {
    folder: Folder,
    urls: PathBuf,
}

impl Files {
    fn new(name: &str, urls: &[String]) -> Files {
        let folder = Folder::new(name);
        fs::create_dir_all(&folder.0).unwrap();
        let list = folder.0.join("urls.txt");
        fs::write(&list, urls.join("\n")).unwrap();
        Files { folder, urls: list }
    }

    fn out(&self) -> PathBuf {
        self.folder.0.join("out.csv")
    }

    fn args(&self) -> Vec<String> {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let mut args: Vec<String> = ["batch", "--field", "title", "--concurrency", "4"].map(str::to_owned).into();
        args.extend(["-o".into(), path(&self.out()), "--resume".into(), path(&self.folder.0.join("resume"))]);
        args.push(path(&self.urls));
        args
    }

    /// The URLs of the rows, each of which must be there once.
    fn rows(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(self.out()).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("title,page_url,page_error"));
        let rows: Vec<String> = lines.map(|line| line.split(',').nth(1).unwrap().to_owned()).collect();
        let urls: BTreeSet<String> = rows.iter().cloned().collect();
        assert_eq!(urls.len(), rows.len(), "{text}");
        urls
    }
}

fn borrowed(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_killed_program_resumes_its_batch() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = [site.urls("/p", 20), site.urls("/gate", 20)].concat();
    let files = Files::new("cli-resume", &urls);
    let args = [files.args(), vec!["--timeout-ms".into(), "120000".into()]].concat();
    let mut child = runo(&world, &borrowed(&args)).spawn().unwrap();
    let lines = || fs::read_to_string(files.out()).unwrap_or_default().lines().count();
    until("some rows are there", async || lines() > 10).await;
    child.kill().await.unwrap();
    // The last row may be incomplete.
    let text = fs::read_to_string(files.out()).unwrap();
    fs::write(files.out(), &text[..text.len() - 5]).unwrap();
    site.open_gate();
    let second = run_command(runo(&world, &borrowed(&args))).await;
    assert_eq!(second.code, 0, "{second:?}");
    assert!(second.err.contains("40 read, 0 failed; 40 credits"), "{second:?}");
    assert_eq!(files.rows(), urls.iter().cloned().collect());
    assert_eq!((world.used().await, site.hits()), (40, 40));
    // A run that is complete does not start again.
    let third = run_command(runo(&world, &borrowed(&args))).await;
    assert!(third.code == 0 && third.err.contains("the batch is complete"), "{third:?}");
    assert_eq!((world.used().await, files.rows().len()), (40, 40));

    let mut other = args.clone();
    other.extend(["--field".into(), "price:float".into()]);
    let refused = run_command(runo(&world, &borrowed(&other))).await;
    assert!(refused.code == 2 && refused.err.contains("other fields, other options or another service"), "{refused:?}");
}

/// The program dies after it has sent the call and before it knows the job's id.
#[tokio::test]
async fn a_call_without_a_response_is_repeated_with_the_same_idempotency_key() {
    let three_results = (0..3).map(line).collect::<String>() + &end(3, json!({}));
    let server = ScriptedServer::start([Response::new(200, "").hold(), Response::of_job(three_results)]).await;
    let files = Files::new("cli-asked", &(0..3).map(|n| format!("http://h/{n}")).collect::<Vec<_>>());
    let args = files.args();
    let mut child = runo_at(&server.base, "sk_live_x", &borrowed(&args)).spawn().unwrap();
    until("the call is sent", async || !server.requests().is_empty()).await;
    child.kill().await.unwrap();
    let second = run_command(runo_at(&server.base, "sk_live_x", &borrowed(&args))).await;
    assert_eq!(second.code, 0, "{second:?}");
    let [first, again] = &server.requests()[..] else { panic!("two calls: {:?}", server.requests()) };
    assert_eq!(first.headers["idempotency-key"], again.headers["idempotency-key"]);
    assert_eq!(first.body, again.body);
    assert_eq!(files.rows().len(), 3);
    // The list of URLs may not change in between.
    fs::remove_file(files.folder.0.join("resume")).unwrap();
    let server = ScriptedServer::start([Response::new(200, "").hold()]).await;
    let mut child = runo_at(&server.base, "sk_live_x", &borrowed(&args)).spawn().unwrap();
    until("the call is sent", async || !server.requests().is_empty()).await;
    child.kill().await.unwrap();
    fs::write(&files.urls, "http://h/0\nhttp://h/9\nhttp://h/2").unwrap();
    let changed = run_command(runo_at(&server.base, "sk_live_x", &borrowed(&args))).await;
    assert!(changed.code == 2 && changed.err.contains("the URLs have changed"), "{changed:?}");
    assert_eq!(server.requests().len(), 1);
}

/// A batch of several jobs resumes after the completed ones.
#[tokio::test]
async fn completed_jobs_are_skipped() {
    let body = |count: usize| (0..count).map(line).collect::<String>() + &end(count, json!({}));
    let responses = [Response::of_job(body(10_000)), Response::new(200, "").hold(), Response::of_job(body(2))];
    let server = ScriptedServer::start(responses).await;
    let files = Files::new("cli-several", &(0..10_002).map(|n| format!("http://h/{n}")).collect::<Vec<_>>());
    let args = files.args();
    let mut child = runo_at(&server.base, "sk_live_x", &borrowed(&args)).spawn().unwrap();
    until("the second call is sent", async || server.requests().len() == 2).await;
    child.kill().await.unwrap();
    let second = run_command(runo_at(&server.base, "sk_live_x", &borrowed(&args))).await;
    assert_eq!(second.code, 0, "{second:?}");
    assert!(second.err.contains("10,002 read, 0 failed; 10,002 credits"), "{second:?}");
    assert_eq!(fs::read_to_string(files.out()).unwrap().lines().count(), 1 + 10_002);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_survives_a_kill_of_the_server() {
    let (folder, site) = (Folder::new("cli-kill"), Site::start().await);
    let port = free_port().to_string();
    let server = Server::start_with(&folder.0, &[("PORT", &port)]);
    let base = server.base.clone();
    let files = Files::new("cli-killed", &site.urls("/p", 1_000));
    // So that the batch does not end before the kill.
    site.hold_after(500);
    // Pages that were under way at the kill are read again in a child process, which takes longer.
    let args = [files.args(), vec!["--timeout-ms".into(), "8000".into()]].concat();
    let run = tokio::spawn(run_command(runo_at(&base, KEY, &borrowed(&args))));
    until("some pages were fetched", async || site.hits() >= 60).await;
    drop(server); // SIGKILL
    assert!(site.hits() < 1_000, "the server was killed too late");
    site.open_gate();
    let server = Server::start_with(&folder.0, &[("PORT", &port)]);
    let run = run.await.unwrap();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("1,000 read, 0 failed; 1,000 credits"), "{run:?}");
    assert_eq!(files.rows().len(), 1_000);
    assert_eq!(server.get("/v1/usage").await["monthly"]["used"], 1_000);
}
