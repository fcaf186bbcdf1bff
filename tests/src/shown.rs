//! What scenarios have shown of clients, for the table in `docs/CLIENTS.md`.

use std::fs::File;
use std::io::Write as _;

/// Tells that this client does this here, at the end of the scenario that has shown it:
/// `cargo xtask test` makes a table of all that was told. Without it nobody listens.
pub fn shown(client: &str, feature: &str) {
    let Some(path) = std::env::var_os("ACME_TEST_SHOWN") else {
        return;
    };
    let file = File::options().create(true).append(true).open(&path);
    let mut file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    // One write for each line: scenarios run at the same time.
    let line = format!("{client}\t{feature}\n");
    file.write_all(line.as_bytes()).unwrap();
}
