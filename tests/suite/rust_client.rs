//! `clients/rust`: its types compared with `/openapi.json`, its retries, and whole calls against the real local server.

mod contract;
mod end_to_end;
mod recovery;
mod retries;
