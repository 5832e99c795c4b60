//! Determines where on a page an element stands: in the page's subject, or in navigation, comments, related items,
//! footers. Uses element names, roles and class words that are common across sites.

/// The set of regions that an element is in; it inherits its parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Zone(u16);

impl Zone {
    pub(crate) const NAV: Zone = Zone(1);
    pub(crate) const HEADER: Zone = Zone(2);
    pub(crate) const FOOTER: Zone = Zone(4);
    pub(crate) const ASIDE: Zone = Zone(8);
    pub(crate) const RELATED: Zone = Zone(16);
    pub(crate) const COMMENTS: Zone = Zone(32);
    pub(crate) const HIDDEN: Zone = Zone(64);
    pub(crate) const MAIN: Zone = Zone(128);
    pub(crate) const ARTICLE: Zone = Zone(256);
    pub(crate) const BREADCRUMBS: Zone = Zone(512);
    pub(crate) const OVERLAY: Zone = Zone(1024);
    pub(crate) const STRUCK: Zone = Zone(2048);

    pub(crate) fn has(self, other: Zone) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the regions of both.
    pub(crate) fn with(self, other: Zone) -> Zone {
        Zone(self.0 | other.0)
    }

    /// Returns whether it is outside the page's subject.
    pub(crate) fn is_surroundings(self) -> bool {
        const OUTSIDE: u16 =
            Zone::NAV.0 | Zone::FOOTER.0 | Zone::ASIDE.0 | Zone::RELATED.0 | Zone::COMMENTS.0 | Zone::OVERLAY.0;
        self.0 & OUTSIDE != 0
    }
}

/// Returns the region that a class word indicates.
fn by_word(word: &str) -> Option<Zone> {
    Some(match word {
        "nav" | "navbar" | "navigation" | "menu" | "submenu" | "megamenu" => Zone::NAV,
        "breadcrumb" | "breadcrumbs" | "breadcrumblist" => Zone::BREADCRUMBS,
        "footer" | "colophon" => Zone::FOOTER,
        "sidebar" | "aside" | "advert" | "ads" | "ad" | "newsletter" | "subscribe" | "signup" => Zone::ASIDE,
        "related" | "recommended" | "recommendation" | "recommendations" | "recommends" | "similar" | "upsell"
        | "upsells" | "crosssell" | "crossell" | "trending" | "accessories" | "teaser" | "teasers" | "bestsellers"
        | "sponsored" | "yarpp" => Zone::RELATED,
        "comments" | "comment" | "commentlist" | "respond" => Zone::COMMENTS,
        "cookie" | "cookies" | "consent" | "gdpr" | "onetrust" | "modal" | "popup" | "minicart" => Zone::OVERLAY,
        _ => return None,
    })
}

/// Returns the region that two consecutive class words indicate.
fn by_pair(first: &str, second: &str) -> Option<Zone> {
    Some(match (first, second) {
        ("widget", "area") | ("promo", "banner") => Zone::ASIDE,
        ("cross", "sell" | "sells")
        | ("also", "bought" | "viewed" | "like")
        | ("may", "like")
        | ("more", "from" | "posts" | "stories")
        | ("read", "more" | "next")
        | ("next" | "prev" | "previous", "post")
        | ("post", "navigation")
        | ("recently", "viewed")
        | ("recent" | "latest" | "popular", "posts") => Zone::RELATED,
        ("reviews" | "review", "list") | ("customer", "reviews") => Zone::COMMENTS,
        ("mini", "cart") => Zone::OVERLAY,
        ("sr", "only") | ("visually", "hidden") => Zone::HIDDEN,
        _ => return None,
    })
}

/// Returns the regions that an element's marks indicate. Skips words such as "no" and "has": a page's wrapper often
/// says which regions it has or lacks.
fn by_marks(marks: &str) -> Zone {
    let mut zone = Zone::default();
    let mut before = "";
    for word in marks.split(' ') {
        if !matches!(before, "no" | "has" | "with" | "without" | "hide" | "show") {
            let region = by_word(word).or_else(|| by_pair(before, word));
            zone = zone.with(region.unwrap_or_default());
        }
        before = word;
    }
    zone
}

/// Returns the zone of an element whose parent is in `above`.
pub(crate) fn of(name: &str, role: Option<&str>, hidden: bool, marks: &str, above: Zone) -> Zone {
    let mut zone = above;
    match name {
        // An element that wraps the whole page is not a region of it.
        "html" | "body" | "main" => {
            return if name == "main" { zone.with(Zone::MAIN) } else { zone };
        }
        "nav" => zone = zone.with(Zone::NAV),
        "footer" if !above.has(Zone::ARTICLE) => zone = zone.with(Zone::FOOTER),
        "header" if !above.has(Zone::ARTICLE) && !above.has(Zone::MAIN) => zone = zone.with(Zone::HEADER),
        "aside" => zone = zone.with(Zone::ASIDE),
        "article" => zone = zone.with(Zone::ARTICLE),
        "dialog" => zone = zone.with(Zone::OVERLAY),
        "del" | "s" | "strike" => zone = zone.with(Zone::STRUCK),
        _ => {}
    }
    match role {
        Some("navigation" | "menu" | "menubar") => zone = zone.with(Zone::NAV),
        Some("main") => zone = zone.with(Zone::MAIN),
        Some("contentinfo") => zone = zone.with(Zone::FOOTER),
        Some("complementary") => zone = zone.with(Zone::ASIDE),
        Some("dialog" | "alertdialog") => zone = zone.with(Zone::OVERLAY),
        _ => {}
    }
    if hidden {
        zone = zone.with(Zone::HIDDEN);
    }
    // Only elements that can hold a region count: a link or a word marked "comment" is not a region.
    if !marks.is_empty()
        && matches!(name, "div" | "section" | "ul" | "ol" | "table" | "form" | "header" | "article" | "p" | "li")
    {
        zone = zone.with(by_marks(marks));
    }
    zone
}
