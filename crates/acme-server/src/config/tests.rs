//! Tables of configurations: what each mistake is told as, what overrides what, what is shown.

use std::collections::BTreeSet;

use acme_core::{OnExhausted, RetryPolicy};
use acme_validate::Network;

use super::*;

mod mistakes;

const SMALLEST: &str = r#"
base_url = "https://ca.internal"
[store]
url = "sqlite:///var/lib/acme-server/acme.db"
[ca]
dir = "ca"
"#;

fn load(text: &str, variables: &[(&str, &str)], sets: &[&str]) -> Result<Config, Mistakes> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let sets: Vec<Assignment> = sets.iter().map(|set| set.parse().unwrap()).collect();
    Config::parse(
        Path::new("/etc/acme/acme-server.toml"),
        text,
        variables,
        &sets,
    )
}

#[track_caller]
fn good(text: &str, variables: &[(&str, &str)], sets: &[&str]) -> Config {
    load(text, variables, sets).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The mistakes, each on a line, without the directory of the file.
#[track_caller]
fn mistakes(text: &str, variables: &[(&str, &str)], sets: &[&str]) -> String {
    let Mistakes(found) = load(text, variables, sets).expect_err("no mistake was found");
    let lines = found
        .iter()
        .map(|mistake| mistake.to_string().replace("/etc/acme/", ""));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_smallest_configuration_has_every_default() {
    let config = good(SMALLEST, &[], &[]);
    assert_eq!(config.base_url, "https://ca.internal");
    assert_eq!(config.listen.acme, "0.0.0.0:443".parse().unwrap());
    assert_eq!(
        config.listen.admin,
        Some("127.0.0.1:15000".parse().unwrap())
    );
    assert_eq!(config.tls, None);
    assert_eq!(config.slot.source, SlotSource::Number(Slot::new(0)));
    assert_eq!(config.slot.lease, Duration::from_secs(15));
    assert_eq!(config.ca.dir, Path::new("/etc/acme/ca"));
    let [only] = config.provisioners.as_slice() else {
        panic!("{:?}", config.provisioners);
    };
    assert_eq!(only.provisioner.name.as_str(), "default");
    assert_eq!(only.provisioner.retry, RetryPolicy::default());
    assert_eq!(only.validation.http01_port, 80);
    assert_eq!(only.validation.deny_networks, Network::DENIED_BY_DEFAULT);
}

#[test]
fn the_contract_s_example_is_read() {
    let config = good(CONTRACT, &[], &[]);
    assert_eq!(config.provisioners.len(), 1);
    assert_eq!(
        config.provisioners[0].provisioner.retry,
        RetryPolicy::default()
    );
    assert_eq!(
        config.store,
        StoreConfig::Sqlite {
            path: "/var/lib/acme-server/acme.db".into()
        }
    );
}

#[test]
fn the_cluster_s_example_is_read() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/kubernetes/acme-server.toml"
    );
    let config = Config::load(Path::new(file), [], &[]).unwrap();
    assert_eq!(config.slot.source, SlotSource::PodName);
}

#[test]
fn every_key_of_the_template_has_the_default_that_it_shows() {
    let commented = good(&template(&[]), &[], &[]);
    let bare = good(&template::uncommented(), &[], &[]);
    assert_eq!(commented.effective(), bare.effective());
}

#[test]
fn the_template_shows_every_key_that_is_read() {
    let config = good(SMALLEST, &[], &[]);
    let mut read = BTreeSet::new();
    keys("", config.effective(), &mut read);
    let mut shown = BTreeSet::new();
    keys("", &template::uncommented().parse().unwrap(), &mut shown);
    let overrides = |key: &String| !key.starts_with("provisioner.validation.");
    let (read, shown): (Vec<_>, Vec<_>) = (
        read.into_iter().filter(overrides).collect(),
        shown.into_iter().filter(overrides).collect(),
    );
    assert_eq!(read, shown);
}

fn keys(path: &str, table: &toml::Table, into: &mut BTreeSet<String>) {
    for (key, value) in table {
        let key = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match value {
            toml::Value::Table(inner) => keys(&key, inner, into),
            toml::Value::Array(items) if items.first().is_some_and(toml::Value::is_table) => {
                let tables = items.iter().filter_map(toml::Value::as_table);
                tables.for_each(|inner| keys(&key, inner, into));
            }
            _ => drop(into.insert(key)),
        }
    }
}

