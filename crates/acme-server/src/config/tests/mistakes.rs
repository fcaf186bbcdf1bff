//! What each mistake is told as.

use super::*;

/// Sets one key of the smallest configuration and expects one mistake with this reason.
#[track_caller]
fn check_mistake(key: &str, value: &str, reason: &str) {
    let dotted = format!("{key} = {value}\n{SMALLEST}");
    // A dotted key before the first table spells any key but those whose table stands below.
    let found = mistakes(&dotted, &[], &[]);
    assert_eq!(found, format!("acme-server.toml:1: {key}: {reason}"));
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = r#"
base_url = "http://ca.internal"
baseurl = 1
[listen]
acme = "443"
[store]
ulr = "sqlite:acme.db"
[slot]
id = 256
[validation]
timeout = 10
http01_port = "80"
deny_networks = ["10.0.0.0/33", "10.0.0.0/8", "no"]
retry.schedule = ["1s"]
[[provisioner]]
name = "a"
challenges = ["http-1", "dns-01"]
[[provisioner]]
name = "a"
colour = "blue"
"#;
    let found = mistakes(
        text,
        &[("ACME_SERVER__LOG__FORMAT", "jsno")],
        &["tls.cert=x.pem"],
    );
    let expect = r#"acme-server.toml:2: base_url: "http://ca.internal" does not begin with https://; write a URL such as https://ca.internal or https://10.0.0.5:8443
acme-server.toml:5: listen.acme: "443" is not an address and port, such as 0.0.0.0:443 or [::1]:443
--set tls.cert: tls.key: is missing beside tls.cert
acme-server.toml:6: store.url: is missing
acme-server.toml:7: store.ulr: there is no such key; did you mean url?
acme-server.toml:9: slot.id: must be between 0 and 255
acme-server.toml: ca.dir: is missing
acme-server.toml:12: validation.http01_port: must be a number without quotes, 80
acme-server.toml:11: validation.timeout: 10 has no unit; write "10s" for seconds (units: ms, s, m, h, d)
acme-server.toml:13: validation.deny_networks: entry 1: "10.0.0.0/33" is not a network; write an address and a prefix length, as in 10.0.0.0/8; entry 3: "no" is not a network; write an address and a prefix length, as in 10.0.0.0/8
acme-server.toml:14: validation.retry.schedule: the schedule must start with 0s: the first attempt is made at once
ACME_SERVER__LOG__FORMAT: log.format: "jsno" is none of "text", "json"; did you mean "json"?
acme-server.toml:17: provisioner.a.challenges: entry 1: "http-1" is none of "http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01", "device-attest-01"; did you mean "http-01"?
acme-server.toml:20: provisioner.a.colour: there is no such key
acme-server.toml:15: provisioner: two are named "a"
acme-server.toml:3: baseurl: there is no such key; did you mean base_url?"#;
    let (mut found, mut expect): (Vec<_>, Vec<_>) =
        (found.lines().collect(), expect.lines().collect());
    found.sort_unstable();
    expect.sort_unstable();
    assert_eq!(found.join("\n"), expect.join("\n"));
}

