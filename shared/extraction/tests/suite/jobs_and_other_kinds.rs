//! Pages other than products, articles and recipes: the fields change, the mechanisms do not.

use serde_json::{Value, json};

use super::{data, read, schema};

#[test]
fn a_job_in_structured_data_is_read() {
    let page = r#"<h1>Coppersmith</h1><script type="application/ld+json">{"@type":"JobPosting","title":"Coppersmith","datePosted":"2026-11-20",
        "validThrough":"2026-12-31T23:59","employmentType":"FULL_TIME","hiringOrganization":{"@type":"Organization","name":"Hearth"},
        "jobLocation":{"@type":"Place","address":{"@type":"PostalAddress","addressLocality":"Porto","addressCountry":"PT"}},
        "baseSalary":{"@type":"MonetaryAmount","currency":"EUR","value":{"@type":"QuantitativeValue","minValue":30000,"maxValue":40000,"unitText":"YEAR"}}}</script>"#;
    assert_eq!(
        data(
            page,
            &[
                ("title", "string"),
                ("company", "string"),
                ("location", "string"),
                ("country", "string"),
                ("salary", "integer"),
                ("salaryMax", "integer"),
                ("currency", "string"),
                ("employmentType", "string"),
                ("postedAt", "date"),
                ("deadline", "date"),
            ]
        ),
        json!({"title": "Coppersmith", "company": "Hearth", "location": "Porto", "country": "PT", "salary": 30000,
               "salaryMax": 40000, "currency": "EUR", "employmentType": "FULL_TIME", "postedAt": "2026-11-20", "deadline": "2026-12-31"})
    );
}

#[test]
fn a_job_in_visible_text_is_read() {
    let page = r#"<h1>Coppersmith</h1><dl><dt>Employer</dt><dd>Hearth</dd><dt>Location</dt><dd>Porto</dd>
        <dt>Salary</dt><dd>€30,000 per year</dd><dt>Posted</dt><dd>3 days ago</dd><dt>Remote</dt><dd>Yes</dd></dl>"#;
    assert_eq!(
        data(
            page,
            &[
                ("company", "string"),
                ("location", "string"),
                ("salary", "integer"),
                ("postedAt", "date"),
                ("remote", "boolean")
            ]
        ),
        json!({"company": "Hearth", "location": "Porto", "salary": 30000, "postedAt": "2026-11-21", "remote": true})
    );
}

#[test]
fn an_event_is_read() {
    let page = r#"<script type="application/ld+json">{"@type":"MusicEvent","name":"Kettle drums","startDate":"2026-12-05T20:00","endDate":"2026-12-06",
        "location":{"@type":"Place","name":"Old Mill","address":{"@type":"PostalAddress","streetAddress":"Mill Lane 1","addressLocality":"Porto"}},
        "organizer":{"name":"Ann Lee"},"offers":{"price":12,"priceCurrency":"EUR"}}</script><h1>Kettle drums</h1>"#;
    assert_eq!(
        data(
            page,
            &[
                ("name", "string"),
                ("startDate", "date"),
                ("endDate", "date"),
                ("venue", "string"),
                ("address", "string"),
                ("city", "string"),
                ("organizer", "string"),
                ("ticketPrice", "float"),
            ]
        ),
        json!({"name": "Kettle drums", "startDate": "2026-12-05", "endDate": "2026-12-06", "venue": "Old Mill",
               "address": "Mill Lane 1", "city": "Porto", "organizer": "Ann Lee", "ticketPrice": 12.0})
    );
}

#[test]
fn a_house_is_read() {
    let page = r#"<h1>Cottage by the mill</h1><p class="price">$450,000</p><ul class="facts"><li>3 bedrooms</li><li>2 bathrooms</li>
        <li>Living area: 1,250 sq ft</li><li>Year built: 1904</li></ul><address>Mill Lane 1<br>4000 Porto</address>"#;
    assert_eq!(
        data(
            page,
            &[
                ("price", "integer"),
                ("bedrooms", "integer"),
                ("bathrooms", "integer"),
                ("livingArea", "integer"),
                ("yearBuilt", "integer"),
                ("address", "string"),
            ]
        ),
        json!({"price": 450_000, "bedrooms": 3, "bathrooms": 2, "livingArea": 1250, "yearBuilt": 1904, "address": "Mill Lane 1, 4000 Porto"})
    );
}

