-- The profile that an order has, applied when its certificate is signed; NULL for none.
ALTER TABLE orders ADD COLUMN profile TEXT;

-- The profiles that the accounts of a key may order, a JSON list; empty for all.
ALTER TABLE external_account_keys ADD COLUMN profiles TEXT NOT NULL DEFAULT '[]';
