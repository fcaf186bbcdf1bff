//! The tables, as both SQL engines have them.

diesel::table! {
    meta (name) {
        name -> Text,
        value -> Binary,
    }
}

diesel::table! {
    leases (slot) {
        slot -> SmallInt,
        epoch -> BigInt,
        holder -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> Text,
        provisioner -> Text,
        thumbprint -> Binary,
        jwk -> Text,
        status -> Text,
        contact -> Text,
        terms_agreed -> Bool,
        external_account -> Nullable<Text>,
        external_account_binding -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    external_account_keys (id) {
        id -> Text,
        provisioner -> Text,
        secret -> Binary,
        names -> Text,
        profiles -> Text,
        max_uses -> Nullable<BigInt>,
        uses -> BigInt,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    orders (id) {
        id -> Text,
        account_id -> Text,
        provisioner -> Text,
        identifiers -> Text,
        profile -> Nullable<Text>,
        authorizations -> Text,
        not_before -> Nullable<BigInt>,
        not_after -> Nullable<BigInt>,
        created_at -> BigInt,
        expires_at -> BigInt,
        status -> Text,
        certificate_id -> Nullable<Text>,
        error -> Nullable<Text>,
        replaces -> Nullable<Text>,
        likeness -> Nullable<Binary>,
    }
}

diesel::table! {
    authorizations (id) {
        id -> Text,
        account_id -> Text,
        provisioner -> Text,
        identifier -> Text,
        wildcard -> Bool,
        expires_at -> BigInt,
        status -> Text,
        subdomains -> Bool,
        valid_for -> Nullable<BigInt>,
        attested_key -> Nullable<Binary>,
    }
}

diesel::table! {
    order_authorizations (authorization_id, order_id) {
        authorization_id -> Text,
        order_id -> Text,
    }
}

diesel::table! {
    challenges (id) {
        authorization_id -> Text,
        position -> SmallInt,
        id -> Text,
        kind -> Text,
        token -> Text,
        expires_at -> BigInt,
        n_claims -> Integer,
        n_attempts -> Integer,
        status -> Text,
        owner_slot -> Nullable<SmallInt>,
        window_start -> Nullable<BigInt>,
        num_attempts -> Nullable<Integer>,
        max_attempts -> Nullable<Integer>,
        next_attempt_at -> Nullable<BigInt>,
        last_attempt_at -> Nullable<BigInt>,
        in_flight_slot -> Nullable<SmallInt>,
        in_flight_epoch -> Nullable<BigInt>,
        in_flight_started_at -> Nullable<BigInt>,
        in_flight_until -> Nullable<BigInt>,
        validated_at -> Nullable<BigInt>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    attempts (challenge_id, number) {
        challenge_id -> Text,
        number -> Integer,
        slot -> SmallInt,
        started_at -> BigInt,
        perspective -> Text,
        finding -> Text,
        phase -> Text,
        address -> Nullable<Text>,
        detail -> Text,
        took_us -> BigInt,
    }
}

diesel::table! {
    issuers (id) {
        id -> Binary,
        chain -> Binary,
    }
}

diesel::table! {
    certificates (id) {
        id -> Text,
        serial -> Binary,
        order_id -> Text,
        account_id -> Text,
        provisioner -> Text,
        issuer -> Binary,
        identifiers -> Text,
        not_before -> BigInt,
        not_after -> BigInt,
        created_at -> BigInt,
        signing_slot -> Nullable<SmallInt>,
        revoked_at -> Nullable<BigInt>,
        revocation_reason -> Nullable<SmallInt>,
        tbs -> Nullable<Binary>,
        der -> Nullable<Binary>,
        early_renewal_at -> Nullable<BigInt>,
        explanation_url -> Nullable<Text>,
        replacement_order -> Nullable<Text>,
        replaced_by -> Nullable<Text>,
    }
}

diesel::table! {
    certificate_identifiers (identifier, created_at, certificate_id) {
        identifier -> Text,
        created_at -> BigInt,
        certificate_id -> Text,
    }
}

// PostgreSQL alone has these two.
diesel::table! {
    spent_nonces (slot, epoch, counter) {
        slot -> SmallInt,
        epoch -> BigInt,
        counter -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    nonce_marks (slot) {
        slot -> SmallInt,
        epoch -> BigInt,
        marked_at -> BigInt,
    }
}

diesel::table! {
    revocation_logs (issuer) {
        issuer -> Binary,
        revision -> BigInt,
    }
}

diesel::table! {
    revocations (issuer, revision) {
        issuer -> Binary,
        revision -> BigInt,
        serial -> Binary,
        not_after -> BigInt,
        revoked_at -> BigInt,
        reason -> SmallInt,
    }
}

diesel::table! {
    blocked_keys (thumbprint) {
        thumbprint -> Binary,
        serial -> Binary,
        blocked_at -> BigInt,
    }
}

diesel::table! {
    crls (issuer) {
        issuer -> Binary,
        number -> BigInt,
        revision -> BigInt,
        this_update -> BigInt,
        next_update -> BigInt,
        der -> Binary,
    }
}

diesel::table! {
    audit_heads (chain) {
        chain -> Text,
        owner -> SmallInt,
        class -> Text,
        lane -> SmallInt,
        number -> BigInt,
        hash -> Binary,
        anchor_number -> BigInt,
        anchor_hash -> Binary,
    }
}

diesel::table! {
    audit (chain, number) {
        chain -> Text,
        number -> BigInt,
        at -> BigInt,
        body -> Text,
        hash -> Binary,
    }
}

diesel::table! {
    operators (name) {
        name -> Text,
        role -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    operator_proofs (digest) {
        digest -> Binary,
        kind -> Text,
        operator -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::joinable!(authorizations -> accounts (account_id));
diesel::joinable!(certificates -> issuers (issuer));
diesel::joinable!(challenges -> authorizations (authorization_id));
diesel::joinable!(order_authorizations -> authorizations (authorization_id));
diesel::joinable!(operator_proofs -> operators (operator));
diesel::joinable!(order_authorizations -> orders (order_id));

diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    authorizations,
    certificate_identifiers,
    certificates,
    challenges,
    external_account_keys,
    issuers,
    leases,
    nonce_marks,
    operator_proofs,
    operators,
    order_authorizations,
    orders,
    spent_nonces,
);
