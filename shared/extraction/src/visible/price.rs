//! A price as found on the page.

/// An amount on the page.
#[derive(Debug, Clone)]
pub(super) struct Price {
    pub(super) text: String,
    pub(super) currency: &'static str,
    pub(super) score: i32,
    pub(super) is_former: bool,
    /// Whether class words mark it as a price.
    pub(super) marked: bool,
    pub(super) reason: String,
}
