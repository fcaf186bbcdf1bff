//! acme-server
