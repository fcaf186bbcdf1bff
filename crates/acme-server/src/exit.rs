//! How a command ends: the exit status, and what went wrong in words.

use std::process::ExitCode;

use acme_core::StoreError;

use crate::chain::Chain;
use crate::config::Mistakes;

/// The exit statuses (the numbers of `sysexits.h` where one fits).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: it failed.
    Failed,
    /// 64: the command line is wrong.
    Usage,
    /// 69: something it needs is not available.
    Unavailable,
    /// 75: the same may work later, as when another process holds the slot.
    TryAgain,
    /// 78: the configuration is wrong.
    Config,
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::TryAgain => 75,
            Self::Config => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// What went wrong and what to do, for people.
    pub(crate) message: String,
}

impl Failure {
    /// Ends with `exit`, saying `message`.
    #[must_use]
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// The command failed (1).
    #[must_use]
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// The command line asks for something that cannot be (64).
    #[must_use]
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        Self::new(Exit::Config, mistakes.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Unavailable { .. } => Exit::Unavailable,
            StoreError::Fenced { .. } => Exit::TryAgain,
            _ => Exit::Failed,
        };
        Self::new(exit, Chain(&error).to_string())
    }
}
