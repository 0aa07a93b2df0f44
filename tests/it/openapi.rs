//! Tests that `openapi.yaml` describes this server: not a path, parameter, code or field more, and none less.

use std::collections::BTreeSet;

use lungfield::http::{CODES, PAGES, ROUTES};
use lungfield_codec::png;
use lungfield_radiograph::warnings::Warning;
use serde_json::{Value, json};

use crate::client::Call;
use crate::server::{MODEL, Server, VERSION};
use lungfield_testing::small;

/// Methods as a description writes them, and as HTTP does.
const METHODS: [(&str, &str); 8] = [
    ("get", "GET"),
    ("head", "HEAD"),
    ("put", "PUT"),
    ("post", "POST"),
    ("delete", "DELETE"),
    ("options", "OPTIONS"),
    ("patch", "PATCH"),
    ("trace", "TRACE"),
];
const PROBLEM: &str = "application/problem+json";

/// The description, as it is served.
struct Description(Value);

impl Description {
    fn read() -> Self {
        Self(serde_saphyr::from_str(include_str!("../../openapi.yaml")).unwrap())
    }

    /// What stands at a place such as `/components/schemas/Problem`.
    fn at(&self, place: &str) -> &Value {
        self.0
            .pointer(place)
            .unwrap_or_else(|| panic!("openapi.yaml has no {place}"))
    }

    /// A value, or what it refers to.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        value.get("$ref").map_or(value, |place| {
            self.at(place.as_str().unwrap().trim_start_matches('#'))
        })
    }

    /// Every operation with its method and path.
    fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let items = entries(self.at("/paths"));
        items.flat_map(|(path, item)| {
            let operations =
                entries(item).filter(|(method, _)| METHODS.iter().any(|known| known.0 == *method));
            operations.map(move |(method, operation)| (method, path, operation))
        })
    }

    /// The parameters of `/v1/segment` in its query.
    fn query(&self) -> impl Iterator<Item = &Value> {
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
    fn check(&self, value: &Value, schema: &Value, place: &str) -> Vec<String> {
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

fn entries(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    object
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value))
}

fn names(list: &Value) -> BTreeSet<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect()
}

#[test]
fn every_operation_is_routed_and_every_route_is_described() {
    let description = Description::read();
    let described: BTreeSet<_> = description
        .operations()
        .map(|(method, path, _)| (method, path))
        .collect();
    assert_eq!(described, BTreeSet::from(ROUTES));
}

#[test]
fn the_router_has_the_routes_that_it_lists_and_no_others() {
    let server = Server::echo();
    for (_, path) in ROUTES {
        for method in METHODS {
            let has = |method| ROUTES.contains(&(method, path));
            let own = path.replace("{model}", MODEL).replace("{version}", VERSION);
            let status = Call::new(method.1, server.address, &own).send().status;
            if has(method.0) || (method.0 == "head" && has("get")) {
                assert!(![404, 405].contains(&status), "{method:?} {path}: {status}");
            } else {
                assert_eq!(status, 405, "{method:?} {path}");
            }
        }
    }
    for path in PAGES {
        let path = path.replace("{file}", "base.css");
        assert_eq!(server.get(&path).send().status, 200, "{path}");
        server
            .post(&path)
            .send()
            .assert_problem(405, "method_not_allowed");
    }
    for path in [
        "/v1",
        "/v1/segment/",
        "/v1/models",
        "/health",
        "/openapi.json",
    ] {
        assert_eq!(server.get(path).send().status, 404, "{path}");
    }
}

#[test]
fn every_code_is_described_and_every_described_code_exists() {
    let description = Description::read();
    let described = names(description.at("/components/schemas/ProblemCode/enum"));
    assert_eq!(described, BTreeSet::from(CODES));
}

#[test]
fn every_warning_is_described_and_every_described_warning_exists() {
    let description = Description::read();
    let described = names(description.at("/components/schemas/WarningCode/enum"));
    assert_eq!(described, Warning::ALL.map(Warning::code).into());
}

