//! `cargo xtask tools`: the programs that the tests drive. What is there is used; what is missing is
//! installed, or the chore fails and says what to do. Nothing is skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::chore::{Result, run};
use crate::workspace::Metadata;

const CERTBOT: Venv = Venv {
    name: "certbot",
    requirements: &["certbot==5.8.0"],
    program: "certbot",
};

const PKILINT: Venv = Venv {
    name: "pkilint",
    // The second one reads what OpenSSL cannot yet.
    requirements: &["pkilint==0.13.3", "cryptography>=50"],
    program: "lint_pkix_cert",
};

/// The rules by which a page is looked at for what keeps people from reading it.
const AXE: NpmFile = NpmFile {
    name: "axe-core",
    package: "axe-core@4.14.1",
    file: "axe.min.js",
};

/// Where each program lies.
#[derive(Debug)]
pub(crate) struct Tools {
    certbot: PathBuf,
    pkilint: PathBuf,
    lego: PathBuf,
    uacme: PathBuf,
    acme_tiny: PathBuf,
    openssl: PathBuf,
    promtool: PathBuf,
    /// The folder with `initdb` and `pg_ctl`.
    postgres: PathBuf,
    chromium: PathBuf,
    chromedriver: PathBuf,
    axe: PathBuf,
}

impl Tools {
    /// Finds or installs every program. Quick when all are there.
    pub(crate) fn ensure() -> Result<Self> {
        let dir = Metadata::load()?.target_directory.join("tools");
        Ok(Self {
            openssl: from_path_or_debian("openssl", "openssl")?,
            promtool: from_path_or_debian("promtool", "prometheus")?,
            lego: from_path_or_debian("lego", "lego")?,
            uacme: from_path_or_debian("uacme", "uacme")?,
            acme_tiny: from_path_or_debian("acme-tiny", "acme-tiny")?,
            postgres: postgres()?,
            chromium: from_path_or_debian("chromium", "chromium")?,
            chromedriver: from_path_or_debian("chromedriver", "chromium-driver")?,
            axe: AXE.ensure(&dir)?,
            certbot: CERTBOT.ensure(&dir)?,
            pkilint: PKILINT.ensure(&dir)?,
        })
    }

    /// The variables that tell the tests where the programs lie.
    pub(crate) fn environment(&self) -> [(&'static str, &Path); 11] {
        [
            ("ACME_TEST_CERTBOT", &self.certbot),
            ("ACME_TEST_PKILINT", &self.pkilint),
            ("ACME_TEST_LEGO", &self.lego),
            ("ACME_TEST_UACME", &self.uacme),
            ("ACME_TEST_ACME_TINY", &self.acme_tiny),
            ("ACME_TEST_OPENSSL", &self.openssl),
            ("ACME_TEST_PROMTOOL", &self.promtool),
            ("ACME_TEST_PG_BIN", &self.postgres),
            ("ACME_TEST_CHROMIUM", &self.chromium),
            ("ACME_TEST_CHROMEDRIVER", &self.chromedriver),
            ("ACME_TEST_AXE", &self.axe),
        ]
    }

    pub(crate) fn print(&self) {
        for (name, path) in self.environment() {
            println!("{name}={}", path.display());
        }
    }
}

/// A Python program in a virtual environment of its own.
struct Venv {
    name: &'static str,
    requirements: &'static [&'static str],
    program: &'static str,
}

