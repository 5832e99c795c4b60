//! What a labelled page's open fields are after the configured model was asked for them, as the engine asks.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::config::{Config, Env, process_env};
use extraction::{Compact, Extracted};
use language_model::{Code, Model, Usage};
use runtime::settings::Settings;
use tokio::runtime::Runtime;
use url::Url;
use visits::modelling::{Witness, judge, question};

use crate::{Case, FETCHED, Fault};

/// Longest that a page's call may take.
const LONGEST: Duration = Duration::from_secs(120);

/// The model that `MODEL_URL` and its like name, and what it was asked so far.
#[derive(Debug)]
pub struct AskedModel {
    model: Model,
    runtime: Runtime,
    figures: Mutex<Figures>,
}

/// What all calls came to.
#[derive(Debug, Default, Clone)]
pub struct Figures {
    /// Pages that it was asked about.
    pub calls: u64,
    /// What they took.
    pub usage: Usage,
    /// Values that it gave and the page bore out.
    pub taken: u64,
    /// Values that the page did not bear out.
    pub refused: u64,
    /// Calls without an answer, by code.
    pub failures: Vec<Code>,
}

impl AskedModel {
    /// The model that the environment names.
    ///
    /// # Errors
    /// It names none, or something about it is missing or unreadable.
    pub fn from_env() -> Result<AskedModel, Fault> {
        let config = Config::read(&Env(&process_env), Settings::default())?.model;
        let model = Model::new(config.ok_or("set MODEL_URL and MODEL_NAME")?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(AskedModel { model, runtime, figures: Mutex::default() })
    }

    /// Most bytes of a page that it is shown.
    pub fn max_text(&self) -> usize {
        self.model.config().max_text
    }

    /// Asks for what is open on a page, and puts what the page bears out into its data.
    ///
    /// # Errors
    /// The case's schema is none.
    pub fn complete(&self, case: &Case, at: &Url, compact: &Compact, found: &mut Extracted) -> Result<(), Fault> {
        let schema = crate::schema(&case.schema)?;
        let question = question(&schema, at, compact);
        let end = Instant::now() + LONGEST;
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
        for (field, value) in judge(&answer.fields, &schema, compact, Witness::Page, &case.locale, FETCHED) {
            match value {
                Ok(value) => {
                    figures.taken += 1;
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

    /// What all calls came to, in a line.
    pub fn summary(&self, pages: usize) -> String {
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Figures { calls, usage, taken, refused, failures } = figures;
        let mut line = format!(
            "model: {calls} of {pages} pages asked; {} tokens read, {} written; {taken} values taken, {refused} refused",
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
