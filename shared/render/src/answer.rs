//! The answer of a renderer in another process: one JSON value with the page compressed inside, within the size limit
//! of the transport.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::config::Limits;
use crate::error::RenderError;
use crate::request::Rendered;

/// Maximum size of an answer in bytes: the 6 MB of a response of a Lambda function, minus what JSON adds.
pub const MAX_ANSWER_BYTES: usize = 6_000_000;
/// Maximum size in bytes of an unpacked page, with room for its notes and a picture.
const MAX_UNPACKED: u64 = (10 << 20) + (8 << 20);

/// The answer of a renderer in another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The page: a line of JSON, then the document, then the picture; gzip, encoded as base64.
    Rendered(String),
    /// Why there is no page.
    Error(RenderError),
}

/// The first line of a packed page.
#[derive(Serialize, Deserialize)]
struct Head {
    page: Rendered,
    /// Size of the document in bytes.
    html: usize,
    /// Size of the picture in bytes, if there is one.
    screenshot: Option<usize>,
}

impl Answer {
    /// Packs a page. If it is over `max` bytes, the picture is left out; if it is still too large, the answer is an
    /// error.
    pub fn pack(rendered: Result<Rendered, RenderError>, max: usize) -> Answer {
        let mut page = match rendered {
            Ok(page) => page,
            Err(error) => return Answer::Error(error),
        };
        loop {
            match packed(&page) {
                Ok(text) if text.len() <= max => return Answer::Rendered(text),
                Ok(_) if page.screenshot.take().is_some() => {
                    page.notes.push("the screenshot was too large to transfer and was left out".into());
                }
                Ok(_) => {
                    let text = format!("the rendered page is too large to transfer: over {max} bytes, compressed");
                    return Answer::Error(RenderError::LimitExceeded(text));
                }
                Err(error) => return Answer::Error(RenderError::Internal(error.to_string())),
            }
        }
    }

    /// Unpacks the page.
    ///
    /// # Errors
    /// The renderer's error, or the answer is malformed.
    pub fn unpack(self) -> Result<Rendered, RenderError> {
        match self {
            Answer::Rendered(text) => unpacked(&text)
                .unwrap_or_else(|| Err(RenderError::Internal("the renderer's answer cannot be read".into()))),
            Answer::Error(error) => Err(error),
        }
    }
}

fn packed(page: &Rendered) -> std::io::Result<String> {
    let screenshot = page.screenshot.as_deref();
    let head = Head { html: page.html.len(), screenshot: screenshot.map(<[u8]>::len), page: page.without_content() };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut gzip, &head)?;
    gzip.write_all(b"\n")?;
    gzip.write_all(page.html.as_bytes())?;
    gzip.write_all(screenshot.unwrap_or_default())?;
    Ok(BASE64.encode(gzip.finish()?))
}

/// Unpacks a page. Returns `None` if [`packed`] did not make the text.
fn unpacked(text: &str) -> Option<Result<Rendered, RenderError>> {
    let packed = BASE64.decode(text).ok()?;
    let mut bytes = Vec::new();
    let read = GzDecoder::new(&packed[..]).take(MAX_UNPACKED + 1).read_to_end(&mut bytes).ok()?;
    if read as u64 > MAX_UNPACKED {
        let text = format!("the page is over {} MiB after its scripts ran", Limits::default().html >> 20);
        return Some(Err(RenderError::LimitExceeded(text)));
    }
    let line = bytes.iter().position(|byte| *byte == b'\n')?;
    let Head { mut page, html, screenshot } = serde_json::from_slice(&bytes[..line]).ok()?;
    let mut document = bytes.split_off(line + 1);
    let picture = (html <= document.len()).then(|| document.split_off(html))?;
    page.screenshot = screenshot.map(|_| picture);
    page.html = String::from_utf8(document).ok()?;
    Some(Ok(page))
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn page(html: String, screenshot: Option<Vec<u8>>) -> Rendered {
        Rendered {
            final_url: Url::parse("https://a.test/x").unwrap(),
            status: 200,
            html,
            screenshot,
            notes: vec!["said".into()],
            robots_tag: Some("noindex".into()),
            bytes: 7,
            requests: 2,
        }
    }

    /// Sends an answer through JSON and unpacks it.
    fn transferred(answer: &Answer) -> Result<Rendered, RenderError> {
        serde_json::from_str::<Answer>(&serde_json::to_string(answer).unwrap()).unwrap().unpack()
    }

    #[test]
    fn a_page_survives_packing_and_unpacking() {
        let html = "<p>\"é\"\n</p>".repeat(200_000);
        let answer = Answer::pack(Ok(page(html.clone(), Some(vec![0, 10, 255]))), MAX_ANSWER_BYTES);
        assert!(serde_json::to_string(&answer).unwrap().len() < 100_000);
        let got = transferred(&answer).unwrap();
        assert_eq!((got.html == html, got.screenshot.as_deref()), (true, Some(&[0, 10, 255][..])));
        assert_eq!((got.status, got.notes, got.robots_tag), (200, vec!["said".to_owned()], Some("noindex".into())));
        let none = transferred(&Answer::pack(Ok(page("é".into(), None)), MAX_ANSWER_BYTES)).unwrap();
        assert_eq!((none.html.as_str(), none.screenshot), ("é", None));
        let error = RenderError::Timeout(std::time::Duration::from_secs(3));
        assert_eq!(transferred(&Answer::pack(Err(error.clone()), MAX_ANSWER_BYTES)).unwrap_err(), error);
    }

    #[test]
    fn a_page_too_large_to_transfer_loses_its_screenshot_or_is_refused() {
        let mut noise = vec![0; 9_000];
        getrandom::fill(&mut noise).unwrap();
        let got = transferred(&Answer::pack(Ok(page("<p>".into(), Some(noise.clone()))), 4_000)).unwrap();
        assert_eq!((got.screenshot, got.notes.len()), (None, 2));
        let html = BASE64.encode(noise);
        let error = transferred(&Answer::pack(Ok(page(html, None)), 4_000)).unwrap_err();
        assert!(matches!(&error, RenderError::LimitExceeded(text) if text.contains("4000")), "{error:?}");
        assert_eq!(error.into_unit_error().code, domain::ErrorCode::UnsupportedContent);
    }

    #[test]
    fn a_bomb_and_malformed_answers_are_errors() {
        let bomb = packed(&page(" ".repeat(19 << 20), None)).unwrap();
        assert!(bomb.len() < 200_000);
        assert!(matches!(Answer::Rendered(bomb).unpack(), Err(RenderError::LimitExceeded(_))));
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(b"{}\n").unwrap();
        for bad in ["", "%", "AAAA", &BASE64.encode(gzip.finish().unwrap())] {
            assert!(matches!(Answer::Rendered(bad.into()).unpack(), Err(RenderError::Internal(_))), "{bad}");
        }
    }
}
