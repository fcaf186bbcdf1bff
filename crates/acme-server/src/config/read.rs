//! Reads the tables of a configuration, each key once.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use acme_core::{AuditRetention, Retention};
use acme_types::Slot;

use super::section::Section;
use super::setting::{Setting, show_word, text, word};
use super::tree::Value;
use super::url::{BaseUrl, Link, is_plain_http};
use super::validation::Validation;
use super::{
    CaConfig, Config, Limits, Listen, LogConfig, LogFormat, ProvisionerConfig, SlotConfig,
    SlotSource, StoreConfig, TlsFiles, TracesConfig, provisioner,
};
use crate::logging::parse_level;
use crate::publisher::Publication;

pub(super) fn read(root: &mut Section<'_>) -> Config {
    let base_url = root.required("base_url", BaseUrl(String::new()), |_| Ok(()));
    let accepted: Vec<BaseUrl> = root.value("accepted_base_urls", Vec::new());
    let listen = root.section("listen", read_listen);
    let tls = root.section("tls", read_tls);
    let store = root.section("store", |section| {
        let stand_in = StoreConfig::Sqlite {
            path: PathBuf::new(),
        };
        section.required("url", stand_in, |_| Ok(()))
    });
    let slot = root.section("slot", |section| SlotConfig {
        source: section.value("id", SlotSource::Number(Slot::default())),
        lease: section.bounded("lease", LEASE, SHORTEST_LEASE..=LONGEST_LEASE),
    });
    let ca = root.section("ca", read_ca);
    let validation = root.section("validation", |section| {
        Validation::read(section, &Validation::default())
    });
    let limits = root.section("limits", read_limits);
    let retention = root.section("retention", |section| {
        let defaults = Retention::default();
        Retention {
            orders: section.bounded("orders", defaults.orders, LEAST_KEPT..=MOST_KEPT),
            certificates: section.bounded(
                "certificates",
                defaults.certificates,
                Duration::ZERO..=MOST_KEPT,
            ),
            audit: AuditRetention {
                issuance: section.bounded(
                    "audit_issuance",
                    defaults.audit.issuance,
                    LEAST_KEPT..=MOST_KEPT,
                ),
                account: section.bounded(
                    "audit_account",
                    defaults.audit.account,
                    LEAST_KEPT..=MOST_KEPT,
                ),
                control: section.bounded(
                    "audit_control",
                    defaults.audit.control,
                    LEAST_KEPT..=MOST_KEPT,
                ),
            },
        }
    });
    let log = root.section("log", read_log);
    let traces = root.section("traces", read_traces);
    Config {
        base_url: base_url.0,
        accepted_base_urls: accepted.into_iter().map(|url| url.0).collect(),
        listen,
        tls,
        store,
        slot,
        ca,
        provisioners: read_provisioners(root, &validation),
        limits,
        retention,
        log,
        traces,
        effective: toml::Table::new(),
    }
}

fn read_ca(section: &mut Section<'_>) -> CaConfig {
    let dir = section.required("dir", PathBuf::new(), |_| Ok(()));
    let passphrase_file = section.value("passphrase_file", None);
    let mut life = |is_on, key| {
        let is_on = section.value(is_on, false);
        let life = section.bounded(key, PUBLISHED_LIFE, SHORTEST_PUBLISHED..=LONGEST_PUBLISHED);
        is_on.then_some(life)
    };
    let publication = Publication {
        crl: life("crl", "crl_validity"),
        ocsp: life("ocsp", "ocsp_validity"),
    };
    let public_base_url: Option<Link> = section.value("public_base_url", None);
    CaConfig {
        dir,
        passphrase_file,
        publication,
        public_base_url: public_base_url.map(|link| link.0.trim_end_matches('/').to_owned()),
    }
}

fn read_listen(section: &mut Section<'_>) -> Listen {
    let listen = Listen {
        acme: section.value("acme", SocketAddr::from((Ipv4Addr::UNSPECIFIED, 443))),
        admin: section.value(
            "admin",
            Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 15_000))),
        ),
        metrics: section.value(
            "metrics",
            Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9402))),
        ),
        public: section.value("public", None),
    };
    let clash =
        |one: Option<SocketAddr>, other: SocketAddr| one == Some(other) && other.port() != 0;
    if clash(listen.admin, listen.acme) {
        section.mistake("admin", "is the address of listen.acme; each needs its own");
    }
    if clash(listen.metrics, listen.acme) {
        section.mistake(
            "metrics",
            "is the address of listen.acme; each needs its own",
        );
    }
    let others = [Some(listen.acme), listen.admin, listen.metrics];
    if others
        .iter()
        .flatten()
        .any(|other| clash(listen.public, *other))
    {
        section.mistake(
            "public",
            "is another listener's address; each needs its own",
        );
    }
    if let Some(admin) = listen.admin
        && clash(listen.metrics, admin)
    {
        section.mistake(
            "metrics",
            "is the address of listen.admin; each needs its own",
        );
    }
    listen
}

