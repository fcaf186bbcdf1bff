//! acme-http
