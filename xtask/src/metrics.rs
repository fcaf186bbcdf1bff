//! `cargo xtask metrics`: docs/METRICS.md, made from the tables in the code. The test that writes it
//! here compares it everywhere else, so that a page that is stale fails the tests.

use crate::chore::{Result, cargo, run};

pub(crate) fn write() -> Result<()> {
    run(cargo()
        .args([
            "test",
            "--quiet",
            "--locked",
            "-p",
            "acme-server",
            "--test",
            "it",
        ])
        .args(["--", "--exact", "metrics::the_page_is_made_from_the_code"])
        .env("ACME_WRITE_METRICS_PAGE", "1"))
}
