-- Who looks after the server.
CREATE TABLE operators (
    name       TEXT PRIMARY KEY NOT NULL,
    role       TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

-- By what they are known: SHA-256 of a token, of a one-time link, of a session's cookie, of a client
-- certificate. The secrets themselves are kept nowhere.
CREATE TABLE operator_proofs (
    digest     BYTEA PRIMARY KEY NOT NULL CHECK (octet_length(digest) = 32),
    kind       TEXT NOT NULL CHECK (kind IN ('token', 'link', 'session', 'certificate')),
    operator   TEXT NOT NULL REFERENCES operators (name),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX operator_proofs_by_expiry ON operator_proofs (expires_at);
CREATE INDEX operator_proofs_of_operator ON operator_proofs (operator);

-- People look for what was asked for by its name, and for what became invalid too.
CREATE INDEX authorizations_by_identifier ON authorizations (identifier, id);
CREATE INDEX invalid_orders_of_account ON orders (account_id, created_at, id) WHERE error IS NOT NULL;
