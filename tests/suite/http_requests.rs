//! Clients that mean harm or do not know better: bodies, heads, methods, and time.

mod bodies;
mod slow_clients;
mod wire;