fn read_tls(section: &mut Section<'_>) -> Option<TlsFiles> {
    let cert: Option<PathBuf> = section.value("cert", None);
    let key: Option<PathBuf> = section.value("key", None);
    match (cert, key) {
        (Some(cert), Some(key)) => return Some(TlsFiles { cert, key }),
        (Some(_), None) => section.mistake("key", "is missing beside tls.cert"),
        (None, Some(_)) => section.mistake("cert", "is missing beside tls.key"),
        (None, None) => {}
    }
    None
}

fn read_limits(section: &mut Section<'_>) -> Limits {
    let defaults = Limits::default();
    Limits {
        connections: section.bounded("connections", defaults.connections, MOST_AT_ONCE),
        attempts: section.bounded("attempts", defaults.attempts, MOST_AT_ONCE),
        attempts_per_target: section.bounded(
            "attempts_per_target",
            defaults.attempts_per_target,
            MOST_AT_ONCE,
        ),
        attempts_per_account: section.bounded(
            "attempts_per_account",
            defaults.attempts_per_account,
            MOST_AT_ONCE,
        ),
        drain: section.bounded("drain", defaults.drain, Duration::ZERO..=LONGEST_DRAIN),
    }
}

fn read_log(section: &mut Section<'_>) -> LogConfig {
    LogConfig {
        format: section.value("format", LogFormat::Text),
        level: section.checked("level", "info".to_owned(), |level| {
            parse_level(level).map(drop)
        }),
    }
}

fn read_traces(section: &mut Section<'_>) -> Option<TracesConfig> {
    let endpoint = section.checked("endpoint", String::new(), |endpoint| {
        // A collector stands on the same machine or network, and passes traces on.
        if endpoint.is_empty() || is_plain_http(endpoint) {
            Ok(())
        } else {
            Err(format!(
                "{endpoint:?} is no URL that begins with http://, such as \
                 http://127.0.0.1:4318/v1/traces"
            ))
        }
    });
    let one_in = section.bounded("one_in", 1_u16, 1..=10_000);
    (!endpoint.is_empty()).then_some(TracesConfig { endpoint, one_in })
}

fn read_provisioners(root: &mut Section<'_>, base: &Validation) -> Vec<ProvisionerConfig> {
    let read = root.sections("provisioner", |section| provisioner::read(section, base));
    let provisioners: Vec<ProvisionerConfig> = read.into_iter().flatten().collect();
    for (at, one) in provisioners.iter().enumerate() {
        let name = &one.provisioner.name;
        let same = |other: &&ProvisionerConfig| other.provisioner.name == *name;
        // Told once a name, at its second appearance.
        if provisioners.iter().take(at).filter(same).count() == 1 {
            root.mistake("provisioner", format!("two are named {:?}", name.as_str()));
        }
    }
    provisioners
}

impl Setting for SlotSource {
    fn read(value: &Value) -> Result<Self, String> {
        if let Value::Integer(number) = value {
            let number = u8::try_from(*number);
            let slot = number.map_err(|_| "must be between 0 and 255".to_owned())?;
            return Ok(Self::Number(Slot::new(slot)));
        }
        match text(value)?.as_str() {
            "pod-name" => Ok(Self::PodName),
            other if !other.is_empty() => other.parse().map(Self::Number).map_err(|_| {
                format!("{other:?} is no slot; write a number from 0 to 255, or \"pod-name\"")
            }),
            _ => Err("must be a number from 0 to 255, or \"pod-name\"".to_owned()),
        }
    }

    fn show(&self) -> toml::Value {
        match self {
            Self::Number(slot) => toml::Value::from(i64::from(slot.number())),
            Self::PodName => toml::Value::from("pod-name"),
        }
    }
}

impl Setting for LogFormat {
    fn read(value: &Value) -> Result<Self, String> {
        word(value, &LOG_FORMATS)
    }

    fn show(&self) -> toml::Value {
        show_word(self, &LOG_FORMATS)
    }
}

const LOG_FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];
/// Default life of a slot's lease.
const LEASE: Duration = Duration::from_secs(15);
/// Shorter leases would run out while a busy machine renews them.
const SHORTEST_LEASE: Duration = Duration::from_secs(1);
/// Longer leases would leave a dead replica's work alone for too long.
const LONGEST_LEASE: Duration = Duration::from_secs(600);
/// Default life of revocation lists and answers about certificates.
const PUBLISHED_LIFE: Duration = Duration::from_secs(86_400);
/// Shorter ones would have run out before slow clocks and caches come to them.
const SHORTEST_PUBLISHED: Duration = Duration::from_secs(600);
/// Longer ones would let a stolen list or answer hide a revocation for too long.
const LONGEST_PUBLISHED: Duration = Duration::from_secs(30 * 86_400);
/// Least time that an ended order stays readable: clients take a missing one for a failure.
const LEAST_KEPT: Duration = Duration::from_secs(60);
/// Longest time that anything that has ended is kept: a hundred years.
const MOST_KEPT: Duration = Duration::from_secs(36_525 * 86_400);
/// Bounds of what the server does at once.
const MOST_AT_ONCE: std::ops::RangeInclusive<usize> = 1..=1_000_000;
/// Longest wait of a stop.
const LONGEST_DRAIN: Duration = Duration::from_secs(3600);
