//! The API description as the tests read it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Methods as a description writes them, and as HTTP does.
pub(super) const METHODS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("head", "HEAD"),
    ("put", "PUT"),
    ("post", "POST"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("patch", "PATCH"),
    ("trace", "TRACE"),
];

pub(super) const PROBLEM: &str = "application/problem+json";

/// The description, as it is served.
pub(super) struct Description(Value);

impl Description {
    pub(super) fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml");
        Self(serde_saphyr::from_str(&fs_err::read_to_string(path).unwrap()).unwrap())
    }

    /// What stands at a place such as `/components/schemas/Problem`.
    pub(super) fn at(&self, place: &str) -> &Value {
        self.0
            .pointer(place)
            .unwrap_or_else(|| panic!("openapi.yaml has no {place}"))
    }

    /// A value, or what it refers to.
    pub(super) fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        value.get("$ref").map_or(value, |place| {
            self.at(place.as_str().unwrap().trim_start_matches('#'))
        })
    }

    /// Every operation with its method and path.
    pub(super) fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let items = entries(self.at("/paths"));
        items.flat_map(|(path, item)| {
            let operations =
                entries(item).filter(|(method, _)| METHODS.iter().any(|known| known.0 == *method));
            operations.map(move |(method, operation)| (method, path, operation))
        })
    }

    /// The parameters of `/v1/segment` in its query.
    pub(super) fn query(&self) -> impl Iterator<Item = &Value> {
        let parameters = self
            .at("/paths/~1v1~1segment/post/parameters")
            .as_array()
            .unwrap()
            .iter();
        parameters
            .map(|parameter| self.resolved(parameter))
            .filter(|parameter| parameter["in"] == "query")
    }

    /// Where a value is not what a schema says, or says more than it.
    pub(super) fn check(&self, value: &Value, schema: &Value, place: &str) -> Vec<String> {
        let schema = self.resolved(schema);
        if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
            let fits = choices
                .iter()
                .any(|choice| self.check(value, choice, place).is_empty());
            return if fits {
                Vec::new()
            } else {
                vec![format!("{place} is none of what it can be: {value}")]
            };
        }
        let mut wrong = Vec::new();
        let allowed =
            |key: &str, values: &[Value]| schema.get(key).is_none() || values.contains(value);
        let one_of = schema
            .get("enum")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        if !is_a(value, schema["type"].as_str().unwrap_or_default())
            || !allowed("enum", &one_of)
            || !allowed("const", &[schema["const"].clone()])
        {
            wrong.push(format!("{place} is {value}"));
        }
        for (name, inner) in value.as_object().into_iter().flatten() {
            match schema["properties"].get(name) {
                Some(schema) => wrong.extend(self.check(inner, schema, &format!("{place}/{name}"))),
                None => wrong.push(format!("{place}/{name} is not described")),
            }
        }
        let required = schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| name.as_str().unwrap());
        let missing = required.filter(|name| value.get(name).is_none());
        wrong.extend(missing.map(|name| format!("{place}/{name} is missing")));
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            wrong.extend(self.check(item, &schema["items"], &format!("{place}/{index}")));
        }
        wrong
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    }
}

pub(super) fn entries(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    object
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value))
}

pub(super) fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect()
}
