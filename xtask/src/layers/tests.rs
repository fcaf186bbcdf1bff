//! Planted breaches of the layers: each must be found, with its line.

use super::*;

fn package(name: &str, dependency: &str, kind: Option<&str>) -> Package {
    let json = serde_json::json!({
        "name": name,
        "version": "0.0.0",
        "manifest_path": "/nowhere/Cargo.toml",
        "dependencies": [{ "name": dependency, "kind": kind }],
    });
    serde_json::from_value(json).unwrap()
}

#[track_caller]
fn check_dependency(name: &str, dependency: &str, expected: usize) {
    let breaches = check_manifest(&package(name, dependency, None));
    assert_eq!(breaches.len(), expected, "{breaches:?}");
}

#[test]
fn a_dependency_upwards_or_sideways_is_found() {
    check_dependency("acme-types", "acme-core", 1);
    check_dependency("acme-core", "acme-store", 1);
    check_dependency("acme-http", "acme-store", 1);
    check_dependency("acme-ca", "acme-validate", 1);
    check_dependency("acme-store", "acme-server", 1);
    check_dependency("acme-tests", "acme-store", 1);
    check_dependency("acme-elsewhere", "serde", 1);
}

#[test]
fn a_dependency_downwards_is_good() {
    check_dependency("acme-core", "acme-types", 0);
    check_dependency("acme-http", "acme-core", 0);
    check_dependency("acme-server", "acme-store", 0);
    check_dependency("acme-store", "diesel", 0);
}

#[test]
fn a_sibling_is_good_in_tests() {
    let breaches = check_manifest(&package("acme-http", "acme-ca", Some("dev")));
    assert_eq!(breaches, []);
}

#[test]
fn a_reserved_crate_is_found_in_a_manifest() {
    check_dependency("acme-core", "diesel-async", 1);
    check_dependency("acme-server", "warp", 1);
    check_dependency("acme-core", "tokio", 1);
}

#[track_caller]
fn check_code(package: &str, code: &str, expected_line: Option<usize>) {
    let source = Source {
        file: "planted.rs".into(),
        code: code.to_owned(),
    };
    let breaches = check_source(package, &source);
    let lines: Vec<_> = breaches.iter().map(|breach| breach.line).collect();
    assert_eq!(lines, Vec::from_iter(expected_line), "{breaches:?}");
}

#[test]
fn a_reserved_name_is_found_with_its_line() {
    check_code("acme-http", "fn a() {}\nuse diesel::prelude::*;", Some(2));
    check_code("acme-server", "use x::y;\n\nlet f = warp::path();", Some(3));
    check_code("acme-core", "let now = SystemTime::now();", Some(1));
    check_code(
        "acme-http",
        "use std::time::{Duration, SystemTime};",
        Some(1),
    );
    check_code("acme-core", "let t = std::time::Instant::now();", Some(1));
    check_code("acme-types", "use tokio::net::TcpStream;", Some(1));
    check_code("acme-core", "use std::{collections::HashMap, fs};", Some(1));
    check_code("acme-core", "std::env::var(x)", Some(1));
    check_code("acme-http", "use aws_lc_rs::{digest, rand};", Some(1));
}

#[test]
fn who_may_name_it_may() {
    check_code("acme-store", "use diesel::prelude::*;", None);
    check_code("acme-http", "use warp::Filter;", None);
    check_code("acme-server", "SystemTime::now()", None);
    check_code("acme-validate", "let started = Instant::now();", None);
    check_code("acme-validate", "TcpStream::connect(address)", None);
    check_code("acme-server", "aws_lc_rs::rand::fill(bytes)", None);
    check_code("acme-core", "let instant = now; let warped = 1;", None);
}