#[test]
fn each_mistake_says_what_would_be_right() {
    let cases = [
        ("listen.admin", "0", "must be text in quotes, not a number"),
        (
            "listen.metrics",
            "\"0.0.0.0:443\"",
            "is the address of listen.acme; each needs its own",
        ),
        (
            "slot.id",
            "\"one\"",
            "\"one\" is no slot; write a number from 0 to 255, or \"pod-name\"",
        ),
        ("slot.id", "-1", "must be between 0 and 255"),
        (
            "slot.id",
            "\"\"",
            "must be a number from 0 to 255, or \"pod-name\"",
        ),
        (
            "slot.lease",
            "\"100ms\"",
            "must be between \"1s\" and \"10m\"",
        ),
        ("slot", "3", "must be a table, [slot], not a number"),
        ("validation.http01_port", "0", "must be between 1 and 65535"),
        (
            "validation.http01_port",
            "70000",
            "70000 is not between 0 and 65535",
        ),
        (
            "validation.http01_port",
            "80.5",
            "must be a whole number, not a number with a fraction",
        ),
        (
            "validation.timeout",
            "\"0s\"",
            "must be between \"100ms\" and \"1m\"",
        ),
        (
            "validation.timeout",
            "true",
            "must be text in quotes, not true or false",
        ),
        (
            "validation.resolvers",
            "[\"10.0.0.2\"]",
            "\"10.0.0.2\" is not an address and port, such as 0.0.0.0:443 or [::1]:443",
        ),
        (
            "validation.resolvers",
            "\"10.0.0.2:53\"",
            "must be a list, not text",
        ),
        (
            "validation.resolvers",
            "[\"10.0.0.2:0\"]",
            "10.0.0.2:0 has no port; DNS has port 53",
        ),
        (
            "validation.allow_networks",
            "[\"10.0.3.7/8\"]",
            "\"10.0.3.7/8\" has bits set beyond its prefix; if the whole network is meant, write 10.0.0.0/8",
        ),
        (
            "validation.retry.interval",
            "\"0s\"",
            "must be between \"10ms\" and \"1d\"",
        ),
        (
            "validation.retry.window",
            "\"30d\"",
            "a window may have at most 1000 attempts",
        ),
        (
            "validation.retry.schedule",
            "\"keen\"",
            "\"keen\" is no schedule; write a list of times such as [\"0s\", \"2s\", \"5s\"], or \"eager\"",
        ),
        (
            "validation.retry.schedule",
            "[\"0s\", \"5s\", \"5s\"]",
            "the schedule's times must rise",
        ),
        (
            "validation.retry.schedule",
            "[0, 5]",
            "entry 1: 0 has no unit; write \"0s\" for seconds (units: ms, s, m, h, d); entry 2: 5 has no unit; write \"5s\" for seconds (units: ms, s, m, h, d)",
        ),
        (
            "validation.retry.on_exhausted",
            "\"valid\"",
            "\"valid\" is none of \"processing\", \"invalid\"; did you mean \"invalid\"?",
        ),
        (
            "validation.retry.dns_mismatch",
            "false",
            "must be text in quotes, not true or false",
        ),
        (
            "validation.retry.answer_within",
            "\"1m\"",
            "must be between \"0s\" and \"10s\"",
        ),
        (
            "validation.retry.intervall",
            "\"5s\"",
            "there is no such key; did you mean interval?",
        ),
        ("limits.attempts", "0", "must be between 1 and 1000000"),
        (
            "retention.orders",
            "\"1s\"",
            "must be between \"1m\" and \"36525d\"",
        ),
        (
            "log.level",
            "\"verbose\"",
            "\"verbose\" is no level; write error, warn, info, debug or trace, or directives such as \"info,acme_validate=debug\"",
        ),
        (
            "log.level",
            "\"\"",
            "\"\" is no level; write error, warn, info, debug or trace, or directives such as \"info,acme_validate=debug\"",
        ),
        (
            "accepted_base_urls",
            "[\"https://a/b\"]",
            "\"https://a/b\" has a path; the server answers at the root of its host; write a URL such as https://ca.internal or https://10.0.0.5:8443",
        ),
        ("tls.key", "\"key.pem\"", ""),
        (
            "provisioner",
            "[]",
            "there must be at least one, [[provisioner]]",
        ),
        (
            "provisioner",
            "1",
            "must be tables, each [[provisioner]], not a number",
        ),
        ("clock", "1970-01-01", "there is no such key"),
    ];
    for (key, value, reason) in cases {
        if reason.is_empty() {
            let text = format!("{key} = {value}\n{SMALLEST}");
            assert_eq!(
                mistakes(&text, &[], &[]),
                "acme-server.toml:1: tls.cert: is missing beside tls.key"
            );
        } else {
            check_mistake(key, value, reason);
        }
    }
}

