//! What a field may mean: a table with one row per concept and every property that the code needs. The words that name
//! a concept are data, in `vocabulary.txt` under the concept's id; a test fails if a row has no words or words have no
//! row. Depends on no page.

pub(crate) use crate::kinds::{Look, Shape, Trait};

/// What is known of a concept, apart from its words.
#[derive(Debug)]
pub(crate) struct Properties {
    /// The name in `vocabulary.txt` and in explanations.
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

            /// Returns the concept's properties.
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
    Duration = "duration", Length, Minutes, [];
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
    Address = "address", Address, Place, [Reach];
    City = "city", Address, Place, [Reach];
    Region = "region", Address, Place, [Reach];
    Country = "country", Address, Place, [Reach];
    PostalCode = "postal code", Address, Code, [Wordy, Reach];
    PostBox = "post box", Labels, Free, [];
    Telephone = "telephone", Phone, Code, [Wordy, Vague, Reach];
    Fax = "fax", Labels, Code, [Wordy, Reach];
    Email = "email", Email, Link, [Vague, Reach];
    OpeningHour = "opening hour", Labels, List, [Reach];
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
    Company = "company", Organisation, Name, [];
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
    Version = "version", Version, Code, [Digitless, Vague];
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
    Mobile = "mobile", Labels, Code, [Wordy, Reach];
    ContactPerson = "contact person", Labels, Name, [Reach];
    Agent = "agent", Labels, Name, [];
    Deposit = "deposit", Labels, Money, [];
    TotalRent = "total rent", Labels, Money, [];
    Charges = "charges", Labels, Money, [];
    EnergyClass = "energy class", Labels, Short, [];
    Heating = "heating", Labels, Short, [];
    Floor = "floor", Labels, Free, [];
    AvailableFrom = "available from", Labels, Day, [];
    Pet = "pet", Labels, Free, [];
    Fuel = "fuel", Labels, Short, [];
    Transmission = "transmission", Labels, Short, [];
    Power = "power", Labels, Free, [];
    Vin = "vin", Labels, Code, [];
    Warranty = "warranty", Labels, Short, [];
    Origin = "origin", Labels, Short, [];
    Care = "care", Labels, Short, [];
    Voltage = "voltage", Labels, Free, [];
    Torque = "torque", Labels, Free, [];
    TotalPrice = "total price", Labels, Money, [];
    ReservationNumber = "reservation number", Labels, Code, [];
    Issued = "issued", Labels, Day, [];
    Effective = "effective", Labels, Day, [];
    Capacity = "capacity", Labels, Count, [];
    DoorTime = "door time", Labels, Free, [];
    CheckIn = "check in", Labels, Free, [];
    CheckOut = "check out", Labels, Free, [];
    NightPrice = "night price", Labels, Money, [];
    ContentRating = "content rating", Labels, Short, [];
    Ticker = "ticker", Labels, Code, [Digitless];
    Instructor = "instructor", Labels, Name, [];
    MemberCount = "member count", Labels, Count, [];
    Opening = "opening", Labels, Count, [];
    Experience = "experience", Labels, Free, [];
    Benefit = "benefit", Labels, Free, [];
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
    LotSize = "lot size", Labels, Free, [];
    Parking = "parking", Labels, Free, [];
    Elevation = "elevation", Labels, Free, [];
    ArtMedium = "art medium", Medium, Short, [];
    ArtSurface = "art surface", Medium, Short, [];
    Population = "population", Labels, Count, [];
}

impl Concept {
    /// Returns whether the concept has a trait.
    pub(crate) fn has(self, property: Trait) -> bool {
        self.properties().traits.contains(&property)
    }
}
