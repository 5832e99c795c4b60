//! The places of CONTRIBUTING.md's tables that no compiler asks for. A failure names what was forgotten, and where.

use std::collections::BTreeSet;

use api::routes::ROUTES;
use domain::UnitOutcome;
use domain::job::Options;
use serde_json::{Value, json};

use super::{document, files, members, read};
use crate::support::template::Template;

/// Routes that have no row of their own in the README: the console's files and their addresses.
const OF_THE_CONSOLE: [&str; 3] = ["/", "/console", "/console/{version}/{file}"];
/// Where each client makes its calls.
const CLIENTS: [(&str, &[&str]); 3] = [
    ("clients/rust", &["clients/rust/src/call.rs", "clients/rust/src/request.rs"]),
    ("clients/python", &["clients/python/src/runo/_calls.py"]),
    ("clients/typescript", &["clients/typescript/src/calls.ts"]),
];
/// Calls that the clients leave out. Only the operator and the console list keys.
const NOT_IN_CLIENTS: [&str; 1] = ["/v1/keys"];
/// A function that only our own functions invoke: AWS sends it no event, and its role may only log.
const RENDER: &str = "render";

fn none_is_forgotten(faults: &[String]) {
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Whether a line of a client's source makes this call: the method, then the path with something for each `{name}`.
fn calls(line: &str, method: &str, path: &str) -> bool {
    let line = line.trim_start();
    if ["//", "*", "#", "\"\"\""].iter().any(|comment| line.starts_with(comment)) {
        return false;
    }
    let pieces: Vec<&str> =
        path.split('{').map(|piece| piece.split_once('}').map_or(piece, |(_, rest)| rest)).collect();
    let Some((before, _)) = line.split_once(pieces[0]) else { return false };
    let rest = pieces.iter().try_fold(&line[before.len()..], |rest, piece| Some(rest.split_once(piece)?.1));
    let ends = |rest: &str| !rest.contains('/') && !rest.starts_with(char::is_alphabetic);
    before.to_lowercase().contains(&method.to_lowercase()) && rest.is_some_and(ends)
}

#[test]
fn every_route_has_its_places() {
    let (readme, answers) = (read("README.md"), read("tests/suite/openapi/responses.rs"));
    let used = readme.split("## Use it").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let events: BTreeSet<(String, String)> = (files("events", ".json").into_iter())
        .map(|(_, text)| serde_json::from_str::<Value>(&text).unwrap())
        .map(|event| {
            [&event["httpMethod"], &event["resource"]].map(|v| v.as_str().unwrap_or_default().to_owned()).into()
        })
        .collect();
    let mut faults = Vec::new();
    for route in &ROUTES {
        let name = format!("{} {}", route.method, route.path);
        if !OF_THE_CONSOLE.contains(&route.path) {
            if !used.contains(&format!("`{name}`")) {
                faults.push(format!("README.md, \"Use it\", has no row for {name}"));
            }
            if !answers.contains(&format!("\"{}\"", route.path)) {
                faults.push(format!("tests/suite/openapi/responses.rs makes no call of {name}"));
            }
        }
        let event = (route.method.to_string(), route.path.to_owned());
        if !route.path.contains("{file}") && !events.contains(&event) {
            faults.push(format!("events/ has no event of {name}"));
        }
        if !route.path.starts_with("/v1/") || NOT_IN_CLIENTS.contains(&route.path) {
            continue;
        }
        for (client, sources) in CLIENTS {
            let calls = |path: &&str| read(path).lines().any(|line| calls(line, route.method.as_str(), route.path));
            if !sources.iter().any(calls) {
                faults.push(format!("{client} does not call {name}"));
            }
        }
    }
    none_is_forgotten(&faults);
}

#[test]
fn a_call_is_recognised() {
    let line = r#"return Call("GET", f"/v1/jobs/{_id(job_id)}/result", headers)"#;
    assert!(calls(line, "GET", "/v1/jobs/{job_id}/result"));
    for (method, path) in [("POST", "/v1/jobs/{job_id}/result"), ("GET", "/v1/jobs/{job_id}"), ("GET", "/v1/jobs")] {
        assert!(!calls(line, method, path), "{method} {path}");
    }
    assert!(calls("plain(Method::GET, format!(\"/v1/jobs?state={state}\"))", "GET", "/v1/jobs"));
    assert!(!calls("/// `GET /v1/jobs/{id}`", "DELETE", "/v1/jobs/{job_id}"));
}

/// The table "Folders" of docs/ARCHITECTURE.md has each package.
#[test]
fn every_package_is_in_the_table_of_folders() {
    let architecture = read("docs/ARCHITECTURE.md");
    let table = architecture.split("\n## Folders").nth(1).unwrap().split("\n## ").next().unwrap();
    let manifests = ["shared", "functions", "clients", "tools"].iter().flat_map(|part| files(part, "Cargo.toml"));
    let folders: Vec<String> = manifests.map(|(path, _)| path.parent().unwrap().display().to_string()).collect();
    let is_named = |folder: &&String| {
        let name = folder.rsplit('/').next().unwrap();
        table.contains(&format!("`{folder}`")) || !folder.starts_with("shared/") && table.contains(&format!("`{name}`"))
    };
    let without: Vec<_> = folders.iter().filter(|folder| !is_named(folder)).collect();
    assert!(folders.len() > 25 && without.is_empty(), "docs/ARCHITECTURE.md, \"Folders\", does not have {without:?}");
}

#[test]
fn every_function_has_its_places() {
    let (manifest, suite) = (read("Cargo.toml"), files("tests/suite", ".rs"));
    let tools = read("tests/deploy/tools.sh");
    let bootstraps: Vec<&str> = tools
        .lines()
        .find_map(|line| line.strip_prefix("functions=(")?.strip_suffix(')'))
        .unwrap()
        .split(' ')
        .collect();
    let defaults = manifest.lines().find(|line| line.starts_with("default-members")).unwrap();
    let events: Vec<String> =
        files("events", ".json").into_iter().map(|(path, _)| path.display().to_string()).collect();
    let (mut faults, mut seen) = (Vec::new(), 0);
    for (path, _) in files("functions", "Cargo.toml") {
        let name = path.iter().nth(1).unwrap().to_str().unwrap();
        seen += 1;
        if !defaults.contains(&format!("\"functions/{name}\"")) {
            faults.push(format!("Cargo.toml, default-members, does not have functions/{name}"));
        }
        if name != RENDER
            && !suite.iter().any(|(_, text)| text.contains(&format!("fn {name}_does_what_its_role_allows")))
        {
            faults.push(format!("tests/suite/iam.rs does not test the role of {name}"));
        }
        if name != RENDER && !events.iter().any(|event| event.starts_with(&format!("events/{name}."))) {
            faults.push(format!("events/ has no event for {name}"));
        }
        if name != RENDER && !bootstraps.contains(&name) {
            faults.push(format!("tests/deploy/tools.sh, functions, does not have {name}"));
        }
    }
    assert!(seen > 8, "the functions were found");
    none_is_forgotten(&faults);
}

#[test]
fn every_option_has_its_places() {
    let refusals = read("tests/suite/refusals.rs") + &read("tests/suite/crawl/refusals.rs");
    let (command_line, console) = (read("tools/cli/src/args.rs"), read("shared/console/site/options.js"));
    let typescript = read("clients/typescript/src/calls.ts");
    // Arguments of a call, not members of options.
    let arguments = ["follow_pattern", "max_pages", "async_mode"];
    let mut faults = Vec::new();
    for name in super::options() {
        let assigned = |line: &str| {
            let value = line.trim().strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix(": "));
            value.is_some_and(|value| value.contains("self."))
        };
        if !arguments.contains(&name.as_str()) && !command_line.lines().any(assigned) {
            faults.push(format!("tools/cli/src/args.rs does not set {name}"));
        }
        // The file must name the option twice: where it takes it from the caller's options, and where it sends it.
        if typescript.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| *word == name).count() < 2
        {
            faults.push(format!("clients/typescript/src/calls.ts does not send {name}"));
        }
        if !console.contains(&format!("name: \"{name}\"")) {
            faults.push(format!("shared/console/site/options.js does not have {name}"));
        }
        if !refusals.contains(&format!("\"{name}\"")) && !refusals.contains(&format!(".{name}\"")) {
            faults.push(format!("tests/suite/refusals.rs has no row for {name}"));
        }
    }
    none_is_forgotten(&faults);
}

