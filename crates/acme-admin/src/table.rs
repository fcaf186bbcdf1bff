//! The table of routes: what is at each path, who may ask for it, what it takes and what it answers.
//! The router and the OpenAPI document are both made from it.

use acme_core::Role;
use futures_util::future::BoxFuture;
use hyper::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::answer::Outcome;
use crate::desk::Desk;
use crate::query::Parameter;
use crate::request::Asked;

/// One path and method.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// Segments in braces stand for any one segment.
    pub(crate) path: &'static str,
    /// Who may ask; none for anybody.
    pub(crate) role: Option<Role>,
    /// What it is for, in a few words.
    pub(crate) summary: &'static str,
    /// What the query may hold.
    pub(crate) query: &'static [Parameter],
    /// The body that it takes.
    pub(crate) body: Option<Shape>,
    /// What it answers when it is done.
    pub(crate) answer: Content,
    /// Does it.
    pub(crate) does: Does,
}

/// What answers a request.
pub(crate) type Does = for<'a> fn(&'a Desk, &'a Asked<'a>) -> BoxFuture<'a, Outcome>;

/// The JSON Schema of a type.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// What an answer holds.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// JSON of this shape.
    Json(Shape),
    /// A page for people, or a step between pages: not a part of the API.
    Page,
}

/// The shape of a type.
pub(crate) fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What a path finds.
pub(crate) enum Found<'a> {
    /// The route, with the variable segments of the path.
    Route(&'static Route, Vec<(&'static str, &'a str)>),
    /// The path is there for these methods alone.
    Methods(String),
    /// There is nothing at the path.
    Nothing,
}

/// The route of a request. HEAD asks as GET does.
pub(crate) fn find<'a>(tables: &[&'static [Route]], method: &Method, path: &'a str) -> Found<'a> {
    let wanted = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    let mut methods: Vec<&str> = Vec::new();
    for route in tables.iter().flat_map(|table| table.iter()) {
        let Some(segments) = matched(route.path, path) else {
            continue;
        };
        if route.method == *wanted {
            return Found::Route(route, segments);
        }
        methods.push(route.method.as_str());
    }
    if methods.is_empty() {
        Found::Nothing
    } else {
        Found::Methods(methods.join(", "))
    }
}

/// The variable segments when `path` is one of the pattern's.
fn matched<'a>(pattern: &'static str, path: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let mut segments = Vec::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(segments),
            (Some(wanted), Some(given)) => {
                let name = wanted.strip_prefix('{').and_then(|w| w.strip_suffix('}'));
                match name {
                    Some(name) if !given.is_empty() => segments.push((name, given)),
                    None if wanted == given => {}
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_whole() {
        assert_eq!(matched("/a/{id}", "/a/x"), Some(vec![("id", "x")]));
        assert_eq!(matched("/a/{id}/b", "/a/x/b"), Some(vec![("id", "x")]));
        for path in ["/a", "/a/", "/a/x/", "/b/x", "/a/x/y", "a/x", ""] {
            assert_eq!(matched("/a/{id}", path), None, "{path}");
        }
    }
}
