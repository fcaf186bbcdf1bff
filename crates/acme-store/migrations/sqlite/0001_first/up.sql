-- Times are milliseconds since 1970, UTC. Every status word has its facts, and a CHECK ties the two
-- together, so that a row that means nothing cannot be written by whatever hand.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    slot       INTEGER PRIMARY KEY NOT NULL CHECK (slot BETWEEN 0 AND 255),
    epoch      INTEGER NOT NULL CHECK (epoch > 0),
    holder     TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id               TEXT PRIMARY KEY NOT NULL,
    provisioner      TEXT NOT NULL,
    thumbprint       BLOB NOT NULL CHECK (length(thumbprint) = 32),
    jwk              TEXT NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('valid', 'deactivated', 'revoked')),
    contact          TEXT NOT NULL,
    terms_agreed     INTEGER NOT NULL CHECK (terms_agreed IN (0, 1)),
    external_account TEXT,
    created_at       INTEGER NOT NULL,
    UNIQUE (thumbprint, provisioner)
) STRICT;
CREATE INDEX accounts_by_creation ON accounts (created_at, id);

CREATE TABLE orders (
    id             TEXT PRIMARY KEY NOT NULL,
    account_id     TEXT NOT NULL REFERENCES accounts (id),
    provisioner    TEXT NOT NULL,
    identifiers    TEXT NOT NULL,
    authorizations TEXT NOT NULL,
    not_before     INTEGER,
    not_after      INTEGER,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('pending', 'ready', 'processing', 'valid', 'invalid')),
    certificate_id TEXT,
    error          TEXT,
    CHECK ((status IN ('processing', 'valid')) = (certificate_id IS NOT NULL)),
    CHECK ((status = 'invalid') = (error IS NOT NULL))
) STRICT;
-- An order has an error exactly when it is invalid, and invalid ones are not listed.
CREATE INDEX orders_of_account ON orders (account_id, created_at, id) WHERE error IS NULL;
CREATE INDEX open_orders_of_account ON orders (account_id, id) WHERE status IN ('pending', 'ready');
CREATE INDEX orders_by_expiry ON orders (expires_at);

CREATE TABLE authorizations (
    id          TEXT PRIMARY KEY NOT NULL,
    account_id  TEXT NOT NULL REFERENCES accounts (id),
    provisioner TEXT NOT NULL,
    identifier  TEXT NOT NULL CHECK (identifier GLOB 'dns:?*' OR identifier GLOB 'ip:?*'),
    wildcard    INTEGER NOT NULL CHECK (wildcard IN (0, 1)),
    expires_at  INTEGER NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('pending', 'valid', 'invalid', 'deactivated', 'revoked'))
) STRICT;
CREATE INDEX pending_authorizations_of_account ON authorizations (account_id, id) WHERE status = 'pending';
CREATE INDEX authorizations_by_expiry ON authorizations (expires_at);

-- Which orders wait for an authorization. The other way round stands in orders.authorizations, in
-- the order of the identifiers. There is no foreign key to orders: it would need an index by order
-- for nothing but the deletion, which removes these rows by their key.
CREATE TABLE order_authorizations (
    authorization_id TEXT NOT NULL REFERENCES authorizations (id),
    order_id         TEXT NOT NULL,
    PRIMARY KEY (authorization_id, order_id)
) STRICT, WITHOUT ROWID;

