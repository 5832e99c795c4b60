//! A page's pictures: by the same client and the same guard as the page, small ones only.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use reqwest::header::CONTENT_ENCODING;
use url::Url;

use crate::body::check_status;
use crate::client::{Arrival, Fetcher, Lost};
use crate::error::FetchError;

/// `Accept` of a picture.
const ACCEPT_PICTURE: &str = "image/png,image/jpeg,image/webp,image/gif;q=0.8";

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its media type, by its first bytes: what its server calls it does not matter.
    pub media: &'static str,
    /// The file.
    pub bytes: Bytes,
}

impl Fetcher {
    /// Fetches a picture of at most `max` bytes, redirects and all within `timeout`.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn picture(&self, url: &Url, timeout: Duration, max: usize) -> Result<Picture, FetchError> {
        match tokio::time::timeout(timeout, self.fetch_picture(url, max)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Timeout(timeout)),
        }
    }

    async fn fetch_picture(&self, url: &Url, max: usize) -> Result<Picture, FetchError> {
        let response = match self.arrive(url, ACCEPT_PICTURE).await {
            Ok(Arrival::At(_, response)) => response,
            Ok(Arrival::Astray(error)) | Err(Lost { error, .. }) => return Err(error),
        };
        check_status(&response)?;
        let bytes = read(response, max).await?;
        let media = media_of(&bytes).ok_or(FetchError::Unsupported("this is not a picture that can be read".into()))?;
        Ok(Picture { media, bytes })
    }
}

async fn read(mut response: Response, max: usize) -> Result<Bytes, FetchError> {
    let too_large = || FetchError::Unsupported(format!("the picture is larger than {} MB", max / (1024 * 1024)));
    if response.content_length().is_some_and(|n| n > max as u64) {
        return Err(too_large());
    }
    // They are packed by themselves; whoever packs them once more sends no picture.
    if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(FetchError::Unsupported("the picture is packed".into()));
    }
    let mut bytes = BytesMut::new();
    let broken = |_| FetchError::Unreachable("the picture broke off".into());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// The media type of a picture, by its first bytes (WHATWG MIME Sniffing §6.1); `None` for what is none.
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
    fn a_picture_is_known_by_its_first_bytes() {
        assert_eq!(media_of(b"\x89PNG\r\n\x1a\n"), Some("image/png"));
        assert_eq!(media_of(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_of(b"GIF89a.."), Some("image/gif"));
        assert_eq!(media_of(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for none in [&b"<svg xmlns"[..], b"", b"RIFF\0\0\0\0WAVE", b"\x89PN", b"<html>"] {
            assert_eq!(media_of(none), None);
        }
    }
}
