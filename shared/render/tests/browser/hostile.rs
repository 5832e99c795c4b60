//! Hostile pages: each ends within its limits, and a page beside it is not affected.

use std::time::{Duration, Instant};

use render::{RenderError, Renderer};

use super::support::{Answer, OPEN, Site, render, render_with_start, request, start, with_browser, with_own_browser};

const GOOD: &str = "<div id=root></div><script>setTimeout(() => { root.innerHTML = '<h1>good</h1>' }, 100)</script>";

async fn pair(html: &'static str) -> Site {
    Site::start(OPEN, move |asked| match asked.path.as_str() {
        "/good" => Answer::html(GOOD),
        "/file" => {
            Answer::of("application/octet-stream", "x").with("Content-Disposition", "attachment; filename=x.bin")
        }
        _ => Answer::html(html),
    })
    .await
}

/// Renders a hostile page, which must end in time, and a good one beside it. The good one has ample time, because the
/// other takes its processor time.
async fn render_beside_a_good_page(
    renderer: &Renderer,
    html: &'static str,
    seconds: u64,
) -> Result<render::Rendered, RenderError> {
    let site = pair(html).await;
    let mut bad = request(site.url("/bad"));
    bad.timeout = Duration::from_secs(seconds);
    let bad = async {
        let began = Instant::now();
        let ended = renderer.render(bad).await;
        assert!(began.elapsed() < Duration::from_secs(seconds + 8), "{:?}", began.elapsed());
        ended
    };
    let (bad, good) = tokio::join!(bad, render_with_start(renderer, site.url("/good")));
    assert!(good.unwrap().html.contains("<h1>good</h1>"));
    assert!(site.paths().iter().any(|path| path.starts_with("/bad")), "the hostile page was shown");
    bad
}

#[test]
fn scripts_that_never_end_are_stopped() {
    with_browser(|renderer| async move {
        for html in [
            "<p>x</p><script>while (true);</script>",
            "<p>x</p><script>onload = () => { while (true); }</script>",
            "<p>x</p><script>const f = () => Promise.resolve().then(f); onload = f</script>",
        ] {
            let ended = render_beside_a_good_page(renderer, html, 5).await;
            assert!(matches!(ended, Err(RenderError::Timeout(_))), "{html}: {ended:?}");
        }
    });
}

#[test]
fn documents_that_keep_growing_are_read_or_cut_off() {
    with_browser(|renderer| async move {
        // Slow growth: the page is read as it is. Fast growth: it exceeds the size limit.
        let slow = "<p>x</p><script>setInterval(() => document.body.append('y'), 20)</script>";
        assert!(render_beside_a_good_page(renderer, slow, 40).await.unwrap().html.contains("<p>x</p>"));
    });
    with_own_browser(
        |config| config.limits.html = 1 << 20,
        |renderer| async move {
            start(&renderer).await;
            let fast = "<p>x</p><script>setInterval(() => { for (let i = 0; i < 2000; i++) {
            const p = document.createElement('p'); p.textContent = 'z'.repeat(500); document.body.append(p) } }, 20)</script>";
            let ended = render_beside_a_good_page(&renderer, fast, 8).await;
            assert!(matches!(ended, Err(RenderError::LimitExceeded(_) | RenderError::Timeout(_))), "{ended:?}");
            let grown = "<script>document.write('<p>' + 'z'.repeat(2 << 20))</script>";
            let ended = render_beside_a_good_page(&renderer, grown, 40).await;
            assert!(matches!(ended, Err(RenderError::LimitExceeded(_))), "{ended:?}");
            renderer.close().await;
        },
    );
}

#[test]
fn a_page_that_uses_too_much_memory_loses_its_process() {
    let small = |config: &mut render::RenderConfig| config.limits.memory = 400 << 20;
    with_own_browser(small, |renderer| async move {
        start(&renderer).await;
        for html in [
            "<script>onload = () => { const a = []; setInterval(() => { a.push(new Uint8Array(1e8).fill(1)); document.title = a.length }, 10) }</script>",
            "<script>const a = []; for (;;) a.push({ x: new Array(1000).fill(Math.random()) })</script>",
        ] {
            let ended = render_beside_a_good_page(&renderer, html, 40).await;
            assert!(matches!(ended, Err(RenderError::LimitExceeded(_))), "{html}: {ended:?}");
        }
        renderer.close().await;
    });
}