impl Venv {
    fn ensure(&self, tools: &Path) -> Result<PathBuf> {
        let dir = tools.join(self.name);
        let program = dir.join("bin").join(self.program);
        // Written last, so that an installation that was cut short is done again.
        let marker = dir.join("installed");
        let wanted = self.requirements.join(" ");
        let installed = std::fs::read_to_string(&marker).unwrap_or_default();
        if installed == wanted && program.exists() {
            return Ok(program);
        }
        self.create(&dir)?;
        run(Command::new(dir.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(self.requirements))
        .map_err(|error| {
            format!(
                "{error}\n{wanted} is installed with pip from the package registry: is the network there?"
            )
        })?;
        if !program.exists() {
            return Err(format!("{wanted} brings no {}", program.display()).into());
        }
        std::fs::write(marker, wanted)?;
        Ok(program)
    }

    fn create(&self, dir: &Path) -> Result<()> {
        let python = from_path_or_debian("python3", "python3")?;
        let make = || {
            run(Command::new(&python)
                .args(["-m", "venv", "--clear"])
                .arg(dir))
        };
        let Err(error) = make() else { return Ok(()) };
        // Debian keeps the module in a package of its own.
        if !is_root() || !has_apt() {
            return Err(
                format!("{error}\ninstall Python's venv module (python3-venv on Debian)").into(),
            );
        }
        debian("python3-venv")?;
        make()
    }
}

/// A file of a package of JavaScript's registry, in a folder of its own.
struct NpmFile {
    name: &'static str,
    /// Name and version.
    package: &'static str,
    file: &'static str,
}

impl NpmFile {
    fn ensure(&self, tools: &Path) -> Result<PathBuf> {
        let dir = tools.join(self.name);
        let file = dir.join("node_modules").join(self.name).join(self.file);
        // Written last, so that an installation that was cut short is done again.
        let marker = dir.join("installed");
        let installed = std::fs::read_to_string(&marker).unwrap_or_default();
        if installed == self.package && file.exists() {
            return Ok(file);
        }
        let npm = from_path_or_debian("npm", "npm")?;
        std::fs::create_dir_all(&dir)?;
        run(Command::new(npm)
            .args(["install", "--silent", "--no-save", "--ignore-scripts", "--prefix"])
            .arg(&dir)
            .arg(self.package)
            .stdout(std::io::stderr()))
        .map_err(|error| {
            format!(
                "{error}\n{} is installed with npm from the package registry: is the network there?",
                self.package
            )
        })?;
        if !file.exists() {
            return Err(format!("{} brings no {}", self.package, file.display()).into());
        }
        std::fs::write(marker, self.package)?;
        Ok(file)
    }
}

pub(crate) fn postgres() -> Result<PathBuf> {
    let find = || {
        let on_path = on_path("initdb").and_then(|path| path.canonicalize().ok());
        on_path.or_else(newest_debian_initdb)
    };
    let found = match find() {
        Some(found) => Some(found),
        None => {
            install("postgresql", "initdb of PostgreSQL 15 or newer")?;
            find()
        }
    };
    let initdb = found.ok_or("PostgreSQL is installed, but its initdb is not to be found")?;
    Ok(initdb.parent().unwrap_or(&initdb).to_owned())
}

/// Debian keeps PostgreSQL's server programs off the path.
fn newest_debian_initdb() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    versions
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(|path| version(path))
        .map(|path| path.join("bin/initdb"))
}

pub(crate) fn from_path_or_debian(program: &str, package: &str) -> Result<PathBuf> {
    if let Some(found) = on_path(program) {
        return Ok(found);
    }
    install(package, program)?;
    on_path(program)
        .ok_or_else(|| format!("{package} is installed, but brings no {program}").into())
}

fn install(package: &str, what: &str) -> Result<()> {
    if is_root() && has_apt() {
        return debian(package);
    }
    Err(format!(
        "the tests need {what}, which is not on the PATH. \
         On Debian: sudo apt-get install {package}; elsewhere install it as your system does."
    )
    .into())
}

fn debian(package: &str) -> Result<()> {
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            // Standard output is kept for results.
            .stdout(std::io::stderr());
        run(&mut command)
    };
    let install = [
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
        package,
    ];
    // The package lists of a fresh image may be old or missing.
    if apt(&install).is_ok() {
        return Ok(());
    }
    apt(&["update", "--quiet"])?;
    apt(&install)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

fn has_apt() -> bool {
    on_path("apt-get").is_some()
}

pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
