//! The OpenAPI document against what the routes answer: every answer is what its schema says.

use acme_core::Role;
use serde_json::Value;

use crate::acts::tried;
use crate::world::World;

/// What an instance has that its schema does not allow. It knows the words that our schemas use, and
/// stops at any other, so that none is passed over.
fn flaws(document: &Value, schema: &Value, instance: &Value, at: &str) -> Vec<String> {
    let schema = match schema {
        Value::Bool(true) => return Vec::new(),
        Value::Object(words) => words,
        other => return vec![format!("{at}: no schema: {other}")],
    };
    let mut found = Vec::new();
    for (word, means) in schema {
        match word.as_str() {
            "$ref" => {
                let path = means.as_str().unwrap().strip_prefix('#').unwrap();
                let target = document.pointer(path).unwrap();
                found.extend(flaws(document, target, instance, at));
            }
            "type" => {
                let is = |kind: &Value| match kind.as_str().unwrap() {
                    "object" => instance.is_object(),
                    "array" => instance.is_array(),
                    "string" => instance.is_string(),
                    "boolean" => instance.is_boolean(),
                    "null" => instance.is_null(),
                    "integer" => instance.is_i64() || instance.is_u64(),
                    "number" => instance.is_number(),
                    other => panic!("type {other}"),
                };
                let fits = match means {
                    Value::Array(kinds) => kinds.iter().any(is),
                    kind => is(kind),
                };
                if !fits {
                    found.push(format!("{at}: {instance} is no {means}"));
                }
            }
            "properties" => {
                for (name, schema) in means.as_object().unwrap() {
                    if let Some(value) = instance.get(name) {
                        found.extend(flaws(document, schema, value, &format!("{at}/{name}")));
                    }
                }
                // Nothing is answered that is not described.
                for name in instance
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name)
                {
                    if means.get(name).is_none() {
                        found.push(format!("{at}: {name} is not described"));
                    }
                }
            }
            "required" => {
                for name in means.as_array().unwrap() {
                    if instance.get(name.as_str().unwrap()).is_none() {
                        found.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "items" => {
                for (n, item) in instance.as_array().into_iter().flatten().enumerate() {
                    found.extend(flaws(document, means, item, &format!("{at}/{n}")));
                }
            }
            "additionalProperties" => {
                for (name, value) in instance.as_object().into_iter().flatten() {
                    if schema.get("properties").is_none() {
                        found.extend(flaws(document, means, value, &format!("{at}/{name}")));
                    }
                }
            }
            "anyOf" => {
                let fits = |schema: &Value| flaws(document, schema, instance, at).is_empty();
                if !means.as_array().unwrap().iter().any(fits) {
                    found.push(format!("{at}: {instance} is none of {means}"));
                }
            }
            "minimum" => {
                if instance
                    .as_f64()
                    .is_some_and(|n| n < means.as_f64().unwrap())
                {
                    found.push(format!("{at}: {instance} is too small"));
                }
            }
            "maximum" => {
                if instance
                    .as_f64()
                    .is_some_and(|n| n > means.as_f64().unwrap())
                {
                    found.push(format!("{at}: {instance} is too large"));
                }
            }
            "title" | "description" | "format" | "default" => {}
            other => panic!("{at}: this test does not know {other}"),
        }
    }
    found
}

#[tokio::test]
async fn every_answer_is_what_the_document_says() {
    let world = World::new().await;
    let token = world.token(Role::Admin).await;
    let tried = tried(&world).await;
    let body = r#"{"provisioner":"default"}"#;
    let key = world.post("/api/v1/eab-keys", &token, body).await.json();
    let document = world
        .send("GET", "/api/v1/openapi.json", &[], "")
        .await
        .json();
    assert_eq!(document["openapi"], "3.1.0");
    let order = world.get("/api/v1/orders", &token).await.json()["items"][0]["id"].clone();
    let mut checked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{account}", &tried.account)
            .replace("{authorization}", &tried.authorization)
            .replace("{challenge}", &tried.challenge)
            .replace("{order}", order.as_str().unwrap())
            .replace("{key}", key["id"].as_str().unwrap());
        for (method, operation) in operations.as_object().unwrap() {
            let body = match operation.get("requestBody") {
                Some(_) if path.ends_with("eab-keys") => body,
                Some(_) => "{}",
                None => "",
            };
            let bearer = format!("Bearer {token}");
            let headers = [
                ("authorization", bearer.as_str()),
                ("content-type", "application/json"),
            ];
            let answer = world
                .send(&method.to_uppercase(), &path, &headers, body)
                .await;
            let (what, media) = if answer.status == 200 {
                checked += 1;
                (&operation["responses"]["200"], "application/json")
            } else {
                let problem = &document["components"]["responses"]["problem"];
                (problem, "application/problem+json")
            };
            assert_eq!(answer.headers["content-type"], media, "{path}");
            let schema = &what["content"][media]["schema"];
            let found = flaws(&document, schema, &answer.json(), "");
            assert_eq!(found, [""; 0], "{method} {path}: {}", answer.text);
        }
    }
    assert!(
        checked >= 18,
        "only {checked} answers were done and checked"
    );
}

#[test]
fn an_answer_that_is_not_described_is_found() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": { "a": { "type": "integer", "minimum": 0 } },
        "required": ["a"],
    });
    let check = |instance: Value| flaws(&schema, &schema, &instance, "").len();
    assert_eq!(check(serde_json::json!({ "a": 1 })), 0);
    for bad in [
        serde_json::json!({}),
        serde_json::json!({ "a": "1" }),
        serde_json::json!({ "a": -1 }),
        serde_json::json!({ "a": 1, "b": 1 }),
        serde_json::json!([]),
    ] {
        assert!(check(bad.clone()) > 0, "{bad}");
    }
}
