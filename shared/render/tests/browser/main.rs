//! Pages in a real Chromium, against sites on loopback. Where there is no browser, each test says SKIPPED.

#![allow(clippy::unwrap_used, clippy::expect_used)] // tests: a panic is the failure

mod guard;
mod hostile;
mod lifetime;
mod patterns;
mod support;
