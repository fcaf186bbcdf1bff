//! The page about the figures, the alert rules and the dashboard tell of figures that there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use acme_server::metrics::{ALL, page};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn names() -> BTreeSet<&'static str> {
    let metrics = ALL.iter().flat_map(|(_, metrics)| *metrics);
    metrics.map(|metric| metric.name).collect()
}

#[test]
fn the_page_is_made_from_the_code() {
    let file = root().join("docs/METRICS.md");
    if std::env::var_os("ACME_WRITE_METRICS_PAGE").is_some() {
        std::fs::write(&file, page()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page(),
        "docs/METRICS.md is stale: cargo xtask metrics"
    );
}

#[test]
fn each_figure_has_a_name_of_its_own_and_a_sentence() {
    let metrics: Vec<_> = ALL.iter().flat_map(|(_, metrics)| *metrics).collect();
    assert_eq!(names().len(), metrics.len());
    for metric in metrics {
        assert!(metric.meaning.ends_with('.'), "{}", metric.name);
        assert!(!metric.meaning.contains(['|', '\n']), "{}", metric.name);
    }
}

/// Words of a text that look like figures of ours, without what Prometheus adds to histograms.
fn figures_in(text: &str) -> BTreeSet<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_word(c));
    let ours = words.filter(|word| word.starts_with("acme_") || word.starts_with("process_"));
    ours.map(|word| {
        let ends = ["_bucket", "_sum", "_count"];
        let end = ends.iter().find_map(|end| word.strip_suffix(end));
        end.unwrap_or(word)
    })
    .collect()
}

#[test]
fn rules_and_dashboard_name_figures_that_there_are() {
    for file in ["rules.yaml", "rules_test.yaml", "dashboard.json"] {
        let text = std::fs::read_to_string(root().join("deploy/monitoring").join(file)).unwrap();
        let named = figures_in(&text);
        assert!(named.len() > 10, "{file} names only {named:?}");
        let unknown: Vec<_> = named
            .iter()
            .filter(|name| !names().contains(*name))
            .collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
}

#[test]
fn promtool_finds_the_rules_good_and_each_alert_at_its_time() {
    let promtool = std::env::var_os("ACME_TEST_PROMTOOL").unwrap_or_else(|| "promtool".into());
    for arguments in [
        ["check", "rules", "rules.yaml"],
        ["test", "rules", "rules_test.yaml"],
    ] {
        let ran = Command::new(&promtool)
            .args(arguments)
            .current_dir(root().join("deploy/monitoring"))
            .output()
            .expect("promtool runs: `cargo xtask tools` installs it and tells where it lies");
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }
}

#[test]
fn each_alert_has_a_test() {
    let read = |file: &str| {
        let file = root().join("deploy/monitoring").join(file);
        std::fs::read_to_string(file).unwrap()
    };
    let (rules, tests) = (read("rules.yaml"), read("rules_test.yaml"));
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut counted = 0;
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert},")), "{alert}");
        counted += 1;
    }
    assert!(
        tests.contains(&format!("value: {counted} }}")),
        "{counted} alerts"
    );
}
