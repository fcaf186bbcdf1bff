-- The audit trail: chains of entries each of which names the one before it by its digest. Where
-- several transactions run at a time each takes a chain (lane) of its own, so that none waits for
-- another. owner is a slot, or -1 for commands. A head is where its chain ends; the anchor is the
-- last entry that was pruned.
CREATE TABLE audit_heads (
    chain         TEXT PRIMARY KEY NOT NULL,
    owner         INTEGER NOT NULL CHECK (owner BETWEEN -1 AND 255),
    class         TEXT NOT NULL CHECK (class IN ('issuance', 'account', 'control')),
    lane          INTEGER NOT NULL CHECK (lane >= 0),
    number        INTEGER NOT NULL CHECK (number >= 0),
    hash          BLOB NOT NULL CHECK (length(hash) = 32),
    anchor_number INTEGER NOT NULL CHECK (anchor_number BETWEEN 0 AND number),
    anchor_hash   BLOB NOT NULL CHECK (length(anchor_hash) = 32),
    UNIQUE (owner, class, lane)
) STRICT, WITHOUT ROWID;

-- body is what the digest is of, letter by letter.
CREATE TABLE audit (
    chain  TEXT NOT NULL REFERENCES audit_heads (chain),
    number INTEGER NOT NULL CHECK (number > 0),
    at     INTEGER NOT NULL,
    body   TEXT NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (chain, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_creation ON audit (at, chain, number);
