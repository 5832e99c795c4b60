//! Ways in which pages produce their content.

use std::time::{Duration, Instant};

use render::{Capture, Documents, RenderError, WaitFor};

use super::support::{Answer, OPEN, Site, render, request, two_at_once, with_browser};

/// Pages with scripts: description, HTML, and what must be shown in the end.
const SHOWN: [(&str, &str, &str); 11] = [
    (
        "fetch after load",
        "<div id=root></div><script>onload = () => fetch('/api').then(r => r.json()).then(p => {
            root.innerHTML = '<h1>' + p.name + '</h1>' })</script>",
        "<h1>Kettle</h1>",
    ),
    (
        "hydration",
        "<div id=root><h1>Loading</h1></div><script>setTimeout(() => { root.firstChild.textContent = 'Kettle' }, 200)</script>",
        "<h1>Kettle</h1>",
    ),
    (
        "hash routes",
        "<div id=root></div><script>onhashchange = () => { root.innerHTML = '<h1>' + location.hash.slice(2) + '</h1>' };
            location.hash = '#/Kettle'</script>",
        "<h1>Kettle</h1>",
    ),
    (
        "history routes",
        "<div id=root></div><script>history.pushState({}, '', '/kettle'); root.innerHTML = '<h1>' + location.pathname + '</h1>'</script>",
        "<h1>/kettle</h1>",
    ),
    (
        "infinite scroll, its first screen",
        "<ul id=list></ul><p id=end>.</p><script>new IntersectionObserver(() => fetch('/api').then(r => r.json()).then(p => {
            if (!list.children.length) list.innerHTML = '<li>' + p.name + '</li>' })).observe(end)</script>",
        "<li>Kettle</li>",
    ),
    (
        "open shadow roots, with slots",
        "<x-a><b>slotted</b></x-a><script>customElements.define('x-a', class extends HTMLElement { connectedCallback() {
            this.attachShadow({mode: 'open'}).innerHTML = '<h1>Kettle</h1><i><slot></slot></i><x-b></x-b>' } });
            customElements.define('x-b', class extends HTMLElement { connectedCallback() {
            this.attachShadow({mode: 'open'}).innerHTML = '<u>nested &amp; kept</u>' } })</script>",
        "<x-a><h1>Kettle</h1><i><b>slotted</b></i><x-b><u>nested &amp; kept</u></x-b></x-a>",
    ),
    ("a frame of its origin", "<iframe src=/frame></iframe>", "<h1>Kettle in a frame</h1>"),
    ("an API that is slow", "<div id=root></div><script>fetch('/slow').then(r => r.json()).then(p => {
        root.innerHTML = '<h1>' + p.name + '</h1>' })</script>", "<h1>Kettle</h1>"),
    ("an API that fails", "<div id=root></div><script>fetch('/missing').then(r => { root.innerHTML = '<h1>' + r.status + '</h1>' })</script>", "<h1>404</h1>"),
    ("an API on another origin", "<div id=root></div><script>fetch('http://other.example.com:' + location.port + '/api').then(r => r.json())
        .then(p => { root.innerHTML = '<h1>' + p.name + '</h1>' })</script>", "<h1>Kettle</h1>"),
    ("text that must be escaped", "<p id=p title=''></p><script>p.textContent = '<b>&'; p.title = '\"<'; p.append('\\ud800')</script>",
        "<p id=\"p\" title=\"&quot;&lt;\">&lt;b&gt;&amp;\u{fffd}</p>"),
];

async fn shop() -> Site {
    Site::start(OPEN, |asked| match asked.path.as_str() {
        "/api" => Answer::json("{\"name\": \"Kettle\"}").after(150),
        "/slow" => Answer::json("{\"name\": \"Kettle\"}").after(1_500),
        "/frame" => Answer::html("<h1>Kettle in a frame</h1><a href=more>more</a>"),
        "/missing" => Answer::status(404, ""),
        path => match path.strip_prefix("/p").and_then(|n| n.parse::<usize>().ok()) {
            Some(n) => Answer::html(SHOWN[n].1),
            None => Answer::status(404, "<h1>no such page</h1>"),
        },
    })
    .await
}

#[test]
fn pages_show_what_their_scripts_render() {
    with_browser(|renderer| async move {
        let site = shop().await;
        two_at_once(SHOWN.iter().enumerate(), |(n, (what, _, want))| {
            let url = site.url(&format!("/p{n}"));
            async move {
                let rendered = render(renderer, url).await.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert!(rendered.html.contains(want), "{what}: {}", rendered.html);
                assert_eq!((rendered.status, rendered.notes.len()), (200, 0), "{what}");
            }
        })
        .await;
        let frame = render(renderer, site.url("/p6")).await.unwrap().html;
        assert!(frame.contains(&format!("href=\"{}\"", site.url("/more"))), "links of a frame are its own: {frame}");
    });
}