#[test]
fn every_problem_is_of_its_media_type_and_says_which_codes_it_can_have() {
    let description = Description::read();
    let mut carried = BTreeSet::new();
    let responses = description
        .operations()
        .flat_map(|(_, _, operation)| entries(&operation["responses"]));
    // Every path but those that are described has the one, every method the other.
    let apart = ["404", "405"]
        .into_iter()
        .zip(["NotFound", "MethodNotAllowed"]);
    let apart =
        apart.map(|(status, name)| (status, &description.at("/components/responses")[name]));
    for (status, response) in responses.chain(apart) {
        let response = description.resolved(response);
        if status == "default" {
            let examples = entries(&response["content"]["application/json"]["examples"]);
            carried.extend(examples.map(|(name, example)| {
                assert_eq!(example["value"]["code"], name);
                name
            }));
            continue;
        }
        let media: Vec<_> = entries(&response["content"])
            .map(|(media, _)| media)
            .collect();
        if status.starts_with('2') {
            assert!(!media.contains(&PROBLEM), "{status}: {media:?}");
            continue;
        }
        assert_eq!(media, [PROBLEM], "{status}");
        let content = &response["content"][PROBLEM];
        let own = &content["schema"]["allOf"][1]["properties"];
        assert_eq!(own["status"]["const"].to_string(), status);
        let code = &own["code"];
        let codes = code
            .get("enum")
            .map_or_else(|| BTreeSet::from([code["const"].as_str().unwrap()]), names);
        for (name, example) in entries(&content["examples"]) {
            let example = &example["value"];
            assert_eq!(
                (example["status"].to_string().as_str(), &example["code"]),
                (status, &json!(name))
            );
            assert!(codes.contains(name), "{status}: {name}");
        }
        carried.extend(codes);
    }
    assert_eq!(carried, BTreeSet::from(CODES));
}

/// What a refusal lists between backticks: the names that would have been taken.
fn quoted(problem: &Value) -> BTreeSet<&str> {
    assert_eq!(problem["code"], "invalid_query");
    problem["detail"]
        .as_str()
        .unwrap()
        .split('`')
        .skip(1)
        .step_by(2)
        .collect()
}

#[test]
fn the_query_takes_what_is_described_and_nothing_else() {
    let (description, server) = (Description::read(), Server::echo());
    let ask = |query: &str| server.post(&format!("/v1/segment?{query}")).send().json();
    let mut described = BTreeSet::from(["bogus"]);
    for parameter in description.query() {
        let name = parameter["name"].as_str().unwrap();
        described.insert(name);
        let example = parameter["example"].to_string();
        assert_eq!(
            ask(&format!("{name}={}", example.trim_matches('"')))["code"],
            "empty_body",
            "{name}"
        );
        if let Some(values) = parameter["schema"].get("enum") {
            let expected: BTreeSet<_> = names(values).into_iter().chain(["bogus"]).collect();
            assert_eq!(quoted(&ask(&format!("{name}=bogus"))), expected, "{name}");
        }
    }
    assert_eq!(quoted(&ask("bogus=1")), described);
}

#[test]
fn answers_say_what_is_described_and_nothing_else() {
    let (description, server) = (Description::read(), Server::echo());
    let check = |answer: &Value, schema: &str| {
        let wrong = description.check(answer, description.at(schema), schema);
        assert!(wrong.is_empty(), "{wrong:#?}");
    };
    for (path, place) in [
        ("/v1/model", "~1v1~1model"),
        ("/health/live", "~1health~1live"),
        ("/health/ready", "~1health~1ready"),
        ("/v2", "~1v2"),
        ("/v2/health/live", "~1v2~1health~1live"),
        ("/v2/health/ready", "~1v2~1health~1ready"),
    ] {
        let schema = format!("/paths/{place}/get/responses/200/content/application~1json/schema");
        check(&server.get(path).send().json(), &schema);
    }
    for query in ["", "?rle=counts"] {
        let film = small::film(1, 64);
        let mask = png::encode_mask(&small::phantom(1, 64, 64).mask);
        let call = server
            .post(&format!("/v1/segment{query}"))
            .form(&[("image", &film), ("ground_truth", &mask)]);
        check(&call.send().segmented(), "/components/schemas/Segmentation");
    }
    check(
        &server.get("/nowhere").send().json(),
        "/components/schemas/Problem",
    );
    let model = format!("/v2/models/{MODEL}");
    check(
        &server.get(&model).send().json(),
        "/components/schemas/InferenceModel",
    );
    let values = vec![7; 32 * 32];
    let tensor =
        |name| json!({"name": name, "shape": [32, 32], "datatype": "UINT8", "data": values});
    let request = json!({"id": "1", "inputs": [tensor("image"), tensor("ground_truth")]});
    let answer = server
        .post(&format!("{model}/infer"))
        .body(request.to_string().as_bytes())
        .send();
    assert_eq!(answer.status, 200);
    check(&answer.json(), "/components/schemas/InferenceResponse");
    check(
        &server.get("/v2/models/other").send().json(),
        "/components/schemas/InferenceError",
    );
}

#[test]
fn the_description_is_served_as_it_is() {
    let reply = Server::echo().get("/openapi.yaml").send();
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/yaml"))
    );
    assert_eq!(reply.body, include_bytes!("../../openapi.yaml"));
}
