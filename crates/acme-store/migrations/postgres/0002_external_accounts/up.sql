-- Keys that new accounts are bound to. The secret is a MAC key: it must be read to check a binding.
CREATE TABLE external_account_keys (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    provisioner TEXT NOT NULL,
    secret      BYTEA NOT NULL CHECK (octet_length(secret) = 32),
    names       TEXT NOT NULL,
    max_uses    BIGINT CHECK (max_uses > 0),
    uses        BIGINT NOT NULL CHECK (uses >= 0),
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    revoked_at  BIGINT,
    CHECK (max_uses IS NULL OR uses <= max_uses)
);
CREATE INDEX external_account_keys_by_creation ON external_account_keys (created_at, id);

-- external_account is the id of the key that an account was bound to, this the binding that it sent.
ALTER TABLE accounts ADD COLUMN external_account_binding TEXT;