#[test]
fn a_profile_is_read() {
    let page = r#"<h1>Ann Lee</h1><p class="job-title">Coppersmith</p><a href="mailto:ann@hearth.test">write</a>
        <a href="tel:+351555000">+351 555 000</a><div><span class="stat-label">Followers</span> <span class="stat-value">1.2K</span></div>"#;
    assert_eq!(
        data(
            page,
            &[
                ("name", "string"),
                ("jobTitle", "string"),
                ("email", "string"),
                ("phone", "string"),
                ("followers", "integer")
            ]
        ),
        json!({"name": "Ann Lee", "jobTitle": "Coppersmith", "email": "ann@hearth.test", "phone": "+351 555 000", "followers": 1200})
    );
}

#[test]
fn a_table_with_columns_is_read() {
    let page = r#"<h1>Kettles</h1><table><tr><th>Model</th><th>Litres</th><th>Price</th></tr>
        <tr><td>Ada</td><td>1.5</td><td>$40</td></tr><tr><td>Bea</td><td>2</td><td>$55.50</td></tr></table>"#;
    assert_eq!(
        data(page, &[("model", "array<string>"), ("litres", "array<float>"), ("price", "array<float>")]),
        json!({"model": ["Ada", "Bea"], "litres": [1.5, 2.0], "price": [40.0, 55.5]})
    );
}

#[test]
fn ratings_in_words_are_read() {
    let page = r#"<h1>Kettle</h1><div aria-label="4.6 out of 5 stars"></div><a>(1,204 reviews)</a>"#;
    assert_eq!(
        data(page, &[("rating", "float"), ("reviewCount", "integer")]),
        json!({"rating": 4.6, "reviewCount": 1204})
    );
}

#[test]
fn the_example_decides_for_names_without_a_concept() {
    let page = r#"<h1>Kettle</h1><dl><dt>Zork</dt><dd>see below</dd><dt>Zork</dt><dd>417</dd></dl>"#;
    let fields = json!([{"field": "zork", "type": "string", "example": "123"}]);
    assert_eq!(Value::Object(read(page, fields).data), json!({"zork": "417"}));
}

#[test]
fn explained_answers_equal_the_answers() {
    let page = r#"<title>Kettle | Hearth</title><h1>Kettle</h1><p>Price: $40</p>"#;
    let fields = schema(&[("title", "string"), ("price", "float"), ("zork", "string")]);
    let got = read(page, fields.clone());
    let url = url::Url::parse("https://shop.test/p/kettle").unwrap();
    let html = extraction::Page { body: page.as_bytes(), content_type: Some("text/html"), url: &url };
    let context =
        extraction::Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget: &Default::default() };
    let explained = extraction::explain(&html, &domain::Schema::parse(&fields).unwrap(), &context).unwrap();
    for field in &explained {
        assert_eq!(field.value, got.data[&field.field]);
        let chosen = field.candidates.iter().filter(|c| c.outcome.starts_with("chosen")).count();
        assert_eq!(chosen, usize::from(!field.value.is_null()), "{field:?}");
        assert!(field.candidates.is_sorted_by_key(|c| -c.score));
    }
    assert_eq!(explained[1].meaning, "price");
}

#[test]
fn an_api_response_and_a_plain_text_are_read() {
    let url = url::Url::parse("https://api.test/items").unwrap();
    let context =
        extraction::Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget: &Default::default() };
    let read = |body: &str, content_type: &str, fields: &[(&str, &str)]| {
        let page = extraction::Page { body: body.as_bytes(), content_type: Some(content_type), url: &url };
        let schema = domain::Schema::parse(&schema(fields)).unwrap();
        Value::Object(extraction::extract(&page, &schema, &context).unwrap().data)
    };
    let body = r#"{"total_count": 2, "items": [{"title": "Ada", "cost": {"amount": 40}, "created_at": "2025-03-04T10:00:00Z"},
        {"title": "Bea", "cost": {"amount": 55.5}, "created_at": "2025-03-05"}]}"#;
    assert_eq!(
        read(
            body,
            "application/vnd.api+json",
            &[
                ("totalCount", "integer"),
                ("title", "array<string>"),
                ("price", "array<float>"),
                ("items.title", "array<string>"),
                ("items.1.title", "string"),
                ("created_at", "date"),
            ]
        ),
        json!({"totalCount": 2, "title": ["Ada", "Bea"], "price": [40.0, 55.5], "items.title": ["Ada", "Bea"],
               "items.1.title": "Bea", "created_at": "2025-03-04"})
    );
    assert_eq!(
        read(
            "Model: Ada & Co\nWeight: 1.2 kg\n\nNotes follow",
            "text/plain",
            &[("model", "string"), ("weight", "float")]
        ),
        json!({"model": "Ada & Co", "weight": 1.2})
    );
}
