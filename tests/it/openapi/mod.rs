//! Tests that `openapi.yaml` describes this server: every path, parameter, code and field, and no others.

mod description;
mod problems;

use std::collections::BTreeSet;

use lungfield::http::{PAGES, ROUTES};
use lungfield_codec::png;
use lungfield_radiograph::warnings::Warning;
use lungfield_testing::small;
use serde_json::{Value, json};

use self::description::{Description, METHODS, names};
use crate::client::Call;
use crate::server::{MODEL, Server, VERSION};

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
fn every_warning_is_described_and_every_described_warning_exists() {
    let description = Description::read();
    let described = names(description.at("/components/schemas/WarningCode/enum"));
    assert_eq!(described, Warning::ALL.map(Warning::code).into());
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
    assert_eq!(reply.body, include_bytes!("../../../openapi.yaml"));
}
