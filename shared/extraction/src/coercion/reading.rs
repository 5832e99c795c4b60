//! How to read texts.

use jiff::civil::Date;

/// How to read texts.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// BCP 47 tag that decides what `1.234` and `03/04/2025` mean.
    pub locale: &'a str,
    /// The day from which relative dates count.
    pub today: Date,
}
