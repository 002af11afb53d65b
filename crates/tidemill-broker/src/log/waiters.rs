//! Long polls that wait for the next append to a partition. A poll that ends takes itself off the list.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Those who wait on one partition.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next_key: u64,
    waiting: HashMap<u64, Arc<Notify>>,
}

/// A place on the list; dropping it leaves the list.
#[derive(Debug)]
pub(crate) struct Waiting {
    waiters: Arc<Waiters>,
    key: u64,
}

impl Waiters {
    /// Puts `notify` on the list: it is notified by each append until the place is dropped.
    pub(crate) fn join(self: &Arc<Self>, notify: &Arc<Notify>) -> Waiting {
        let mut inner = self.inner.lock();
        inner.next_key += 1;
        let key = inner.next_key;
        inner.waiting.insert(key, Arc::clone(notify));
        Waiting {
            waiters: Arc::clone(self),
            key,
        }
    }

    /// Wakes all who wait; one who is not waiting at the moment is woken when it next does.
    pub(crate) fn wake(&self) {
        for notify in self.inner.lock().waiting.values() {
            notify.notify_one();
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waiters.inner.lock().waiting.remove(&self.key);
    }
}
