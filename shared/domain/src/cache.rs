//! When a result may be served again instead of being fetched: what it is told from others by, and how long it holds.
//!
//! A result belongs to the account that it was made for: served to another, it would tell that somebody asked for this
//! page. Only extracts use it. A batch or a crawl is asked for its pages as they are now: their results are of one time,
//! the same whichever mode fetched them, and a crawl goes where its pages lead.

use crate::canonical::CanonicalUrl;
use crate::digest::sha256_hex;
use crate::job::{Endpoint, Job, JobSpec};
use crate::outcome::{RenderMode, UnitOutcome};
use crate::time::Timestamp;

/// What a cached result is told from others by: account, page, schema, and the options that change what is read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey(String);

impl CacheKey {
    /// The key of an extract's result; `None` for other jobs, and for URLs that are no page's.
    pub fn of(job: &Job, spec: &JobSpec, url: &str) -> Option<CacheKey> {
        // What is captured is the job's; what is explained was read for this call.
        let own = !spec.options.capture.is_empty() || spec.options.explain;
        if job.endpoint != Endpoint::Extract || own {
            return None;
        }
        let page = CanonicalUrl::parse(url)?.key();
        let asked = (
            &job.account,
            page.as_str(),
            &spec.schema,
            &spec.options.locale,
            spec.options.render_js,
            &spec.options.headers,
            &spec.options.wait_for,
            spec.options.model,
            spec.options.process_images,
        );
        // A tuple as JSON: no two different ones have the same text. Maps with string keys always serialise.
        let text = serde_json::to_vec(&asked).ok()?;
        Some(CacheKey(sha256_hex(&text)))
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A result as the cache has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cached {
    /// When the page had been read.
    pub at: Timestamp,
    /// A success.
    pub outcome: UnitOutcome,
}

impl Cached {
    /// The result for an extract that asks for `url`, if it still holds.
    pub fn serve(self, url: &str, now: Timestamp, ttl_secs: u64) -> Option<UnitOutcome> {
        if now >= self.at.plus_secs(ttl_secs) {
            return None;
        }
        match self.outcome {
            UnitOutcome::Success { final_url, data, warnings, images_processed, model_fields, .. } => {
                Some(UnitOutcome::Success {
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
                })
            }
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
    use crate::job::{Options, RenderJs, tests};
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
    fn whatever_changes_the_answer_changes_the_key() {
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
        // What does not change it: how long it may take.
        let mut patient = spec();
        patient.options.timeout_ms = 99_000;
        assert_eq!(CacheKey::of(&job(), &patient, URL), key);
        assert_eq!(CacheKey::of(&job(), &spec(), "no url"), None);
        assert_eq!(CacheKey::of(&Job { endpoint: Endpoint::Batch, ..job() }, &spec(), URL), None);
    }

    #[test]
    fn it_holds_for_its_time_and_is_a_success() {
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
