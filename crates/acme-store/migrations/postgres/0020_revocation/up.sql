-- Each issuer has a log of its revocations: what a replica has read up to a number, it never has to
-- read again. revision is the number of the last entry, and stays when entries are pruned.
CREATE TABLE revocation_logs (
    issuer   BYTEA PRIMARY KEY NOT NULL REFERENCES issuers (id),
    revision BIGINT NOT NULL CHECK (revision >= 0)
);

CREATE TABLE revocations (
    issuer     BYTEA NOT NULL REFERENCES issuers (id),
    revision   BIGINT NOT NULL CHECK (revision > 0),
    serial     BYTEA NOT NULL CHECK (octet_length(serial) = 17),
    not_after  BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    reason     SMALLINT NOT NULL CHECK (reason BETWEEN 0 AND 10),
    PRIMARY KEY (issuer, revision)
);
CREATE INDEX revocations_by_expiry ON revocations (not_after);

-- The newest revocation list of each issuer, which knows the log up to revision.
CREATE TABLE crls (
    issuer      BYTEA PRIMARY KEY NOT NULL REFERENCES issuers (id),
    number      BIGINT NOT NULL CHECK (number > 0),
    revision    BIGINT NOT NULL CHECK (revision >= 0),
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL CHECK (next_update > this_update),
    der         BYTEA NOT NULL
);

INSERT INTO revocations
SELECT issuer, row_number() OVER (PARTITION BY issuer ORDER BY revoked_at, id), serial, not_after,
       revoked_at, revocation_reason
FROM certificates WHERE revoked_at IS NOT NULL;

INSERT INTO revocation_logs
SELECT id, (SELECT count(*) FROM revocations WHERE revocations.issuer = issuers.id) FROM issuers;
