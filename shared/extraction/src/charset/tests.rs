use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GBK, KOI8_R, SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1253,
    WINDOWS_1255, WINDOWS_1256,
};

use super::decode;

const CHINESE: &str = "今天的天气很好，我们去公园散步";
const JAPANESE: &str = "本日は晴天なり、散歩に行きます";
const KOREAN: &str = "오늘은 날씨가 좋습니다";
const RUSSIAN: &str = "Сегодня хорошая погода";

fn page(head: &str, text: &str, encoding: &'static Encoding) -> Vec<u8> {
    let page = format!("<!doctype html>{head}<body><p>{text}</p></body></html>");
    let (bytes, _, unmapped) = encoding.encode(&page);
    assert!(!unmapped, "{text}");
    bytes.into_owned()
}

#[test]
fn every_way_to_declare_an_encoding_is_read() {
    assert_eq!(decode(b"\xef\xbb\xbfh\xc3\xa9", None), "hé");
    assert_eq!(decode(b"\xff\xfeh\x00\xe9\x00", Some("text/html; charset=utf-8")), "hé");
    assert_eq!(decode(b"h\xe9", Some("text/html; charset=\"ISO-8859-1\"")), "hé");
    assert_eq!(decode(b"h\xe9", Some("text/html; Charset = iso-8859-1")), "hé");
    assert_eq!(decode(b"<meta charset='windows-1251'>\xcf", None), "<meta charset='windows-1251'>П");
    let japanese = "<META http-equiv=content-type content='text/html; charset=Shift_JIS'>";
    assert!(decode(&[japanese.as_bytes(), b"\x82\xa0"].concat(), None).ends_with('あ'));
    assert_eq!(decode("hé".as_bytes(), None), "hé");
    assert_eq!(decode(b"h\xe9", None), "hé");
    assert_eq!(decode(b"h\xe9", Some("text/html; charset=nonsense")), "hé");
    let japanese = b"\x1b$B$3$s\x1b(B";
    for header in [None, Some("text/html; charset=iso-2022-jp"), Some("text/html; charset=utf-8")] {
        assert_eq!(decode(japanese, header), "こん");
    }
    assert!(decode(&[b"<meta charset=iso-2022-jp>".as_slice(), japanese].concat(), None).ends_with("こん"));
    assert_eq!(decode(b"\x1b[1mbold", None), "\u{1b}[1mbold");
    assert_eq!(decode(b"<meta charset=utf-16>\xc3\xa9", None), "<meta charset=utf-16>é");
}

#[test]
fn wrong_and_unsupported_labels_do_not_spoil_the_page() {
    let wide = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
    for text in ["<p>é", "{\"a\": \"é\"}", "\n<p>é"] {
        let little: Vec<u8> = wide(text).into_iter().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = wide(text).into_iter().flat_map(u16::to_be_bytes).collect();
        for header in [None, Some("text/html")] {
            assert_eq!((decode(&little, header), decode(&big, header)), (text.into(), text.into()));
        }
        assert_eq!(decode(&little, Some("text/html; charset=utf-16")), text);
    }
    let page = "<p>é".as_bytes();
    for label in ["utf-16", "utf-16be", "utf-7", "hz-gb-2312", "iso-2022-kr", "replacement", "cp0", "", "\"", "é"] {
        assert_eq!(decode(page, Some(&format!("text/html; charset={label}"))), "<p>é", "{label}");
    }
    // UTF-7 is left as it is: no browser decodes it, because it hides markup.
    assert_eq!(decode(b"+ADw-script+AD4-", Some("text/html; charset=utf-7")), "+ADw-script+AD4-");
    // No encoding makes more than three bytes out of one.
    let noise: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    for label in ["shift_jis", "gb18030", "big5", "euc-kr", "iso-2022-jp", "utf-8", "utf-16le", "x-user-defined"] {
        assert!(decode(&noise, Some(&format!("text/html; charset={label}"))).len() <= 30_000, "{label}");
    }
}

