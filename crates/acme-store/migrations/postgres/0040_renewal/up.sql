-- The certificate that an order replaces, as the client has named it.
ALTER TABLE orders ADD COLUMN replaces TEXT;

-- The operator wants it renewed, and why; and what replaces it: an order that said so, until it has
-- brought another certificate.
ALTER TABLE certificates ADD COLUMN early_renewal_at BIGINT;
ALTER TABLE certificates ADD COLUMN explanation_url TEXT
    CHECK (explanation_url IS NULL OR early_renewal_at IS NOT NULL);
ALTER TABLE certificates ADD COLUMN replacement_order TEXT COLLATE "C";
ALTER TABLE certificates ADD COLUMN replaced_by TEXT
    CHECK (replaced_by IS NULL OR replacement_order IS NULL);
