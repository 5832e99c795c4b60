//! The lifetime of the browser: one at a time, replaced when worn out or lost, and nothing left of it afterwards.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use render::RenderError;

use super::support::{
    Answer, OPEN, Site, WITH_START, config, eventually, eventually_within, fetcher, render_with_start, request,
    skipped, start, with_own_browser,
};

/// Returns the processes whose command line contains a text.
fn processes(text: &str) -> Vec<u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    pids.filter(has).collect()
}

/// Returns the folders of the browsers whose command line contains a text.
fn folders(of: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for pid in processes("--user-data-dir=") {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if !line.contains(of) {
            continue;
        }
        let folder = line.split("--user-data-dir=").nth(1).and_then(|rest| rest.split(' ').next());
        found.extend(folder.map(str::to_owned).filter(|f| !found.contains(f)));
    }
    found
}

/// Sends a signal to a browser's main process: not to its page processes, its crash handler or the shell around it.
fn signal(signal: &str, folder: &str) {
    for pid in processes(folder) {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let others = ["--type=", "crashpad", "/bin/sh"];
        if !others.iter().any(|other| line.contains(other)) && !line.starts_with("sh\0") {
            Command::new("kill").args([signal, &pid.to_string()]).status().unwrap();
        }
    }
}

/// Returns the number of page processes of a browser.
fn pages(of: &str) -> usize {
    let has = |pid: &u32, text: &str| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    processes(of).iter().filter(|pid| has(pid, "--type=renderer")).count()
}

const PAGE: &str = "<div id=root></div><script>setTimeout(() => { root.innerHTML = '<h1>x</h1>' }, 50)</script>";

#[test]
#[cfg(target_os = "linux")]
fn a_worn_out_browser_is_replaced_and_nothing_of_it_remains() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().to_str().unwrap();
    let worn = |config: &mut render::RenderConfig| {
        config.temp_dir = own.into();
        config.max_pages_per_browser = 2;
        config.idle_timeout = Duration::from_millis(200);
    };
    with_own_browser(worn, |renderer| async move {
        let site = Site::page(PAGE).await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            let (a, b) = tokio::join!(render_with_start(&renderer, site.url("/")), async {
                let page = render_with_start(&renderer, site.url("/")).await;
                seen.push(folders(own));
                page
            });
            assert!(a.unwrap().html.contains("<h1>x</h1>") && b.unwrap().html.contains("<h1>x</h1>"));
        }
        let mut all = seen.concat();
        all.sort();
        all.dedup();
        assert!(all.len() >= 2, "it was replaced: {seen:?}");
        for folder in all {
            eventually("its processes are gone", || processes(&folder).is_empty()).await;
            eventually("its folder is gone", || !fs::exists(&folder).unwrap()).await;
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_page_outlives_its_browser() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().to_str().unwrap();
    with_own_browser(
        |config| config.temp_dir = own.into(),
        |renderer| async move {
            let site = Site::start(OPEN, |asked| match asked.path.as_str() {
                "/" => Answer::html(
                    "<p id=p></p><script>fetch('/api').then(r => r.text()).then(t => { p.textContent = t })</script>",
                ),
                _ => Answer::json("there").after(1_500),
            })
            .await;
            let killed = async {
                let asks = || site.paths().iter().any(|path| path == "/api");
                eventually_within(WITH_START, "the page asks", asks).await;
                let folder = folders(own).into_iter().next().expect("a browser");
                signal("-KILL", &folder);
                folder
            };
            let (page, folder) = tokio::join!(render_with_start(&renderer, site.url("/")), killed);
            assert!(page.unwrap().html.contains(">there<"));
            eventually("its processes are gone", || processes(&folder).is_empty()).await;
            eventually("its folder is gone", || !fs::exists(&folder).unwrap()).await;
            renderer.close().await;
        },
    );
}

/// A process that does not outlive its test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test of its own: the next test starts this as a process and kills it.
#[test]
#[cfg(target_os = "linux")]
fn a_process_with_a_browser() {
    #[allow(clippy::disallowed_methods)] // set by the test that starts this one
    let Ok(url) = std::env::var("RUNO_TEST_HOLD") else { return };
    with_own_browser(
        |_| (),
        |renderer| async move {
            let _ = render_with_start(&renderer, url.parse().unwrap()).await;
            std::future::pending::<()>().await;
        },
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_browser_dies_with_its_process() {
    with_own_browser(
        |_| (),
        |_| async move {
            // A stopped browser does not notice that its pipe has closed.
            for (html, frozen) in [("<script>while (true);</script>", false), (PAGE, false), (PAGE, true)] {
                let site = Site::start(OPEN, move |_| Answer::html(html)).await;
                let own = std::env::current_exe().unwrap();
                let child = Command::new(own)
                    .args(["a_process_with_a_browser", "--test-threads=1"])
                    .env("RUNO_TEST_HOLD", site.url("/").as_str())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                let (pid, mut child) = (child.id(), Killed(child));
                eventually_within(WITH_START, "its browser asks", || !site.asked().is_empty()).await;
                let folder = folders(&format!("keep {pid} ")).into_iter().next().expect("a browser");
                let browsers = processes(&folder);
                assert!(browsers.len() > 3);
                for pid in browsers {
                    let surroundings = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                    let surroundings = String::from_utf8_lossy(&surroundings).into_owned();
                    assert!(!surroundings.contains("RUNO_TEST_"), "what may be secret: {surroundings}");
                }
                if frozen {
                    signal("-STOP", &folder);
                }
                child.0.kill().unwrap();
                child.0.wait().unwrap();
                eventually("no process is left", || processes(&folder).is_empty()).await;
                eventually("no folder is left", || !fs::exists(&folder).unwrap()).await;
            }
        },
    );
}

#[test]
fn an_abandoned_page_releases_its_permit() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().to_str().unwrap();
    with_own_browser(
        |config| {
            config.concurrency = 1;
            config.temp_dir = own.into();
        },
        |renderer| async move {
            let site = Site::start(OPEN, |asked| match asked.path.as_str() {
                "/good" => Answer::html(PAGE),
                "/runs" => Answer::json("{}"),
                _ => Answer::html(
                    "<script>const r = new XMLHttpRequest(); r.open('GET', '/runs', false); r.send(); while (true);</script>",
                ),
            })
            .await;
            start(&renderer).await;
            for n in 1..=3 {
                // A browser that does not close an abandoned page is killed, and the next page starts another.
                let runs = || site.paths().iter().filter(|path| *path == "/runs").count() == n;
                tokio::select! {
                    ended = render_with_start(&renderer, site.url("/bad")) => panic!("it runs for ever: {ended:?}"),
                    () = eventually_within(WITH_START, "its script runs", runs) => {}
                }
            }
            let good = render_with_start(&renderer, site.url("/good")).await.unwrap();
            assert!(good.html.contains("<h1>x</h1>"));
            renderer.wait_until_idle().await;
            if cfg!(target_os = "linux") {
                // Otherwise its script would run there for ever.
                eventually("no page has a process", || pages(own) == 0).await;
            }
            renderer.close().await;
        },
    );
}

#[test]
fn a_browser_that_cannot_start_is_an_internal_fault() {
    let Some(mut config) = config() else { return skipped() };
    config.browser = "/bin/false".into();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let renderer = render::Renderer::new(config, fetcher());
        let failed = renderer.render(request("http://127.0.0.2/".parse().unwrap())).await;
        assert!(matches!(failed, Err(RenderError::Internal(_))), "{failed:?}");
    });
}
