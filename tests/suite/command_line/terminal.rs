//! What people see on a terminal: a table, a progress bar, a question. The test holds the terminal's other end.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};

use super::{interrupt, runo};
use crate::support::server::Folder;
use crate::support::site::Site;
use crate::support::stack::World;
use crate::support::until;

/// A terminal of 100 columns, and what a program has written to it.
struct Terminal {
    keyboard: File,
    slave: String,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn open() -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        tcsetwinsize(&master, Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let keyboard = File::from(master);
        let (mut reader, screen) = (keyboard.try_clone().unwrap(), Arc::new(Mutex::new(String::new())));
        let shown = screen.clone();
        // Ends when the last program closes its end.
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        Terminal { keyboard, slave, screen }
    }

    fn end(&self) -> Stdio {
        // Not the controlling terminal, which stays the test's own.
        Stdio::from(open(self.slave.as_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap())
    }

    fn spawn(&self, mut command: Command) -> Child {
        command.env("TERM", "xterm").stdin(self.end()).stdout(self.end()).stderr(self.end()).spawn().unwrap()
    }

    fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    async fn shows(&self, text: &str) {
        until(text, async || self.screen().contains(text)).await;
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn results_are_a_table_and_colours_can_be_switched_off() {
    let (world, site) = (World::start().await, Site::start().await);
    let url = site.url("/p/7");
    for (args, colours) in
        [(&["extract", url.as_str(), "--field", "title"], true), (&["extract", &url, "--field", "title"], false)]
    {
        let terminal = Terminal::open();
        let mut command = runo(&world, args);
        if !colours {
            command.env("NO_COLOR", "1");
        }
        assert_eq!(terminal.spawn(command).wait().await.unwrap().code(), Some(0));
        terminal.shows("Page 7").await;
        let screen = terminal.screen();
        assert_eq!(screen.contains("\u{1b}[1mtitle"), colours, "{screen:?}");
        assert!(colours || screen.contains("title  Page 7"), "{screen:?}");
    }
}

#[tokio::test]
async fn a_batch_shows_a_progress_bar_and_rows_on_a_terminal() {
    let (world, site, folder) = (World::start().await, Site::start().await, Folder::new("cli-bar"));
    std::fs::create_dir_all(&folder.0).unwrap();
    let list = folder.0.join("urls.txt");
    std::fs::write(&list, [site.urls("/p", 3), vec![site.url("/404")], site.urls("/gate", 1)].concat().join("\n"))
        .unwrap();
    let terminal = Terminal::open();
    let options = ["--retries", "0", "--concurrency", "1", "--timeout-ms", "120000"];
    let args = [&["batch", list.to_str().unwrap(), "--field", "title"][..], &options].concat();
    let mut child = terminal.spawn(runo(&world, &args));
    terminal.shows("4/5 done, 1 failed, ").await;
    terminal.shows(" pages/s, ").await;
    terminal.shows(" left, 4 credits").await;
    site.open_gate();
    assert_eq!(child.wait().await.unwrap().code(), Some(3));
    terminal.shows("4 read, 1 failed; 5 credits").await;
    let screen = terminal.screen();
    assert!(screen.contains("Page 2") && screen.contains("URL_UNREACHABLE"), "{screen:?}");
}

#[tokio::test]
async fn an_interrupt_asks_what_to_do_and_does_it() {
    for (keys, code, expected) in
        [("y\r", 4, "; cancelled"), ("n\r", 130, "keeps running"), ("w\r", 0, "2 read, 0 failed")]
    {
        let (world, site) = (World::start().await, Site::start().await);
        let folder = Folder::new(&format!("cli-ask-{code}"));
        std::fs::create_dir_all(&folder.0).unwrap();
        let list = folder.0.join("urls.txt");
        std::fs::write(&list, site.urls("/gate", 2).join("\n")).unwrap();
        let mut terminal = Terminal::open();
        let options = ["--concurrency", "1", "--timeout-ms", "120000"];
        let args = [&["batch", list.to_str().unwrap(), "--field", "title"][..], &options].concat();
        let mut child = terminal.spawn(runo(&world, &args));
        until("a page waits at the gate", async || site.hits() > 0).await;
        terminal.shows("is running; `runo result job_").await;
        interrupt(&child).await;
        terminal.shows("is running. Cancel it? [y]es, [n]o (leave it running), [w]ait for it: ").await;
        terminal.press(keys);
        if code == 4 {
            terminal.shows("cancelling job_").await;
            let jobs = world.get("/v1/jobs").await.json();
            let job = jobs["jobs"][0]["job_id"].as_str().unwrap().to_owned();
            until("it is cancelled", async || world.job(&job).await["status"] == "cancelling").await;
        }
        if code != 130 {
            site.open_gate();
        }
        assert_eq!(child.wait().await.unwrap().code(), Some(code), "{}", terminal.screen());
        terminal.shows(expected).await;
        site.open_gate();
    }
}
