//! acme-validate
