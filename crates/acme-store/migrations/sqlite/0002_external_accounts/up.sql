-- Keys that new accounts are bound to. The secret is a MAC key: it must be read to check a binding.
CREATE TABLE external_account_keys (
    id          TEXT PRIMARY KEY NOT NULL,
    provisioner TEXT NOT NULL,
    secret      BLOB NOT NULL CHECK (length(secret) = 32),
    names       TEXT NOT NULL,
    max_uses    INTEGER CHECK (max_uses > 0),
    uses        INTEGER NOT NULL CHECK (uses >= 0),
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER,
    CHECK (max_uses IS NULL OR uses <= max_uses)
) STRICT;
CREATE INDEX external_account_keys_by_creation ON external_account_keys (created_at, id);

-- external_account is the id of the key that an account was bound to, this the binding that it sent.
ALTER TABLE accounts ADD COLUMN external_account_binding TEXT;