#[test]
fn the_template_sets_what_it_is_given() {
    let value = |key, value: &str| TemplateValue {
        key,
        value: toml::Value::from(value),
    };
    let text = template(&[
        value("base_url", "https://127.0.0.1:14000"),
        value("listen.acme", "127.0.0.1:14000"),
        value("provisioner.validation.retry.interval", "1s"),
        TemplateValue {
            key: "validation.http01_port",
            value: toml::Value::from(5002),
        },
    ]);
    let config = good(&text, &[], &[]);
    assert_eq!(config.listen.acme, "127.0.0.1:14000".parse().unwrap());
    assert_eq!(config.provisioners[0].validation.http01_port, 5002);
    assert_eq!(
        config.provisioners[0].provisioner.retry.interval(),
        Duration::from_secs(1)
    );
}

#[test]
fn what_is_shown_can_be_read_again() {
    let config = good(
        SMALLEST,
        &[],
        &[
            "validation.retry.schedule=0s,1s,3s",
            "provisioner.default.validation.retry.schedule=eager",
            "provisioner.default.terms_of_service=https://ca.internal/terms",
            "slot.id=pod-name",
            "listen.metrics=",
        ],
    );
    let shown = toml::to_string(config.effective()).unwrap();
    let again = good(&shown, &[], &[]);
    assert_eq!(config.effective(), again.effective());
    assert_eq!(
        config.provisioners[0].provisioner.retry,
        again.provisioners[0].provisioner.retry
    );
}

#[test]
fn a_password_is_never_shown() {
    let config = good(SMALLEST, &[], &["store.url=postgres://ca:sesame@db/acme"]);
    assert_eq!(
        config.store,
        StoreConfig::Postgres {
            url: "postgres://ca:sesame@db/acme".into()
        }
    );
    let shown = toml::to_string(config.effective()).unwrap();
    assert!(shown.contains("postgres://ca:REDACTED@db/acme"), "{shown}");
    assert!(!format!("{config:?}").contains("sesame"));
}

#[test]
fn the_command_line_wins_over_variables_and_those_over_the_file() {
    let text = format!("listen.acme = \"127.0.0.1:1\"\nlisten.admin = \"127.0.0.1:4\"\n{SMALLEST}");
    let listen = |variables: &[_], sets: &[_]| good(&text, variables, sets).listen;
    let port = |listen: Listen| listen.acme.port();
    let variable = ("ACME_SERVER__LISTEN__ACME", "127.0.0.1:2");
    assert_eq!(port(listen(&[], &[])), 1);
    assert_eq!(port(listen(&[variable], &[])), 2);
    assert_eq!(port(listen(&[variable], &["listen.acme=127.0.0.1:3"])), 3);
    assert_eq!(
        port(listen(
            &[],
            &["listen.acme=127.0.0.1:3", "listen.acme=127.0.0.1:5"]
        )),
        5
    );
    // What is not overridden stays.
    let all = listen(&[variable], &["listen.metrics="]);
    assert_eq!(all.admin, Some("127.0.0.1:4".parse().unwrap()));
    assert_eq!(all.metrics, None);
}

#[test]
fn overrides_are_read_as_their_key_wants() {
    let config = good(
        SMALLEST,
        &[
            (
                "ACME_SERVER__VALIDATION__RESOLVERS",
                "10.0.0.2:53, 10.0.0.3:53",
            ),
            ("ACME_SERVER__PROVISIONER__DEFAULT__REQUIRE_EAB", "true"),
            // Neither sets a key.
            ("ACME_SERVER_CONFIG", "/elsewhere"),
            ("ACME_SERVER_PORT", "tcp://10.0.0.1:443"),
        ],
        &[
            "validation.deny_networks=",
            "validation.http01_port=5002",
            "base_url=\"https://other.internal\"",
            "tls.cert=2024",
            "tls.key=\"\"x",
        ],
    );
    let only = &config.provisioners[0];
    assert!(only.provisioner.require_eab);
    assert_eq!(only.validation.resolvers.len(), 2);
    assert_eq!(only.validation.deny_networks, []);
    assert_eq!(only.validation.http01_port, 5002);
    assert_eq!(config.base_url, "https://other.internal");
    assert_eq!(
        config.tls.map(|tls| tls.cert),
        Some("/etc/acme/2024".into())
    );
}