#[test]
fn dialogs_windows_downloads_and_unload_handlers_do_not_hold_up_a_page() {
    with_browser(|renderer| async move {
        for (html, want) in [
            ("<p id=p></p><script>p.textContent = [confirm('?'), prompt('?')]</script>", "<p id=\"p\">false,</p>"),
            ("<p>x</p><script>for (let i = 0; i < 40; i++) alert(i)</script><p>end</p>", "<p>end</p>"),
            (
                "<p id=p></p><script>let n = 0; for (let i = 0; i < 50; i++) if (window.open('/good')) n++; p.textContent = n</script>",
                "<p id=\"p\">0</p>",
            ),
            (
                "<a id=a href=/good target=_blank>x</a><script>for (let i = 0; i < 50; i++) a.click()</script><p>end</p>",
                "<p>end</p>",
            ),
            (
                "<p>x</p><script>onbeforeunload = e => { e.preventDefault(); return 'stay' }; onunload = () => { while (true); }</script>",
                "<p>x</p>",
            ),
            (
                "<p>x</p><a id=a href=/file download>x</a><script>a.click()</script><iframe src=/file></iframe>",
                "<p>x</p>",
            ),
            (
                "<p id=p></p><script>navigator.permissions.query({name: 'geolocation'}).then(s => { p.textContent = s.state + Notification.permission })</script>",
                "<p id=\"p\">",
            ),
            ("<p id=p></p><script>p.textContent = 'serviceWorker' in navigator</script>", "<p id=\"p\">false</p>"),
            (
                "<p>x</p><script>print(); document.documentElement.requestFullscreen().catch(() => 0)</script>",
                "<p>x</p>",
            ),
        ] {
            let page =
                render_beside_a_good_page(renderer, html, 40).await.unwrap_or_else(|error| panic!("{html}: {error}"));
            assert!(page.html.contains(want), "{html}: {}", page.html);
            assert!(!page.html.contains("granted"), "{}", page.html);
        }
        let flood = render_beside_a_good_page(renderer, "<script>for (;;) alert(1)</script>", 8).await;
        assert!(matches!(flood, Err(RenderError::Timeout(_) | RenderError::LimitExceeded(_))), "{flood:?}");
    });
}

#[test]
fn a_page_that_keeps_navigating_is_stopped() {
    with_browser(|renderer| async move {
        let ended =
            render_beside_a_good_page(renderer, "<script>location = '/bad?' + Math.random()</script>", 40).await;
        assert!(matches!(ended, Err(RenderError::LimitExceeded(_))), "{ended:?}");
    });
}

#[test]
fn the_requests_and_bytes_of_a_page_are_bounded() {
    let small = |config: &mut render::RenderConfig| {
        config.limits.bytes = 1 << 20;
        config.limits.requests = 30;
    };
    with_own_browser(small, |renderer| async move {
        let site = Site::start(OPEN, |asked| match asked.path.as_str() {
            "/many" => {
                Answer::html("<p>x</p><script>for (let i = 0; i < 200; i++) fetch('/?' + i).catch(() => 0)</script>")
            }
            "/large" => Answer::html("<p>x</p><script>fetch('/big').then(r => r.text()).catch(() => 0).then(() => fetch('/never')).catch(() => 0)</script>"),
            "/big" => Answer::js(format!("/*{}*/", "x".repeat(3 << 20))),
            "/endless" => Answer::html("<p>x</p>").endless(),
            "/huge" => Answer::html("x".repeat(3 << 20)),
            _ => Answer::json("{}"),
        })
        .await;
        start(&renderer).await;
        let page = render(&renderer, site.url("/many")).await.unwrap();
        assert!(page.notes[0].contains("30 requests"), "{:?}", page.notes);
        assert!(site.asked().len() <= 30, "{}", site.asked().len());
        let page = render(&renderer, site.url("/large")).await.unwrap();
        assert!(page.notes[0].contains("1 MiB") && page.html.contains("<p>x</p>"), "{:?}", page.notes);
        assert!(!site.paths().iter().any(|path| path == "/never"));
        let huge = request(site.url("/huge"));
        let (timeout, began) = (huge.timeout, Instant::now());
        let huge = renderer.render(huge).await;
        assert!(matches!(huge, Err(RenderError::LimitExceeded(_))), "{huge:?}");
        assert!(began.elapsed() < timeout, "ends before its timeout: {:?}", began.elapsed());
        let mut endless = request(site.url("/endless"));
        endless.timeout = Duration::from_secs(2);
        let late = renderer.render(endless).await;
        assert!(matches!(late, Err(RenderError::Timeout(_))), "{late:?}");
        renderer.close().await;
    });
}

#[test]
fn a_page_leaves_nothing_to_the_next_page() {
    with_browser(|renderer| async move {
        let site = Site::page(
            "<p id=p></p><script>p.textContent = 'was: ' + [document.cookie, localStorage.x, sessionStorage.x, window.name];
            document.cookie = 'x=1; max-age=999'; localStorage.x = 1; sessionStorage.x = 1; window.name = 'x'; caches.open('x').catch(() => 0)</script>",
        )
        .await;
        for _ in 0..2 {
            let html = render(renderer, site.url("/")).await.unwrap().html;
            assert!(html.contains("was: ,,,"), "{html}");
        }
        assert!(
            site.asked().iter().all(|asked| asked.field("cookie").is_none() && asked.field("if-none-match").is_none())
        );
    });
}
