//! What the kernel knows of processes and of the machine, read from `/proc`.

mod machine;
mod process;

pub(crate) use machine::{Machine, MachineReport};
pub(crate) use process::{Usage, Watch, WatchReport};
