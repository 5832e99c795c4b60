//! Nothing to import: the model is the test `protocol`. A package of its own, so that it is optimised in a debug build
//! and needs neither the store nor the network's crates.
