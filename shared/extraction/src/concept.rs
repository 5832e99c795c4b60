//! What a field may mean: a table with one row per concept and every property that the code needs. The words that name
//! a concept are data, in `vocabulary.txt` under the concept's id; a test fails if a row has no words or words have no
//! row. Depends on no page.

pub(crate) use crate::properties::{Shape, Strategy, Trait};

/// What is known of a concept, apart from its words.
#[derive(Debug)]
pub(crate) struct Properties {
    /// The name in `vocabulary.txt` and in explanations.
    pub(crate) id: &'static str,
    pub(crate) strategy: Strategy,
    pub(crate) shape: Shape,
    traits: &'static [Trait],
}

macro_rules! concepts {
    ($($name:ident = $id:literal, $strategy:ident, $shape:ident, [$($has:ident),*];)*) => {
        /// What a field may mean.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Concept { $($name),* }

        impl Concept {
            /// Every concept, in the order of the table.
            pub(crate) const ALL: &'static [Concept] = &[$(Concept::$name),*];

            /// Returns the concept's properties.
            pub(crate) fn properties(self) -> &'static Properties {
                match self {
                    $(Concept::$name => &Properties {
                        id: $id,
                        strategy: Strategy::$strategy,
                        shape: Shape::$shape,
                        traits: &[$(Trait::$has),*],
                    },)*
                }
            }
        }
    };
}

