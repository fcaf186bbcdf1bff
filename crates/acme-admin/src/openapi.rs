//! The OpenAPI document, made from the table of routes and the types of the answers.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::query::Parameter;
use crate::refusal::Problem;
use crate::table::{Content, Route, Shape, shape};

/// The document that describes every route of these tables that is a part of the API.
pub(crate) fn document(tables: &[&[Route]], version: &str) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut generator = SchemaGenerator::new(settings);
    let problem = shape::<Problem>(&mut generator);
    let mut paths: Map<String, Value> = Map::new();
    for route in tables.iter().flat_map(|table| table.iter()) {
        let Content::Json(answer) = route.answer else {
            continue;
        };
        let operation = operation(route, answer, &mut generator);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(route.method.as_str().to_lowercase(), operation);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "acme-server admin API",
            "version": version,
            "description": "Who asks shows a bearer token, or in a browser the cookie of a \
                            session. Refusals are problem documents (RFC 9457).",
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": {
                "problem": {
                    "description": "Why it was not done; nothing has changed",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": crate::proof::COOKIE_NAME,
                },
            },
        },
    })
}

fn operation(route: &Route, answer: Shape, generator: &mut SchemaGenerator) -> Value {
    let in_path = route.path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({
            "name": name,
            "in": "path",
            "required": true,
            "schema": { "type": "string" },
        }))
    });
    let in_query = route.query.iter().map(parameter);
    let mut operation = json!({
        "summary": route.summary,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "200": {
                "description": "Done",
                "content": { "application/json": { "schema": answer(generator) } },
            },
            "default": { "$ref": "#/components/responses/problem" },
        },
    });
    if let Some(role) = route.role {
        operation["security"] = json!([{ "token": [] }, { "session": [] }]);
        operation["x-role"] = json!(role.as_str());
    } else {
        operation["security"] = json!([]);
    }
    if let Some(body) = route.body {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": body(generator) } },
        });
    }
    operation
}

fn parameter(parameter: &Parameter) -> Value {
    let mut schema = json!({ "type": "string" });
    if !parameter.words.is_empty() {
        schema["enum"] = json!(parameter.words);
    }
    json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.means,
        "schema": schema,
    })
}
