//! The operator's model, from the environment. Without `MODEL_URL` there is none, and no other variable is read.

use std::time::Duration;

use language_model::{ModelConfig, Prices, Secret, parse_micros};

use crate::env::{ConfigError, Env};

const DOLLARS: &str = "an amount of US dollars like 0.15";

/// Reads the model's settings. Returns `None` without `MODEL_URL`.
///
/// # Errors
/// A variable is missing or unreadable.
pub(crate) fn read(env: &Env<'_>) -> Result<Option<ModelConfig>, ConfigError> {
    let Some(url) = env.text("MODEL_URL") else { return Ok(None) };
    let Some(name) = env.text("MODEL_NAME") else { return Err(missing("MODEL_NAME", "MODEL_URL")) };
    let mut config = ModelConfig::new(&url, &name).map_err(|_| ConfigError::UnreadableSecret {
        name: "MODEL_URL",
        want: "an absolute http or https URL without user name, password, query and fragment, like \
               https://api.openai.com/v1; a key belongs in MODEL_KEY",
    })?;
    config.key = env.text("MODEL_KEY").map(Secret::new);
    let ms =
        env.number("MODEL_TIMEOUT_MS", 30_000, 1_000..=300_000, "a whole number of milliseconds from 1000 to 300000")?;
    config.timeout = Duration::from_millis(ms);
    let chars = env.number("MODEL_MAX_CHARS", 60_000, 1_000..=200_000, "a whole number from 1000 to 200000")?;
    config.max_text = usize::try_from(chars).unwrap_or(config.max_text);
    config.prices = match (dollars(env, "MODEL_INPUT_PRICE")?, dollars(env, "MODEL_OUTPUT_PRICE")?) {
        (Some(input), Some(output)) => Some(Prices { input, output }),
        (None, None) => None,
        (Some(_), None) => return Err(missing("MODEL_OUTPUT_PRICE", "MODEL_INPUT_PRICE")),
        (None, Some(_)) => return Err(missing("MODEL_INPUT_PRICE", "MODEL_OUTPUT_PRICE")),
    };
    config.batch = choice(env, "MODEL_BATCH", ("openai", "off"))?;
    config.vision = choice(env, "MODEL_VISION", ("true", "false"))?;
    config.daily_budget = dollars(env, "MODEL_DAILY_BUDGET")?;
    // A budget cannot be enforced without prices.
    match (config.daily_budget, config.prices) {
        (Some(_), None) => Err(missing("MODEL_INPUT_PRICE and MODEL_OUTPUT_PRICE", "MODEL_DAILY_BUDGET")),
        _ => Ok(Some(config)),
    }
}

fn missing(missing: &'static str, cause: &'static str) -> ConfigError {
    ConfigError::MissingBeside { missing, cause }
}

/// Reads a variable with two possible words: returns true for `yes`, false for `no` or if it is not set.
fn choice(env: &Env<'_>, name: &'static str, (yes, no): (&str, &str)) -> Result<bool, ConfigError> {
    match env.text(name) {
        None => Ok(false),
        Some(value) if value == yes || value == no => Ok(value == yes),
        Some(value) if yes == "true" => Err(ConfigError::Unreadable { name, value, want: "true or false" }),
        Some(value) => Err(ConfigError::Unreadable { name, value, want: "openai or off" }),
    }
}

fn dollars(env: &Env<'_>, name: &'static str) -> Result<Option<u64>, ConfigError> {
    let Some(value) = env.text(name) else { return Ok(None) };
    parse_micros(&value).map(Some).ok_or(ConfigError::Unreadable { name, value, want: DOLLARS })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> Result<Option<ModelConfig>, ConfigError> {
        read(&Env(&|name| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())))
    }

    #[test]
    fn without_model_url_there_is_no_model() {
        assert_eq!(config(&[("MODEL_NAME", "m"), ("MODEL_DAILY_BUDGET", "lots")]), Ok(None));
    }

    #[test]
    fn variables_that_are_set_are_read() {
        let set = [
            ("MODEL_URL", "https://api.openai.com/v1"),
            ("MODEL_NAME", "small"),
            ("MODEL_KEY", "sk-1"),
            ("MODEL_INPUT_PRICE", "0.15"),
            ("MODEL_OUTPUT_PRICE", "$0.60"),
            ("MODEL_DAILY_BUDGET", "5"),
            ("MODEL_TIMEOUT_MS", "9000"),
            ("MODEL_BATCH", "openai"),
            ("MODEL_VISION", "true"),
        ];
        let config = config(&set).unwrap().unwrap();
        assert_eq!((config.name.as_str(), config.timeout), ("small", Duration::from_secs(9)));
        assert_eq!(config.prices, Some(Prices { input: 150_000, output: 600_000 }));
        assert_eq!((config.daily_budget, config.key.is_some()), (Some(5_000_000), true));
        assert!(config.batch && config.vision);
    }

    #[test]
    fn errors_name_the_variable_that_is_missing_or_unreadable() {
        let url = ("MODEL_URL", "https://h/v1");
        let name = ("MODEL_NAME", "m");
        assert_eq!(config(&[url]), Err(missing("MODEL_NAME", "MODEL_URL")));
        for (vars, named) in [
            (vec![("MODEL_URL", "h/v1"), name], "MODEL_URL"),
            (vec![url, name, ("MODEL_DAILY_BUDGET", "5")], "MODEL_INPUT_PRICE"),
            (vec![url, name, ("MODEL_INPUT_PRICE", "5")], "MODEL_OUTPUT_PRICE"),
            (vec![url, name, ("MODEL_INPUT_PRICE", "-5"), ("MODEL_OUTPUT_PRICE", "1")], "MODEL_INPUT_PRICE"),
            (vec![url, name, ("MODEL_MAX_CHARS", "0")], "MODEL_MAX_CHARS"),
            (vec![url, name, ("MODEL_BATCH", "anthropic")], "openai or off"),
            (vec![url, name, ("MODEL_VISION", "yes")], "true or false"),
        ] {
            let error = config(&vars).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn a_refused_url_is_not_shown_because_it_may_contain_a_secret() {
        for url in ["https://user:s3cret@h/v1", "https://h/v1?key=s3cret", "https://h/v1#s3cret", "s3cret"] {
            let error = config(&[("MODEL_URL", url), ("MODEL_NAME", "m")]).unwrap_err();
            assert!(
                error.to_string().contains("MODEL_KEY") && !format!("{error} {error:?}").contains("s3cret"),
                "{error}"
            );
        }
    }
}
