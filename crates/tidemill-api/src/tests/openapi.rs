//! The OpenAPI document has every route, and every answer keeps to it.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Running, shown};
use crate::routes::routes;

fn document() -> Value {
    serde_json::from_slice(&routes().openapi).unwrap()
}

/// `METHOD path` of everything in the document.
fn described() -> BTreeSet<String> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let mut described = BTreeSet::new();
    for (path, item) in paths {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    described
}

/// The paths of a router. Axum has no list of them, but prints them.
fn paths(router: &impl std::fmt::Debug) -> BTreeSet<String> {
    let printed = format!("{router:?}");
    let list = printed.split("paths: {").nth(1).unwrap().split("} }").next().unwrap();
    let paths = list.split('"').skip(1).step_by(2);
    paths.map(str::to_owned).collect()
}

#[test]
fn the_document_has_the_routers_paths_and_no_others() {
    let all = routes();
    let mut routed = paths(&all.quick);
    routed.extend(paths(&all.work));
    let documented: BTreeSet<String> = document()["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(routed, documented);
    assert!(routed.len() > 30, "{routed:?}");
}

/// Generators name a client's functions after them.
#[test]
fn operations_have_names_of_their_own() {
    let document = document();
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    let names: Vec<&str> = operations
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let different: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), different.len(), "{names:?}");
}

#[tokio::test]
async fn the_document_has_the_routers_methods_and_no_others() {
    let server = Running::start().await;
    let described = described();
    let paths: BTreeSet<&str> = described.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    for path in paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = server.ask(method.clone(), &sample(path), None).send().await.unwrap();
            let routed = answer.status() != 405;
            assert_eq!(
                routed,
                described.contains(&format!("{method} {path}")),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn the_guide_has_every_route() {
    let guide = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md"));
    let rows = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows
        .filter(|cell| cell.split_once(' ').is_some_and(|(_, path)| path.starts_with('/')))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, described());
}

/// A path with names in place of its parameters.
fn sample(path: &str) -> String {
    path.replace("{file}", "index.html")
        .replace("{run}", "0123456789abcdef0123456789abcdef")
        .replace("{version}", "2")
        .replace("{alias}", "champion")
        .replace("{model}", "fraud")
        .replace("{deployment}", "fraud")
        .replace("{stream}", "transactions")
        .replace("{partition}", "1")
        .replace("{offset}", "41")
        .replace("{monitor}", "feature_drift")
        .replace("{trigger}", "weekly")
        .replace("{prediction}", "fraud-0-41")
}

fn request_body(path: &str) -> Option<Value> {
    Some(match path {
        "/api/v1/sql" => json!({ "query": "select 1" }),
        "/api/v1/checks" => json!({}),
        "/api/v1/runs" => json!({ "model": "fraud" }),
        "/api/v1/deployments" => json!({ "model": "fraud", "version": 2 }),
        path if path.contains("/aliases/") => json!({ "version": 2 }),
        path if path.ends_with("/replay") => json!({}),
        path if path.ends_with("/infer") => json!({ "inputs": [] }),
        _ => return None,
    })
}

#[tokio::test]
async fn every_answer_keeps_to_the_document() {
    let server = Running::start().await;
    let document = document();
    let mut checked = 0;
    for line in described() {
        let (method, path) = line.split_once(' ').unwrap();
        let responses = &document["paths"][path][method.to_lowercase()]["responses"];
        let Some(schema) = responses["200"]["content"]["application/json"].get("schema") else {
            continue;
        };
        let query = if path.ends_with("/compare") {
            "?ids=0123456789abcdef0123456789abcdef"
        } else {
            ""
        };
        let method: Method = method.parse().unwrap();
        let body = if method == Method::GET {
            None
        } else {
            request_body(path)
        };
        let answer = shown(server.ask(method, &format!("{}{query}", sample(path)), body.as_ref())).await;
        let (status, json) = answer.split_once('\n').unwrap();
        assert_eq!(status, "200 OK", "{line}: {json}");
        let faults = faults(&document, schema, &serde_json::from_str(json).unwrap(), "answer");
        assert!(faults.is_empty(), "{line}: {faults:#?}");
        checked += 1;
    }
    assert!(checked > 25, "{checked}");
    let error = shown(server.ask(Method::GET, "/nowhere", None)).await;
    let error: Value = serde_json::from_str(error.split_once('\n').unwrap().1).unwrap();
    let schema = json!({ "$ref": "#/components/schemas/ErrorBody" });
    assert_eq!(faults(&document, &schema, &error, "error"), Vec::<String>::new());
}

/// Where a value does not keep to a schema, as far as the document uses schemas.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        let Some(target) = document["components"]["schemas"].get(name) else {
            return vec![format!("{at}: the document lacks {name}")];
        };
        return faults(document, target, value, at);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[choice].as_array() {
            let fits = choices
                .iter()
                .any(|schema| faults(document, schema, value, at).is_empty());
            return if fits {
                Vec::new()
            } else {
                vec![format!("{at}: {value} is none of {choices:?}")]
            };
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return all_of(document, parts, value, at);
    }
    if let Some(allowed) = schema["enum"].as_array() {
        return if allowed.contains(value) {
            Vec::new()
        } else {
            vec![format!("{at}: {value} is not in {allowed:?}")]
        };
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Vec::new(),
    };
    let actual = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let whole_number = actual == "integer" && types.contains(&"number");
    if !whole_number && !types.contains(&actual) {
        return vec![format!("{at}: {value} is not {types:?}")];
    }
    match value {
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.flat_map(|(index, item)| faults(document, &schema["items"], item, &format!("{at}[{index}]")))
                .collect()
        }
        Value::Object(_) if schema.get("properties").is_some() => {
            all_of(document, std::slice::from_ref(schema), value, at)
        }
        Value::Object(fields) if schema["additionalProperties"].is_object() => {
            let each = fields.iter();
            each.flat_map(|(name, field)| {
                faults(
                    document,
                    &schema["additionalProperties"],
                    field,
                    &format!("{at}.{name}"),
                )
            })
            .collect()
        }
        _ => Vec::new(),
    }
}

