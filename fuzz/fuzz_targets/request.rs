//! Any bytes as a request: the first byte chooses the endpoint and the key's binding, the rest is the body. The body is
//! accepted or refused, and what is accepted is within the limits of the contract.
#![no_main]

use std::sync::OnceLock;

use api::validate::{MAX_URLS, check};
use domain::job::ModelUse;
use domain::{Endpoint, Schema};
use libfuzzer_sys::fuzz_target;
use store::accounts::Binding;

fuzz_target!(|data: &[u8]| {
    static BOUND: OnceLock<Binding> = OnceLock::new();
    let Some((which, body)) = data.split_first() else { return };
    let endpoint = [Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl][usize::from(which % 3)];
    let field = serde_json::json!([{ "field": "title", "type": "string", "example": "A title" }]);
    let bound = BOUND.get_or_init(|| {
        let schema = Schema::parse(&field).expect("a valid schema");
        Binding { schema, model: ModelUse::Never }
    });
    match check(endpoint, body, (which & 0x80 != 0).then_some(bound)) {
        Ok(valid) => {
            assert!((1..=MAX_URLS).contains(&valid.urls.len()));
            assert!(valid.urls.iter().all(|url| url.len() <= 8_192 && !url.chars().any(char::is_control)));
            assert_eq!(valid.crawl.is_some(), endpoint == Endpoint::Crawl);
            assert!((1_000..=120_000).contains(&valid.options.timeout_ms));
            assert!(valid.options.locale.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        }
        Err(refusal) => {
            assert!(refusal.message.len() <= 8_192, "{}", refusal.message);
            assert!(api::ApiError::status(refusal.code).is_client_error());
        }
    }
});