#[test]
fn a_provisioner_is_overridden_by_its_name() {
    let text = format!(
        "{SMALLEST}[[provisioner]]\nname = \"my-team\"\n[[provisioner]]\nname = \"Über 2\"\n"
    );
    let config = good(
        &text,
        &[("ACME_SERVER__PROVISIONER__MY_TEAM__REQUIRE_EAB", "true")],
        &[
            "provisioner.my-team.challenges=[\"dns-01\"]",
            "provisioner.\"Über 2\".validation.retry.interval=2s",
            "validation.deny_networks=",
            "validation.resolvers=10.0.0.2:53, 10.0.0.3:53",
        ],
    );
    let [team, other] = config.provisioners.as_slice() else {
        panic!("{:?}", config.provisioners);
    };
    assert!(team.provisioner.require_eab && !other.provisioner.require_eab);
    assert_eq!(
        team.provisioner.challenges,
        [acme_types::ChallengeKind::Dns01]
    );
    assert_eq!(other.provisioner.challenges.len(), 3);
    assert_eq!(other.provisioner.retry.interval(), Duration::from_secs(2));
    assert_eq!(other.validation.resolvers.len(), 2);
    assert_eq!(other.validation.deny_networks, []);
    assert_eq!(
        mistakes(&text, &[], &["provisioner.team.require_eab=true"]),
        "--set provisioner.team.require_eab: provisioner.team.require_eab: \
         no provisioner is named \"team\"; there are: my-team, Über 2"
    );
}

