//! Counts connections by peer, so that one peer leaves some for others.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Number of connections by address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A counted connection; dropping it releases it.
#[derive(Debug)]
pub(crate) struct Counted {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// Counts another connection of a peer. Returns `None` if it has `max`.
    pub(crate) fn enter(&self, peer: IpAddr, max: usize) -> Option<Counted> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= max {
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
    fn connections_are_limited_by_peer_and_released_on_drop() {
        let (peers, a, b) = (Peers::default(), IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let (one, two) = (peers.enter(a, 2), peers.enter(a, 2));
        assert!(one.is_some() && two.is_some() && peers.enter(a, 2).is_none());
        assert!(peers.enter(b, 2).is_some(), "another peer has its own limit");
        drop(one);
        let again = peers.enter(a, 2);
        assert!(again.is_some());
        drop((two, again));
        assert!(peers.0.lock().unwrap().is_empty(), "peers without connections are forgotten");
    }
}
