//! Any text as a value of every type: coercion never panics, and its values have the type.
#![no_main]

use domain::FieldType;
use extraction::coercion::{ReadingContext, coerce};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (u8, &str)| {
    let (which, text) = data;
    let locales = ["en-US", "de-DE", "fr-CH", "ja", "ar", "en-IN", "", "-"];
    let today = jiff::civil::date(2026, 11, 24);
    let reading = ReadingContext { locale: locales[usize::from(which % 8)], today };
    for kind in FieldType::ALL {
        let Some(got) = coerce(kind, &text.into(), &reading) else { continue };
        let right = match kind.element() {
            FieldType::String => got.value.is_string(),
            FieldType::Integer => got.value.is_i64() || got.value.is_u64(),
            FieldType::Float => got.value.as_f64().is_some_and(f64::is_finite),
            FieldType::Boolean => got.value.is_boolean(),
            _ => got.value.as_str().is_some_and(|d| d.len() == 10),
        };
        assert!(right, "{kind:?} {text:?} {:?}", got.value);
    }
});