/// Rows of the previous version lack the members that were added since.
#[test]
fn rows_of_the_version_before_can_be_read() {
    let options = json!({ "render_js": "auto", "locale": "en-US", "timeout_ms": 15_000, "no_cache": false,
        "process_images": false, "concurrency": null, "fail_fast": false });
    serde_json::from_value::<Options>(options)
        .unwrap_or_else(|e| panic!("shared/domain/src/job/options.rs lacks #[serde(default)]: {e}"));
    let success = json!({ "url": "https://e.test/", "status": "success", "render_mode": "fetch", "data": {},
        "images_processed": null });
    let failure = json!({ "url": "https://e.test/", "status": "error",
        "error": { "code": "TIMEOUT", "message": "slow", "retryable": true } });
    for row in [success, failure] {
        let read = serde_json::from_value::<UnitOutcome>(row.clone())
            .unwrap_or_else(|e| panic!("shared/domain/src/outcome.rs lacks #[serde(default)]: {e}"));
        assert_eq!(serde_json::to_value(&read).unwrap(), row, "shared/domain/src/outcome.rs lacks skip_serializing_if");
    }
}

#[test]
fn every_error_code_has_words_in_the_console() {
    let (document, words) = (document(), read("shared/console/site/words.js"));
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let without: Vec<_> =
        codes.iter().filter(|code| !words.contains(&format!("\n  {}: [", code.as_str().unwrap()))).collect();
    assert!(without.is_empty(), "shared/console/site/words.js has no words for {without:?}");
}

