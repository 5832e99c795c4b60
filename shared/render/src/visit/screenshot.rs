//! Takes a screenshot of the window.

use base64::Engine as _;
use serde_json::json;

use crate::cdp::Session;
use crate::context::{HEIGHT, WIDTH};

/// Scales that are tried in order until the screenshot fits.
const SCALES: [f64; 3] = [1.0, 0.5, 0.25];

/// The result of taking a screenshot.
pub(super) enum Screenshot {
    /// It could not be taken.
    Failed,
    /// It does not fit at any scale.
    TooLarge,
    /// A PNG, and the scale of its width.
    Taken(Vec<u8>, f64),
}

/// Takes a PNG of the window of at most `max` bytes.
pub(super) async fn take(session: &Session, max: usize) -> Screenshot {
    for scale in SCALES {
        let clip = json!({ "x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": scale });
        let mut params = json!({ "format": "png" });
        if scale < 1.0 {
            params["clip"] = clip;
        }
        let Ok(answer) = session.call("Page.captureScreenshot", params).await else { return Screenshot::Failed };
        let data = answer["data"].as_str().unwrap_or_default();
        let Ok(png) = base64::engine::general_purpose::STANDARD.decode(data) else { return Screenshot::Failed };
        if png.is_empty() {
            return Screenshot::Failed;
        }
        if png.len() <= max {
            return Screenshot::Taken(png, scale);
        }
    }
    Screenshot::TooLarge
}

impl Screenshot {
    /// Returns a note for the caller if a screenshot was wanted and is missing or reduced.
    pub(super) fn note(&self, wanted: bool) -> Option<String> {
        let text = match self {
            Screenshot::Failed => "no screenshot could be taken".into(),
            Screenshot::TooLarge => "the screenshot was too large to store and was left out".into(),
            Screenshot::Taken(_, scale) if *scale < 1.0 => {
                format!("the screenshot was too large to store and was scaled down by a factor of {}", 1.0 / scale)
            }
            Screenshot::Taken(..) => return None,
        };
        wanted.then_some(text)
    }

    /// Returns the PNG, if there is one.
    pub(super) fn png(self) -> Option<Vec<u8>> {
        match self {
            Screenshot::Taken(png, _) => Some(png),
            Screenshot::Failed | Screenshot::TooLarge => None,
        }
    }
}
