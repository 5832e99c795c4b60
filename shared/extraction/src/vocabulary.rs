//! What field names mean: everyday words to the terms of schema.org, OpenGraph and the page itself. The table is the
//! data; the rest only splits names into words. Terms: <https://schema.org>, <https://ogp.me>.

/// Where else than in entities and meta elements a concept may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnPage {
    Nowhere,
    Title,
    Canonical,
    Language,
    Times,
}

/// What a field name may mean.
#[derive(Debug)]
pub(crate) struct Concept {
    /// Names in words, singular.
    pub(crate) names: &'static [&'static str],
    /// Paths below the page's main entity, best first.
    pub(crate) paths: &'static [&'static str],
    /// Meta elements, best first.
    pub(crate) metas: &'static [&'static str],
    pub(crate) page: OnPage,
}

impl Concept {
    /// Whether its values are addresses, which are given absolute.
    pub(crate) fn is_address(&self) -> bool {
        matches!(self.names.first(), Some(&("image" | "url")))
    }
}

const fn concept(
    names: &'static [&'static str],
    paths: &'static [&'static str],
    metas: &'static [&'static str],
    page: OnPage,
) -> Concept {
    Concept { names, paths, metas, page }
}

/// The table. Readable, one concept a row; order does not matter.
#[rustfmt::skip]
pub(crate) const CONCEPTS: &[Concept] = &[
    concept(&["title", "name", "headline", "heading"], &["headline", "name"], &["og:title", "twitter:title", "dc.title"], OnPage::Title),
    concept(&["description", "summary", "abstract", "excerpt", "teaser"], &["description", "abstract"], &["og:description", "description", "twitter:description"], OnPage::Nowhere),
    concept(&["image", "image url", "picture", "photo", "thumbnail", "main image"], &["image.url", "image.contentUrl", "image", "thumbnailUrl"], &["og:image", "og:image:url", "twitter:image"], OnPage::Nowhere),
    concept(&["url", "link", "canonical", "canonical url", "permalink"], &["url"], &["og:url"], OnPage::Canonical),
    concept(&["language", "lang", "locale"], &["inLanguage"], &["og:locale"], OnPage::Language),
    concept(&["site", "site name", "publisher", "source"], &["publisher.name"], &["og:site_name", "article:publisher"], OnPage::Nowhere),
    // Products.
    concept(&["price", "cost", "amount", "sale price", "current price", "selling price", "unit price"], &["offers.price", "offers.lowPrice", "offers.priceSpecification.price", "offers.offers.price", "hasVariant.offers.price", "price"], &["product:price:amount", "og:price:amount", "product:sale_price:amount"], OnPage::Nowhere),
    concept(&["currency", "price currency", "currency code"], &["offers.priceCurrency", "offers.priceSpecification.priceCurrency", "offers.offers.priceCurrency", "priceCurrency"], &["product:price:currency", "og:price:currency"], OnPage::Nowhere),
    concept(&["low price", "lowest price", "min price", "minimum price"], &["offers.lowPrice", "offers.price"], &[], OnPage::Nowhere),
    concept(&["high price", "highest price", "max price", "maximum price"], &["offers.highPrice"], &[], OnPage::Nowhere),
    concept(&["brand", "brand name", "make"], &["brand.name", "brand", "manufacturer.name"], &["product:brand", "og:brand"], OnPage::Nowhere),
    concept(&["manufacturer"], &["manufacturer.name", "manufacturer", "brand.name"], &["product:brand"], OnPage::Nowhere),
    concept(&["sku", "article number", "item number", "product code", "stock keeping unit"], &["sku", "offers.sku", "productID"], &["product:retailer_item_id"], OnPage::Nowhere),
    concept(&["mpn", "part number", "manufacturer part number", "model number"], &["mpn", "model"], &["product:mfr_part_no"], OnPage::Nowhere),
    concept(&["gtin", "ean", "upc", "barcode", "gtin13"], &["gtin13", "gtin", "gtin12", "gtin14", "gtin8", "isbn"], &["product:ean", "product:upc"], OnPage::Nowhere),
    concept(&["isbn"], &["isbn", "gtin13"], &["book:isbn", "books:isbn"], OnPage::Nowhere),
    concept(&["in stock", "instock", "available", "availability", "is available", "stock", "stock status"], &["offers.availability", "offers.offers.availability", "hasVariant.offers.availability", "availability"], &["product:availability", "og:availability"], OnPage::Nowhere),
    concept(&["color", "colour"], &["color"], &["product:color"], OnPage::Nowhere),
    concept(&["condition", "item condition"], &["offers.itemCondition", "itemCondition"], &["product:condition"], OnPage::Nowhere),
    concept(&["rating", "average rating", "rating value", "star", "score"], &["aggregateRating.ratingValue", "reviewRating.ratingValue"], &[], OnPage::Nowhere),
    concept(&["review count", "rating count", "number of review", "number of rating", "num review", "review total", "total review"], &["aggregateRating.reviewCount", "aggregateRating.ratingCount"], &[], OnPage::Nowhere),
    // Articles.
    concept(&["author", "author name", "by", "byline", "writer", "creator", "written by"], &["author.name", "author", "creator.name", "creator"], &["author", "article:author", "parsely-author", "sailthru.author", "dc.creator", "byl"], OnPage::Nowhere),
    concept(&["published at", "published", "publish date", "publication date", "published date", "date published", "published on", "date", "posted at", "posted on", "post date", "created at"], &["datePublished", "uploadDate", "dateCreated"], &["article:published_time", "og:article:published_time", "datepublished", "date", "pubdate", "publishdate", "parsely-pub-date", "sailthru.date", "dc.date", "dc.date.issued", "dcterms.created"], OnPage::Times),
    concept(&["modified at", "modified", "updated at", "updated", "date modified", "last modified", "last updated", "modified date", "update date"], &["dateModified"], &["article:modified_time", "og:updated_time", "last-modified"], OnPage::Nowhere),
    concept(&["category", "section", "genre", "department"], &["articleSection", "recipeCategory", "category", "genre"], &["article:section", "product:category"], OnPage::Nowhere),
    concept(&["keyword", "tag", "topic", "label"], &["keywords"], &["article:tag", "keywords", "news_keywords"], OnPage::Nowhere),
    concept(&["body", "text", "content", "article body", "full text"], &["articleBody", "text"], &[], OnPage::Nowhere),
    concept(&["word count"], &["wordCount"], &[], OnPage::Nowhere),
    concept(&["comment count", "number of comment"], &["commentCount", "interactionStatistic.userInteractionCount"], &[], OnPage::Nowhere),
    // Recipes.
    concept(&["ingredient", "ingredient list"], &["recipeIngredient", "ingredients"], &[], OnPage::Nowhere),
    concept(&["instruction", "step", "direction", "method", "preparation"], &["recipeInstructions"], &[], OnPage::Nowhere),
    concept(&["prep time", "preparation time", "prep minute", "preparation minute"], &["prepTime"], &[], OnPage::Nowhere),
    concept(&["cook time", "cooking time", "baking time", "cook minute"], &["cookTime", "performTime"], &[], OnPage::Nowhere),
    concept(&["total time", "time", "duration", "total minute", "ready in"], &["totalTime", "duration"], &["video:duration"], OnPage::Nowhere),
    concept(&["serving", "yield", "portion", "recipe yield", "makes", "serve"], &["recipeYield", "yield", "nutrition.servingSize"], &[], OnPage::Nowhere),
    concept(&["cuisine"], &["recipeCuisine"], &[], OnPage::Nowhere),
    concept(&["calory", "calorie", "kcal", "energy"], &["nutrition.calories"], &[], OnPage::Nowhere),
    concept(&["fat", "fat content"], &["nutrition.fatContent"], &[], OnPage::Nowhere),
    concept(&["protein", "protein content"], &["nutrition.proteinContent"], &[], OnPage::Nowhere),
    concept(&["carbohydrate", "carb"], &["nutrition.carbohydrateContent"], &[], OnPage::Nowhere),
    // Places, events, jobs.
    concept(&["address", "street address", "street"], &["address.streetAddress", "location.address.streetAddress", "address"], &[], OnPage::Nowhere),
    concept(&["city", "town", "locality"], &["address.addressLocality", "location.address.addressLocality", "jobLocation.address.addressLocality"], &[], OnPage::Nowhere),
    concept(&["country"], &["address.addressCountry", "location.address.addressCountry", "jobLocation.address.addressCountry"], &[], OnPage::Nowhere),
    concept(&["postal code", "zip", "zip code", "postcode"], &["address.postalCode", "location.address.postalCode"], &[], OnPage::Nowhere),
    concept(&["telephone", "phone", "phone number", "tel"], &["telephone", "contactPoint.telephone"], &[], OnPage::Nowhere),
    concept(&["email", "e mail", "mail"], &["email", "contactPoint.email"], &[], OnPage::Nowhere),
    concept(&["start date", "start", "event date", "starts at"], &["startDate"], &[], OnPage::Nowhere),
    concept(&["end date", "end", "ends at"], &["endDate"], &[], OnPage::Nowhere),
    concept(&["location", "venue", "place"], &["location.name", "jobLocation.address.addressLocality", "location"], &[], OnPage::Nowhere),
    concept(&["company", "employer", "hiring organization", "organization"], &["hiringOrganization.name", "publisher.name", "worksFor.name"], &[], OnPage::Nowhere),
    concept(&["salary", "pay", "wage"], &["baseSalary.value.value", "baseSalary.value.minValue", "baseSalary"], &[], OnPage::Nowhere),
    concept(&["director"], &["director.name", "director"], &[], OnPage::Nowhere),
    concept(&["actor", "cast"], &["actor.name", "actors.name", "actor"], &[], OnPage::Nowhere),
];

