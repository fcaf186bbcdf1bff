-- Each issuer has a log of its revocations: what a replica has read up to a number, it never has to
-- read again. revision is the number of the last entry, and stays when entries are pruned.
CREATE TABLE revocation_logs (
    issuer   BLOB PRIMARY KEY NOT NULL REFERENCES issuers (id),
    revision INTEGER NOT NULL CHECK (revision >= 0)
) STRICT;

CREATE TABLE revocations (
    issuer     BLOB NOT NULL REFERENCES issuers (id),
    revision   INTEGER NOT NULL CHECK (revision > 0),
    serial     BLOB NOT NULL CHECK (length(serial) = 17),
    not_after  INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL,
    reason     INTEGER NOT NULL CHECK (reason BETWEEN 0 AND 10),
    PRIMARY KEY (issuer, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX revocations_by_expiry ON revocations (not_after);

-- The newest revocation list of each issuer, which knows the log up to revision.
CREATE TABLE crls (
    issuer      BLOB PRIMARY KEY NOT NULL REFERENCES issuers (id),
    number      INTEGER NOT NULL CHECK (number > 0),
    revision    INTEGER NOT NULL CHECK (revision >= 0),
    this_update INTEGER NOT NULL,
    next_update INTEGER NOT NULL CHECK (next_update > this_update),
    der         BLOB NOT NULL
) STRICT;

INSERT INTO revocations
SELECT issuer, row_number() OVER (PARTITION BY issuer ORDER BY revoked_at, id), serial, not_after,
       revoked_at, revocation_reason
FROM certificates WHERE revoked_at IS NOT NULL;

INSERT INTO revocation_logs
SELECT id, (SELECT count(*) FROM revocations WHERE revocations.issuer = issuers.id) FROM issuers;
