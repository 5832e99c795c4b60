//! Pages without any markup that says what is what: labels, patterns and links alone.

use serde_json::json;

use super::data;

#[test]
fn a_workshop_in_loose_text() {
    let page = "<title>Hearth Forge</title><body>Hearth Forge
        4 stars - based on 37 reviews
        12 Oak Lane
        Springfield, OR 97477
        (555) 010-1489
        Write to forge@hearth.test.
        <a href='https://hearth.test'>www.hearth.test</a>
        Price Range: $$
        Takes Walk-ins: Yes</body>";
    assert_eq!(
        data(
            page,
            &[
                ("address.streetAddress", "string"),
                ("address.addressLocality", "string"),
                ("address.addressRegion", "string"),
                ("address.postalCode", "string"),
                ("telephone", "string"),
                ("email", "string"),
                ("priceRange", "string"),
                ("aggregateRating.reviewCount", "integer"),
                ("url", "string"),
                ("takesWalkIns", "boolean"),
                ("founder.name", "string"),
            ]
        ),
        json!({"address.streetAddress": "12 Oak Lane", "address.addressLocality": "Springfield",
            "address.addressRegion": "OR", "address.postalCode": "97477", "telephone": "(555) 010-1489",
            "email": "forge@hearth.test", "priceRange": "$$", "aggregateRating.reviewCount": 37,
            "url": "https://hearth.test/", "takesWalkIns": true, "founder.name": null})
    );
}

#[test]
fn facts_in_sentences_and_links_by_role() {
    let page = "<h1>Night of Kettles</h1><p>An evening of copper, steam and tea for everyone who likes kettles.</p>
        <p>Organized by Ann Lee, sponsored by the Hearth Trust of Porto; 112 seats left.</p>
        <p><time datetime=2026-12-03>Dec 3</time> – <time datetime=2026-12-05>Dec 5</time></p>
        <p>Hall Number: 7</p><p><a href=/t/9>Tickets</a> <a href=/menu.pdf>our menu</a></p>";
    assert_eq!(
        data(
            page,
            &[
                ("description", "string"),
                ("organizer", "string"),
                ("sponsor.name", "string"),
                ("seatCount", "integer"),
                ("endDate", "date"),
                ("hallNumber", "integer"),
                ("offers.url", "string"),
                ("hasMenu", "string"),
            ]
        ),
        json!({"description": "An evening of copper, steam and tea for everyone who likes kettles.",
            "organizer": "Ann Lee", "sponsor.name": "Hearth Trust of Porto", "seatCount": 112,
            "endDate": "2026-12-05", "hallNumber": 7, "offers.url": "https://shop.test/t/9",
            "hasMenu": "https://shop.test/menu.pdf"})
    );
}

#[test]
fn ends_of_ranges_and_parts_of_names() {
    let page = "<h1>Dr. Ann Lee</h1><dl><dt>Salary<dd>$50,000 - $70,000 a year<dt>Size of desk<dd>80 × 120 cm</dl>";
    assert_eq!(
        data(
            page,
            &[
                ("salaryMin", "integer"),
                ("salaryMax", "integer"),
                ("firstName", "string"),
                ("lastName", "string"),
                ("width", "string"),
            ]
        ),
        json!({"salaryMin": 50000, "salaryMax": 70000, "firstName": "Ann", "lastName": "Lee", "width": "80 cm"})
    );
    let one = "<dl><dt>Salary<dd>$50,000 a year</dl>";
    assert_eq!(data(one, &[("salaryMax", "integer")]), json!({"salaryMax": null}));
}
