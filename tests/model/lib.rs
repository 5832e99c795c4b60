//! Empty: the model is the test `protocol`. It has a package of its own, so that it is optimised in debug builds and
//! depends neither on the store's crates nor on the network's.
