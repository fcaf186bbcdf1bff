-- Times are milliseconds since 1970, UTC. Every status word has its facts, and a CHECK ties the two
-- together, so that a row that means nothing cannot be written by whatever hand. Ids are compared by
-- their octets, whatever the language of the database.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value BYTEA NOT NULL
);

CREATE TABLE leases (
    slot       SMALLINT PRIMARY KEY NOT NULL CHECK (slot BETWEEN 0 AND 255),
    epoch      BIGINT NOT NULL CHECK (epoch > 0),
    holder     TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE accounts (
    id               TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    provisioner      TEXT NOT NULL,
    thumbprint       BYTEA NOT NULL CHECK (octet_length(thumbprint) = 32),
    jwk              TEXT NOT NULL,
    status           TEXT NOT NULL CHECK (status IN ('valid', 'deactivated', 'revoked')),
    contact          TEXT NOT NULL,
    terms_agreed     BOOLEAN NOT NULL,
    external_account TEXT,
    created_at       BIGINT NOT NULL,
    UNIQUE (thumbprint, provisioner)
);
CREATE INDEX accounts_by_creation ON accounts (created_at, id);

CREATE TABLE orders (
    id             TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    account_id     TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    provisioner    TEXT NOT NULL,
    identifiers    TEXT NOT NULL,
    authorizations TEXT NOT NULL,
    not_before     BIGINT,
    not_after      BIGINT,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('pending', 'ready', 'processing', 'valid', 'invalid')),
    certificate_id TEXT COLLATE "C",
    error          TEXT,
    CHECK ((status IN ('processing', 'valid')) = (certificate_id IS NOT NULL)),
    CHECK ((status = 'invalid') = (error IS NOT NULL))
);
-- An order has an error exactly when it is invalid, and invalid ones are not listed.
CREATE INDEX orders_of_account ON orders (account_id, created_at, id) WHERE error IS NULL;
CREATE INDEX open_orders_of_account ON orders (account_id, id) WHERE status IN ('pending', 'ready');
CREATE INDEX orders_by_expiry ON orders (expires_at);

CREATE TABLE authorizations (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    account_id  TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    provisioner TEXT NOT NULL,
    identifier  TEXT NOT NULL CHECK (identifier LIKE 'dns:_%' OR identifier LIKE 'ip:_%'),
    wildcard    BOOLEAN NOT NULL,
    expires_at  BIGINT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('pending', 'valid', 'invalid', 'deactivated', 'revoked'))
);
CREATE INDEX pending_authorizations_of_account ON authorizations (account_id, id) WHERE status = 'pending';
CREATE INDEX authorizations_by_expiry ON authorizations (expires_at);

-- Which orders wait for an authorization. The other way round stands in orders.authorizations, in
-- the order of the identifiers. There is no foreign key to orders: it would need an index by order
-- for nothing but the deletion, which removes these rows by their key.
CREATE TABLE order_authorizations (
    authorization_id TEXT COLLATE "C" NOT NULL REFERENCES authorizations (id),
    order_id         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (authorization_id, order_id)
);

-- expires_at is the authorization's, which never changes. n_claims and n_attempts count over the
-- whole life of the challenge, num_attempts within the window.
CREATE TABLE challenges (
    authorization_id     TEXT COLLATE "C" NOT NULL REFERENCES authorizations (id) ON DELETE CASCADE,
    position             SMALLINT NOT NULL,
    id                   TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind                 TEXT NOT NULL,
    token                TEXT NOT NULL,
    expires_at           BIGINT NOT NULL,
    n_claims             INTEGER NOT NULL CHECK (n_claims >= 0),
    n_attempts           INTEGER NOT NULL CHECK (n_attempts >= 0),
    status               TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'valid', 'invalid')),
    owner_slot           SMALLINT CHECK (owner_slot BETWEEN 0 AND 255),
    window_start         BIGINT,
    num_attempts         INTEGER CHECK (num_attempts >= 0),
    max_attempts         INTEGER CHECK (max_attempts >= 0),
    next_attempt_at      BIGINT,
    last_attempt_at      BIGINT,
    in_flight_slot       SMALLINT CHECK (in_flight_slot BETWEEN 0 AND 255),
    in_flight_epoch      BIGINT,
    in_flight_started_at BIGINT,
    in_flight_until      BIGINT,
    validated_at         BIGINT,
    error                TEXT,
    UNIQUE (authorization_id, position),
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
);
-- Who has an owner is processing: what is due, what waits, what runs out. Both stay as small as the
-- work in hand.
CREATE INDEX processing_challenges ON challenges (owner_slot, next_attempt_at, id) WHERE owner_slot IS NOT NULL;
CREATE INDEX processing_challenges_by_expiry ON challenges (owner_slot, expires_at) WHERE owner_slot IS NOT NULL;