/// An object against parts that describe some of its fields each.
fn all_of(document: &Value, parts: &[Value], value: &Value, at: &str) -> Vec<String> {
    let Some(fields) = value.as_object() else {
        return vec![format!("{at}: {value} is no object")];
    };
    let mut faults_found = Vec::new();
    let mut known = BTreeSet::new();
    let mut pending: Vec<&Value> = parts.iter().collect();
    while let Some(part) = pending.pop() {
        if let Some(reference) = part["$ref"].as_str() {
            pending.push(&document["components"]["schemas"][reference.rsplit('/').next().unwrap()]);
            continue;
        }
        if let Some(parts) = part["allOf"].as_array() {
            pending.extend(parts);
            continue;
        }
        for name in part["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !fields.contains_key(name) {
                faults_found.push(format!("{at}: lacks {name}"));
            }
        }
        for (name, schema) in part["properties"].as_object().into_iter().flatten() {
            known.insert(name.as_str());
            if let Some(field) = fields.get(name) {
                faults_found.extend(faults(document, schema, field, &format!("{at}.{name}")));
            }
        }
    }
    let unknown = fields.keys().filter(|name| !known.contains(name.as_str()));
    faults_found.extend(unknown.map(|name| format!("{at}: the document lacks the field {name}")));
    faults_found
}

/// A checker that finds nothing would prove nothing.
#[test]
fn the_checker_finds_faults() {
    let document = document();
    let schema = json!({ "$ref": "#/components/schemas/Experiment" });
    let check = |value: Value| faults(&document, &schema, &value, "x").len();
    assert_eq!(
        check(json!({ "name": "fraud", "created_at": "2026-01-01", "runs": 1 })),
        0
    );
    assert_eq!(check(json!({ "name": "fraud", "created_at": "2026-01-01" })), 1);
    assert_eq!(check(json!({ "name": "fraud", "created_at": 5, "runs": 1 })), 1);
    assert_eq!(
        check(json!({ "name": "fraud", "created_at": "2026-01-01", "runs": 1, "more": 1 })),
        1
    );
}
