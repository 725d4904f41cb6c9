use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::Sender;

use super::*;
use crate::store::{Fact, Memory};

/// A store whose writes wait to be let through, and fail if they are told so.
struct Gated {
    store: Arc<Mutex<Memory>>,
    batches: Arc<Mutex<Vec<Vec<Change>>>>,
    gate: Receiver<Result<(), StoreError>>,
}

impl Store for Gated {
    fn load(&mut self) -> Result<Vec<Fact>, StoreError> {
        self.store.lock().unwrap().load()
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.gate.recv().unwrap_or(Ok(()))?;
        self.batches.lock().unwrap().push(changes.to_vec());
        self.store.lock().unwrap().apply(changes)
    }
}

struct World {
    writer: Writer,
    ending: Ending,
    batches: Arc<Mutex<Vec<Vec<Change>>>>,
    store: Arc<Mutex<Memory>>,
    gate: Sender<Result<(), StoreError>>,
}

fn world(limits: Limits) -> World {
    let (gate, gated) = mpsc::channel();
    let (batches, store) = (Arc::default(), Arc::default());
    let gated = Gated {
        store: Arc::clone(&store),
        batches: Arc::clone(&batches),
        gate: gated,
    };
    let (writer, ending) = Writer::start(Box::new(gated), limits);
    World {
        writer,
        ending,
        batches,
        store,
        gate,
    }
}

fn put(key: u8, value: u8) -> Change {
    Change::put(&[key], &[value])
}

async fn until(progress: &mut watch::Receiver<Progress>, wanted: Progress) {
    progress.wait_for(|found| *found == wanted).await.unwrap();
}

fn durable(durable: Sequence) -> Progress {
    Progress {
        durable,
        error: None,
    }
}

#[tokio::test]
async fn what_comes_while_a_batch_is_written_is_the_next_batch() {
    let World {
        mut writer,
        ending,
        batches,
        store,
        gate,
    } = world(Limits::default());
    let mut progress = writer.progress();
    assert_eq!(writer.submit(put(1, 1)), Ok(1));
    gate.send(Ok(())).unwrap();
    until(&mut progress, durable(1)).await;
    // The thread takes what is there when it comes back, and waits at the gate with it.
    for number in 2..=9 {
        assert_eq!(writer.submit(put(number % 2, number)), Ok(number.into()));
    }
    assert_eq!(writer.submit(Change::delete(&[0])), Ok(10));
    assert_eq!(writer.pending(), 9);
    drop(gate);
    until(&mut progress, durable(10)).await;
    assert_eq!(writer.pending(), 0);
    ending.finish().unwrap();
    let facts = store.lock().unwrap().load().unwrap();
    assert_eq!(
        facts,
        [Fact {
            key: [1].into(),
            value: [9].into(),
        }]
    );
    let batches = batches.lock().unwrap();
    assert!(batches.len() <= 4, "{batches:?}");
    let changes = |batch: &Vec<Change>| batch.len() <= 2;
    assert!(batches.iter().all(changes), "the last of each key counts");
}

#[tokio::test]
async fn too_much_that_waits_is_refused_at_once() {
    let limits = Limits {
        max_changes: 2,
        max_bytes: 100,
        max_batch: 1,
        ..Limits::default()
    };
    let World {
        mut writer,
        ending,
        gate,
        store,
        ..
    } = world(limits);
    let mut progress = writer.progress();
    // One is at the gate at most, two wait.
    let taken = (0..10).take_while(|number| writer.submit(put(*number, 0)).is_ok());
    let taken = taken.count() as u64;
    assert!((2..=3).contains(&taken), "{taken}");
    assert_eq!(
        writer.submit(put(0, 0)),
        Err(Overloaded::Changes { limit: 2 })
    );
    assert_eq!(
        writer.submit(Change::put(&[0; 50], &[0; 50])),
        Err(Overloaded::Bytes { limit: 100 })
    );
    drop(gate);
    until(&mut progress, durable(taken)).await;
    assert_eq!(
        writer.submit(Change::put(&[9; 50], &[0; 50])),
        Ok(taken + 1)
    );
    ending.finish().unwrap();
    assert_eq!(
        store.lock().unwrap().load().unwrap().len() as u64,
        taken + 1
    );
}

#[tokio::test]
async fn what_failed_is_tried_again_until_it_is_written() {
    let error = StoreError::Io {
        path: PathBuf::from("facts"),
        kind: std::io::ErrorKind::StorageFull,
    };
    let limits = Limits {
        retry: Duration::ZERO,
        ..Limits::default()
    };
    let World {
        mut writer,
        ending,
        gate,
        ..
    } = world(limits);
    let mut progress = writer.progress();
    writer.submit(put(1, 1)).unwrap();
    gate.send(Err(error.clone())).unwrap();
    let failing = Progress {
        durable: 0,
        error: Some(error.clone()),
    };
    until(&mut progress, failing).await;
    assert_eq!(writer.pending(), 1);
    gate.send(Ok(())).unwrap();
    until(&mut progress, durable(1)).await;
    writer.submit(put(2, 2)).unwrap();
    gate.send(Err(error.clone())).unwrap();
    gate.send(Err(error.clone())).unwrap();
    gate.send(Err(error.clone())).unwrap();
    // However often it had been tried before, the last try fails too.
    let ended = thread::spawn(move || ending.finish());
    while !ended.is_finished() && gate.send(Err(error.clone())).is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(ended.join().unwrap(), Err(error));
}