/// Words that only say what kind of page it is: `productName`, `articleTitle`, `the_price`.
const KINDS: [&str; 17] = [
    "product", "item", "article", "post", "recipe", "page", "the", "main", "my", "book", "event", "job", "story",
    "news", "full", "og", "blog",
];

/// A name as lower-case words with single spaces: `datePublished`, `date_published` and `Date published` are one.
pub(crate) fn words(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut before: Option<char> = None;
    let chars: Vec<char> = name.chars().collect();
    for (i, c) in chars.iter().copied().enumerate() {
        if !c.is_alphanumeric() {
            before = None;
            continue;
        }
        let starts = match before {
            None => true,
            // priceUSD → price usd; HTMLTitle → html title
            Some(p) => {
                c.is_uppercase()
                    && (p.is_lowercase() || chars.get(i + 1).is_some_and(|n| n.is_lowercase() && p.is_uppercase()))
            }
        };
        if starts && !out.is_empty() {
            out.push(' ');
        }
        out.extend(c.to_lowercase());
        before = Some(c);
    }
    out
}

/// Each word in the singular, as far as a rule of thumb goes.
fn singular(words: &str) -> String {
    let stem = |w: &str| match w {
        w if w.len() > 4 && w.ends_with("ies") => format!("{}y", &w[..w.len() - 3]),
        w if w.len() > 3 && w.ends_with('s') && !w.ends_with("ss") && !w.ends_with("us") && !w.ends_with("is") => {
            w[..w.len() - 1].to_owned()
        }
        w => w.to_owned(),
    };
    words.split(' ').map(stem).collect::<Vec<_>>().join(" ")
}

