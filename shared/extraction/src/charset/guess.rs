//! Guesses the encoding of a page without a declaration that can be true, by the language that the page declares and by
//! its bytes. Depends on no header.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, IBM866, ISO_2022_JP, ISO_8859_2, ISO_8859_4, ISO_8859_5, ISO_8859_6,
    ISO_8859_7, ISO_8859_8, ISO_8859_13, KOI8_R, KOI8_U, SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251,
    WINDOWS_1253, WINDOWS_1254, WINDOWS_1255, WINDOWS_1256, WINDOWS_1257, WINDOWS_1258,
};

/// Maximum number of bytes that the detector examines.
const MAX_EXAMINED: usize = 256 * 1024;

/// A language that has encodings of its own: the domain by which the detector knows the language, and the encodings,
/// the most common first.
type Encodings = (&'static str, Vec<&'static Encoding>);

/// Returns the encodings of a language. Languages written in windows-1252 have none: their tag says little, because
/// English templates contain text in any language.
fn encodings_of(language: &str) -> Option<Encodings> {
    let (primary, rest) = language.split_once('-').unwrap_or((language, ""));
    let traditional = ["tw", "hk", "mo", "hant"].iter().any(|r| rest.split('-').any(|part| part == *r));
    Some(match primary {
        "ja" => ("jp", vec![SHIFT_JIS, EUC_JP, ISO_2022_JP]),
        "zh" if traditional => ("tw", vec![BIG5, GBK, GB18030]),
        "zh" => ("cn", vec![GBK, GB18030, BIG5]),
        "ko" => ("kr", vec![EUC_KR]),
        "ru" | "be" => ("ru", vec![WINDOWS_1251, KOI8_R, IBM866, KOI8_U, ISO_8859_5]),
        "uk" => ("ua", vec![WINDOWS_1251, KOI8_U, KOI8_R, IBM866, ISO_8859_5]),
        "bg" => ("bg", vec![WINDOWS_1251, ISO_8859_5]),
        "mk" => ("mk", vec![WINDOWS_1251, ISO_8859_5]),
        "sr" => ("rs", vec![WINDOWS_1251, WINDOWS_1250, ISO_8859_5, ISO_8859_2]),
        "el" => ("gr", vec![WINDOWS_1253, ISO_8859_7]),
        "tr" => ("tr", vec![WINDOWS_1254]),
        "az" => ("az", vec![WINDOWS_1254]),
        "he" | "iw" => ("il", vec![WINDOWS_1255, ISO_8859_8]),
        "ar" => ("sa", vec![WINDOWS_1256, ISO_8859_6]),
        "fa" => ("ir", vec![WINDOWS_1256]),
        "th" => ("th", vec![WINDOWS_874]),
        "vi" => ("vn", vec![WINDOWS_1258]),
        "pl" => ("pl", vec![ISO_8859_2, WINDOWS_1250]),
        "cs" => ("cz", vec![WINDOWS_1250, ISO_8859_2]),
        "sk" => ("sk", vec![WINDOWS_1250, ISO_8859_2]),
        "hu" => ("hu", vec![WINDOWS_1250, ISO_8859_2]),
        "hr" | "bs" => ("hr", vec![WINDOWS_1250, ISO_8859_2]),
        "sl" => ("si", vec![WINDOWS_1250, ISO_8859_2]),
        "ro" => ("ro", vec![WINDOWS_1250, ISO_8859_2]),
        "lt" => ("lt", vec![WINDOWS_1257, ISO_8859_13, ISO_8859_4]),
        "lv" => ("lv", vec![WINDOWS_1257, ISO_8859_13, ISO_8859_4]),
        "et" => ("ee", vec![WINDOWS_1257, ISO_8859_13]),
        _ => return None,
    })
}

/// Returns the most likely encoding other than UTF-8.
pub(super) fn guess(body: &[u8], language: Option<&str>) -> &'static Encoding {
    let own = language.and_then(encodings_of);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(&body[..body.len().min(MAX_EXAMINED)], body.len() <= MAX_EXAMINED);
    let guess = detector.guess(own.as_ref().map(|(domain, _)| domain.as_bytes()), Utf8Detection::Deny);
    let Some((_, encodings)) = own else { return guess };
    if encodings.contains(&guess) {
        return guess;
    }
    // For a short text the language is better evidence than the bytes, provided that one of its encodings decodes them
    // without errors.
    let whole = encodings.iter().find(|e| !e.decode_without_bom_handling(body).1);
    whole.copied().unwrap_or(guess)
}

/// Returns whether plain ASCII may be ISO-2022-JP: it contains a switch to Japanese, and all of it can be decoded.
pub(super) fn is_iso_2022_jp(body: &[u8]) -> bool {
    body.windows(3).any(|w| matches!(w, b"\x1b$B" | b"\x1b$@")) && !ISO_2022_JP.decode_without_bom_handling(body).1
}
