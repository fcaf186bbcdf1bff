//! The `[[provisioner]]` tables.

use std::time::Duration;

use acme_core::{AuthorizationPolicy, Lifetimes, Profile, Provisioner, RenewalPolicy};
use acme_types::{InvalidProvisionerName, ProfileName, ProvisionerName};

use super::ProvisionerConfig;
use super::attestation;
use super::caa;
use super::certificate;
use super::issuers;
use super::policy;
use super::section::Section;
use super::setting::{Setting, text};
use super::tree::Value;
use super::url::Link;
use super::validation::Validation;

/// Shortest life of an order.
const SHORTEST: Duration = Duration::from_secs(1);
/// Longest life of an order that is not finalized.
const LONGEST_ORDER: Duration = Duration::from_secs(90 * 86_400);
/// Longest time that a proof serves further orders.
const LONGEST_REUSE: Duration = Duration::from_secs(398 * 86_400);
/// Bounds of the time after which a client looks for renewal information again.
const CHECK_EVERY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(86_400));
/// Most identifiers that an order may ever have.
const MOST_IDENTIFIERS: usize = 1000;

/// Reads one table; none when its name is missing or wrong.
pub(super) fn read(section: &mut Section<'_>, base: &Validation) -> Option<ProvisionerConfig> {
    let Name(name) = section.required("name", Name(None), |_| Ok(()));
    match name {
        Some(name) => Some(rest(section, base, name)),
        None => {
            // The other keys are still read, for the mistakes in them.
            rest(section, base, "unnamed".parse().ok()?);
            None
        }
    }
}

/// A name, or none where it was missing or wrong.
struct Name(Option<ProvisionerName>);

impl Setting for Name {
    fn read(value: &Value) -> Result<Self, String> {
        let name = text(value)?.parse();
        name.map(|name| Self(Some(name)))
            .map_err(|error: InvalidProvisionerName| error.to_string())
    }

    fn show(&self) -> toml::Value {
        toml::Value::from(self.0.as_ref().map_or("", ProvisionerName::as_str))
    }
}

fn rest(section: &mut Section<'_>, base: &Validation, name: ProvisionerName) -> ProvisionerConfig {
    let defaults = Provisioner::new(name);
    let challenges = section.checked("challenges", defaults.challenges, |kinds| {
        if kinds.is_empty() {
            return Err("must name at least one challenge, or nothing could be proven".to_owned());
        }
        let mut sorted = kinds.clone();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("{:?} stands there twice", pair[0].as_str())),
            None => Ok(()),
        }
    });
    let attestation_roots = section.section("attestation", |section| {
        attestation::read(section, &challenges)
    });
    let require_eab = section.value("require_eab", defaults.require_eab);
    let terms_of_service: Option<Link> = section.value("terms_of_service", None);
    let website: Option<Link> = section.value("website", None);
    let (caa, caa_identities) = caa::read(section, &challenges);
    let max_identifiers = section.bounded(
        "max_identifiers",
        defaults.max_identifiers,
        1..=MOST_IDENTIFIERS,
    );
    let allow_wildcards = section.value("allow_wildcards", defaults.allow_wildcards);
    let order = section.bounded(
        "order_lifetime",
        defaults.lifetimes.order,
        SHORTEST..=LONGEST_ORDER,
    );
    let issuers = section.section("issuers", issuers::read);
    let policy = section.section("policy", policy::read);
    let issuance = section.section("certificate", |section| {
        certificate::read(section, &defaults.issuance, &policy.rules.keys)
    });
    let profiles = section.named_sections("profile", |name, section| {
        certificate::read_profile(name, section, &issuance, &policy.rules.keys)
    });
    let profiles: Vec<Profile> = profiles.into_iter().flatten().collect();
    let default_profile: Option<ProfileName> = section.checked(
        "default_profile",
        None,
        |default: &Option<ProfileName>| match default {
            Some(name) if !profiles.iter().any(|profile| profile.name == *name) => {
                let names: Vec<_> = profiles.iter().map(|one| one.name.as_str()).collect();
                Err(match names.as_slice() {
                    [] => {
                        format!("{name} is no profile; write a table [provisioner.profile.{name}]")
                    }
                    names => format!("{name} is no profile; there are: {}", names.join(", ")),
                })
            }
            _ => Ok(()),
        },
    );
    let authorizations = section.section("authorization", authorization);
    let renewal = section.section("renewal", |s| renewal(s, &defaults.renewal));
    let validation = section.section("validation", |section| Validation::read(section, base));
    ProvisionerConfig {
        provisioner: Provisioner {
            name: defaults.name,
            terms_of_service: terms_of_service.map(|link| link.0),
            website: website.map(|link| link.0),
            caa_identities,
            caa,
            require_eab,
            challenges,
            attestation: defaults.attestation,
            retry: validation.policy(),
            lifetimes: Lifetimes { order },
            issuance,
            profiles,
            default_profile,
            issuers,
            policy: policy.rules,
            authorizations,
            renewal,
            max_identifiers,
            allow_wildcards,
        },
        validation: validation.probes,
        hook: policy.hook,
        attestation_roots,
    }
}

fn authorization(section: &mut Section<'_>) -> AuthorizationPolicy {
    let policy = AuthorizationPolicy {
        reuse: section.bounded("reuse", Duration::ZERO, Duration::ZERO..=LONGEST_REUSE),
        pre_authorization: section.value("pre_authorization", false),
        subdomains: section.value("subdomains", false),
    };
    if policy.pre_authorization && policy.reuse.is_zero() {
        let reason = "needs a reuse: what is authorized ahead of an order would serve none";
        section.mistake("pre_authorization", reason);
    }
    policy
}

fn renewal(section: &mut Section<'_>, defaults: &RenewalPolicy) -> RenewalPolicy {
    let renewal = RenewalPolicy {
        window_start: section.bounded("window_start", defaults.window_start, 1..=99),
        window_end: section.bounded("window_end", defaults.window_end, 2..=100),
        check_every: section.bounded(
            "check_every",
            defaults.check_every,
            CHECK_EVERY.0..=CHECK_EVERY.1,
        ),
    };
    if renewal.window_end <= renewal.window_start {
        section.mistake("window_end", "is not after window_start");
    }
    renewal
}
