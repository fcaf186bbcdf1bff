//! Help, version, completions and the exit status of command lines that are wrong.

use crate::program::{done, fails, run};

#[test]
fn help_tells_every_command_and_the_exit_statuses() {
    let dir = tempfile::tempdir().unwrap();
    let help = done(dir.path(), &["--help"]);
    for command in [
        "dev",
        "init",
        "serve",
        "config",
        "migrate",
        "challenge",
        "cert",
        "account",
        "eab",
        "order",
        "slot",
        "completions",
    ] {
        let line = help
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{command} ")));
        let line = line.unwrap_or_else(|| panic!("{command} is not in\n{help}"));
        assert!(line.trim().len() > command.len() + 10, "{line}");
    }
    assert!(
        help.contains("Exit status: 0 done, 1 failed, 64 usage"),
        "{help}"
    );
    assert!(help.contains("Examples:"), "{help}");
}

#[test]
fn every_command_has_help_that_fits_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    for command in [
        "dev",
        "init",
        "serve",
        "config",
        "config check",
        "migrate",
        "challenge",
        "challenge why",
        "challenge list",
        "cert",
        "cert list",
        "cert show",
        "cert revoke",
        "cert export",
        "account",
        "account list",
        "account show",
        "eab",
        "eab create",
        "eab list",
        "eab revoke",
        "order",
        "order list",
        "order show",
        "slot",
        "slot list",
        "completions",
    ] {
        let words: Vec<_> = command.split(' ').collect();
        let short = done(dir.path(), &[words.as_slice(), &["-h"]].concat());
        let long = done(dir.path(), &[words.as_slice(), &["--help"]].concat());
        for help in [&short, &long] {
            assert!(
                help.contains(&format!("Usage: acme-server {command}")),
                "{help}"
            );
            let about = help.lines().next().unwrap();
            assert!(about.len() > 15, "{command}: {about:?}");
        }
        for line in short.lines().filter(|line| !line.starts_with("Usage:")) {
            assert!(!line.contains("[default: ]"), "{command}: {line}");
        }
    }
}

#[test]
fn the_version_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let version = format!("acme-server {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(done(dir.path(), &["--version"]), version);
    assert_eq!(done(dir.path(), &["-V"]), version);
}

#[test]
fn a_wrong_command_line_ends_with_64() {
    let dir = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&[], "Usage: acme-server"),
        (&["chalenge"], "challenge"),
        (&["serve", "--colour"], "--colour"),
        (&["serve", "--set", "listen.acme"], "write key=value"),
        (&["serve", "--set", "=x"], "write key=value"),
        (&["challenge", "why"], "CHALLENGE"),
        (
            &["cert", "revoke", "00", "--reason", "boredom"],
            "keyCompromise",
        ),
        (
            &["cert", "list", "--revoked", "--not-revoked"],
            "cannot be used with",
        ),
        (&["cert", "list", "--expiring-within", "7"], "no unit"),
        (&["cert", "list", "--identifier", "a b"], "a b"),
        (&["init", "--key-type", "rsa512"], "p256"),
        (&["init", "--root-cert", "x"], "--root-key"),
        (&["init", "--dns", "not a name"], "not a DNS name"),
        (&["dev", "--listen", "127.0.0.1"], "--listen"),
        (&["dev", "--listen", "127.0.0.1:0"], "needs a port"),
        (&["completions", "tcsh"], "bash"),
        (&["--output", "yaml", "slot", "list"], "json"),
    ];
    for (arguments, told) in cases {
        fails(dir.path(), arguments, 64, told);
    }
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing was made"
    );
}

#[test]
fn completions_are_there_for_each_shell() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = done(dir.path(), &["completions", shell]);
        assert!(
            script.contains("challenge") && script.contains("acme-server"),
            "{shell}"
        );
    }
}

#[test]
fn without_a_configuration_it_is_told_how_to_name_one() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        ["serve"].as_slice(),
        &["config", "check"],
        &["migrate"],
        &["slot", "list"],
        &["challenge", "list"],
        &["cert", "list"],
        &["account", "list"],
    ] {
        let ran = run(dir.path(), arguments);
        assert_eq!(ran.status, 78, "{arguments:?}: {}", ran.err);
        for word in ["--config FILE", "ACME_SERVER_CONFIG", "acme-server init"] {
            assert!(ran.err.contains(word), "{arguments:?}: {}", ran.err);
        }
    }
}
