use super::*;

fn value(text: &str, locale: &str) -> Option<f64> {
    find(text, locale).map(|f| f.value)
}

#[test]
fn numbers_in_many_spellings_are_read() {
    for (text, locale, want) in [
        ("19.99", "en-US", 19.99),
        ("$1,234.56", "en-US", 1234.56),
        ("1.234,56 €", "de-DE", 1234.56),
        ("1.234,56 €", "en-US", 1234.56),
        ("1.234", "en-US", 1.234),
        ("1.234", "de-DE", 1234.0),
        ("1,234", "en-US", 1234.0),
        ("1,234", "de-DE", 1.234),
        ("1.234", "DE-ch", 1.234),
        ("12,5", "en-US", 12.5),
        ("0.123", "de-DE", 0.123),
        ("1 234,50 zł", "pl-PL", 1234.5),
        ("1\u{a0}234 567", "fr-FR", 1_234_567.0),
        ("1'234.50 CHF", "de-CH", 1234.5),
        ("12,34,567", "en-IN", 1_234_567.0),
        ("1.234.567", "en-US", 1_234_567.0),
        ("Rs. 500", "en-IN", 500.0),
        ("4.6/5", "en-US", 4.6),
        ("4.5 out of 5", "en-US", 4.5),
        ("$5–$10", "en-US", 5.0),
        ("-12.5", "en-US", -12.5),
        ("−12.5", "en-US", -12.5),
        ("-$3", "en-US", -3.0),
        ("A-12", "en-US", 12.0),
        ("1.2k", "en-US", 1200.0),
        ("3 million views", "en-US", 3_000_000.0),
        ("2,5 Mio. €", "de-DE", 2_500_000.0),
        ("5 m", "en-US", 5.0),
        ("１２", "ja", 12.0),
        ("Price: 20 EUR", "en-US", 20.0),
        ("$.50", "en-US", 0.5),
        ("45 %", "en-US", 45.0),
        ("1.2M", "en-US", 1_200_000.0),
        ("1½ cups", "en-US", 1.5),
        ("2 1/2 cups", "en-US", 2.5),
        ("3/4 inch", "en-US", 0.75),
        ("½", "en-US", 0.5),
        ("4/5", "en-US", 4.0),
        ("٣٤", "ar", 34.0),
        // A space between digits separates groups only if the text or the language makes it likely.
        ("iPhone 15 256GB", "en-US", 15.0),
        ("iPhone 15 256 GB", "fr-FR", 15.0),
        ("Galaxy S24 256 GB", "en-US", 24.0),
        ("pack of 6 330 ml cans", "en-US", 6.0),
        ("15 256GB", "en-US", 15.0),
        ("555 123 4567", "en-US", 555.0),
        ("10 000 people", "en-US", 10_000.0),
        ("Price 1 299 Kč", "en-US", 1299.0),
        ("environ 10 000 habitants", "fr-FR", 10_000.0),
        ("1 234zł", "pl-PL", 1234.0),
        ("over 1 234 567 sold", "en-US", 1_234_567.0),
        ("just 1 234.50", "en-US", 1234.5),
        // A lone letter is a magnitude only if it touches the number or the text is about money.
        ("Size 10 M", "en-US", 10.0),
        ("Men's 9 B", "en-US", 9.0),
        ("$10 M", "en-US", 10_000_000.0),
        ("10 M €", "fr-FR", 10_000_000.0),
        ("10 M", "en-US", 10_000_000.0),
        ("1.2 million", "en-US", 1_200_000.0),
        ("£5m", "en-GB", 5_000_000.0),
        ("5m cable", "en-US", 5.0),
        ("2T of storage", "en-US", 2.0),
        ("5 mil thick", "en-US", 5.0),
        ("5 mil habitantes", "es-ES", 5_000.0),
        ("1e5", "en-US", 100_000.0),
        ("2.5E-3", "en-US", 0.0025),
        ("1e5x", "en-US", 1.0),
        // Negative amounts of accountants: in brackets, with cents or a currency; a count in brackets is not one.
        ("(5.00)", "en-US", -5.0),
        ("($5)", "en-US", -5.0),
        ("$(1,234.50)", "en-US", -1234.5),
        ("(12,50 €)", "de-DE", -12.5),
        ("(128)", "en-US", 128.0),
        ("(4.5)", "en-US", 4.5),
        ("(5.00) each", "en-US", 5.0),
        ("16:9", "en-US", 16.0),
        // Words that multiply, in many languages; characters that stack.
        ("12万円", "ja", 120_000.0),
        ("1億2000万", "ja", 120_000_000.0),
        ("1億2000万円", "en-US", 120_000_000.0),
        ("25.98万元", "zh-CN", 259_800.0),
        ("3.5万", "en-US", 35_000.0),
        ("5만 원", "ko", 50_000.0),
        ("1억 원", "ko", 100_000_000.0),
        ("5千克", "zh-CN", 5.0),
        ("250 Tsd. €", "de-DE", 250_000.0),
        ("1,2 тыс. отзывов", "ru-RU", 1200.0),
        ("3 млн ₽", "ru-RU", 3_000_000.0),
        ("2,5 млрд. руб.", "ru-RU", 2_500_000_000.0),
        ("₹5 lakh", "en-IN", 500_000.0),
        ("Rs 2.5 crore", "en-IN", 25_000_000.0),
        ("₹5L", "en-IN", 500_000.0),
        ("₹1.2 Cr", "en-IN", 12_000_000.0),
        ("Rp 1,5 juta", "id-ID", 1_500_000.0),
        ("3 triệu", "vi", 3_000_000.0),
        ("5 ล้านบาท", "th-TH", 5_000_000.0),
        ("1 Billion", "de-DE", 1e12),
        ("1 billion", "en-US", 1e9),
        ("12 tys. zł", "pl-PL", 12_000.0),
        // Full-width signs and digits, minus signs, a currency between sign and digits.
        ("－５００", "ja", -500.0),
        ("（￥１，０００）", "ja", -1000.0),
        ("-¥1,000", "ja", -1000.0),
        ("¥-1,000", "ja", -1000.0),
        ("−€12.50", "en-US", -12.5),
        ("€ −12,50", "de-DE", -12.5),
        ("- 5 €", "de-DE", -5.0),
        ("-US$ 7", "en-US", -7.0),
        ("–5 °C", "en-US", -5.0),
        ("minus 7", "en-US", -7.0),
        ("100.00-", "en-US", -100.0),
        ("▲1,200", "ja", -1200.0),
        ("(EUR 5.00)", "en-US", -5.0),
        ("(1.234,50) €", "de-DE", -1234.5),
        ("10–20", "en-US", 10.0),
        ("Price - 20 EUR", "en-US", 20.0),
        // Money: dashes and signs for cents, groups whatever the locale.
        ("49,-", "en-US", 49.0),
        ("€ 1.099,-", "en-US", 1099.0),
        ("SFr. 1'980.–", "en-US", 1980.0),
        ("12€99", "fr-FR", 12.99),
        ("79¢", "en-US", 0.79),
        ("3.499 €", "en-US", 3499.0),
        ("3,499 $", "de-DE", 3499.0),
        ("BHD 3.750", "en-US", 3.75),
        ("1,00,000", "en-IN", 100_000.0),
        ("₹1,00,000", "en-IN", 100_000.0),
    ] {
        assert_eq!(value(text, locale), Some(want), "{text} {locale}");
    }
    for text in ["", "none", "1.2.3", "1,2,3", "2025-03-04", "on 03/04/2025", "1/2/99", "12:30", "at 9:05 pm", "1e999"]
    {
        assert_eq!(value(text, "en-US"), None, "{text}");
    }
}

#[test]
fn ranges_and_bare_numbers_are_marked() {
    for text in ["5 - 10", "$5–$10", "€5 — 7", "5€ - 10€"] {
        assert!(find(text, "en-US").unwrap().is_range, "{text}");
    }
    assert!(!find("5 stars - great", "en-US").unwrap().is_range);
    assert!(find("19.99", "en-US").unwrap().is_plain);
    assert!(!find("1,999", "en-US").unwrap().is_plain && !find("1.234", "de-DE").unwrap().is_plain);
    assert_eq!(find("9223372036854775807", "en-US").unwrap().exact, Some(i64::MAX));
    assert_eq!(find("9223372036854775808", "en-US").unwrap().exact, None);
}
