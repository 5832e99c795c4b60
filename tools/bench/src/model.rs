//! The configured model, asked for the open fields of labelled pages as the engine asks it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::config::Config;
use api::env::{Env, process_env};
use extraction::{CompactPage, Extracted};
use language_model::{Code, Model, Usage};
use runtime::settings::Settings;
use tokio::runtime::Runtime;
use url::Url;
use visits::model_reader::{EvidenceSource, check_values, question};

use crate::{Case, FETCHED_AT, Fault};

/// Timeout of a call for one page.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// The model configured by `MODEL_URL` and its companions, and figures of all calls so far.
#[derive(Debug)]
pub struct CorpusModel {
    model: Model,
    runtime: Runtime,
    figures: Mutex<Figures>,
}

/// Figures of all calls.
#[derive(Debug, Default, Clone)]
pub struct Figures {
    /// Number of pages for which the model was called.
    pub calls: u64,
    /// Tokens used.
    pub usage: Usage,
    /// Number of values that the page confirmed.
    pub accepted: u64,
    /// Number of values that the page did not confirm.
    pub refused: u64,
    /// Error codes of failed calls.
    pub failures: Vec<Code>,
}

impl CorpusModel {
    /// Builds the model that the environment configures.
    ///
    /// # Errors
    /// The environment configures no model, or its configuration is incomplete or invalid.
    pub fn from_env() -> Result<CorpusModel, Fault> {
        let config = Config::read(&Env(&process_env), Settings::default())?.model;
        let model = Model::new(config.ok_or("set MODEL_URL and MODEL_NAME")?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(CorpusModel { model, runtime, figures: Mutex::default() })
    }

    /// Returns the maximum number of bytes of a page that the model is shown.
    pub fn max_text(&self) -> usize {
        self.model.config().max_text
    }

    /// Asks for the open fields of a page, and adds the values that the page confirms to its data.
    ///
    /// # Errors
    /// The case's schema is invalid.
    pub fn complete(&self, case: &Case, at: &Url, compact: &CompactPage, found: &mut Extracted) -> Result<(), Fault> {
        let schema = crate::schema(&case.schema)?;
        let question = question(&schema, at, compact);
        let end = Instant::now() + MAX_WAIT;
        let answer = self.runtime.handle().block_on(self.model.ask(&question, end.into()));
        let mut figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.calls += 1;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                figures.failures.push(error.code);
                found.warnings.push(error.to_string());
                return Ok(());
            }
        };
        figures.usage.input += answer.usage.input;
        figures.usage.output += answer.usage.output;
        for (field, value) in
            check_values(&answer.fields, &schema, compact, EvidenceSource::Page, &case.locale, FETCHED_AT)
        {
            match value {
                Ok(value) => {
                    figures.accepted += 1;
                    found.data.insert(field, value);
                }
                Err(why) => {
                    figures.refused += 1;
                    found.warnings.push(format!("field \"{field}\": {why}"));
                }
            }
        }
        Ok(())
    }

    /// Returns the figures of all calls as one line.
    pub fn summary(&self, pages: usize) -> String {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Figures { calls, usage, accepted, refused, failures } = figures;
        let mut line = format!(
            "model: called for {calls} of {pages} pages; {} tokens read, {} written; {accepted} values accepted, {refused} refused",
            usage.input, usage.output
        );
        if let Some(prices) = self.model.config().prices {
            let dollars = prices.cost(usage) as f64 / 1e6;
            line.push_str(&format!("; ${dollars:.4}, ${:.2} a thousand pages", dollars * 1e3 / pages.max(1) as f64));
        }
        for code in Code::ALL {
            match failures.iter().filter(|failed| **failed == code).count() {
                0 => {}
                count => line.push_str(&format!("; {count} {}", code.name())),
            }
        }
        line
    }
}
