//! Counts connections by peer, so that one peer cannot take all of them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Number of connections by address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A counted connection; dropping it releases it.
#[derive(Debug)]
pub(crate) struct PeerConnection {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// Counts another connection of a peer. Returns `None` if it already has `max`.
    pub(crate) fn connect(&self, peer: IpAddr, max: usize) -> Option<PeerConnection> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(PeerConnection { peers: self.clone(), peer })
    }
}

impl Drop for PeerConnection {
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
        let (one, two) = (peers.connect(a, 2), peers.connect(a, 2));
        assert!(one.is_some() && two.is_some() && peers.connect(a, 2).is_none());
        assert!(peers.connect(b, 2).is_some(), "another peer has its own limit");
        drop(one);
        let again = peers.connect(a, 2);
        assert!(again.is_some());
        drop((two, again));
        assert!(peers.0.lock().unwrap().is_empty(), "peers without connections are forgotten");
    }
}
