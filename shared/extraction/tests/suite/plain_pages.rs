//! Pages without semantic markup: labels, patterns and links only.

use serde_json::{Value, json};

use super::{data, read_at, schema};

#[test]
fn a_workshop_in_running_text_is_read() {
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
fn facts_in_sentences_and_links_by_role_are_found() {
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
fn ends_of_ranges_and_parts_of_names_are_found() {
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

/// Pages of our own, one per mechanism: page, then field, type and value.
#[test]
fn each_mechanism_finds_its_value() {
    let mut wrong = Vec::new();
    for (page, field, kind, want) in [
        // A label alone on a line, above its value.
        ("<h1>Tea</h1>Brewed by:\n<div><div>Ann Lee</div></div>", "brewed by", "string", json!("Ann Lee")),
        (
            "Tea\nMethod:\nBoil the water.\nPour it over.\n\nNotes: none",
            "instructions",
            "string",
            json!("Boil the water. Pour it over."),
        ),
        // The last words of a label.
        ("<p>Guaranteed interest rate: 1.25%</p>", "interestRate", "float", json!(1.25)),
        ("<p>The mill has a sponsor: Hearth Trust</p>", "sponsor.name", "string", json!("Hearth Trust")),
        // Text right after a label, although an element follows.
        ("<div><b>Venue:</b> Mill Hall <div>2 Oak Lane</div></div>", "location.name", "string", json!("Mill Hall")),
        // Ends of ranges by the field's name.
        ("<div>For 3 to 5 players.</div>", "numberOfPlayers.minValue", "integer", json!(3)),
        ("<div>For 3 to 5 players.</div>", "numberOfPlayers.maxValue", "integer", json!(5)),
        ("<div>For 4 players.</div>", "numberOfPlayers.maxValue", "integer", json!(null)),
        ("<dl><dt>Team size<dd>10 – 20</dl>", "maxTeamSize", "integer", json!(20)),
        // Numbers beside any word for a thing, with their unit if a text is asked for.
        ("<p>3 beds · 2 baths · 1,450 sq ft</p>", "bedrooms", "integer", json!(3)),
        ("<p>3 beds · 2 baths · 1,450 sq ft</p>", "floorSize", "integer", json!(1450)),
        ("<p>240 calories, 9 grams fat</p>", "nutrition.fatContent", "string", json!("9 grams")),
        ("<p>17 tickets left</p>", "offers.offerCount", "integer", json!(17)),
        // Who made it and when.
        (
            "<title>Night Ferry</title><p>Night Ferry by Ann van Lee shows a ferry.</p>",
            "creator.name",
            "string",
            json!("Ann van Lee"),
        ),
        ("<p>A series created by</p><div>Bo Ray</div>", "author.name", "string", json!("Bo Ray")),
        (
            "<p>This old mill was, as far as anybody in the village knows, founded in 1911 by monks.</p>",
            "foundingDate",
            "string",
            json!("1911"),
        ),
        ("<p>Hearth Cleaning offers a lot in Porto.</p>", "provider.name", "string", json!("Hearth Cleaning")),
        // Places.
        ("<p>A mill located in Leer, Lower Saxony, Germany.</p>", "address.addressLocality", "string", json!("Leer")),
        ("<p>A mill located in Leer, Lower Saxony, Germany.</p>", "address.addressCountry", "string", json!("Germany")),
        ("Tea Fair\nOld Mill Hall\nSalem, OR\n", "location.name", "string", json!("Old Mill Hall")),
        (
            "<span>12 Oak Lane</span>\n<span>Mill Valley,</span>\n<span>CA</span>\n<span>94941</span>",
            "postalCode",
            "string",
            json!("94941"),
        ),
        // The link of a name, the only link, and texts that are not addresses.
        ("<a href=/hall>Mill Hall</a>\nSalem, OR", "location.url", "string", json!("https://shop.test/hall")),
        ("<p>Tea. <a href=/tea>All about it</a></p>", "url", "string", json!("https://shop.test/tea")),
        ("<dl><dt>Owner<dd>Ann Lee</dl>", "owner.url", "string", json!(null)),
        // Lines below the heading.
        (
            "<h1>On tea</h1><p>Dr. Ann Lee<br>Mill Institute<br>2024-03-05</p>",
            "author.name",
            "string",
            json!("Dr. Ann Lee"),
        ),
        (
            "<h1>On tea</h1><p>Dr. Ann Lee<br>Mill Institute<br>2024-03-05</p>",
            "author.affiliation",
            "string",
            json!("Mill Institute"),
        ),
        (
            "<h1>On tea</h1><p>Dr. Ann Lee<br>Mill Institute<br>2024-03-05</p>",
            "datePublished",
            "date",
            json!("2024-03-05"),
        ),
        // Values that need no label.
        ("<p>Remote · Full-time · $50,000 a year</p>", "employmentType", "string", json!("Full-time")),
        ("<p>$50,000 - $70,000 a year</p>", "salaryMax", "integer", json!(70000)),
        ("<p><a href=/a.pdf>Leaflet</a> (PDF, 2.4 MB)</p>", "fileSize", "string", json!("2.4 MB")),
        // The describing paragraph, in loose text and across line ends; not the value of a label.
        (
            "<title>Tea</title>Tea\nBy Ann Lee\n\nThis tea comes from my mom and\nadds a nice flavor.\n\nYield: 1 pot",
            "description",
            "string",
            json!("This tea comes from my mom and adds a nice flavor."),
        ),
        ("<dl><dt>Note<dd>This tea is sold only to people who like it hot.</dl>", "description", "string", json!(null)),
        // The work of an event, and the title after a label.
        ("<title>King Lear at Mill Hall</title><p>May 3, 2026</p>", "workPerformed.name", "string", json!("King Lear")),
        ("<title>Baker</title><h1>Occupation: Baker</h1>", "name", "string", json!("Baker")),
    ] {
        let got = data(page, &[(field, kind)]);
        if got != json!({ field: want }) {
            wrong.push(format!("{field} of {page}: {got}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_property_is_found_in_the_part_of_its_owner() {
    let page = "<h1>How hot is tea?</h1><p>9 votes</p><div>Asked by Ann Lee</div>
        <div class=suggested-answer><p>Not so hot at all, I would say to you.</p><span>3 votes</span></div>
        <section><h3>Accepted answer</h3><p>It is as hot as the water was before.</p><span>12 votes</span></section>";
    assert_eq!(
        data(
            page,
            &[
                ("acceptedAnswer.upvoteCount", "integer"),
                ("suggestedAnswer.upvoteCount", "integer"),
                ("upvoteCount", "integer"),
                ("acceptedAnswer.description", "string"),
            ]
        ),
        json!({"acceptedAnswer.upvoteCount": 12, "suggestedAnswer.upvoteCount": 3, "upvoteCount": 9,
            "acceptedAnswer.description": "It is as hot as the water was before."})
    );
}

/// Persian and Indic words and emoji families are written with joiners; characters that only break lines are removed.
#[test]
fn joiners_in_visible_texts_stay() {
    for (shown, want) in [
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ("न्\u{200d}य", "न्\u{200d}य"),
        ("👨\u{200d}👩\u{200d}👧", "👨\u{200d}👩\u{200d}👧"),
        ("Kessel\u{ad}halle\u{200b}\u{200e} Ost\u{feff}", "Kesselhalle Ost"),
    ] {
        let page = format!("<h1>Kettles</h1><dl><dt>Hall nickname</dt><dd>{shown}</dd></dl>");
        assert_eq!(data(&page, &[("hallNickname", "string")]), json!({ "hallNickname": want }));
    }
}

/// Whole pages of everyday markup in eight languages: people, companies, events, jobs, houses, places, files,
/// questions. No value may be wrong, and hardly any may be missing.
#[test]
fn no_value_of_plain_pages_is_wrong() {
    let (mut wrong, mut missing, mut labelled) = (Vec::new(), Vec::new(), 0);
    for line in include_str!("../tables/plain.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let fields = case["fields"].as_object().unwrap();
        let asked: Vec<(&str, &str)> = fields.iter().map(|(name, f)| (name.as_str(), f[0].as_str().unwrap())).collect();
        let (locale, page) = (case["locale"].as_str().unwrap(), case["page"].as_str().unwrap());
        let read = read_at("https://shop.test/p/kettle", locale, page, schema(&asked)).data;
        for (name, field) in fields {
            let (want, got) = (&field[1], &read[name]);
            labelled += usize::from(!want.is_null());
            if got.is_null() && !want.is_null() {
                missing.push(format!("{} {name}", case["id"]));
            } else if got != want {
                wrong.push(format!("{} {name}: {got}", case["id"]));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(missing.len() * 50 <= labelled, "{missing:?} of {labelled}");
}
