//! Searches the chain of causes of an error.

use std::error::Error;
use std::io;

/// Returns the first error of type `T` in a chain. [`io::Error`] does not report a wrapped error as its source, so the
/// wrapped error is searched separately.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(inner) = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = find::<T>(inner)
        {
            return Some(found);
        }
        next = e.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[test]
    fn an_error_wrapped_in_an_io_error_is_found() {
        let outer = io::Error::other(io::Error::other(fmt::Error));
        assert_eq!(find::<fmt::Error>(&outer), Some(&fmt::Error));
        assert_eq!(find::<fmt::Error>(&io::Error::other("x")), None);
    }
}
