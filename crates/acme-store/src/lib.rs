//! acme-store