-- expires_at is the authorization's, which never changes. n_claims and n_attempts count over the
-- whole life of the challenge, num_attempts within the window.
CREATE TABLE challenges (
    authorization_id     TEXT NOT NULL REFERENCES authorizations (id) ON DELETE CASCADE,
    position             INTEGER NOT NULL,
    id                   TEXT NOT NULL UNIQUE,
    kind                 TEXT NOT NULL,
    token                TEXT NOT NULL,
    expires_at           INTEGER NOT NULL,
    n_claims             INTEGER NOT NULL CHECK (n_claims >= 0),
    n_attempts           INTEGER NOT NULL CHECK (n_attempts >= 0),
    status               TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'valid', 'invalid')),
    owner_slot           INTEGER CHECK (owner_slot BETWEEN 0 AND 255),
    window_start         INTEGER,
    num_attempts         INTEGER CHECK (num_attempts >= 0),
    max_attempts         INTEGER CHECK (max_attempts >= 0),
    next_attempt_at      INTEGER,
    last_attempt_at      INTEGER,
    in_flight_slot       INTEGER CHECK (in_flight_slot BETWEEN 0 AND 255),
    in_flight_epoch      INTEGER,
    in_flight_started_at INTEGER,
    in_flight_until      INTEGER,
    validated_at         INTEGER,
    error                TEXT,
    PRIMARY KEY (authorization_id, position),
    CHECK ((status = 'processing') = (owner_slot IS NOT NULL)),
    CHECK ((owner_slot IS NULL) = (window_start IS NULL)),
    CHECK ((owner_slot IS NULL) = (num_attempts IS NULL)),
    CHECK ((owner_slot IS NULL) = (max_attempts IS NULL)),
    CHECK (owner_slot IS NOT NULL OR (next_attempt_at IS NULL AND last_attempt_at IS NULL)),
    CHECK (owner_slot IS NOT NULL OR in_flight_slot IS NULL),
    CHECK (in_flight_slot IS NULL OR n_claims > 0),
    CHECK ((in_flight_slot IS NULL) = (in_flight_epoch IS NULL)),
    CHECK ((in_flight_slot IS NULL) = (in_flight_started_at IS NULL)),
    CHECK ((in_flight_slot IS NULL) = (in_flight_until IS NULL)),
    CHECK ((status = 'valid') = (validated_at IS NOT NULL)),
    CHECK ((status = 'invalid') = (error IS NOT NULL))
) STRICT, WITHOUT ROWID;
-- Who has an owner is processing: what is due, what waits, what runs out. Both stay as small as the
-- work in hand.
CREATE INDEX processing_challenges ON challenges (owner_slot, next_attempt_at, id) WHERE owner_slot IS NOT NULL;
CREATE INDEX processing_challenges_by_expiry ON challenges (owner_slot, expires_at) WHERE owner_slot IS NOT NULL;

CREATE TABLE attempts (
    challenge_id TEXT NOT NULL REFERENCES challenges (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL CHECK (number > 0),
    slot         INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 255),
    started_at   INTEGER NOT NULL,
    perspective  TEXT NOT NULL,
    finding      TEXT NOT NULL,
    phase        TEXT NOT NULL,
    address      TEXT,
    detail       TEXT NOT NULL,
    took_us      INTEGER NOT NULL CHECK (took_us >= 0),
    PRIMARY KEY (challenge_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE issuers (
    id    BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 32),
    chain BLOB NOT NULL
) STRICT;

-- A certificate is being signed (signing_slot), signed (der), or was given up (neither). tbs is
-- part of der; it is kept beside it only where the two differ.
CREATE TABLE certificates (
    id                TEXT PRIMARY KEY NOT NULL,
    serial            BLOB NOT NULL UNIQUE CHECK (length(serial) = 17),
    order_id          TEXT NOT NULL,
    account_id        TEXT NOT NULL REFERENCES accounts (id),
    provisioner       TEXT NOT NULL,
    issuer            BLOB NOT NULL REFERENCES issuers (id),
    identifiers       TEXT NOT NULL,
    not_before        INTEGER NOT NULL,
    not_after         INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    signing_slot      INTEGER CHECK (signing_slot BETWEEN 0 AND 255),
    revoked_at        INTEGER,
    revocation_reason INTEGER CHECK (revocation_reason BETWEEN 0 AND 10),
    tbs               BLOB,
    der               BLOB,
    CHECK (der IS NOT NULL OR tbs IS NOT NULL),
    CHECK (der IS NULL OR signing_slot IS NULL),
    CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL)),
    CHECK (revoked_at IS NULL OR der IS NOT NULL)
) STRICT;
CREATE INDEX certificates_by_creation ON certificates (created_at, id);
CREATE INDEX certificates_of_account ON certificates (account_id, created_at, id);
CREATE INDEX certificates_by_expiry ON certificates (not_after);
CREATE INDEX unsigned_certificates ON certificates (signing_slot, created_at) WHERE signing_slot IS NOT NULL;
CREATE INDEX revoked_certificates ON certificates (created_at, id) WHERE revoked_at IS NOT NULL;

-- Finds certificates by name. No foreign key, for the same reason as above.
CREATE TABLE certificate_identifiers (
    identifier     TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    certificate_id TEXT NOT NULL,
    PRIMARY KEY (identifier, created_at, certificate_id)
) STRICT, WITHOUT ROWID;
