//! What a standing TXT record of dns-persist-01 must say
//! ([draft-ietf-acme-dns-persist](https://datatracker.ietf.org/doc/draft-ietf-acme-dns-persist/)).

use crate::issue_value::{IssueValue, Repeated};
use crate::{Probe, printable};

/// Why none of the TXT records proves control; none when one of them does.
///
/// A record counts when it names this authority and the account, is not over at [`Probe::now`], and
/// for a wildcard carries `policy=wildcard`. Records of other authorities say nothing.
#[must_use]
pub fn persist_refusal(probe: &Probe, records: &[Vec<u8>]) -> Option<String> {
    let mut nearest: Option<(u8, String)> = None;
    for record in records {
        let (distance, why) = match judge(probe, record) {
            Ok(()) => return None,
            Err(refusal) => refusal,
        };
        if nearest.as_ref().is_none_or(|(least, _)| distance < *least) {
            let shown = printable(record, 120);
            nearest = Some((distance, format!("\"{shown}\": {why}")));
        }
    }
    Some(nearest.map_or_else(|| "there is no record".to_owned(), |(_, why)| why))
}

/// How far a record is from being right, and why: the nearest tells best what to mend.
fn judge(probe: &Probe, record: &[u8]) -> Result<(), (u8, String)> {
    const ANOTHER: u8 = 3;
    const UNREADABLE: u8 = 2;
    const OF_ANOTHER_ACCOUNT: u8 = 1;
    const NEARLY: u8 = 0;

    let value = IssueValue::parse(record).map_err(|why| (UNREADABLE, why.to_owned()))?;
    if !value.names_one_of(&probe.issuer_names) {
        let names = probe.issuer_names.join(", ");
        let why = format!("it does not name this authority ({names})");
        return Err((ANOTHER, why));
    }
    let parameter = |tag: &str| {
        let twice = |Repeated| (UNREADABLE, format!("it has {tag} twice"));
        value.parameter(tag).map_err(twice)
    };
    let account = parameter("accounturi")?;
    let (policy, until) = (parameter("policy")?, parameter("persistuntil")?);
    let own = probe.account_urls.first().map_or("", String::as_str);
    match account {
        Some(url) if probe.account_urls.iter().any(|own| own == url) => {}
        Some(_) => {
            let why = format!("it names another account than {own}");
            return Err((OF_ANOTHER_ACCOUNT, why));
        }
        None => return Err((OF_ANOTHER_ACCOUNT, format!("it lacks accounturi={own}"))),
    }
    if let Some(until) = until {
        let digits = !until.is_empty() && until.bytes().all(|b| b.is_ascii_digit());
        // More seconds than fit are farther off than any certificate.
        let seconds = until.parse::<u64>().unwrap_or(u64::MAX);
        if !digits {
            let why = "its persistUntil is not a number of seconds since 1970";
            return Err((NEARLY, why.to_owned()));
        }
        if u64::try_from(probe.now.as_secs()).unwrap_or(0) > seconds {
            return Err((NEARLY, "its persistUntil is over".to_owned()));
        }
    }
    let for_wildcard = policy.is_some_and(|policy| policy.eq_ignore_ascii_case("wildcard"));
    if probe.wildcard && !for_wildcard {
        let why = "it lacks policy=wildcard, which a wildcard needs";
        return Err((NEARLY, why.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use acme_types::{ChallengeKind, Identifier, KeyAuthorization, Thumbprint, Timestamp};

    use super::*;
    use crate::CaaMode;

    const NOW: i64 = 1_800_000_000;

    fn probe(wildcard: bool) -> Probe {
        let token = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
            .parse()
            .unwrap();
        Probe {
            provisioner: "default".parse().unwrap(),
            kind: ChallengeKind::DnsPersist01,
            identifier: Identifier::Dns("a.test".parse().unwrap()),
            wildcard,
            key_authorization: KeyAuthorization::new(&token, &Thumbprint([7; 32])),
            token,
            account_urls: vec!["https://ca/1".to_owned(), "https://old/1".to_owned()],
            issuer_names: vec!["ca.internal".to_owned()],
            caa: CaaMode::Off,
            now: Timestamp::from_secs(NOW),
        }
    }

    #[test]
    fn each_record_has_its_meaning() {
        const PROOF: &str = "";

        let table: &[(bool, &[&str], &str)] = &[
            (false, &["ca.internal; accounturi=https://ca/1"], PROOF),
            (false, &["CA.internal;accounturi=https://old/1"], PROOF),
            (
                false,
                &["x.test", "ca.internal; accounturi=https://ca/1"],
                PROOF,
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; policy=WildCard"],
                PROOF,
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; policy=other"],
                PROOF,
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; unheardof=1; unheardof=2"],
                PROOF,
            ),
            (
                true,
                &["ca.internal; accounturi=https://ca/1; policy=wildcard"],
                PROOF,
            ),
            (
                true,
                &["ca.internal; accounturi=https://ca/1"],
                "lacks policy=wildcard",
            ),
            (
                true,
                &["ca.internal; accounturi=https://ca/1; policy=other"],
                "lacks policy=wildcard",
            ),
            (false, &["ca.internal"], "lacks accounturi=https://ca/1"),
            (
                false,
                &["ca.internal; accounturi=https://ca/2"],
                "another account than https://ca/1",
            ),
            (
                false,
                &["ca.internal; accounturi=HTTPS://ca/1"],
                "another account",
            ),
            (
                false,
                &["other.internal; accounturi=https://ca/1"],
                "does not name this authority (ca.internal)",
            ),
            (
                false,
                &["; accounturi=https://ca/1"],
                "does not name this authority",
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1;"],
                "without \"=\"",
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; accounturi=https://ca/1"],
                "accounturi twice",
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; policy=a; policy=a"],
                "policy twice",
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; persistUntil=1800000000"],
                PROOF,
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; persistUntil=99999999999999999999"],
                PROOF,
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; persistUntil=1799999999"],
                "is over",
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; persistUntil=soon"],
                "not a number",
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; persistUntil=-1"],
                "not a number",
            ),
            (
                false,
                &["ca.internal; accounturi=https://ca/1; persistUntil="],
                "not a number",
            ),
            (false, &[], "there is no record"),
            // The nearest is told.
            (
                false,
                &["other", "ca.internal; accounturi=https://ca/2", "bad value"],
                "another account",
            ),
        ];
        for (wildcard, records, expected) in table {
            let records: Vec<_> = records.iter().map(|r| r.as_bytes().to_vec()).collect();
            match persist_refusal(&probe(*wildcard), &records) {
                None => assert_eq!(*expected, PROOF, "{records:?}"),
                Some(why) => assert!(
                    *expected != PROOF && why.contains(expected),
                    "{records:?}: {why}"
                ),
            }
        }
    }
}
