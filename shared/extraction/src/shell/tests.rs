use url::Url;

use super::*;

fn classify(body: &str, kind: &str, found: FieldsFound) -> Option<Shell> {
    let url = Url::parse("https://e.test/").unwrap();
    detect_shell(&Page { body: body.as_bytes(), content_type: Some(kind), url: &url }, found)
}

const SCRIPT: &str = "<script src=/a.js></script>";

#[test]
fn pages_that_scripts_fill_are_shells() {
    let menu = format!("<nav>{}</nav>", "<a href=/x>Kitchen and table</a>".repeat(20));
    let notice = "<noscript>You need to enable JavaScript to run this app.</noscript>";
    for (page, want) in [
        (format!("<title>Shop</title><body><div id=\"root\"></div>{SCRIPT}"), Shell::EmptyRoot),
        (format!("<body>{menu}<div id=app class=x>\n<!-- filled --> </div>{SCRIPT}"), Shell::EmptyRoot),
        (format!("<body><app-root></app-root>{SCRIPT}"), Shell::EmptyRoot),
        (format!("<body>{menu}{notice}{SCRIPT}"), Shell::AsksForScripts),
        (format!("<body><p>Loading…</p>{SCRIPT}"), Shell::LittleText),
        ("<script>location.replace('/real')</script>".into(), Shell::Redirect),
        (format!("<title>Just a moment...</title><body><p>{}</p>", "Please wait. ".repeat(30)), Shell::Challenge),
        ("<body><h1>e.test</h1><script>a.src='/cdn-cgi/challenge-platform/x'</script>".into(), Shell::Challenge),
    ] {
        assert_eq!(classify(&page, "text/html", FieldsFound::Some), Some(want), "{page}");
        assert_eq!(classify(&page, "text/html", FieldsFound::All), None, "{page}");
    }
}

#[test]
fn pages_with_content_are_not_shells() {
    let text = "<p>A kettle of copper, made by hand, with a handle of beech.</p>".repeat(40);
    let notice = "<noscript>Enable JavaScript for the map.</noscript>";
    let state = "<script type=\"application/json\">{\"a\": 1}</script>";
    for page in [
        format!("<body><div id=root>{text}</div>{SCRIPT}"),
        format!("<body>{text}{notice}{SCRIPT}<script>if (old) location.replace('/new')</script>"),
        "<body><h1>Short</h1><p>No programs at all.</p>".into(),
        format!("<body><h1>Short</h1>{state}"),
        format!("<body>{text}<p>{} and cookies</p>", "checking your browser"),
        format!("<body><div id=root></div>{SCRIPT}<noscript>{text}</noscript>"),
        "plain text".into(),
        "<".into(),
        "<script>".into(),
        "<!--".into(),
        "<body><p title=\"".into(),
    ] {
        assert_eq!(classify(&page, "text/html", FieldsFound::Some), None, "{page}");
    }
}

#[test]
fn only_what_is_read_as_html_can_be_a_shell() {
    let shell = format!("<body><div id=root></div>{SCRIPT}");
    let is_html =
        |page: &str, kind: &str| matches!(crate::kind_of(Some(kind), page, &Budget::default()), Ok(crate::Kind::Html));
    let untyped = ["", "html", "*/*", "unknown/unknown"];
    for kind in untyped.into_iter().chain(["text/html, text/html", "\"text/html\""]) {
        assert!(is_html(&shell, kind), "{kind}");
        assert_eq!(classify(&shell, kind, FieldsFound::Nothing), Some(Shell::EmptyRoot), "{kind}");
        assert_eq!(classify("root", kind, FieldsFound::Nothing), None, "{kind}");
    }
    let xhtml = format!("<?xml version='1.0'?><html>{shell}</html>");
    assert_eq!(classify(&xhtml, "application/xhtml+xml", FieldsFound::Nothing), Some(Shell::EmptyRoot));
    // A browser shows these as text or saves them.
    for kind in ["text/plain", "application/javascript", "application/octet-stream", "application/x-httpd-php"] {
        assert!(is_html(&shell, kind), "{kind}");
        assert_eq!(classify(&shell, kind, FieldsFound::Nothing), None, "{kind}");
    }
    for kind in ["application/json", "application/rss+xml", "application/pdf", "image/png"] {
        assert_eq!(classify(&shell, kind, FieldsFound::Nothing), None, "{kind}");
    }
    let feed = format!("<rss><item><description><![CDATA[<p>{SCRIPT}]]></description></item></rss>");
    for kind in ["text/html", "text/plain", "application/xml"] {
        assert!(!is_html(&feed, kind), "{kind}");
        assert_eq!(classify(&feed, kind, FieldsFound::Nothing), None, "{kind}");
    }
}

#[test]
fn a_page_with_scripts_on_which_nothing_was_found_is_a_shell() {
    let text = "<p>A kettle of copper, made by hand, with a handle of beech.</p>".repeat(40);
    let page = format!("<body>{text}{SCRIPT}");
    assert_eq!(classify(&page, "text/html", FieldsFound::Nothing), Some(Shell::NothingFound));
    assert_eq!(classify(&format!("<body>{text}"), "text/html", FieldsFound::Nothing), None);
}
