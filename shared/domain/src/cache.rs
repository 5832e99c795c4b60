//! The result cache: which results may be served again instead of fetching the page, under which key, and for how long.
//!
//! A result belongs to the account it was made for: serving it to another account would reveal that somebody requested
//! this page. Only extracts use the cache. A batch or a crawl promises its pages as they are now: its results are of
//! one time and the same in every mode, and a crawl follows the links of the current pages.

use crate::canonical::CanonicalUrl;
use crate::digest::sha256_hex;
use crate::job::{Endpoint, Job, JobSpec, Options};
use crate::outcome::{RenderMode, UnitOutcome};
use crate::time::Timestamp;

/// Identifies a cached result: account, page, schema, and the options that change what is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey(String);

impl CacheKey {
    /// Returns the key of an extract's result. Returns `None` for other endpoints and for URLs that have no canonical
    /// form.
    pub fn of(job: &Job, spec: &JobSpec, url: &str) -> Option<CacheKey> {
        // Names each option, so that a new one does not compile until somebody decides whether it changes what is read.
        let Options {
            locale,
            render_js,
            headers,
            wait_for,
            model,
            process_images,
            capture,
            explain,
            timeout_ms: _,
            no_cache: _,
            images_allowed: _,
            concurrency: _,
            fail_fast: _,
            retries: _,
        } = &spec.options;
        // Captures belong to the job, and an explanation describes how this call read the page.
        let own = !capture.is_empty() || *explain;
        if job.endpoint != Endpoint::Extract || own {
            return None;
        }
        let page = CanonicalUrl::parse(url)?.key();
        let asked =
            (&job.account, page.as_str(), &spec.schema, locale, render_js, headers, wait_for, model, process_images);
        // A JSON tuple: different tuples have different texts. Maps with string keys always serialise.
        let text = serde_json::to_vec(&asked).ok()?;
        Some(CacheKey(sha256_hex(&text)))
    }

    /// Returns the key: 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A cached result.
#[derive(Debug, Clone, PartialEq)]
pub struct Cached {
    /// When the page was read.
    pub at: Timestamp,
    /// The result. Only a success is served.
    pub outcome: UnitOutcome,
}

impl Cached {
    /// Returns the result for an extract of `url`, or `None` if it is older than `ttl_secs` or is not a success.
    pub fn serve(self, url: &str, now: Timestamp, ttl_secs: u64) -> Option<UnitOutcome> {
        if now >= self.at.plus_secs(ttl_secs) {
            return None;
        }
        match self.outcome {
            // Names each member, so that a new one does not compile until somebody decides whether it comes from the
            // stored result or from this call.
            UnitOutcome::Success {
                final_url,
                data,
                warnings,
                images_processed,
                model_fields,
                attempts: _,
                captures: _,
                explain: _,
                url: _,
                render_mode: _,
            } => Some(UnitOutcome::Success {
                attempts: None,
                captures: Vec::new(),
                explain: Vec::new(),
                url: url.to_owned(),
                final_url,
                render_mode: RenderMode::Cache,
                data,
                warnings,
                images_processed,
                model_fields,
            }),
            UnitOutcome::Error { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::{ErrorCode, UnitError};
    use crate::ids::AccountId;
    use crate::job::{RenderJs, tests};
    use crate::schema::Schema;

    fn job() -> Job {
        Job { endpoint: Endpoint::Extract, ..tests::job(1) }
    }

    fn spec() -> JobSpec {
        let schema = Schema::parse(&json!([{"field": "t", "type": "string", "example": "x"}])).unwrap();
        JobSpec { options: Options::default(), schema, crawl: None, webhook: None }
    }

    const URL: &str = "https://e.test/a?b=1";

    #[test]
    fn spellings_of_one_page_share_a_key() {
        let key = CacheKey::of(&job(), &spec(), URL).unwrap();
        assert_eq!(key.as_str().len(), 64);
        for same in ["HTTPS://E.test:443/a?b=1#top", "https://e.test/a/?b=1&utm_source=x"] {
            assert_eq!(CacheKey::of(&job(), &spec(), same).as_ref(), Some(&key), "{same}");
        }
    }

    #[test]
    fn every_option_that_changes_the_result_changes_the_key() {
        let key = CacheKey::of(&job(), &spec(), URL);
        let schema = Schema::parse(&json!([{"field": "u", "type": "string", "example": "x"}])).unwrap();
        let mut others = vec![CacheKey::of(&job(), &spec(), "https://e.test/a?b=2")];
        others.push(CacheKey::of(&Job { account: AccountId::parse("b").unwrap(), ..job() }, &spec(), URL));
        for change in [
            |s: &mut JobSpec| s.options.locale = "de-DE".into(),
            |s: &mut JobSpec| s.options.render_js = RenderJs::Always,
        ] {
            let mut other = spec();
            change(&mut other);
            others.push(CacheKey::of(&job(), &other, URL));
        }
        others.push(CacheKey::of(&job(), &JobSpec { schema, ..spec() }, URL));
        assert!(others.iter().all(|other| other.is_some() && *other != key));
        let mut captured = spec();
        captured.options.capture = vec![crate::job::Capture::Screenshot];
        assert_eq!(CacheKey::of(&job(), &captured, URL), None);
        let mut explained = spec();
        explained.options.explain = true;
        assert_eq!(CacheKey::of(&job(), &explained, URL), None);
        // The timeout does not change the result.
        let mut patient = spec();
        patient.options.timeout_ms = 99_000;
        assert_eq!(CacheKey::of(&job(), &patient, URL), key);
        assert_eq!(CacheKey::of(&job(), &spec(), "no url"), None);
        assert_eq!(CacheKey::of(&Job { endpoint: Endpoint::Batch, ..job() }, &spec(), URL), None);
    }

    #[test]
    fn a_success_is_served_until_its_ttl_ends() {
        let outcome = UnitOutcome::Success {
            attempts: None,
            url: "https://e.test/a/".into(),
            final_url: Some("https://e.test/b".into()),
            render_mode: RenderMode::Structured,
            data: [("t".to_owned(), json!("x"))].into_iter().collect(),
            warnings: vec!["w".into()],
            images_processed: None,
            model_fields: vec!["t".into()],
            captures: Vec::new(),
            explain: Vec::new(),
        };
        let cached = Cached { at: Timestamp(1_000), outcome };
        let served = cached.clone().serve(URL, Timestamp(10_999), 10).unwrap();
        assert_eq!(
            serde_json::to_value(&served).unwrap(),
            json!({"url": URL, "final_url": "https://e.test/b", "status": "success", "render_mode": "cache",
                   "data": {"t": "x"}, "warnings": ["w"], "images_processed": null, "model_fields": ["t"]})
        );
        assert_eq!(cached.clone().serve(URL, Timestamp(11_000), 10), None);
        let failed = UnitOutcome::error(URL, UnitError::new(ErrorCode::Timeout, "slow"));
        assert_eq!(Cached { outcome: failed, ..cached }.serve(URL, Timestamp(1_000), 10), None);
    }
}
