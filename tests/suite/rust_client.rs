//! `clients/rust`: its types against `/openapi.json`, what it tries again, and whole flows against the real local server.

mod contract;
mod end_to_end;
mod recovery;
mod retries;
