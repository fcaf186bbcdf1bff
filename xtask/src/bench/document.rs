//! The tables: on the terminal, and in docs/BENCHMARKS.md.

use std::fmt::Write as _;

use clap::ValueEnum as _;

use super::contender::Contender;
use super::driver::Workload;
use super::figures::{Median, Results};

/// The tables for the terminal.
pub(super) fn summary(results: &Results, contenders: &[Contender]) -> String {
    let mut text = String::new();
    for workload in Workload::value_variants() {
        let rows: Vec<_> = rows(results, contenders, *workload).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(
            text,
            "\n{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            workload.title(),
            "per s",
            "CPU ms",
            "p50 ms",
            "p99 ms",
            "MiB",
            "KiB out",
            "driver ms"
        );
        for (contender, median) in rows {
            let _ = writeln!(
                text,
                "  {:<32}{:>10.1}{:>10.3}{:>10.2}{:>10.2}{:>10.1}{:>10.1}{:>10.3}",
                contender.title(),
                median.per_second,
                median.cpu_ms,
                median.latency_ms[0],
                median.latency_ms[1],
                median.resident_mib,
                median.written_kib,
                median.driver_cpu_ms,
            );
            if median.cpu_ms_by_process.len() > 1 {
                for (process, cpu_ms) in &median.cpu_ms_by_process {
                    let _ = writeln!(text, "    of it {process:<36}{cpu_ms:>10.3}");
                }
            }
        }
    }
    let _ = writeln!(text, "\n{}. {}", results.machine(), results.company());
    text
}

/// The whole of docs/BENCHMARKS.md.
pub(super) fn write(results: &Results, contenders: &[Contender], count: u64) -> String {
    let rounds = rows(results, contenders, Workload::Issue4)
        .map(|(_, median)| median.rounds)
        .min()
        .unwrap_or(0);
    let mut text = format!(
        "# Benchmarks\n\n\
         What one issuance costs, here and in two servers that anyone can install beside it. \
         `cargo xtask bench --peers` measures it again and writes this page; what led to the \
         figures is told in [PERFORMANCE.md](PERFORMANCE.md).\n\n\
         ![Issuances per second of server CPU](benchmarks.svg)\n\n\
         ## One issuance\n\n\
         One DNS name, http-01, ES256 and P-256 everywhere, HTTP/1.1 over TLS kept alive; medians \
         of {rounds} rounds of {count} issuances. The ratio is issuances per second of server CPU \
         against ours.\n\n"
    );
    for workload in [
        Workload::Issue4,
        Workload::Issue8,
        Workload::Issue64,
        Workload::IssueCold,
    ] {
        issuance_table(&mut text, results, contenders, workload);
    }
    text.push_str(
        "## Single requests\n\nServer CPU of one request in milliseconds, 4 clients.\n\n",
    );
    single_table(&mut text, results, contenders);
    for (contender, workload, error) in results.failures() {
        let _ = writeln!(
            text,
            "{} did not finish \"{}\": {error}\n",
            contender.title(),
            workload.title()
        );
    }
    let _ = write!(
        text,
        "## How it was measured\n\n\
         {}. Server and load driver share its cores, so issuances per second are those of a server \
         that has what the driver leaves. {}\n\n{CONDITIONS}",
        results.machine(),
        results.company(),
    );
    text
}

const CONDITIONS: &str = "\
- Each round runs every server once, with fresh state, in turn, after a tenth as many unmeasured \
acts; what else the machine does meets all alike.
- CPU is user and system time of the server's process and its descendants, from `/proc/PID/stat`. \
A database's processes are counted.
- Bytes written are those that the server's processes sent towards the disk (`/proc/PID/io`).
- A client polls every 5 ms until the server is done, so that no server waits for its clients; the \
authorization is polled at least once whatever the challenge's answer said.
- acme-server runs as `acme-server dev` makes it, with `synchronous=FULL`: an answer that was given \
is on the disk.
- Pebble (Debian's package) keeps everything in memory. Its artificial delays, nonce refusals and \
authorization reuse are switched off. It is run with 4 clients alone: with 8 it comes to wait for a lock that it holds itself, and \
hangs.
- Caddy (Debian's package) is told nothing but to be an ACME server. It looks for http-01 on port \
80 and asks the machine's own resolver, so its certificates are for `localhost`; those of the \
others are for names that the load driver serves by DNS.
- The load driver is `acme-bench` of this repository; it runs any ACME server by its directory URL.
";

fn rows<'a>(
    results: &'a Results,
    contenders: &'a [Contender],
    workload: Workload,
) -> impl Iterator<Item = (Contender, Median)> + 'a {
    contenders
        .iter()
        .filter_map(move |contender| Some((*contender, results.median(*contender, workload)?)))
}

fn issuance_table(
    text: &mut String,
    results: &Results,
    contenders: &[Contender],
    workload: Workload,
) {
    let rows: Vec<_> = rows(results, contenders, workload).collect();
    let Some((_, ours)) = rows.first() else {
        return;
    };
    let ours = ours.cpu_ms;
    let _ = write!(
        text,
        "**{}**\n\n\
         | server | CPU ms each (least to most) | per CPU second | ratio | per second | p50 ms | \
         p99 ms | requests | MiB resident | KiB written each |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        capitalized(workload.title())
    );
    for (contender, median) in &rows {
        let _ = writeln!(
            text,
            "| {} | {:.2} ({:.2} to {:.2}) | {:.0} | {:.2} | {:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {:.1} |",
            contender.title(),
            median.cpu_ms,
            median.cpu_ms_range[0],
            median.cpu_ms_range[1],
            1000.0 / median.cpu_ms,
            ours / median.cpu_ms,
            median.per_second,
            median.latency_ms[0],
            median.latency_ms[1],
            median.requests_each,
            median.resident_mib,
            median.written_kib,
        );
    }
    text.push('\n');
    for (contender, median) in &rows {
        if median.cpu_ms_by_process.len() > 1 {
            let parts: Vec<String> = median
                .cpu_ms_by_process
                .iter()
                .map(|(process, cpu_ms)| format!("{process} {cpu_ms:.2} ms"))
                .collect();
            let _ = writeln!(text, "Of {}: {}.\n", contender.title(), parts.join(", "));
        }
    }
}

fn single_table(text: &mut String, results: &Results, contenders: &[Contender]) {
    let workloads = [
        Workload::Nonce,
        Workload::Account,
        Workload::Order,
        Workload::Poll,
    ];
    text.push_str("| server |");
    for workload in workloads {
        let _ = write!(text, " {} |", workload.title());
    }
    text.push_str("\n|---|--:|--:|--:|--:|\n");
    for contender in contenders {
        let _ = write!(text, "| {} |", contender.title());
        for workload in workloads {
            match results.median(*contender, workload) {
                Some(median) => {
                    let _ = write!(text, " {:.3} |", median.cpu_ms);
                }
                None => text.push_str(" - |"),
            }
        }
        text.push('\n');
    }
    text.push('\n');
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}
