//! The tests are in `suite/`; this crate has no code of its own.