#[test]
fn a_declaration_that_cannot_be_true_gives_way() {
    for (header, meta, text) in [
        ("gbk", "utf-8", CHINESE),
        ("gbk", "gbk", CHINESE),
        ("shift_jis", "utf-8", JAPANESE),
        ("iso-8859-1", "utf-8", "Crème brûlée"),
        ("iso-8859-1", "iso-8859-1", "Crème"),
        ("windows-1251", "", RUSSIAN),
        ("euc-kr", "", KOREAN),
        ("utf-8", "gbk", CHINESE),
        ("utf-8", "iso-8859-1", "Crème"),
    ] {
        let body = format!("<meta charset={meta}><p>{text}");
        let read = decode(body.as_bytes(), Some(&format!("text/html; charset={header}")));
        assert!(read.ends_with(text), "{header} {meta}: {read}");
    }
    for (header, meta, encoding, text) in [
        ("utf-8", "gbk", GBK, CHINESE),
        ("utf-8", "windows-1251", WINDOWS_1251, RUSSIAN),
        ("utf-8", "utf-8", WINDOWS_1251, RUSSIAN),
        ("utf-8", "", SHIFT_JIS, JAPANESE),
        ("gbk", "shift_jis", GBK, CHINESE),
        // A text so short that its bytes are valid UTF-8 too.
        ("iso-8859-1", "", encoding_rs::WINDOWS_1252, "MENÜ»"),
    ] {
        let body = page(&format!("<meta charset={meta}>"), text, encoding);
        let read = decode(&body, Some(&format!("text/html; charset={header}")));
        assert!(read.contains(text), "{header} {meta}: {read}");
    }
}

#[test]
fn utf_8_with_a_few_bad_bytes_is_utf_8() {
    for label in ["", "utf-8", "iso-8859-1"] {
        let header = format!("text/html; charset={label}");
        for bad in [b"\xe9".as_slice(), b"\xa0", b"\xe2\x80"] {
            let body = [format!("<p>{CHINESE}").as_bytes(), bad, CHINESE.as_bytes()].concat();
            let read = decode(&body, Some(&header));
            assert!(read.starts_with(&format!("<p>{CHINESE}\u{fffd}")), "{label}: {read}");
        }
    }
    assert_eq!(decode("5\u{20ac}".as_bytes().split_last().unwrap().1, Some("text/html; charset=utf-8")), "5\u{fffd}");
}

#[test]
fn undeclared_text_is_decoded_by_its_language_or_its_look() {
    for (language, encoding, text) in [
        ("ja", SHIFT_JIS, JAPANESE),
        ("ja", SHIFT_JIS, "価格"),
        ("ja", EUC_JP, JAPANESE),
        ("zh-CN", GBK, CHINESE),
        ("zh-Hans", GBK, "价格"),
        ("zh-TW", BIG5, "今天的天氣很好"),
        ("ko", EUC_KR, KOREAN),
        ("ko-KR", EUC_KR, "가격"),
        ("ru", WINDOWS_1251, RUSSIAN),
        ("ru", KOI8_R, RUSSIAN),
        ("uk", WINDOWS_1251, "Сьогодні гарна погода"),
        ("el", WINDOWS_1253, "Καλημέρα σας"),
        ("th", WINDOWS_874, "วันนี้อากาศดี"),
        ("ar", WINDOWS_1256, "الطقس جميل اليوم"),
        ("he", WINDOWS_1255, "מזג האוויר יפה"),
        ("cs", WINDOWS_1250, "Příliš žluťoučký kůň"),
        // A template's language, not the text's.
        ("en", WINDOWS_1251, RUSSIAN),
        ("en", SHIFT_JIS, JAPANESE),
        ("de", encoding_rs::WINDOWS_1252, "Grüße aus Köln für 5 €"),
        ("", GBK, CHINESE),
        ("", SHIFT_JIS, JAPANESE),
        ("", EUC_KR, KOREAN),
        ("", WINDOWS_1251, RUSSIAN),
    ] {
        let body = page(&format!("<html lang=\"{language}\">"), text, encoding);
        let read = decode(&body, Some("text/html"));
        assert!(read.contains(text), "{language} {}: {read}", encoding.name());
    }
}

#[test]
fn the_xml_declaration_gives_the_encoding() {
    let text = "<?xml version=\"1.0\" encoding=\"windows-1251\"?><a>Ещё</a>";
    let (body, ..) = WINDOWS_1251.encode(text);
    for header in [None, Some("text/html"), Some("application/xml"), Some("application/rss+xml; charset=")] {
        assert_eq!(decode(&body, header), text);
    }
}
