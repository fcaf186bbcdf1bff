-- Authorizations may be for devices.
ALTER TABLE authorizations DROP CONSTRAINT authorizations_identifier_check;
ALTER TABLE authorizations ADD CONSTRAINT authorizations_identifier_check CHECK (
    identifier LIKE 'dns:_%' OR identifier LIKE 'ip:_%'
    OR identifier LIKE 'permanent-identifier:_%' OR identifier LIKE 'hardware-module:_%');

-- Thumbprint of the key that the device was proven to keep.
ALTER TABLE authorizations ADD COLUMN attested_key BYTEA CHECK (octet_length(attested_key) = 32);
