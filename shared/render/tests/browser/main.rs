//! Tests with a real Chromium and sites on loopback. Without a browser each test prints SKIPPED.

#![allow(clippy::unwrap_used, clippy::expect_used)] // tests: a panic is the failure

mod guard;
mod hostile;
mod lifetime;
mod patterns;
mod support;