#[test]
fn every_member_of_a_result_is_in_the_contract() {
    let (document, contract) = (document(), read("docs/API.md"));
    let section = contract.split("### A result").nth(1).unwrap().split("### The result cache").next().unwrap();
    let mut all = members(&document, "/components/schemas/Success");
    all.extend(members(&document, "/components/schemas/Failure"));
    let without: Vec<_> = (all.iter())
        .filter(|name| !section.contains(&format!("`{name}`")) && !section.contains(&format!("\"{name}\"")))
        .collect();
    assert!(without.is_empty(), "docs/API.md, \"A result\", does not have {without:?}");
}

/// The variables that a source file looks up: the quoted names in capitals before its tests.
fn variables(path: &str) -> BTreeSet<String> {
    let text = read(path);
    let code = text.split("#[cfg(test)]").next().unwrap();
    let is_name = |word: &&str| word.len() > 3 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    code.split('"').skip(1).step_by(2).filter(is_name).map(str::to_owned).collect()
}

#[test]
fn every_variable_is_described() {
    let documents = ["README.md", "docs/MODEL.md", "docs/OPERATIONS.md", "docs/RENDERING.md"].map(read).concat();
    // Variables of the machine, of AWS's libraries and of the functions' template. Nobody sets them by hand.
    let given =
        |name: &str| name == "PATH" || name.starts_with("AWS_") || name.ends_with("_TABLE") || name.ends_with("_URL");
    let sources = ["shared/api/src/config.rs", "shared/api/src/model_config.rs", "tools/local/src/config.rs"];
    let read = sources.iter().flat_map(|path| variables(path)).collect::<BTreeSet<_>>();
    let without: Vec<_> = (read.iter())
        .filter(|name| !given(name) || name.starts_with("MODEL_"))
        .filter(|name| !documents.contains(&format!("`{name}`")) && !documents.contains(&format!("`{name}=")))
        .collect();
    assert!(read.len() > 25, "the variables were found: {read:?}");
    assert!(without.is_empty(), "neither README.md nor docs/OPERATIONS.md describes {without:?}");
}

#[test]
fn every_parameter_of_the_template_is_described() {
    let operations = read("docs/OPERATIONS.md");
    let table = operations.split("### Parameters").nth(1).unwrap().split("\n### ").next().unwrap();
    let described: BTreeSet<&str> = table.split('`').skip(1).step_by(2).collect();
    let template = Template::read();
    let parameters: Vec<&String> = template.0["Parameters"].as_object().unwrap().keys().collect();
    let without: Vec<_> = parameters.iter().filter(|name| !described.contains(name.as_str())).collect();
    assert!(
        parameters.len() > 20 && without.is_empty(),
        "docs/OPERATIONS.md, \"Parameters\", does not have {without:?}"
    );
}

/// If a page's data does not fit the caller's type, the clients make a failure of the result, member by member. (In Rust the
/// compiler asks for each.)
#[test]
fn clients_keep_every_member_of_a_result_whose_data_does_not_fit() {
    let failure = members(&document(), "/components/schemas/Failure");
    let mut faults = Vec::new();
    // What makes it a failure is new.
    for name in failure.iter().filter(|name| !["status", "error"].contains(&name.as_str())) {
        if !read("clients/python/src/runo/_rows.py").contains(&format!("\"{name}\"")) {
            faults.push(format!("clients/python/src/runo/_rows.py leaves out {name}"));
        }
        let schema = read("clients/typescript/src/schema.ts");
        let taken = schema.lines().find(|line| line.trim_start().starts_with("const { url, ")).unwrap();
        if !taken.contains(&format!(" {name},")) {
            faults.push(format!("clients/typescript/src/schema.ts, result, leaves out {name}"));
        }
    }
    assert!(failure.len() > 4, "the members were found");
    none_is_forgotten(&faults);
}

/// Each event for metrics is recorded somewhere. No compiler warns about a public variant that is never made.
#[test]
fn every_metric_event_is_recorded() {
    let text = read("shared/runtime/src/metrics.rs");
    let variants = text.split("pub enum MetricEvent").nth(1).unwrap().split("\n}").next().unwrap();
    let variants: Vec<&str> = (variants.lines().map(str::trim))
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| line.split(['(', ',']).next().unwrap())
        .collect();
    let mut sources = files("shared", ".rs");
    sources.retain(|(path, _)| !path.starts_with("shared/runtime") && !path.starts_with("shared/api/src/telemetry"));
    let is_recorded = |name: &str| {
        let records = format!("record(&MetricEvent::{name}");
        sources.iter().any(|(_, text)| text.contains(&records))
    };
    let missing: Vec<_> = variants.iter().filter(|name| !is_recorded(name)).collect();
    assert!(variants.len() > 5, "the variants were found: {variants:?}");
    assert!(missing.is_empty(), "nothing records {missing:?}");
}
