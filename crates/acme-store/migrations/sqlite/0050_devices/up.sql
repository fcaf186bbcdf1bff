-- Authorizations may be for devices. SQLite cannot change a CHECK; its manual names this way for what does
-- not change how rows are stored. The column added below makes every connection read the schema anew.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
    SET sql = replace(sql, 'identifier GLOB ''ip:?*''',
        'identifier GLOB ''ip:?*'' OR identifier GLOB ''permanent-identifier:?*'' OR identifier GLOB ''hardware-module:?*''')
    WHERE type = 'table' AND name = 'authorizations';
PRAGMA writable_schema = RESET;

-- Thumbprint of the key that the device was proven to keep.
ALTER TABLE authorizations ADD COLUMN attested_key BLOB CHECK (length(attested_key) = 32);