// Concept = id, strategy, shape, [traits];
concepts! {
    Title = "title", Title, Short, [Common, PreferVisible, StrategyOnly, AmbiguousOwner];
    Subtitle = "subtitle", Labels, Short, [AmbiguousOwner];
    AlternateName = "alternate name", BracketedText, Short, [];
    Description = "description", Description, Long, [Common, AmbiguousOwner];
    Image = "image", Image, Link, [Common, StrategyOnly, Address, AmbiguousOwner];
    Url = "url", Canonical, Link, [Common, StrategyOnly, Address, AmbiguousOwner];
    Language = "language", Language, Any, [StrategyOnly, AmbiguousOwner];
    Site = "site", Site, Name, [];
    // Products
    Price = "price", Price, Money, [PreferVisible];
    OldPrice = "old price", OldPrice, Money, [];
    Currency = "currency", Currency, Any, [];
    LowPrice = "low price", Labels, Money, [];
    HighPrice = "high price", Labels, Money, [UpperEnd];
    Discount = "discount", Labels, Count, [];
    Brand = "brand", Brand, Name, [UnreliableMarkup];
    Manufacturer = "manufacturer", Labels, Name, [];
    Sku = "sku", Sku, Code, [UnreliableMarkup];
    Mpn = "mpn", Labels, Code, [];
    Model = "model", Labels, Short, [];
    Gtin = "gtin", Labels, Code, [];
    Isbn = "isbn", Labels, Code, [];
    Stock = "stock", Stock, Any, [UnreliableMarkup];
    Quantity = "quantity", Labels, Count, [];
    Color = "color", Labels, Short, [];
    Size = "size", Labels, Short, [AmbiguousOwner];
    Width = "width", Dimension, Any, [];
    Height = "height", Dimension, Any, [];
    Depth = "depth", Dimension, Any, [];
    Weight = "weight", Labels, Any, [];
    Material = "material", Labels, Short, [];
    Condition = "condition", ListedValues, Short, [];
    Seller = "seller", Labels, Name, [];
    Rating = "rating", Rating, Count, [];
    BestRating = "best rating", Labels, Count, [];
    RatingCount = "rating count", RatingCount, Count, [];
    ReviewCount = "review count", RatingCount, Count, [];
    // Articles
    Author = "author", Byline, Name, [UnreliableMarkup, AmbiguousOwner];
    Published = "published", Day, Day, [UnreliableMarkup, AmbiguousOwner];
    Modified = "modified", Modified, Day, [UnreliableMarkup, AmbiguousOwner];
    Category = "category", Category, Short, [AmbiguousOwner];
    Breadcrumb = "breadcrumb", Breadcrumbs, List, [];
    Keyword = "keyword", Tags, List, [AmbiguousOwner];
    Genre = "genre", Labels, List, [];
    Body = "body", Body, Long, [StrategyOnly, AmbiguousOwner];
    WordCount = "word count", Labels, Count, [];
    ReadingTime = "reading time", ReadingTime, Duration, [];
    CommentCount = "comment count", Labels, Count, [];
    ViewCount = "view count", Labels, Count, [];
    LikeCount = "like count", Labels, Count, [];
    ShareCount = "share count", Labels, Count, [];
    // Recipes
    Ingredient = "ingredient", List, List, [Lines];
    Instruction = "instruction", Steps, List, [Lines];
    PrepTime = "prep time", Labels, Duration, [];
    CookTime = "cook time", Labels, Duration, [];
    TotalTime = "total time", Labels, Duration, [AmbiguousOwner];
    Duration = "duration", Duration, Duration, [];
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
    Address = "address", Address, Place, [Contact];
    City = "city", Address, Place, [Contact];
    Region = "region", Address, Place, [Contact];
    Country = "country", Address, Place, [Contact];
    PostalCode = "postal code", Address, Code, [Wordy, Contact];
    PostBox = "post box", Labels, Any, [];
    Telephone = "telephone", Phone, Code, [Wordy, AmbiguousOwner, Contact];
    Fax = "fax", Labels, Code, [Wordy, Contact];
    Email = "email", Email, Link, [AmbiguousOwner, Contact];
    OpeningHour = "opening hour", Labels, List, [Contact];
    Latitude = "latitude", Labels, Count, [Signed];
    Longitude = "longitude", Labels, Count, [Signed];
    PriceRange = "price range", Labels, Short, [];
    Founded = "founded", Labels, Any, [];
    Employee = "employee", Labels, Any, [];
    GivenName = "given name", PersonName, Name, [];
    FamilyName = "family name", PersonName, Name, [];
    BirthDate = "birth date", Labels, Day, [];
    JobTitle = "job title", JobTitle, Short, [AmbiguousOwner];
    Follower = "follower", Labels, Count, [];
    Bio = "bio", Labels, Any, [];
    // Jobs, events, real estate, media
    Company = "company", Organisation, Name, [];
    Salary = "salary", Salary, Money, [];
    SalaryMax = "salary max", Salary, Money, [UpperEnd];
    EmploymentType = "employment type", ListedValues, Short, [];
    ValidThrough = "valid through", Labels, Day, [];
    JobLocation = "job location", Labels, Place, [];
    Location = "location", Place, Place, [];
    StartDate = "start date", Day, Day, [];
    EndDate = "end date", EndDay, Day, [];
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
    Version = "version", Version, Code, [Digitless, AmbiguousOwner];
    OperatingSystem = "operating system", Labels, Short, [];
    FileSize = "file size", FileSize, Any, [];
    CopyrightYear = "copyright year", Labels, Count, [];
    CopyrightHolder = "copyright holder", Labels, Name, [];
    OfferCount = "offer count", Labels, Count, [];
    Provider = "provider", Organisation, Name, [];
    Affiliation = "affiliation", Organisation, Name, [];
    Sponsor = "sponsor", Labels, Name, [];
    InterestRate = "interest rate", Labels, Count, [];
    Work = "work", Work, Name, [];
    // Facts of people, organisations and things that are found by labels alone
    DeathDate = "death date", Labels, Day, [];
    BirthPlace = "birth place", Labels, Place, [];
    Nationality = "nationality", Labels, Short, [];
    KnownLanguage = "known language", Labels, Short, [];
    Alumni = "alumni", Labels, Name, [];
    Spouse = "spouse", Labels, Name, [];
    Gender = "gender", Labels, Short, [];
    ChiefExecutive = "chief executive", Labels, Name, [];
    VatId = "vat id", Labels, Code, [Wordy];
    RegistrationNumber = "registration number", Labels, Code, [Wordy];
    Capital = "capital", Labels, Money, [];
    Revenue = "revenue", Labels, Money, [];
    Industry = "industry", Labels, Short, [];
    Headquarters = "headquarters", Labels, Place, [];
    Mobile = "mobile", Labels, Code, [Wordy, Contact];
    ContactPerson = "contact person", Labels, Name, [Contact];
    Agent = "agent", Labels, Name, [];
    Deposit = "deposit", Labels, Money, [];
    TotalRent = "total rent", Labels, Money, [];
    Charges = "charges", Labels, Money, [];
    EnergyClass = "energy class", Labels, Short, [];
    Heating = "heating", Labels, Short, [];
    Floor = "floor", Labels, Any, [];
    AvailableFrom = "available from", Labels, Day, [];
    Pet = "pet", Labels, Any, [];
    Fuel = "fuel", Labels, Short, [];
    Transmission = "transmission", Labels, Short, [];
    Power = "power", Labels, Any, [];
    Vin = "vin", Labels, Code, [];
    Warranty = "warranty", Labels, Short, [];
    Origin = "origin", Labels, Short, [];
    Care = "care", Labels, Short, [];
    Voltage = "voltage", Labels, Any, [];
    Torque = "torque", Labels, Any, [];
    TotalPrice = "total price", Labels, Money, [];
    ReservationNumber = "reservation number", Labels, Code, [];
    Issued = "issued", Labels, Day, [];
    Effective = "effective", Labels, Day, [];
    Capacity = "capacity", Labels, Count, [];
    DoorTime = "door time", Labels, Any, [];
    CheckIn = "check in", Labels, Any, [];
    CheckOut = "check out", Labels, Any, [];
    NightPrice = "night price", Labels, Money, [];
    ContentRating = "content rating", Labels, Short, [];
    Ticker = "ticker", Labels, Code, [Digitless];
    Instructor = "instructor", Labels, Name, [];
    MemberCount = "member count", Labels, Count, [];
    Opening = "opening", Labels, Count, [];
    Experience = "experience", Labels, Any, [];
    Benefit = "benefit", Labels, Any, [];
    AnswerCount = "answer count", Labels, Count, [];
    Episode = "episode", Labels, Count, [];
    Translator = "translator", Labels, Name, [];
    Illustrator = "illustrator", Labels, Name, [];
    Edition = "edition", Labels, Short, [];
    Binding = "binding", Labels, Short, [];
    Series = "series", Labels, Short, [];
    Developer = "developer", Labels, Name, [];
    DownloadCount = "download count", Labels, Count, [];
    Breed = "breed", Labels, Short, [];
    Age = "age", Labels, Count, [];
    LotSize = "lot size", Labels, Any, [];
    Parking = "parking", Labels, Any, [];
    Elevation = "elevation", Labels, Any, [];
    ArtMedium = "art medium", ArtMedium, Short, [];
    ArtSurface = "art surface", ArtMedium, Short, [];
    Population = "population", Labels, Count, [];
}

impl Concept {
    /// Returns whether the concept has a trait.
    pub(crate) fn has(self, property: Trait) -> bool {
        self.properties().traits.contains(&property)
    }
}
