//! The report of a run, in Markdown, and the place in a document where it belongs.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::figures::Times;
use crate::machine;
use crate::run::Outcome;
use crate::setting::Setting;

/// The report.
#[must_use]
pub fn markdown(setting: &Setting, outcome: &Outcome, command: &str) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_report(&mut text, setting, outcome, command);
    text
}

fn write_report(
    text: &mut String,
    setting: &Setting,
    outcome: &Outcome,
    command: &str,
) -> std::fmt::Result {
    let (accounts, orders, certificates) = outcome.acknowledged;
    writeln!(text, "```sh\n{command}\n```\n")?;
    writeln!(
        text,
        "{}; {}. {} replicas; attempts every {:?} for {:?}, probes of at most {:?}, leases of {:?}.\n\
         {} rounds in {} min; {accounts} accounts, {orders} orders and {certificates} certificates acknowledged.\n",
        machine::describe(),
        outcome.database,
        setting.replicas,
        setting.interval,
        setting.window,
        setting.probe_timeout,
        setting.lease,
        outcome.rounds,
        outcome.took.as_secs().div_ceil(60),
    )?;
    writeln!(
        text,
        "| what must hold | looked at | violations |\n|---|---:|---:|"
    )?;
    for (invariant, n) in &outcome.looked_at {
        let violations = outcome
            .violations
            .iter()
            .filter(|it| it.invariant == *invariant)
            .count();
        writeln!(text, "| {} | {n} | {violations} |", invariant.words())?;
    }
    writeln!(
        text,
        "\nFrom the fault to the next attempt of each challenge that was the victim's (all challenges, when the\n\
         database was away), and how much later than planned that attempt was:\n\n\
         | fault | rounds | challenges | next attempt p50 | p99 | longest | late p50 | p99 | longest |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )?;
    for (fault, figures) in &outcome.figures.0 {
        writeln!(
            text,
            "| {fault} | {} | {} | {} | {} | {} | {} | {} | {} |",
            figures.rounds,
            figures.until_tried.len(),
            seconds(figures.until_tried.percentile(50)),
            seconds(figures.until_tried.percentile(99)),
            seconds(figures.until_tried.longest()),
            seconds(figures.late.percentile(50)),
            seconds(figures.late.percentile(99)),
            seconds(figures.late.longest()),
        )?;
    }
    writeln!(
        text,
        "\nWhat clients felt from the fault until a second after everything was back; a client whose request\n\
         fails makes it again after 250 ms, whatever it was told:\n\n\
         | fault | requests | failed | failing for, p50 | longest | fresh nonces refused | without reason | process ended within, p50 | longest |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|---:|"
    )?;
    for (fault, figures) in &outcome.figures.0 {
        writeln!(
            text,
            "| {fault} | {} | {} | {} | {} | {} | {} | {} | {} |",
            figures.requests,
            figures.failed,
            seconds(figures.failing_for.percentile(50)),
            seconds(figures.failing_for.longest()),
            figures.refused,
            figures.refused_wrongly,
            seconds(figures.ended_in.percentile(50)),
            seconds(figures.ended_in.longest()),
        )?;
    }
    Ok(())
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(
        || "–".to_owned(),
        |time| format!("{:.2} s", time.as_secs_f64()),
    )
}

/// Puts the report between the two markers `<!-- NAME -->` and `<!-- /NAME -->` of a document.
///
/// # Errors
/// When the document cannot be read or written, or has no such place.
pub fn put(document: &Path, name: &str, report: &str) -> Result<()> {
    let what = || document.display().to_string();
    let text = std::fs::read_to_string(document).map_err(Error::io(what()))?;
    let text = replaced(&text, name, report)
        .ok_or_else(|| Error::stage(format!("{} has no place for {name:?}", what())))?;
    std::fs::write(document, text).map_err(Error::io(what()))
}

fn replaced(text: &str, name: &str, report: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        report.trim()
    ))
}

/// All times of several faults together.
#[must_use]
pub fn together<'a>(times: impl IntoIterator<Item = &'a Times>) -> Times {
    let mut all = Times::default();
    for times in times {
        all.extend(times);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        let expected = "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n";
        assert_eq!(replaced(text, "x", "new\n").as_deref(), Some(expected));
        assert_eq!(replaced(text, "y", "new"), None);
    }
}
