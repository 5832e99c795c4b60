//! `runo crawl`, `jobs`, `result`, `cancel`, `usage` and `completions`.

use serde_json::{Value, json};

use super::{run_command, run_with_input, runo};
use crate::support::site::Site;
use crate::support::stack::World;
use crate::support::until;

#[tokio::test]
async fn a_crawl_is_followed_and_its_result_read_again() {
    let (world, site) = (World::with_vars(&[("HOST_DELAY_MS", "0")]).await, Site::start().await);
    let (seed, pattern) = (site.url("/tree/0"), site.url("/tree/*"));
    let crawl = ["crawl", &seed, "--follow", &pattern, "--max-pages", "50", "--no-sitemap", "--field", "title"];
    let run = run_command(runo(&world, &[&crawl[..], &["--idempotency-key", "k"]].concat())).await;
    assert_eq!((run.code, run.lines().len()), (0, 5), "{run:?}");
    assert!(run.err.contains("5 read, 0 failed; 5 credits"), "{run:?}");
    let again = run_command(runo(&world, &[&crawl[..], &["--idempotency-key", "k"]].concat())).await;
    assert_eq!((again.lines().len(), world.used().await), (5, 5), "it is the same job");
    let job = run.err.split_whitespace().next().unwrap();
    let csv = run_command(runo(&world, &["result", job, "-f", "csv"])).await;
    assert_eq!((csv.code, csv.out.lines().count()), (0, 6), "{csv:?}");
    assert!(csv.out.starts_with("title,page_url,page_error\nPage 0,"), "{csv:?}");
}

#[tokio::test]
async fn a_detached_job_is_listed_cancelled_and_its_result_read() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = site.urls("/gate", 30).join("\n");
    let args = ["batch", "-", "--field", "title", "--detach", "--concurrency", "1"];
    let run = run_with_input(runo(&world, &args), &urls).await;
    let job = run.out.trim().to_owned();
    assert!(run.code == 0 && job.starts_with("job_"), "{run:?}");
    until("a page waits at the gate", async || site.hits() > 0).await;
    let listed = run_command(runo(&world, &["jobs"])).await.lines();
    assert_eq!((&listed[0]["job_id"], &listed[0]["status"]), (&json!(job), &json!("running")));
    let table = run_command(runo(&world, &["jobs", "-f", "table"])).await.out;
    assert!(table.starts_with("job ") && table.contains(&job) && table.contains("batch"), "{table}");

    let cancelled = run_command(runo(&world, &["cancel", &job])).await;
    assert_eq!((cancelled.code, cancelled.out.as_str()), (0, ""), "{cancelled:?}");
    site.open_gate();
    let result = run_command(runo(&world, &["result", &job])).await;
    assert_eq!(result.code, 4, "{result:?}");
    assert_eq!(result.lines().len(), 30);
    assert!(result.err.contains("never started; ") && result.err.contains("; cancelled"), "{result:?}");
    let one = run_command(runo(&world, &["jobs", &job, "-f", "table"])).await.out;
    assert!(one.contains("status   cancelled\n") && one.contains(" refunded\n"), "{one}");
    let finished = run_command(runo(&world, &["jobs", "--finished", "--limit", "1"])).await.lines();
    assert_eq!((finished.len(), &finished[0]["job_id"]), (1, &json!(job)));
    assert!(run_command(runo(&world, &["jobs"])).await.out.is_empty());
    assert_eq!(run_command(runo(&world, &["jobs", "--all"])).await.lines().len(), 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn usage_is_shown() {
    let world = World::start().await;
    let usage: Value = serde_json::from_str(&run_command(runo(&world, &["usage"])).await.out).unwrap();
    assert_eq!((&usage["account_id"], &usage["monthly"]["used"]), (&json!("dev"), &json!(0)));
    let table = run_command(runo(&world, &["usage", "-f", "table"])).await.out;
    assert!(table.contains("account  dev (scale)\n") && table.contains("0 of 500,000 credits used"), "{table}");
}

#[tokio::test]
async fn completions_are_scripts_of_their_shell() {
    let world = World::start().await;
    for (shell, word) in [("bash", "complete -F _runo"), ("zsh", "#compdef runo"), ("fish", "complete -c runo")] {
        let run = run_command(runo(&world, &["completions", shell])).await;
        assert!(run.code == 0 && run.out.contains(word) && run.out.contains("on-interrupt"), "{shell}");
    }
}