#[test]
fn each_mistake_of_a_provisioner_is_told() {
    let cases = [
        (
            "challenges = []",
            "challenges: must name at least one challenge, or nothing could be proven",
        ),
        (
            "challenges = ['dns-01', 'dns-01']",
            "challenges: \"dns-01\" stands there twice",
        ),
        (
            "require_eab = 'yes'",
            "require_eab: must be true or false, not text",
        ),
        (
            "terms_of_service = 'terms'",
            "terms_of_service: \"terms\" is not a URL that begins with https:// or http://",
        ),
        ("caa_identities = ['a b']", "caa_identities: \"a b\": "),
        (
            "caa_identities = ['ca.test']",
            "caa_identities: stands there, but no CAA record is looked at; set caa = \"on\"",
        ),
        (
            "caa_identities = ['*.test']",
            "caa_identities: \"*.test\" must not be a wildcard",
        ),
        (
            "caa = 'on'",
            "caa_identities: must name this CA, or every CAA record would forbid it: [\"ca.internal\"]",
        ),
        (
            "challenges = ['dns-persist-01']",
            "caa_identities: must name this CA: dns-persist-01 looks for its name in the record",
        ),
        (
            "challenges = ['device-attest-01']",
            "attestation: names no roots: challenges has device-attest-01",
        ),
        (
            "attestation.tpm_roots = 'tpm.pem'",
            "attestation.tpm_roots: stands there, but no device is attested",
        ),
        (
            "attestation.none_roots = 'x.pem'",
            "attestation.none_roots: there is no such key",
        ),
        (
            "caa = 'private'\ncaa_identities = ['ca.test']",
            "caa_private_suffixes: and caa = \"private\" need each other",
        ),
        (
            "caa_private_suffixes = ['internal']",
            "caa_private_suffixes: and caa = \"private\" need each other",
        ),
        (
            "caa = 'yes'",
            "caa: \"yes\" is none of \"off\", \"on\", \"private\"",
        ),
        (
            "max_identifiers = 0",
            "max_identifiers: must be between 1 and 1000",
        ),
        (
            "order_lifetime = '0s'",
            "order_lifetime: must be between \"1s\" and \"90d\"",
        ),
        (
            "certificate.max_validity = '1d'",
            "certificate.default_validity: is longer than max_validity",
        ),
        (
            "certificate.min_validity = '40d'",
            "certificate.default_validity: is shorter than min_validity",
        ),
        (
            "certificate.min_validity = '100d'",
            "certificate.min_validity: is longer than max_validity",
        ),
        (
            "authorization.pre_authorization = true",
            "authorization.pre_authorization: needs a reuse: what is authorized ahead of an order \
             would serve none",
        ),
        (
            "renewal.window_start = 0",
            "renewal.window_start: must be between 1 and 99",
        ),
        (
            "renewal.window_end = 60",
            "renewal.window_end: is not after window_start",
        ),
        (
            "renewal.check_every = '1s'",
            "renewal.check_every: must be between \"1m\" and \"1d\"",
        ),
        (
            "certificate.backdate = '2d'",
            "certificate.backdate: must be between \"0s\" and \"1d\"",
        ),
        (
            "policy.allow = ['*.a.internal', 'a b']",
            "policy.allow: entry 2: \"a b\" is neither a name, nor *. and a name, nor a network",
        ),
        (
            "policy.deny = ['10.0.0.1/8']",
            "policy.deny: \"10.0.0.1/8\" is neither a name",
        ),
        (
            "policy.key_types = []",
            "policy.key_types: must not be empty: no certificate would be possible",
        ),
        (
            "policy.key_types = ['dsa']",
            "policy.key_types: \"dsa\" is none of \"rsa\", \"p256\"",
        ),
        (
            "policy.min_rsa_bits = 1024",
            "policy.min_rsa_bits: must be between 2048 and 8192",
        ),
        (
            "policy.hook.url = 'https://policy.internal/'",
            "policy.hook.secret_file: is missing beside url",
        ),
        (
            "policy.hook.secret_file = 'x'",
            "policy.hook.url: is missing beside secret_file",
        ),
        (
            "policy.hook = { url = 'http://policy.internal/', secret_file = 'x' }",
            "policy.hook.url: \"http://policy.internal/\" is plain HTTP to another machine",
        ),
        (
            "policy.hook.timeout = '1m'",
            "policy.hook.timeout: must be between \"50ms\" and \"30s\"",
        ),
        (
            "policy.hook.moments = []",
            "policy.hook.moments: must not be empty; without a url, nobody is asked",
        ),
        (
            "policy.hook.moments = ['newOrder']",
            "policy.hook.moments: \"newOrder\" is none of \"new-order\", \"finalize\"",
        ),
        (
            "certificate.identifier_types = ['dns', 'dns']",
            "certificate.identifier_types: entry 2 stands there twice",
        ),
        (
            "certificate.identifier_types = ['email']",
            "certificate.identifier_types: \"email\" is none of \"dns\", \"ip\"",
        ),
        (
            "certificate.key_usages = ['key_encipherment']",
            "certificate.key_usages: has nothing that a key of type p256 can do",
        ),
        (
            "certificate.extended_key_usages = ['serverAuth']",
            "certificate.extended_key_usages: \"serverAuth\" is no purpose of a certificate",
        ),
        (
            "certificate.certificate_policies = ['1.2.x']",
            "certificate.certificate_policies: \"1.2.x\": ",
        ),
        (
            "default_profile = 'tls'",
            "default_profile: tls is no profile; write a table [provisioner.profile.tls]",
        ),
        (
            "default_profile = 'tls'\nprofile.short.default_validity = '1h'",
            "default_profile: tls is no profile; there are: short",
        ),
        (
            "profile.short = 1",
            "profile.short: must be a table, not a number",
        ),
        (
            "profile.'a b'.default_validity = '1h'",
            "profile.\"a b\": a profile is named by 1 to 64 ASCII letters",
        ),
        (
            "profile.short.default_validity = '91d'",
            "profile.short.default_validity: is longer than max_validity",
        ),
        (
            "profile.short.validity = '1d'",
            "profile.short.validity: there is no such key; did you mean",
        ),
        (
            "profile.short.description = \"a\\tb\"",
            "profile.short.description: must be one line of at most 500 characters",
        ),
        (
            "policy.key_types = ['rsa']\nprofile.short.key_types = ['p256']",
            "profile.short.key_types: names none that policy.key_types allows",
        ),
        (
            "validation.retry.schedule = ['2s']",
            "validation.retry.schedule: the schedule must start with 0s",
        ),
        (
            "validation.port = 1",
            "validation.port: there is no such key",
        ),
        (
            "certificates = 1",
            "certificates: there is no such key; did you mean certificate?",
        ),
    ];
    for (line, reason) in cases {
        let found = mistakes(
            &format!("{SMALLEST}[[provisioner]]\nname = 'a'\n{line}\n"),
            &[],
            &[],
        );
        assert!(
            found.contains(&format!(": provisioner.a.{reason}")),
            "{line}: {found}"
        );
        assert_eq!(found.lines().count(), 1, "{line}: {found}");
    }
    for (name, reason) in [
        ("", "provisioner.1.name: is missing"),
        ("name = ''", "provisioner.\"\".name: "),
        (
            "name = 7",
            "provisioner.1.name: must be text in quotes, not a number",
        ),
        ("name = '..'", "provisioner.\"..\".name: "),
    ] {
        let found = mistakes(&format!("{SMALLEST}[[provisioner]]\n{name}\n"), &[], &[]);
        assert!(found.contains(reason), "{name}: {found}");
        assert_eq!(found.lines().count(), 1, "{name}: {found}");
    }
}

