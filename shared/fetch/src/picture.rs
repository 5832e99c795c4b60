//! Fetches a page's pictures with the same client and guard as the page. Small pictures only.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;
use url::Url;

use crate::body::check_status;
use crate::client::{Fetcher, NoResponse, RedirectEnd};
use crate::error::FetchError;

/// `Accept` of a picture.
const ACCEPT_PICTURE: &str = "image/png,image/jpeg,image/webp,image/gif;q=0.8";

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The media type, determined by the first bytes; the `Content-Type` does not matter.
    pub media: &'static str,
    /// The file.
    pub bytes: Bytes,
}

impl Fetcher {
    /// Fetches a picture of at most `max` bytes. `timeout` covers redirects too.
    ///
    /// # Errors
    /// Why the picture could not be fetched.
    pub async fn picture(&self, url: &Url, timeout: Duration, max: usize) -> Result<Picture, FetchError> {
        match tokio::time::timeout(timeout, self.fetch_picture(url, max)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Timeout(timeout)),
        }
    }

    async fn fetch_picture(&self, url: &Url, max: usize) -> Result<Picture, FetchError> {
        let response = match self.follow_redirects(url, ACCEPT_PICTURE).await {
            Ok(RedirectEnd::Response(_, response)) => response,
            Ok(RedirectEnd::DeadEnd(error)) | Err(NoResponse { error, .. }) => return Err(error),
        };
        check_status(&response)?;
        let bytes = read(response, max).await?;
        let media = media_of(&bytes)
            .ok_or(FetchError::Unsupported("the file is not a PNG, JPEG, GIF or WebP picture".into()))?;
        Ok(Picture { media, bytes })
    }
}

async fn read(mut response: Response, max: usize) -> Result<Bytes, FetchError> {
    let too_large = || FetchError::Unsupported(format!("the picture is larger than {} MiB", max / (1024 * 1024)));
    if response.content_length().is_some_and(|n| n > max as u64) {
        return Err(too_large());
    }
    // Picture formats are compressed themselves. A server that compresses them again does not send a usual picture.
    if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(FetchError::Unsupported(
            "the picture has a Content-Encoding, which is not supported for pictures".into(),
        ));
    }
    let mut bytes = BytesMut::new();
    let broken = |_| FetchError::Unreachable("the picture's response ended early".into());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// Returns the media type of a picture, determined by its first bytes (WHATWG MIME Sniffing §6.1); `None` if it is not
/// a supported picture.
fn media_of(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_recognised_by_its_first_bytes() {
        assert_eq!(media_of(b"\x89PNG\r\n\x1a\n"), Some("image/png"));
        assert_eq!(media_of(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_of(b"GIF89a.."), Some("image/gif"));
        assert_eq!(media_of(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for none in [&b"<svg xmlns"[..], b"", b"RIFF\0\0\0\0WAVE", b"\x89PN", b"<html>"] {
            assert_eq!(media_of(none), None);
        }
    }
}
