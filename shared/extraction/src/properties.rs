//! Properties of concepts: how they are found on a page, what their values look like, and traits that some have.

/// How a concept's values are found on the visible page, besides by labels and marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// In no other way.
    Labels,
    Address,
    Body,
    Brand,
    Byline,
    Canonical,
    Category,
    Breadcrumbs,
    Currency,
    Description,
    Email,
    /// One of the two or three measures of "20 × 30 cm".
    Dimension,
    Image,
    Language,
    List,
    /// A number of bytes.
    FileSize,
    Modified,
    OldPrice,
    /// A person's role at an organisation.
    JobTitle,
    /// The name of an organisation beside the heading.
    Organisation,
    /// The text in brackets in the heading.
    BracketedText,
    /// A part of the name of the person that the page is about.
    PersonName,
    Phone,
    /// The name of an event's venue.
    Place,
    Price,
    /// The second of two days.
    EndDay,
    Rating,
    RatingCount,
    ReadingTime,
    /// A duration that is an item of its own in a line of facts.
    Duration,
    /// The technique of an artwork, and the surface it is on.
    ArtMedium,
    /// The number after the title.
    Version,
    /// Money per period of time.
    Salary,
    Site,
    Sku,
    Steps,
    Stock,
    Tags,
    Day,
    Title,
    /// The work that an event, a review or an edition belongs to.
    Work,
    /// One of the values that the concept can have, as listed in its words.
    ListedValues,
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Anything.
    Any,
    /// A number of things, or a measure.
    Count,
    /// Letters and digits that identify one thing.
    Code,
    /// A day, with or without a time.
    Day,
    /// A URL or an email address.
    Link,
    /// Several values.
    List,
    /// Sentences.
    Long,
    /// A duration.
    Duration,
    /// An amount with or without its currency.
    Money,
    /// The name of a person or an organisation.
    Name,
    /// A place or the address of one.
    Place,
    /// A few words.
    Short,
}

/// Properties that some concepts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trait {
    /// Things of every kind have it, so it does not tell what a page is about.
    Common,
    /// The page states it better than its markup, so the page is always examined.
    PreferVisible,
    /// Markup is often wrong about it, so the page is examined unless the markup is of the most trusted kind.
    UnreliableMarkup,
    /// Its strategy finds every value; labels and marks near it mislead.
    StrategyOnly,
    /// Its values are URLs, returned as absolute ones.
    Address,
    /// It may be negative.
    Signed,
    /// A code that may contain words.
    Wordy,
    /// A code that may contain no digit.
    Digitless,
    /// Many kinds of things have one, so as the last part of a dotted name it does not tell which thing has it.
    AmbiguousOwner,
    /// The upper end of a range.
    UpperEnd,
    /// How to reach the subject of the page; a footer often gives the site's instead.
    Contact,
    /// A list whose elements are lines, not words separated by commas.
    Lines,
}