#[test]
fn a_mistake_that_a_provisioner_inherits_is_told_once() {
    let text =
        format!("validation.retry.window = \"30d\"\n{SMALLEST}[[provisioner]]\nname = 'a'\n");
    assert_eq!(mistakes(&text, &[], &[]).lines().count(), 1);
}

#[test]
fn text_that_is_not_toml_is_told_with_its_line() {
    let found = mistakes(
        "base_url = \"https://ca.internal\"\nlisten = [\n[store\n",
        &[],
        &[],
    );
    assert!(found.contains("acme-server.toml:"), "{found}");
    assert!(found.contains("not TOML: "), "{found}");
    let twice = mistakes("a = 1\na = 2\n", &[], &[]);
    assert!(
        twice.starts_with("acme-server.toml:2: not TOML: "),
        "{twice}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake() {
    let Mistakes(found) = Config::load(Path::new("/nonexistent/x.toml"), [], &[]).unwrap_err();
    assert!(
        found[0]
            .to_string()
            .starts_with("/nonexistent/x.toml: the file cannot be read: ")
    );
}

#[test]
fn an_override_through_a_value_is_a_mistake() {
    assert_eq!(
        mistakes(SMALLEST, &[], &["base_url.x=1"]),
        "--set base_url.x: base_url.x: base_url is text, not a table"
    );
}