#[test]
fn a_streamed_document_is_read_when_it_is_complete() {
    with_browser(|renderer| async move {
        let site = Site::start(OPEN, |asked| match asked.path.as_str() {
            "/" => Answer::html("<p>one</p><script src=/late.js></script><p>three</p>"),
            _ => Answer::js("document.write('<p>two</p>')").after(900),
        })
        .await;
        // As frameworks stream: a placeholder is replaced by content that arrives later in the same document.
        let streamed = Site::start(OPEN, |_| {
            Answer::html("<main id=place><p>Loading</p></main>").later(
                1_200,
                "<div hidden id=part><h1>Kettle</h1></div><script>place.replaceChildren(...part.childNodes)</script>",
            )
        })
        .await;
        let html = render(renderer, streamed.url("/")).await.unwrap().html;
        assert!(html.contains("<main id=\"place\"><h1>Kettle</h1></main>"), "{html}");
        let html = render(renderer, site.url("/")).await.unwrap().html;
        assert!(html.contains("<p>one</p>") && html.contains("<p>two</p>") && html.contains("<p>three</p>"), "{html}");
    });
}

#[test]
fn redirects_and_statuses_are_reported() {
    with_browser(|renderer| async move {
        let site = Site::start(OPEN, |asked| match asked.path.as_str() {
            "/old" => Answer::redirect("/new"),
            "/js" => Answer::html("<script>location.replace('/new#part')</script>"),
            "/new" => Answer::html("<h1>new</h1>").with("X-Robots-Tag", "nofollow"),
            "/gone" => Answer::status(410, "<h1>gone</h1>"),
            "/bare" => Answer::status(500, ""),
            "/loop" => Answer::redirect("/loop?"),
            "/loop?" => Answer::redirect("/loop"),
            "/json" => Answer::json("{}"),
            "/file" => Answer::of("application/octet-stream", "x").with("Content-Disposition", "attachment"),
            _ => Answer::status(404, ""),
        })
        .await;
        for path in ["/old", "/js"] {
            let page = render(renderer, site.url(path)).await.unwrap();
            assert_eq!((page.final_url, page.robots_tag.as_deref()), (site.url("/new"), Some("nofollow")), "{path}");
            assert!(page.html.contains("<h1>new</h1>"), "{path}: {}", page.html);
        }
        for (path, status) in [("/gone", 410), ("/bare", 500)] {
            let page = render(renderer, site.url(path)).await.unwrap();
            assert_eq!((page.status, page.final_url), (status, site.url(path)));
        }
        let looped = render(renderer, site.url("/loop")).await.unwrap_err();
        assert!(matches!(&looped, RenderError::Unreachable(text) if text.contains("redirects")), "{looped:?}");
        for path in ["/json", "/file"] {
            let none = render(renderer, site.url(path)).await.unwrap_err();
            assert!(matches!(none, RenderError::NoPage(_)), "{path}: {none:?}");
        }
        let mut only = request(site.url("/old"));
        only.documents = Documents::OnlyThis;
        assert_eq!(renderer.render(only.clone()).await.unwrap_err(), RenderError::Diverted(site.url("/new")));
        only.url = site.url("/js");
        let asked = site.asked().len();
        assert_eq!(renderer.render(only).await.unwrap_err(), RenderError::Diverted(site.url("/new")));
        assert_eq!(site.asked().len(), asked + 1, "diverted before it is fetched");
    });
}

#[test]
fn wait_for_delays_reading_until_it_is_met() {
    with_browser(|renderer| async move {
        let site = Site::start(OPEN, |asked| {
            let ms = if asked.path == "/soon" { 2_500 } else { 5_000 };
            Answer::html(format!(
                "<div id=root></div><script>setTimeout(() => {{
                root.attachShadow({{mode: 'open'}}).innerHTML = '<p class=late>x</p>' }}, {ms})</script>"
            ))
        })
        .await;
        let mut page = request(site.url("/late"));
        page.timeout = Duration::from_secs(60);
        assert!(!renderer.render(page.clone()).await.unwrap().html.contains("class=\"late\""));
        let after = Duration::from_millis(4_500);
        for (path, wait_for) in [("/late", WaitFor::Selector("p.late".into())), ("/soon", WaitFor::After(after))] {
            (page.url, page.wait_for) = (site.url(path), Some(wait_for.clone()));
            let began = Instant::now();
            let rendered = renderer.render(page.clone()).await.unwrap();
            assert!(began.elapsed() >= after, "{wait_for:?}: {:?}", began.elapsed());
            assert!(rendered.html.contains("class=\"late\""), "{wait_for:?}: {}", rendered.html);
        }
        page.wait_for = Some(WaitFor::Selector("p.never".into()));
        page.timeout = Duration::from_secs(10);
        let rendered = renderer.render(page).await.unwrap();
        assert!(rendered.notes[0].contains("wait_for"), "{:?}", rendered.notes);
    });
}

