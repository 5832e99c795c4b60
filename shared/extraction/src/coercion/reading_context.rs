//! The locale and the day by which texts are read.

use jiff::civil::Date;

/// The locale and the day by which texts are read.
#[derive(Debug, Clone, Copy)]
pub struct ReadingContext<'a> {
    /// BCP 47 tag that decides what `1.234` and `03/04/2025` mean.
    pub locale: &'a str,
    /// The day from which relative dates count.
    pub today: Date,
}
