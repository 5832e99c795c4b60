//! Malformed, hostile and slow HTTP requests: bodies, parameters, heads, methods, lengths, time.

mod bodies;
mod slow_clients;
mod wire;
