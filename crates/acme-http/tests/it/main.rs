//! The API and the accept loop, as clients see them.

mod serve;
