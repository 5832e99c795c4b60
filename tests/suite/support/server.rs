//! The real local server as a process, its folder, and the operator's tool `admin`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use store::{RetryPolicy, Store, TableNames};

use super::binaries::binary;
use super::stack::client;
use super::until;

/// The key of the account `dev`.
pub const KEY: &str = "sk_live_process_test";

/// A running server; killed on drop with SIGKILL.
pub struct Server {
    pub child: Child,
    pub base: String,
}

impl Server {
    pub fn start(data_dir: &Path) -> Server {
        Server::start_with(data_dir, &[])
    }

    /// With additional environment variables.
    pub fn start_with(data_dir: &Path, vars: &[(&str, &str)]) -> Server {
        Server::spawn(Server::command(data_dir, vars))
    }

    /// Starts the server that a command describes.
    pub fn spawn(mut command: Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map(Result::unwrap).find(|line| line.starts_with("listening on ")).expect("the ready line");
        let base = ready.trim_start_matches("listening on ").to_owned();
        assert!(base.starts_with("http://127.0.0.1:"), "{ready}");
        Server { child, base }
    }

    /// The command of a server.
    pub fn command(data_dir: &Path, vars: &[(&str, &str)]) -> Command {
        let mut command = Command::new(binary("local"));
        command.env("PORT", "0").env("DATA_DIR", data_dir).env("RUNO_DEV_KEY", KEY).env("FETCH_ALLOW", "127.0.0.0/8");
        command.env("LEASE_SECONDS", "2").env("SWEEP_SECONDS", "1").env("RUST_LOG", "error");
        // Tests that need a browser set this.
        command.env("BROWSER", "off");
        command.env("RUNO_DEV_RATE", "1000").envs(vars.iter().copied());
        command
    }

    pub async fn get(&self, path: &str) -> Value {
        let request = client().get(format!("{}{path}", self.base)).header("X-API-Key", KEY);
        serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
    }

    /// Starts a job for which no handler waits, and returns its id.
    pub async fn detach(&self, path: &str, body: &Value) -> String {
        let request = client().post(format!("{}{path}", self.base)).header("X-API-Key", KEY);
        let response = request.header("Prefer", "respond-async").body(body.to_string()).send().await.unwrap();
        assert_eq!(response.status(), 202);
        let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
        response.text().await.unwrap();
        job
    }

    /// Waits until the job is completed.
    pub async fn until_completed(&self, job: &str) {
        until("the job is completed", async || {
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.get(&format!("/v1/jobs/{job}")).await["status"] == "completed"
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The tables of the server that runs on this folder.
pub async fn store(folder: &Path) -> Store {
    let client = store::client::connect(&local::socket::service(folder).connection()).await;
    Store::new(client, TableNames::default(), RetryPolicy::default(), 86_400)
}

/// A temporary folder; removed on drop.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("runo-test-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `admin` on a server's folder. Returns whether it succeeded, and its output.
pub fn admin(folder: &Path, args: &[&str]) -> (bool, String) {
    admin_with_input(folder, args, "")
}

/// The same with a text on its standard input.
pub fn admin_with_input(folder: &Path, args: &[&str], input: &str) -> (bool, String) {
    let mut command = Command::new(binary("admin"));
    command.arg("--data-dir").arg(folder).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A process that has ended does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// Asserts every invariant of a server's tables, as the operator does.
pub fn assert_sound(folder: &Path) {
    let (good, text) = admin(folder, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}