#[test]
fn a_provisioner_s_retries_override_the_common_ones_key_by_key() {
    let config = good(
        &format!(
            "{SMALLEST}
            [validation.retry]
            interval = \"2s\"
            window = \"10s\"
            on_exhausted = \"invalid\"
            [[provisioner]]
            name = \"a\"
            [[provisioner]]
            name = \"b\"
            [provisioner.validation.retry]
            window = \"4s\"
            [[provisioner]]
            name = \"c\"
            [provisioner.validation]
            http01_port = 5002
            retry = {{ schedule = \"eager\", on_exhausted = \"processing\", dns_mismatch = \"invalid\" }}"
        ),
        &[],
        &[],
    );
    let retries: Vec<_> = config
        .provisioners
        .iter()
        .map(|p| &p.provisioner.retry)
        .collect();
    assert_eq!(retries[0].schedule().len(), 6);
    assert_eq!(retries[1].schedule().len(), 3);
    assert_eq!(retries[1].on_exhausted, OnExhausted::Invalid);
    assert_eq!(retries[2].schedule().len(), RetryPolicy::EAGER.len());
    assert_eq!(retries[2].interval(), Duration::from_secs(2));
    assert_eq!(retries[2].on_exhausted, OnExhausted::Processing);
    assert!(retries[2].dns_mismatch_is_final && !retries[1].dns_mismatch_is_final);
    assert_eq!(config.provisioners[2].validation.http01_port, 5002);
    assert_eq!(config.provisioners[1].validation.http01_port, 80);
}

#[test]
fn a_profile_says_what_differs_from_the_provisioner_s_certificates() {
    let text = format!(
        "{SMALLEST}
        [[provisioner]]
        name = \"a\"
        default_profile = \"tls\"
        [provisioner.policy]
        allow = [\"*.lab.internal\", \"10.1.0.0/16\"]
        [provisioner.certificate]
        default_validity = \"20d\"
        common_name = false
        [provisioner.profile.tls]
        description = \"servers\"
        extended_key_usages = [\"server_auth\", \"1.3.6.1.5.5.7.3.17\"]
        [provisioner.profile.short]
        default_validity = \"1h\"
        "
    );
    let config = good(
        &text,
        &[],
        &["provisioner.a.profile.extra.common_name=true"],
    );
    let provisioner = &config.provisioners[0].provisioner;
    let default = provisioner.default_profile.as_ref();
    assert_eq!(default.map(acme_types::ProfileName::as_str), Some("tls"));
    assert_eq!(provisioner.policy.allow.len(), 2);
    let told: Vec<_> = provisioner
        .profiles
        .iter()
        .map(|profile| {
            (
                profile.name.as_str(),
                profile.description.as_str(),
                profile.issuance.default_validity.as_secs() / 3600,
                profile.issuance.contents.common_name,
                profile.issuance.contents.extended_key_usages.len(),
            )
        })
        .collect();
    let days = 20 * 24;
    assert_eq!(
        told,
        [
            (
                "extra",
                "certificates that are valid for 20d",
                days,
                true,
                2
            ),
            ("short", "certificates that are valid for 1h", 1, false, 2),
            ("tls", "servers", days, false, 2),
        ]
    );
    let shown = toml::to_string(config.effective()).unwrap();
    let again = good(&shown, &[], &[]);
    assert_eq!(config.effective(), again.effective());
    assert_eq!(
        again.provisioners[0].provisioner.profiles,
        provisioner.profiles
    );
    // Of a profile's mistakes, those that it inherits are told once.
    let wrong = text.replace("\"20d\"", "\"91d\"");
    let found = mistakes(&wrong, &[], &[]);
    assert!(found.contains("certificate.default_validity: is longer"));
}

#[test]
fn assignments_are_a_key_and_a_value() {
    for text in ["", "a", "=b", "a..b=c", "a b=c", "a\n=b"] {
        assert_eq!(
            text.parse::<Assignment>(),
            Err(InvalidAssignment),
            "{text:?}"
        );
    }
    let assignment: Assignment = "provisioner.\"a=b\".x=c=d".parse().unwrap();
    assert!(assignment.sets(&["provisioner", "a=b", "x"]));
}

#[test]
fn the_slot_may_come_from_the_pod_s_name() {
    let resolve = |source: SlotSource, pod: Option<&str>, host: Option<&str>| {
        source.resolve(|name| {
            let value = if name == "POD_NAME" { pod } else { host };
            value.map(str::to_owned)
        })
    };
    let pod_name = SlotSource::PodName;
    assert_eq!(
        resolve(pod_name, Some("acme-server-3"), Some("x-9")),
        Ok(Slot::new(3))
    );
    assert_eq!(
        resolve(pod_name, None, Some("acme-server-12")),
        Ok(Slot::new(12))
    );
    assert_eq!(
        resolve(SlotSource::Number(Slot::new(7)), Some("a-1"), None),
        Ok(Slot::new(7))
    );
    assert!(
        resolve(pod_name, None, None)
            .unwrap_err()
            .contains("POD_NAME")
    );
    assert!(
        resolve(pod_name, Some("acme-server-x7k2p"), None)
            .unwrap_err()
            .contains("x7k2p")
    );
    assert!(resolve(pod_name, Some("acme-256"), None).is_err());
}

const CONTRACT: &str = r#"
base_url = "https://ca.internal"        # every URL and account id is made from it, never from a Host header
accepted_base_urls = []                 # earlier names whose `kid`s stay good

[listen]
acme    = "0.0.0.0:443"                 # HTTPS; ACME and the CA's public files
admin   = "127.0.0.1:15000"             # HTTPS; admin API, dashboard
metrics = "127.0.0.1:9402"              # HTTP; /metrics /livez /readyz

[tls]                                   # the server's own certificate; empty: the CA issues and renews it
cert = ""
key  = ""

[store]
url = "sqlite:///var/lib/acme-server/acme.db"   # or "postgres://user@host/db"

[slot]
id    = 0                               # or --slot, ACME_SLOT, or "pod-name" (trailing ordinal of $POD_NAME or $HOSTNAME)
lease = "15s"

[ca]
dir = "/var/lib/acme-server/ca"         # root.crt, intermediate.crt, intermediate.key

[validation]
resolvers      = []                     # "10.0.0.2:53"; empty: the system's
http01_port    = 80
tlsalpn01_port = 443
timeout        = "10s"
deny_networks  = ["127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "0.0.0.0/8", "224.0.0.0/4", "ff00::/8"]   # `dev` allows loopback
allow_networks = []                     # empty: all that is not denied

[validation.retry]
interval     = "12s"
window       = "2m"
schedule     = []                       # or ["0s", "2s", "5s", ...], or "eager"; wins over interval and window
min_gap      = "5s"
on_exhausted = "processing"             # or "invalid"
dns_mismatch = "processing"             # or "invalid"
answer_within = "250ms"

[[provisioner]]
name        = "default"                 # directory at {base_url}/acme/default/directory
challenges  = ["http-01", "dns-01", "tls-alpn-01"]   # newer types only by name here: some clients stop at a type they do not know
require_eab = false
"#;
