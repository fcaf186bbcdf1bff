-- Whether it covers the names below too, and how long it lives from when it is valid.
ALTER TABLE authorizations ADD COLUMN subdomains INTEGER NOT NULL DEFAULT 0
    CHECK (subdomains IN (0, 1));
ALTER TABLE authorizations ADD COLUMN valid_for INTEGER CHECK (valid_for > 0);
CREATE INDEX valid_authorizations_of_account ON authorizations (account_id, identifier)
    WHERE status = 'valid';

-- A digest of account and identifiers: finds the unfinished orders of an account for the same names.
ALTER TABLE orders ADD COLUMN likeness BLOB CHECK (length(likeness) = 32);
CREATE INDEX open_orders_by_likeness ON orders (likeness) WHERE status IN ('pending', 'ready');

-- Keys that were told to be compromised, for ever, and by which certificate.
CREATE TABLE blocked_keys (
    thumbprint BLOB PRIMARY KEY NOT NULL CHECK (length(thumbprint) = 32),
    serial     BLOB NOT NULL CHECK (length(serial) = 17),
    blocked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
