-- Whether it covers the names below too, and how long it lives from when it is valid.
ALTER TABLE authorizations ADD COLUMN subdomains BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE authorizations ADD COLUMN valid_for BIGINT CHECK (valid_for > 0);
CREATE INDEX valid_authorizations_of_account ON authorizations (account_id, identifier)
    WHERE status = 'valid';

-- A digest of account and identifiers: finds the unfinished orders of an account for the same names.
ALTER TABLE orders ADD COLUMN likeness BYTEA CHECK (octet_length(likeness) = 32);
CREATE INDEX open_orders_by_likeness ON orders (likeness) WHERE status IN ('pending', 'ready');

-- Keys that were told to be compromised, for ever, and by which certificate.
CREATE TABLE blocked_keys (
    thumbprint BYTEA PRIMARY KEY NOT NULL CHECK (octet_length(thumbprint) = 32),
    serial     BYTEA NOT NULL CHECK (octet_length(serial) = 17),
    blocked_at BIGINT NOT NULL
);
