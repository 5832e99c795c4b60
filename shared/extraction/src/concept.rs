//! What a field may mean: one row of the table per concept, with every property that code asks for. The words that
//! name a concept are data, in `vocabulary.txt` under the concept's id; a row without words, or words without a row, does
//! not pass the tests. It knows nothing of pages.

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
    /// A list whose elements are lines, not words with commas between them.
    Lines,
}

/// Everything that is known of a concept but its words.
#[derive(Debug)]
pub(crate) struct Properties {
    /// Its name in `vocabulary.txt` and for people.
    pub(crate) id: &'static str,
    pub(crate) look: Look,
    pub(crate) shape: Shape,
    traits: &'static [Trait],
}

macro_rules! concepts {
    ($($name:ident = $id:literal, $look:ident, $shape:ident, [$($has:ident),*];)*) => {
        /// What a field may mean.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Concept { $($name),* }

        impl Concept {
            /// Every concept, in the order of the table.
            pub(crate) const ALL: &'static [Concept] = &[$(Concept::$name),*];

            /// What is known of it.
            pub(crate) fn properties(self) -> &'static Properties {
                match self {
                    $(Concept::$name => &Properties {
                        id: $id,
                        look: Look::$look,
                        shape: Shape::$shape,
                        traits: &[$(Trait::$has),*],
                    },)*
                }
            }
        }
    };
}

