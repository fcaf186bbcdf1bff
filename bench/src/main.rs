//! `acme-bench` drives an ACME server with load and reports what it cost: acts per second, latency
//! by kind of request, CPU time of the server's processes, memory, bytes written.

mod cli;
mod connection;
mod csr;
mod dns;
mod error;
mod fill;
mod flow;
mod key;
mod load;
mod measure;
mod name;
mod renewal;
mod report;
mod responder;
mod sample;
mod session;
mod storm;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(sound) => {
            if sound {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("acme-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
