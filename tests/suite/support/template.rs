//! `template.yaml` in a readable form: CloudFormation's short tags are written out (`!Ref x` is `{"Ref": "x"}`),
//! aliases resolved, and SAM's `Globals` merged into each function. It knows nothing of the expected content.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The template.
pub struct Template(pub Value);

/// A function of the template.
pub struct TemplateFunction {
    /// Its logical name.
    pub id: String,
    /// The package whose binary it runs.
    pub package: String,
    /// Its properties, including those of `Globals`.
    pub properties: Value,
}

/// What a role allows: actions, each with the logical name of a table, an index or a queue (`JobsTable/index/by_due`).
pub type Actions = BTreeSet<(String, String)>;

impl Template {
    pub fn read() -> Template {
        let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml")).unwrap();
        let documents = Yaml::load_from_str(&text).unwrap();
        assert_eq!(documents.len(), 1);
        Template(value(&documents[0]))
    }

    pub fn resources(&self, kind: &str) -> BTreeMap<&str, &Value> {
        let all = self.0["Resources"].as_object().unwrap();
        all.iter().filter(|(_, r)| r["Type"] == kind).map(|(id, r)| (id.as_str(), &r["Properties"])).collect()
    }

    /// The functions, by name.
    pub fn functions(&self) -> Vec<TemplateFunction> {
        let globals = &self.0["Globals"]["Function"];
        let function = |(id, own): (&str, &Value)| {
            let mut properties = globals.clone();
            merge(&mut properties, own);
            let package = own["CodeUri"].as_str().unwrap().strip_prefix("functions/").unwrap().to_owned();
            TemplateFunction { id: id.to_owned(), package, properties }
        };
        self.resources("AWS::Serverless::Function").into_iter().map(function).collect()
    }

    pub fn function(&self, id: &str) -> TemplateFunction {
        self.functions().into_iter().find(|f| f.id == id).unwrap_or_else(|| panic!("no function {id}"))
    }

    /// A value with parameters and references resolved, as in a deployment named `runo` with default parameters.
    pub fn text(&self, value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Object(map) if map.contains_key("Ref") => {
                let name = map["Ref"].as_str().unwrap();
                match (&self.0["Parameters"][name]["Default"], name) {
                    (_, "AWS::StackName") => "runo".into(),
                    (Value::Null, _) => {
                        // A resource resolves to its name.
                        let properties = &self.0["Resources"][name]["Properties"];
                        let name = ["TableName", "QueueName"].iter().find(|n| !properties[n].is_null());
                        self.text(&properties[name.unwrap_or_else(|| panic!("cannot resolve {value}"))])
                    }
                    (default, _) => self.text(default),
                }
            }
            Value::Object(map) if map.contains_key("Fn::GetAtt") => {
                let parts = map["Fn::GetAtt"].as_array().unwrap();
                self.text(&self.0["Resources"][parts[0].as_str().unwrap()]["Properties"][parts[1].as_str().unwrap()])
            }
            Value::Object(map) if map.contains_key("Fn::Sub") => {
                map["Fn::Sub"].as_str().unwrap().replace("${AWS::StackName}", "runo")
            }
            // With default parameters no condition holds.
            Value::Object(map) if map.contains_key("Fn::If") => self.text(&map["Fn::If"][2]),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => panic!("cannot resolve {value}"),
        }
    }

    /// Returns the actions that a function's own policy allows on tables and queues.
    pub fn allowed_actions(&self, function: &TemplateFunction) -> Actions {
        let role = &self.0["Resources"][arn_of(&function.properties["Role"])]["Properties"];
        let mut actions = Actions::new();
        for policy in role["Policies"].as_array().unwrap().iter().map(if_conditions_hold) {
            for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
                assert_eq!(statement["Effect"], "Allow");
                for action in list(&statement["Action"]) {
                    // If the resource depends on a condition, takes the branch for default parameters.
                    for resource in list(&statement["Resource"]) {
                        let own = resource.get("Fn::If").map_or(&resource, |choice| &choice[2]);
                        actions.insert((action.as_str().unwrap().to_owned(), resource_name(own)));
                    }
                }
            }
        }
        actions
    }
}

/// Returns the value that applies if every condition holds.
pub fn if_conditions_hold(value: &Value) -> &Value {
    value.get("Fn::If").map_or(value, |choice| &choice[1])
}

/// The logical name in `!GetAtt Name.Arn`.
pub fn arn_of(value: &Value) -> &str {
    let parts = value["Fn::GetAtt"].as_array().unwrap_or_else(|| panic!("no ARN: {value}"));
    assert_eq!(parts[1], "Arn", "{value}");
    parts[0].as_str().unwrap()
}

fn resource_name(resource: &Value) -> String {
    match &resource["Fn::Sub"] {
        Value::String(text) => text.replace("${", "").replace(".Arn}", ""),
        _ => arn_of(resource).to_owned(),
    }
}

/// A list, which may be written as its single element.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// Merges `own` into `base` as SAM does with `Globals`: maps are merged, other values replaced.
fn merge(base: &mut Value, own: &Value) {
    match (base, own) {
        (Value::Object(base), Value::Object(own)) => {
            for (name, value) in own {
                merge(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, own) => *base = own.clone(),
    }
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(b)) => json!(b),
        Yaml::Value(Scalar::Integer(n)) => json!(n),
        Yaml::Value(Scalar::FloatingPoint(n)) => json!(n.into_inner()),
        Yaml::Value(Scalar::String(s)) => json!(s),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(members) => members
            .iter()
            .map(|(name, member)| (name.as_str().unwrap().to_owned(), value(member)))
            .collect::<Map<_, _>>()
            .into(),
        Yaml::Tagged(tag, inner) => tagged(&tag.suffix, value(inner)),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => panic!("unexpected YAML: {yaml:?}"),
    }
}

fn tagged(tag: &str, inner: Value) -> Value {
    match (tag, &inner) {
        ("Ref" | "Condition", _) => json!({ tag: inner }),
        ("GetAtt", Value::String(text)) => {
            let (resource, attribute) = text.split_once('.').unwrap();
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        (_, _) => json!({ format!("Fn::{tag}"): inner }),
    }
}
