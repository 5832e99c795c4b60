//! What concepts can be like: what finds them on a page, what their values look like, and properties that some have.

/// What else than labels and marks finds a concept's values on the visible page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing else.
    Labels,
    Address,
    Body,
    Brand,
    Byline,
    Canonical,
    Category,
    Crumbs,
    Currency,
    Description,
    Email,
    /// One of the two or three measures of "20 × 30 cm".
    Extent,
    Image,
    Language,
    List,
    /// A number of bytes.
    FileSize,
    Modified,
    OldPrice,
    /// What somebody is at an organisation.
    JobTitle,
    /// What an organisation beside the heading is called.
    Organisation,
    /// What the heading has in brackets.
    InBrackets,
    /// A part of the name of the person that the page is about.
    PersonName,
    Phone,
    /// What the place of an event is called.
    Place,
    Price,
    /// The second of two days.
    Range,
    Rating,
    RatingCount,
    ReadingTime,
    /// A length of time that is a fact of its own on a line of facts.
    Length,
    /// What a picture is made with, and on what.
    Medium,
    /// The number behind the title.
    Version,
    /// Money for a span of time.
    Salary,
    Site,
    Sku,
    Steps,
    Stock,
    Tags,
    Times,
    Title,
    /// The work that an event, a review or an edition is of.
    Work,
    /// One of the values that it can have, as its words list them.
    Values,
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Anything.
    Free,
    /// A number of things, or a measure.
    Count,
    /// Letters and digits that name one thing.
    Code,
    /// A day, with or without a time.
    Day,
    /// A URL or an address of mail.
    Link,
    /// Several values.
    List,
    /// Sentences.
    Long,
    /// A length of time.
    Minutes,
    /// An amount with or without its currency.
    Money,
    /// What a person or an organisation is called.
    Name,
    /// A place or the address of one.
    Place,
    /// A few words.
    Short,
}

/// Properties that some concepts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trait {
    /// Things of every kind have it: it does not tell which one a page is about.
    Common,
    /// The page says it better than its markup: it is always looked at.
    Shown,
    /// Markup often has it wrong: the page is looked at unless the markup is of the most trusted kind.
    Doubted,
    /// Its look finds all there is: labels and marks near it mislead.
    OwnLook,
    /// Its values are URLs, which are given absolute.
    Address,
    /// It may be less than nothing.
    Signed,
    /// A code that may hold words.
    Wordy,
    /// A code that may have no digit.
    Digitless,
    /// Every thing has one of its own: as the last part of a dotted name it says nothing of whose it is.
    Vague,
    /// The upper end of a range.
    Upper,
    /// How to reach who the page is about: a footer often tells of the site instead.
    Reach,
    /// A list whose elements are lines, not words with commas between them.
    Lines,
}
