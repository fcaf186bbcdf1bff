//! `backup`: all that a server needs to be set up again, copied while it serves.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use acme_store::SqliteBackup;
use clap::Args;
use serde::Serialize;

use super::init::CA_DIR;
use super::io_failure;
use crate::cli::{CONFIG_FILE, ConfigArgs, NAME};
use crate::config::{Config, StoreConfig};
use crate::exit::{Exit, Failure};
use crate::logging;
use crate::output::{OutputFormat, Report};
use crate::progress::Progress;
use crate::serve::ServeError;

/// The store's copy, below the backup's directory.
const STORE_FILE: &str = "acme.db";
/// Pause between two looks at how large the copy is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Copies the store, the CA's files and the configuration, while the server serves
///
/// DIR must be new or empty; what is in it is its owner's alone, for it holds the CA's keys. The copy
/// of a SQLite store has all that was acknowledged before the command began. PostgreSQL has its own
/// tools for that: see --without-store. docs/BACKUP.md tells how to restore.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  acme-server backup --config /etc/acme/acme-server.toml /backup/acme-2030-01-31
  acme-server backup --without-store /backup/acme && pg_dump --format=custom ...")]
pub(crate) struct Backup {
    /// Where the copies go
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Copies the CA's files and the configuration alone
    #[arg(long)]
    without_store: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

impl Backup {
    /// Does it.
    ///
    /// # Errors
    /// [`Failure`] when something cannot be read or written; what was written by then stays.
    pub(crate) fn run(self, output: OutputFormat) -> Result<(), Failure> {
        let file = self.config.file()?;
        let config = self.config.load(&[])?;
        logging::start_for_command();
        let store = match (&config.store, self.without_store) {
            (_, true) => None,
            (StoreConfig::Sqlite { path }, false) => Some(path),
            (StoreConfig::Postgres { .. }, false) => {
                return Err(Failure::usage(format!(
                    "PostgreSQL is backed up by its own tools: pg_dump --format=custom of {}, or \
                     what its keepers use; `{NAME} backup --without-store DIR` copies the rest",
                    config.store.redacted()
                )));
            }
        };
        make_private(&self.dir)?;
        // The store first: keys that are made meanwhile are then among the files.
        let store_bytes = store
            .map(|path| copy_store(path, &self.dir.join(STORE_FILE)))
            .transpose()?;
        let ca_files = copy_ca(&config, &self.dir.join(CA_DIR))?;
        copy(&file, &self.dir.join(CONFIG_FILE))?;
        sync(&self.dir)?;
        output.print(&BackedUp {
            dir: self.dir,
            store_bytes,
            ca_files,
            passphrase_file: config.ca.passphrase_file,
        })
    }
}

/// Makes the directory, for its owner alone; one that is there must be empty.
fn make_private(dir: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|error| io_failure("create", dir, &error))?;
    let mut entries = fs::read_dir(dir).map_err(|error| io_failure("read", dir, &error))?;
    if entries.next().is_some() {
        let message = format!(
            "{} is not empty; a backup takes a new directory",
            dir.display()
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let mode = fs::Permissions::from_mode(0o700);
    fs::set_permissions(dir, mode).map_err(|error| io_failure("close", dir, &error))
}

/// Copies the store; the size of the copy.
fn copy_store(path: &Path, to: &Path) -> Result<u64, Failure> {
    let backup = SqliteBackup::of(path).map_err(ServeError::from)?;
    let all = backup.bytes();
    let size = || fs::metadata(to).map_or(0, |metadata| metadata.len());
    thread::scope(|scope| {
        let copying = scope.spawn(|| backup.write(to));
        let mut progress = Progress::of("copying the store");
        while !copying.is_finished() {
            progress.tell(|| format!("{} of {} MiB", size() >> 20, all >> 20));
            thread::sleep(LOOK_EVERY);
        }
        copying
            .join()
            .map_err(|_| Failure::failed("copying the store has panicked"))?
            .map_err(ServeError::from)?;
        Ok(size())
    })
}

/// Copies all files of the CA's directory; how many there are.
fn copy_ca(config: &Config, to: &Path) -> Result<usize, Failure> {
    let from = &config.ca.dir;
    make_private(to)?;
    let unreadable = |error: io::Error| io_failure("read", from, &error);
    let mut copied = 0;
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if path.is_dir() {
            copied += copy_below(&path, &to.join(name))?;
        } else {
            copy(&path, &to.join(name))?;
            copied += 1;
        }
    }
    sync(to)?;
    Ok(copied)
}

/// Copies the files of a directory below the CA's, such as those of another issuer.
fn copy_below(from: &Path, to: &Path) -> Result<usize, Failure> {
    make_private(to)?;
    let unreadable = |error: io::Error| io_failure("read", from, &error);
    let mut copied = 0;
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            copy(&path, &to.join(name))?;
            copied += 1;
        }
    }
    sync(to)?;
    Ok(copied)
}

/// Copies a file, for its owner alone, and has it written to the disk.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut source = File::open(from).map_err(|error| io_failure("read", from, &error))?;
    let target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to);
    let mut target = target.map_err(|error| io_failure("write", to, &error))?;
    io::copy(&mut source, &mut target)
        .and_then(|_| target.sync_all())
        .map_err(|error| io_failure("write", to, &error))
}

/// Has the names of the files written to the disk.
fn sync(dir: &Path) -> Result<(), Failure> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|error| io_failure("write", dir, &error))
}

#[derive(Serialize)]
struct BackedUp {
    dir: PathBuf,
    store_bytes: Option<u64>,
    ca_files: usize,
    /// It is not copied.
    passphrase_file: Option<PathBuf>,
}

impl Report for BackedUp {
    fn text(&self) -> String {
        let store = match self.store_bytes {
            Some(bytes) => format!("the store ({} KiB)", bytes >> 10),
            None => "no store".to_owned(),
        };
        let mut text = format!(
            "{} has {store}, {} files of the CA and the configuration. It holds keys: keep it safe.\n",
            self.dir.display(),
            self.ca_files
        );
        if let Some(file) = &self.passphrase_file {
            text += &format!(
                "The passphrase in {} is not copied: keep it elsewhere.\n",
                file.display()
            );
        }
        text
    }
}
