//! `dev`: ready on first use, the same again, and an orderly end.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::program::{done, json, program, run};

/// A running server; it ends with the test.
struct Server(Child);

impl Server {
    /// Starts `dev` and waits until it says that it serves.
    fn start(dir: &Path, arguments: &[&str]) -> (Self, String) {
        let mut child = program(dir)
            .arg("dev")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            told.push_str(&line);
            told.push('\n');
            if line.starts_with("acme-server challenge why") || line == "}" {
                return (Self(child), told);
            }
        }
        let mut log = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        panic!("the server ended: {}\n{told}{log}", child.wait().unwrap());
    }

    /// Asks it to end, and tells its exit status and log.
    fn end(mut self) -> (Option<i32>, String) {
        let terminate = Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .status();
        assert!(terminate.unwrap().success());
        let mut log = String::new();
        self.0
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (self.0.wait().unwrap().code(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

const NO_SIDE_DOORS: [&str; 4] = ["--set", "listen.admin=", "--set", "listen.metrics="];

#[test]
fn it_makes_all_it_needs_serves_and_ends_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let arguments = [["--listen", &address].as_slice(), &NO_SIDE_DOORS].concat();
    let (server, told) = Server::start(dir.path(), &arguments);

    let data = fs::canonicalize(dir.path().join("acme-data")).unwrap();
    let directory = format!("https://{address}/acme/default/directory");
    for word in [
        &directory,
        "certbot certonly",
        "--http-01-port 5002",
        "lego --server",
        "curl --cacert",
        &format!("{}/ca/root.crt", data.display()),
        "SHA-256 ",
    ] {
        assert!(told.contains(word), "{word} is not in\n{told}");
    }
    TcpStream::connect(address.parse::<SocketAddr>().unwrap()).unwrap();

    let config = data.join("acme-server.toml");
    let checked = json(dir.path(), &["config", "check"]);
    assert_eq!(checked["validation"]["http01_port"], 5002);
    assert_eq!(checked["validation"]["tlsalpn01_port"], 5001);
    let denied = checked["validation"]["deny_networks"].as_array().unwrap();
    assert!(!denied.contains(&"127.0.0.0/8".into()) && !denied.contains(&"::1/128".into()));
    assert!(denied.contains(&"169.254.0.0/16".into()));

    // Beside the running server, the operator's commands work on its store.
    let slots = json(dir.path(), &["slot", "list"]);
    assert_eq!(slots[0]["held"], true, "{slots}");

    // The slot and the store are this server's.
    let other = format!("127.0.0.1:{}", free_port());
    let second = run(
        dir.path(),
        &[["dev", "--listen", &other].as_slice(), &NO_SIDE_DOORS].concat(),
    );
    assert_eq!(second.status, 75, "{}", second.err);
    assert_eq!(second.out, "");

    let (status, log) = server.end();
    assert_eq!(status, Some(0), "{log}");

    // The same authority and configuration are there the next time.
    let written = fs::read(&config).unwrap();
    let root = fs::read(data.join("ca/root.crt")).unwrap();
    let arguments = [
        ["--listen", &other, "--output", "json"].as_slice(),
        &NO_SIDE_DOORS,
    ]
    .concat();
    let (again, told) = Server::start(dir.path(), &arguments);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["directory"],
        format!("https://{other}/acme/default/directory")
    );
    assert_eq!(fs::read(&config).unwrap(), written);
    assert_eq!(fs::read(data.join("ca/root.crt")).unwrap(), root);
    assert_eq!(again.end().0, Some(0));
}

#[test]
fn a_port_that_is_taken_ends_with_69() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(
        dir.path(),
        &[["dev", "--listen", &address].as_slice(), &NO_SIDE_DOORS].concat(),
    );
    assert_eq!(ran.status, 69, "{}", ran.err);
    assert!(ran.err.contains(&address), "{}", ran.err);
}

#[test]
fn side_doors_that_are_taken_stay_shut_unless_they_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let metrics = taken.local_addr().unwrap().to_string();
    let address = format!("127.0.0.1:{}", free_port());
    let listen = ["--listen", &address, "--set", "listen.admin="];

    let named = format!("listen.metrics={metrics}");
    let ran = run(
        dir.path(),
        &[["dev"].as_slice(), &listen, &["--set", &named]].concat(),
    );
    assert_eq!(ran.status, 69, "{}", ran.err);

    let config = dir.path().join("acme-data/acme-server.toml");
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("metrics = \"\"", &format!("metrics = {metrics:?}"));
    fs::write(&config, text).unwrap();
    let (server, _) = Server::start(dir.path(), &listen);
    let (status, log) = server.end();
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains(&format!("note: {metrics} is taken")), "{log}");
}

#[test]
fn what_it_wrote_to_the_audit_trail_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let address = format!("127.0.0.1:{}", free_port());
    let arguments = [["--listen", &address].as_slice(), &NO_SIDE_DOORS].concat();
    let (server, _) = Server::start(dir.path(), &arguments);
    assert_eq!(server.end().0, Some(0));

    let config = ["--config", "acme-data/acme-server.toml"];
    let verified = done(dir.path(), &[&["audit", "verify"], &config[..]].concat());
    assert!(verified.contains("0.control.0"), "{verified}");
    let listed = done(dir.path(), &[&["audit", "list"], &config[..]].concat());
    assert!(listed.contains("server.start"), "{listed}");
    let exported = done(dir.path(), &[&["audit", "export"], &config[..]].concat());
    let lines = exported
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let entries: Vec<serde_json::Value> = lines.collect();
    assert!(entries.iter().any(|entry| entry["act"] == "server.start"));
    assert!(
        entries
            .iter()
            .all(|entry| entry["hash"].as_str().unwrap().len() == 64)
    );
}
