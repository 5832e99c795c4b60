//! A stack can use other tables than its own, as after a restore. Everything that names a table follows the parameter:
//! functions, their roles, alarms and outputs.

use serde_json::{Value, json};

use crate::support::template::Template;

/// A table, the parameter that names a replacement, and the condition that the parameter is set.
const REPLACEABLE_TABLES: [(&str, &str, &str); 2] =
    [("AccountsTable", "UseAccountsTable", "OtherAccounts"), ("JobsTable", "UseJobsTable", "OtherJobs")];

/// The same value for the table that the parameter names, or `None` if the value does not refer to this table.
fn reference_to_other(value: &Value, table: &str, parameter: &str) -> Option<Value> {
    let arn = format!("arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{{parameter}}}");
    if *value == json!({ "Ref": table }) {
        return Some(json!({ "Ref": parameter }));
    }
    if *value == json!({ "Fn::GetAtt": [table, "Arn"] }) {
        return Some(json!({ "Fn::Sub": arn }));
    }
    let text = value.get("Fn::Sub")?.as_str()?;
    text.contains(&format!("${{{table}.Arn}}"))
        .then(|| json!({ "Fn::Sub": text.replace(&format!("${{{table}.Arn}}"), &arn) }))
}

/// Counts the choices between the stack's own table and the replacement. Panics if a value names the own table
/// without a choice.
fn choices(value: &Value, names: (&str, &str, &str), place: &str) -> usize {
    let (table, parameter, condition) = names;
    assert_eq!(reference_to_other(value, table, parameter), None, "{place} names {table} whatever {parameter} says");
    if let Some(choice) = value.get("Fn::If")
        && let Some(other) = reference_to_other(&choice[2], table, parameter)
    {
        assert_eq!((&choice[0], &choice[1]), (&json!(condition), &other), "{place}");
        return 1;
    }
    match value {
        Value::Object(map) => map.iter().map(|(name, value)| choices(value, names, &format!("{place}.{name}"))).sum(),
        Value::Array(items) => items.iter().map(|value| choices(value, names, place)).sum(),
        _ => 0,
    }
}

#[test]
fn everything_follows_the_table_parameters() {
    let template = Template::read();
    for names @ (table, parameter, condition) in REPLACEABLE_TABLES {
        assert_eq!(template.0["Parameters"][parameter]["Default"], "", "{parameter}");
        let named = json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": parameter }, ""] }] });
        assert_eq!(template.0["Conditions"][condition], named);
        // The stack's own table stays: naming another deletes nothing.
        assert!(template.0["Resources"][table]["Condition"].is_null(), "{table}");
        for part in ["Globals", "Resources", "Outputs"] {
            assert!(
                choices(&template.0[part], names, part) > 0 || part == "Globals",
                "nothing in {part} follows {parameter}"
            );
        }
        let functions: Vec<_> =
            template.functions().into_iter().map(|f| f.properties["Environment"].to_string()).collect();
        let count = functions.iter().filter(|environment| environment.contains(parameter)).count();
        let expected = if table == "JobsTable" { functions.len() } else { functions.len() - 1 };
        assert_eq!(count, expected, "all functions but the worker get the accounts table");
    }
}