#[test]
fn the_callers_fields_reach_the_first_origin_only() {
    with_browser(|renderer| async move {
        let other = Site::start(OPEN, |_| Answer::json("{}")).await;
        let there = format!("http://other.example.com:{}/api", other.at.port());
        let site = Site::start(OPEN, move |asked| match asked.path.as_str() {
            "/" => Answer::html(format!(
                "<script>fetch('/api'); fetch('{there}'); fetch('/away', {{mode: 'no-cors'}})</script>
                <p id=p></p><script>p.textContent = [navigator.language, navigator.userAgent, (1.5).toLocaleString()]</script>"
            )),
            "/away" => Answer::redirect(&there.replace("/api", "/moved")),
            _ => Answer::json("{}"),
        })
        .await;
        let mut page = request(site.url("/"));
        page.user_agent = "Runo/9 (+https://example.com/bot)".into();
        page.locale = "de-DE".into();
        let fields = [("authorization", "Bearer s3cret"), ("cookie", "a=1; b=2"), ("x-own", "mine")];
        page.headers = render::Fields(fields.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect());
        let rendered = renderer.render(page).await.unwrap();
        assert!(rendered.html.contains("de-DE,Runo/9 (+https://example.com/bot),1,5"), "{}", rendered.html);
        let own: Vec<_> = site.asked().into_iter().filter(|asked| asked.path != "/favicon.ico").collect();
        assert_eq!(own.len(), 3);
        for asked in own {
            assert_eq!(asked.field("authorization"), Some("Bearer s3cret"), "{}", asked.head);
            assert_eq!(asked.field("x-own"), Some("mine"), "{}", asked.head);
            assert_eq!(asked.field("cookie"), Some("a=1; b=2"), "{}", asked.head);
            assert_eq!(asked.field("user-agent"), Some("Runo/9 (+https://example.com/bot)"));
            assert!(asked.field("accept-language").unwrap().starts_with("de-DE"), "{}", asked.head);
        }
        assert_eq!(other.asked().len(), 2, "{:?}", other.paths());
        for asked in other.asked() {
            let head = asked.head.to_ascii_lowercase();
            assert!(!head.contains("s3cret") && !head.contains("x-own") && !head.contains("cookie"), "{head}");
        }
    });
}

#[test]
fn pictures_and_fonts_are_fetched_only_for_a_screenshot() {
    with_browser(|renderer| async move {
        let site = Site::start(OPEN, |asked| match asked.path.as_str() {
            "/" => Answer::html(
                "<style>@font-face { font-family: f; src: url(/f.woff2) } p { font-family: f; background: url(/b.png) }</style>
                <img src=/i.png><p>text</p><video src=/v.mp4 autoplay muted></video><script>navigator.sendBeacon('/beacon')</script>",
            ),
            _ => Answer::status(404, ""),
        })
        .await;
        let mut page = request(site.url("/"));
        assert_eq!(renderer.render(page.clone()).await.unwrap().screenshot, None);
        assert_eq!(site.paths(), ["/"]);
        page.capture = vec![Capture::Screenshot];
        let png = renderer.render(page).await.unwrap().screenshot.unwrap();
        assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
        assert_eq!(png[16..24], [0, 0, 5, 0, 0, 0, 3, 32], "1280 by 800");
        let paths = site.paths();
        assert!(["/i.png", "/b.png", "/f.woff2"].iter().all(|p| paths.iter().any(|q| q == p)), "{paths:?}");
        assert!(!paths.iter().any(|p| p == "/v.mp4" || p == "/beacon"), "{paths:?}");
    });
}

#[test]
fn a_screenshot_that_is_too_large_is_made_smaller() {
    with_browser(|renderer| async move {
        let site = Site::start(OPEN, |_| {
            Answer::html(
                "<style>* { margin: 0 }</style><canvas width=1280 height=800></canvas><script>
                const context = document.querySelector('canvas').getContext('2d');
                const noise = context.createImageData(1280, 800);
                for (let i = 0; i < noise.data.length; i += 65536)
                    crypto.getRandomValues(noise.data.subarray(i, Math.min(i + 65536, noise.data.length)));
                for (let i = 3; i < noise.data.length; i += 4) noise.data[i] = 255;
                context.putImageData(noise, 0, 0)</script>",
            )
        })
        .await;
        let mut page = request(site.url("/"));
        page.capture = vec![Capture::Screenshot];
        let got = renderer.render(page).await.unwrap();
        let png = got.screenshot.unwrap();
        assert_eq!(png[16..24], [0, 0, 1, 64, 0, 0, 0, 200], "320 by 200");
        assert!(png.len() <= 380_000 && got.notes.concat().contains("by a factor of 4"), "{:?}", got.notes);
    });
}
