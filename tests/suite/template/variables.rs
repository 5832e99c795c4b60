//! The environment of each function in `template.yaml`: the code reads every variable, and none is missing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use api::config::{Config, ResourceConfig, TableAccess};
use api::env::Env;
use runtime::settings::Settings;
use store::TableNames;

use crate::support::template::Template;

/// Each function gets exactly the variables that it reads.
#[test]
fn variables_are_those_that_the_code_reads() {
    let template = Template::read();
    for function in template.functions() {
        let variables = function.properties["Environment"]["Variables"].as_object().unwrap();
        let given: BTreeMap<&str, String> = variables.iter().map(|(n, v)| (n.as_str(), template.text(v))).collect();
        // RUST_LOG is read where the log is initialised.
        let read = RefCell::new(BTreeSet::from(["RUST_LOG".to_owned()]));
        let lookup = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            // A model's variables are read only if there is a model.
            match (name, given.get(name)) {
                ("MODEL_URL", Some(_)) => Some("https://model.test/v1".to_owned()),
                (_, Some(value)) if value.is_empty() => Some("1".to_owned()),
                (_, value) => value.cloned(),
            }
        };
        let access = if function.package == "worker" { TableAccess::WithoutAccounts } else { TableAccess::All };
        let resources =
            ResourceConfig::from_env(&Env(&lookup), access).unwrap_or_else(|e| panic!("{}: {e}", function.id));
        let config =
            Config::read(&Env(&lookup), Settings::default()).unwrap_or_else(|e| panic!("{}: {e}", function.id));
        assert_eq!(config.settings, Settings::default(), "{}: the defaults of both are the same", function.id);
        let expected = TableNames::default();
        assert_eq!(
            (&resources.tables.jobs, &resources.tables.hosts),
            (&expected.jobs, &expected.hosts),
            "{}",
            function.id
        );
        let money = if access == TableAccess::All { expected.accounts } else { "none".into() };
        assert_eq!(resources.tables.accounts, money, "{}", function.id);
        let queues = [&resources.units_queue, &resources.settle_queue, &resources.notify_queue];
        assert_eq!(queues, ["runo-units", "runo-settle", "runo-notify"]);
        let unread: Vec<_> = given.keys().filter(|name| !read.borrow().contains(**name)).collect();
        assert!(unread.is_empty(), "{} sets variables that the code does not read: {unread:?}", function.id);
        assert!(!given.contains_key("FETCH_ALLOW"), "deployed functions fetch public addresses only");
    }
}
