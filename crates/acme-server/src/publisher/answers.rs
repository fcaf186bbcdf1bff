//! Signed answers about certificates, kept as long as somebody asks for them.

use std::collections::HashMap;
use std::sync::Arc;

use acme_core::{CertificateStatus, OcspCertId, SignedOcsp};
use acme_types::Timestamp;

/// Answers in a generation, of which there are two: some 20 MiB with signatures of elliptic curves.
const GENERATION: usize = 16_384;

/// Signed answers by what was asked.
#[derive(Debug, Default)]
pub(super) struct Answers {
    young: HashMap<OcspCertId, Kept>,
    old: HashMap<OcspCertId, Kept>,
}

#[derive(Debug)]
struct Kept {
    status: CertificateStatus,
    signed: Arc<SignedOcsp>,
    /// Since it was signed.
    is_asked_for: bool,
}

impl Answers {
    /// The answer of this status that is good beyond a time.
    pub(super) fn get(
        &mut self,
        certificate: &OcspCertId,
        status: CertificateStatus,
        beyond: Timestamp,
    ) -> Option<Arc<SignedOcsp>> {
        if let Some((key, kept)) = self.old.remove_entry(certificate) {
            self.insert(key, kept);
        }
        let kept = self.young.get_mut(certificate)?;
        if kept.status != status || kept.signed.next_update <= beyond {
            return None;
        }
        kept.is_asked_for = true;
        Some(Arc::clone(&kept.signed))
    }

    pub(super) fn keep(
        &mut self,
        certificate: &OcspCertId,
        status: CertificateStatus,
        signed: Arc<SignedOcsp>,
    ) {
        let kept = Kept {
            status,
            signed,
            is_asked_for: false,
        };
        self.insert(certificate.clone(), kept);
    }

    /// Takes out the answers that are not good beyond a time or not of the status that the
    /// certificate has; gives those that were asked for.
    pub(super) fn take_due(
        &mut self,
        beyond: Timestamp,
        status: impl Fn(&OcspCertId) -> CertificateStatus,
    ) -> Vec<OcspCertId> {
        let is_due = |certificate: &OcspCertId, kept: &mut Kept| {
            kept.signed.next_update <= beyond || kept.status != status(certificate)
        };
        let both = [&mut self.young, &mut self.old];
        both.into_iter()
            .flat_map(|generation| generation.extract_if(is_due))
            .filter(|(_, kept)| kept.is_asked_for)
            .map(|(certificate, _)| certificate)
            .collect()
    }

    fn insert(&mut self, certificate: OcspCertId, kept: Kept) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(certificate, kept);
    }
}

#[cfg(test)]
mod tests {
    use acme_core::{OcspQuery, Revocation, RevocationReason};

    use super::*;

    /// The name of the certificate of this number.
    fn certificate(serial: u16) -> OcspCertId {
        let tlv =
            |tag: u8, value: &[u8]| [&[tag, u8::try_from(value.len()).unwrap()], value].concat();
        let sha1 = tlv(0x30, &[6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0]);
        let digest = tlv(4, &[7; 20]);
        let [high, low] = serial.to_be_bytes();
        // The first octet keeps the number positive and in its shortest form.
        let name = [&sha1[..], &digest, &digest, &[2, 3, 1, high, low]].concat();
        let question = (0..5).fold(name, |inner, _| tlv(0x30, &inner));
        let mut query = OcspQuery::parse(&question).unwrap();
        query.certificates.remove(0)
    }

    fn until(secs: i64) -> Arc<SignedOcsp> {
        Arc::new(SignedOcsp {
            this_update: Timestamp::from_secs(0),
            next_update: Timestamp::from_secs(secs),
            der: Vec::new(),
        })
    }

    const GOOD: CertificateStatus = CertificateStatus::Good;
    const REVOKED: CertificateStatus = CertificateStatus::Revoked(Revocation {
        at: Timestamp::from_secs(5),
        reason: RevocationReason::Superseded,
    });

    #[test]
    fn an_answer_is_kept_while_it_is_true_and_fresh() {
        let (one, at) = (certificate(1), Timestamp::from_secs);
        let mut answers = Answers::default();
        assert_eq!(answers.get(&one, GOOD, at(0)), None);
        answers.keep(&one, GOOD, until(10));
        assert_eq!(answers.get(&one, GOOD, at(9)), Some(until(10)));
        assert_eq!(answers.get(&one, GOOD, at(10)), None);
        assert_eq!(answers.get(&one, REVOKED, at(9)), None);
        assert_eq!(answers.get(&certificate(2), GOOD, at(9)), None);
    }

    #[test]
    fn what_was_asked_for_is_signed_again_in_time() {
        let at = Timestamp::from_secs;
        let mut answers = Answers::default();
        for serial in 1..=4 {
            answers.keep(&certificate(serial), GOOD, until(10));
        }
        for serial in 1..=3 {
            answers.get(&certificate(serial), GOOD, at(0));
        }
        let revoked = |id: &OcspCertId| if *id == certificate(2) { REVOKED } else { GOOD };
        assert_eq!(answers.take_due(at(9), revoked), [certificate(2)]);
        let mut due = answers.take_due(at(10), revoked);
        due.sort_by_key(|id| id.serial);
        assert_eq!(due, [certificate(1), certificate(3)], "nobody asked for 4");
        assert_eq!(answers.take_due(at(10), revoked), []);
    }

    #[test]
    fn what_nobody_asks_for_is_forgotten_for_others() {
        let at = Timestamp::from_secs(0);
        let mut answers = Answers::default();
        let n = u16::try_from(GENERATION).unwrap();
        answers.keep(&certificate(0), GOOD, until(10));
        answers.keep(&certificate(1), GOOD, until(10));
        for serial in 2..=n {
            answers.keep(&certificate(serial), GOOD, until(10));
        }
        assert!(answers.get(&certificate(0), GOOD, at).is_some());
        for serial in n + 1..2 * n + 1 {
            answers.keep(&certificate(serial), GOOD, until(10));
        }
        assert!(answers.get(&certificate(0), GOOD, at).is_some());
        assert!(answers.get(&certificate(1), GOOD, at).is_none());
        assert!(answers.young.len() + answers.old.len() <= 2 * GENERATION);
    }
}
