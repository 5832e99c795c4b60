//! How many connections each peer has, so that one leaves some for others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// Counts one more of a peer, unless it has `most`.
    pub(crate) fn enter(&self, peer: IpAddr, most: usize) -> Option<Counted> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Counted { peers: self.clone(), peer })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_share_and_gives_it_back() {
        let (peers, a, b) = (Peers::default(), IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let (one, two) = (peers.enter(a, 2), peers.enter(a, 2));
        assert!(one.is_some() && two.is_some() && peers.enter(a, 2).is_none());
        assert!(peers.enter(b, 2).is_some(), "another has its own");
        drop(one);
        let again = peers.enter(a, 2);
        assert!(again.is_some());
        drop((two, again));
        assert!(peers.0.lock().unwrap().is_empty(), "nothing is kept of who is gone");
    }
}