/// What a field name means, if the table knows it.
pub(crate) fn concept_of(name: &str) -> Option<&'static Concept> {
    let find = |words: &str| {
        let stem = singular(words);
        CONCEPTS.iter().find(|c| c.names.iter().any(|n| *n == words || *n == stem || singular(n) == stem))
    };
    let mut words = words(name);
    loop {
        if let Some(found) = find(&words) {
            return Some(found);
        }
        match words.split_once(' ') {
            Some((first, rest)) if KINDS.contains(&first) => words = rest.to_owned(),
            Some(_) | None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_stemmed() {
        assert_eq!(words("datePublished"), "date published");
        assert_eq!(words("HTMLTitle_of-page"), "html title of page");
        assert_eq!(words("priceUSD"), "price usd");
        for (name, path) in [
            ("productName", "headline"),
            ("Prices", "offers.price"),
            ("reviewsCount", "aggregateRating.reviewCount"),
            ("published_at", "datePublished"),
            ("inStock", "offers.availability"),
            ("recipe_ingredients", "recipeIngredient"),
            ("calories", "nutrition.calories"),
            ("categories", "articleSection"),
        ] {
            assert_eq!(concept_of(name).unwrap_or_else(|| panic!("{name}")).paths[0], path, "{name}");
        }
        assert!(concept_of("flux capacitor").is_none());
    }

    #[test]
    fn no_name_means_two_things() {
        let mut seen = std::collections::HashSet::new();
        for name in CONCEPTS.iter().flat_map(|c| c.names) {
            assert!(seen.insert(name), "{name}");
        }
    }
}
