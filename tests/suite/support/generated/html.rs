//! The text of a generated site's responses.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;

use super::model::{SPELLINGS, item as plain, spelling};
use super::{Answer, Spec};

pub fn text(body: String, content_type: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    response.headers_mut().insert("content-type", content_type.parse().unwrap());
    response
}

pub fn status(status: u16, body: &str) -> Response<Full<Bytes>> {
    let mut response = text(body.to_owned(), "text/html");
    *response.status_mut() = status.try_into().unwrap();
    response
}

pub fn link(href: &str) -> String {
    format!("<a href=\"{href}\">x</a>")
}

/// A page outside the tree.
pub fn page(name: &str, body: &str) -> Response<Full<Bytes>> {
    text(format!("<!doctype html><title>{name}</title><h1>{name}</h1>\n{body}"), "text/html; charset=utf-8")
}

pub fn file(answer: &Answer, name: &str, origin: &str) -> Response<Full<Bytes>> {
    match answer {
        Answer::Page(body) => page(name, &body.replace("{origin}", origin)),
        Answer::Status(code, body) => status(*code, &body.replace("{origin}", origin)),
        Answer::Redirect(to) => {
            let mut response = status(302, "<h1>there</h1>");
            response.headers_mut().insert("location", to.replace("{origin}", origin).parse().unwrap());
            response
        }
        Answer::Headed(fields, body) => {
            let mut response = text(body.replace("{origin}", origin), "text/html");
            for (name, value) in fields {
                response.headers_mut().insert(*name, value.parse().unwrap());
            }
            response
        }
        Answer::Sitemap(urls) => {
            let urls: String = urls.iter().map(|url| format!("<url><loc>{url}</loc></url>\n")).collect();
            let urls = urls.replace("{origin}", origin);
            let body = format!(
                "<?xml version=\"1.0\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n{urls}</urlset>"
            );
            text(body, "application/xml")
        }
    }
}

/// Page n of the tree, requested as `path`.
pub fn item(spec: &Spec, n: usize, path: &str, authority: &str) -> Response<Full<Bytes>> {
    let (head, body) = if spec.respelled { respelled(spec, n, path, authority) } else { bare(spec, n) };
    let body = format!(
        "<!doctype html><html><head><title>Page {n} | Site</title><meta property='og:title' content='Page {n}'>\n{head}\n\
         <script type='application/ld+json'>{{\"@type\":\"Product\",\"name\":\"Page {n}\",\
         \"offers\":{{\"price\":\"{n}.50\"}}}}</script></head><body><h1>Page {n}</h1>\n{body}</body></html>"
    );
    text(body, "text/html; charset=utf-8")
}

/// One plain link to each child, and nothing else.
fn bare(spec: &Spec, n: usize) -> (String, String) {
    let links: Vec<String> = spec.tree.children(n).map(|child| link(&plain(child))).collect();
    (String::new(), links.join("\n"))
}

/// Links to each child in two spellings, as an anchor or an area, the first sometimes as `link rel=next`; links to the
/// parent, to itself and to the page before, which add no page; on every seventh page a `base`.
fn respelled(spec: &Spec, n: usize, path: &str, authority: &str) -> (String, String) {
    let based = n % 7 == 3;
    // With the base, `../item/N` is resolved from there instead of from the page's own path.
    let here = if based { "/item/" } else { path };
    let mut head = if based { "<base href=\"/item/\">\n".to_owned() } else { String::new() };
    let mut body = String::new();
    for child in spec.tree.children(n) {
        let first = spelling(child, child, here, authority);
        let second = spelling(child + 1 + child % (SPELLINGS - 1), child, here, authority);
        if child % 5 == 1 {
            head.push_str(&format!("<link rel=\"next\" href=\"{first}\">\n"));
        } else if child % 5 == 2 {
            body.push_str(&format!("<map name=\"m{child}\"><area href=\"{first}\"></map>\n"));
        } else {
            body.push_str(&format!("{}\n", link(&first)));
        }
        body.push_str(&format!("{}\n", link(&second)));
    }
    for back in [Some(n), spec.tree.parent(n), n.checked_sub(1)].into_iter().flatten() {
        body.push_str(&format!("{}\n", link(&spelling(back + n, back, here, authority))));
    }
    (head, body)
}
