//! List cursors on the wire: opaque to clients. A forged one is harmless, since a list never leaves its account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{JobId, Timestamp};
use store::lists::Cursor;

use crate::ApiError;

pub(crate) fn encode(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}/{}", cursor.started_at.0, cursor.job))
}

/// # Errors
/// `INVALID_REQUEST` if [`encode`] did not produce it.
pub(crate) fn decode(text: &str) -> Result<Cursor, ApiError> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (at, job) = std::str::from_utf8(&bytes).ok()?.split_once('/')?;
        let started_at = Timestamp(at.parse().ok().filter(|at| (0..=253_402_300_799_999).contains(at))?);
        Some(Cursor { started_at, job: JobId::parse(job)? })
    };
    read().ok_or_else(|| ApiError::invalid("\"cursor\" must be a next_cursor that this API returned"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_others_are_refused() {
        let cursor = Cursor { started_at: Timestamp(1_800_000_000_000), job: JobId::from_random(9) };
        assert_eq!(decode(&encode(&cursor)).unwrap(), cursor);
        for bad in ["", "x", "!!", &URL_SAFE_NO_PAD.encode("-5/job_000000000000"), &URL_SAFE_NO_PAD.encode("5/no")] {
            assert!(decode(bad).is_err(), "{bad}");
        }
    }
}
