"""Runs the linters of pkilint over many certificates in one process.

Reads a JSON list of [linter, file, ...] from standard input; writes a JSON list of what each found:
[[severity, code, message], ...].
"""

import contextlib
import io
import json
import sys

from pkilint.bin import (
    lint_cabf_serverauth_cert,
    lint_crl,
    lint_ocsp_response,
    lint_pkix_cert,
    lint_pkix_signer_signee_cert_chain,
)

LINTERS = {
    "pkix": (lint_pkix_cert.main, []),
    "chain": (lint_pkix_signer_signee_cert_chain.main, []),
    "crl": (lint_crl.main, ["-t", "CRL", "-p", "BR"]),
    "ocsp": (lint_ocsp_response.main, []),
    "tls-leaf": (lint_cabf_serverauth_cert.main, ["-t", "DV-FINAL-CERTIFICATE"]),
}


def lint(linter, *files):
    main, options = LINTERS[linter]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main(["lint", "-f", "JSON", *options, *files])
    report = json.loads(out.getvalue())
    return [
        [finding["severity"], finding["code"], finding.get("message") or ""]
        for result in report["results"]
        for finding in result["finding_descriptions"]
    ]


json.dump([lint(*job) for job in json.load(sys.stdin)], sys.stdout)