CREATE TABLE attempts (
    challenge_id TEXT COLLATE "C" NOT NULL REFERENCES challenges (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL CHECK (number > 0),
    slot         SMALLINT NOT NULL CHECK (slot BETWEEN 0 AND 255),
    started_at   BIGINT NOT NULL,
    perspective  TEXT NOT NULL,
    finding      TEXT NOT NULL,
    phase        TEXT NOT NULL,
    address      TEXT,
    detail       TEXT NOT NULL,
    took_us      BIGINT NOT NULL CHECK (took_us >= 0),
    PRIMARY KEY (challenge_id, number)
);

CREATE TABLE issuers (
    id    BYTEA PRIMARY KEY NOT NULL CHECK (octet_length(id) = 32),
    chain BYTEA NOT NULL
);

-- A certificate is being signed (signing_slot), signed (der), or was given up (neither). tbs is
-- part of der; it is kept beside it only where the two differ.
CREATE TABLE certificates (
    id                TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    serial            BYTEA NOT NULL UNIQUE CHECK (octet_length(serial) = 17),
    order_id          TEXT COLLATE "C" NOT NULL,
    account_id        TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    provisioner       TEXT NOT NULL,
    issuer            BYTEA NOT NULL REFERENCES issuers (id),
    identifiers       TEXT NOT NULL,
    not_before        BIGINT NOT NULL,
    not_after         BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    signing_slot      SMALLINT CHECK (signing_slot BETWEEN 0 AND 255),
    revoked_at        BIGINT,
    revocation_reason SMALLINT CHECK (revocation_reason BETWEEN 0 AND 10),
    tbs               BYTEA,
    der               BYTEA,
    CHECK (der IS NOT NULL OR tbs IS NOT NULL),
    CHECK (der IS NULL OR signing_slot IS NULL),
    CHECK ((revoked_at IS NULL) = (revocation_reason IS NULL)),
    CHECK (revoked_at IS NULL OR der IS NOT NULL)
);
CREATE INDEX certificates_by_creation ON certificates (created_at, id);
CREATE INDEX certificates_of_account ON certificates (account_id, created_at, id);
CREATE INDEX certificates_by_expiry ON certificates (not_after);
CREATE INDEX unsigned_certificates ON certificates (signing_slot, created_at) WHERE signing_slot IS NOT NULL;
CREATE INDEX revoked_certificates ON certificates (created_at, id) WHERE revoked_at IS NOT NULL;

-- Finds certificates by name. No foreign key, for the same reason as above.
CREATE TABLE certificate_identifiers (
    identifier     TEXT NOT NULL,
    created_at     BIGINT NOT NULL,
    certificate_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (identifier, created_at, certificate_id)
);

-- Nonces that are spent, while they would still be good. A crash of the database empties both tables
-- together. A mark tells from where on every spending is kept: only nonces of a later epoch than the
-- mark's, or of that epoch and issued after it, can be told to be fresh. Without a mark none can.
CREATE UNLOGGED TABLE spent_nonces (
    slot       SMALLINT NOT NULL,
    epoch      BIGINT NOT NULL,
    counter    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (slot, epoch, counter)
);
CREATE UNLOGGED TABLE nonce_marks (
    slot      SMALLINT PRIMARY KEY NOT NULL,
    epoch     BIGINT NOT NULL,
    marked_at BIGINT NOT NULL
);