// Concept = id, look, shape, [traits];
concepts! {
    Title = "title", Title, Short, [Common, Shown, OwnLook, Vague];
    Subtitle = "subtitle", Labels, Short, [Vague];
    AlternateName = "alternate name", InBrackets, Short, [];
    Description = "description", Description, Long, [Common, Vague];
    Image = "image", Image, Link, [Common, OwnLook, Address, Vague];
    Url = "url", Canonical, Link, [Common, OwnLook, Address, Vague];
    Language = "language", Language, Free, [OwnLook, Vague];
    Site = "site", Site, Name, [];
    // Products
    Price = "price", Price, Money, [Shown];
    OldPrice = "old price", OldPrice, Money, [];
    Currency = "currency", Currency, Free, [];
    LowPrice = "low price", Labels, Money, [];
    HighPrice = "high price", Labels, Money, [Upper];
    Discount = "discount", Labels, Count, [];
    Brand = "brand", Brand, Name, [Doubted];
    Manufacturer = "manufacturer", Labels, Name, [];
    Sku = "sku", Sku, Code, [Doubted];
    Mpn = "mpn", Labels, Code, [];
    Model = "model", Labels, Short, [];
    Gtin = "gtin", Labels, Code, [];
    Isbn = "isbn", Labels, Code, [];
    Stock = "stock", Stock, Free, [Doubted];
    Quantity = "quantity", Labels, Count, [];
    Color = "color", Labels, Short, [];
    Size = "size", Labels, Short, [Vague];
    Width = "width", Extent, Free, [];
    Height = "height", Extent, Free, [];
    Depth = "depth", Extent, Free, [];
    Weight = "weight", Labels, Free, [];
    Material = "material", Labels, Short, [];
    Condition = "condition", Values, Short, [];
    Seller = "seller", Labels, Name, [];
    Rating = "rating", Rating, Count, [];
    BestRating = "best rating", Labels, Count, [];
    RatingCount = "rating count", RatingCount, Count, [];
    ReviewCount = "review count", RatingCount, Count, [];
    // Articles
    Author = "author", Byline, Name, [Doubted, Vague];
    Published = "published", Times, Day, [Doubted, Vague];
    Modified = "modified", Modified, Day, [Doubted, Vague];
    Category = "category", Category, Short, [Vague];
    Breadcrumb = "breadcrumb", Crumbs, List, [];
    Keyword = "keyword", Tags, List, [Vague];
    Genre = "genre", Labels, List, [];
    Body = "body", Body, Long, [OwnLook, Vague];
    WordCount = "word count", Labels, Count, [];
    ReadingTime = "reading time", ReadingTime, Minutes, [];
    CommentCount = "comment count", Labels, Count, [];
    ViewCount = "view count", Labels, Count, [];
    LikeCount = "like count", Labels, Count, [];
    ShareCount = "share count", Labels, Count, [];
    // Recipes
    Ingredient = "ingredient", List, List, [Lines];
    Instruction = "instruction", Steps, List, [Lines];
    PrepTime = "prep time", Labels, Minutes, [];
    CookTime = "cook time", Labels, Minutes, [];
    TotalTime = "total time", Labels, Minutes, [Vague];
    Duration = "duration", Labels, Minutes, [];
    Serving = "serving", Labels, Count, [];
    Cuisine = "cuisine", Labels, Short, [];
    Diet = "diet", Labels, List, [];
    Difficulty = "difficulty", Labels, Short, [];
    Calory = "calory", Labels, Count, [];
    Fat = "fat", Labels, Count, [];
    Protein = "protein", Labels, Count, [];
    Carbohydrate = "carbohydrate", Labels, Count, [];
    Sugar = "sugar", Labels, Count, [];
    Fiber = "fiber", Labels, Count, [];
    Sodium = "sodium", Labels, Count, [];
    // Places, people, organisations
    Address = "address", Address, Place, [];
    City = "city", Address, Place, [];
    Region = "region", Address, Place, [];
    Country = "country", Address, Place, [];
    PostalCode = "postal code", Address, Code, [Wordy];
    PostBox = "post box", Labels, Free, [];
    Telephone = "telephone", Phone, Code, [Wordy, Vague];
    Fax = "fax", Labels, Code, [Wordy];
    Email = "email", Email, Link, [Vague];
    OpeningHour = "opening hour", Labels, List, [];
    Latitude = "latitude", Labels, Count, [Signed];
    Longitude = "longitude", Labels, Count, [Signed];
    PriceRange = "price range", Labels, Short, [];
    Founded = "founded", Labels, Free, [];
    Employee = "employee", Labels, Free, [];
    GivenName = "given name", PersonName, Name, [];
    FamilyName = "family name", PersonName, Name, [];
    BirthDate = "birth date", Labels, Day, [];
    JobTitle = "job title", JobTitle, Short, [Vague];
    Follower = "follower", Labels, Count, [];
    Bio = "bio", Labels, Free, [];
    // Jobs, events, real estate, media
    Company = "company", Labels, Name, [];
    Salary = "salary", Salary, Money, [];
    SalaryMax = "salary max", Salary, Money, [Upper];
    EmploymentType = "employment type", Values, Short, [];
    ValidThrough = "valid through", Labels, Day, [];
    JobLocation = "job location", Labels, Place, [];
    Location = "location", Place, Place, [];
    StartDate = "start date", Times, Day, [];
    EndDate = "end date", Range, Day, [];
    Organizer = "organizer", Labels, Name, [];
    Performer = "performer", Labels, Name, [];
    Bedroom = "bedroom", Labels, Count, [];
    Room = "room", Labels, Count, [];
    Bathroom = "bathroom", Labels, Count, [];
    Area = "area", Labels, Count, [];
    YearBuilt = "year built", Labels, Count, [];
    Mileage = "mileage", Labels, Count, [];
    Year = "year", Labels, Count, [];
    Director = "director", Labels, Name, [];
    Actor = "actor", Labels, List, [];
    PageCount = "page count", Labels, Count, [];
    License = "license", Labels, Short, [];
    Version = "version", Labels, Code, [Digitless, Vague];
    OperatingSystem = "operating system", Labels, Short, [];
    FileSize = "file size", FileSize, Free, [];
    CopyrightYear = "copyright year", Labels, Count, [];
    CopyrightHolder = "copyright holder", Labels, Name, [];
    OfferCount = "offer count", Labels, Count, [];
    Provider = "provider", Organisation, Name, [];
    Affiliation = "affiliation", Organisation, Name, [];
    Sponsor = "sponsor", Labels, Name, [];
    InterestRate = "interest rate", Labels, Count, [];
    Work = "work", Work, Name, [];
}

impl Concept {
    /// Whether it has a property.
    pub(crate) fn has(self, property: Trait) -> bool {
        self.properties().traits.contains(&property)
    }
}
