//! The `[provisioner.attestation]` table: whose attestations of devices are believed.

use std::path::PathBuf;

use acme_core::AttestationFormat;
use acme_types::ChallengeKind;

use super::section::Section;

/// Reads one table: the file with the roots of each format that is believed.
pub(super) fn read(
    section: &mut Section<'_>,
    challenges: &[ChallengeKind],
) -> Vec<(AttestationFormat, PathBuf)> {
    let mut roots = Vec::new();
    for format in AttestationFormat::ALL {
        let file: Option<PathBuf> = section.value(key(*format), None);
        roots.extend(file.map(|file| (*format, file)));
    }
    let is_wrong = AttestationFormat::ALL
        .iter()
        .any(|format| section.is_wrong(key(*format)));
    let attests = challenges.contains(&ChallengeKind::DeviceAttest01);
    if is_wrong {
        // What was meant is not known.
    } else if attests && roots.is_empty() {
        section.mistake_of_all(
            "names no roots: challenges has device-attest-01, which believes no device without",
        );
    } else if let (false, Some((format, _))) = (attests, roots.first()) {
        let reason =
            "stands there, but no device is attested; add \"device-attest-01\" to challenges";
        section.mistake(key(*format), reason);
    }
    roots
}

const fn key(format: AttestationFormat) -> &'static str {
    match format {
        AttestationFormat::Apple => "apple_roots",
        AttestationFormat::Step => "step_roots",
        AttestationFormat::Tpm => "tpm_roots",
        AttestationFormat::Packed => "packed_roots",
    }
}
