//! Takes a picture of the window.

use base64::Engine as _;
use serde_json::json;

use crate::cdp::Session;
use crate::context::{HEIGHT, WIDTH};

/// Scales that are tried in order until the picture fits.
const SCALES: [f64; 3] = [1.0, 0.5, 0.25];

/// The result of taking a picture.
pub(super) enum Picture {
    /// It could not be taken.
    None,
    /// It does not fit at any scale.
    TooLarge,
    /// A PNG, and the scale of its width.
    Taken(Vec<u8>, f64),
}

/// Takes a PNG of the window of at most `max` bytes.
pub(super) async fn take(session: &Session, max: usize) -> Picture {
    for scale in SCALES {
        let clip = json!({ "x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": scale });
        let mut params = json!({ "format": "png" });
        if scale < 1.0 {
            params["clip"] = clip;
        }
        let Ok(answer) = session.ask("Page.captureScreenshot", params).await else { return Picture::None };
        let data = answer["data"].as_str().unwrap_or_default();
        let Ok(png) = base64::engine::general_purpose::STANDARD.decode(data) else { return Picture::None };
        if png.is_empty() {
            return Picture::None;
        }
        if png.len() <= max {
            return Picture::Taken(png, scale);
        }
    }
    Picture::TooLarge
}

impl Picture {
    /// Returns a note for the caller if a picture was wanted and is missing or reduced.
    pub(super) fn note(&self, wanted: bool) -> Option<String> {
        let text = match self {
            Picture::None => "no screenshot could be taken".into(),
            Picture::TooLarge => "the screenshot was too large to store and was left out".into(),
            Picture::Taken(_, scale) if *scale < 1.0 => {
                format!("the screenshot was too large to store and was scaled down by a factor of {}", 1.0 / scale)
            }
            Picture::Taken(..) => return None,
        };
        wanted.then_some(text)
    }

    /// Returns the PNG, if there is one.
    pub(super) fn png(self) -> Option<Vec<u8>> {
        match self {
            Picture::Taken(png, _) => Some(png),
            Picture::None | Picture::TooLarge => None,
        }
    }
}
