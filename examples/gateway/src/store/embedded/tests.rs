use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use comity_testkit::site::Site;

use super::*;

fn fact(key: &str, value: &str) -> Fact {
    Fact {
        key: key.as_bytes().into(),
        value: value.as_bytes().into(),
    }
}

fn put(key: &str, value: &str) -> Change {
    Change::Put(fact(key, value))
}

#[test]
fn what_was_put_is_there_after_the_store_was_opened_again() {
    let folder = Site::new("store");
    let path = folder.directory().join("facts");
    let mut store = Embedded::open(&path).unwrap();
    assert_eq!(store.load(), Ok(vec![]));
    store
        .apply(&[put("b", "1"), put("a", "2"), put("c", "")])
        .unwrap();
    store
        .apply(&[Change::delete(b"b"), Change::delete(b"x"), put("a", "3")])
        .unwrap();
    drop(store);
    let mut store = Embedded::open(&path).unwrap();
    assert_eq!(store.load(), Ok(vec![fact("a", "3"), fact("c", "")]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_store_is_open_once() {
    let folder = Site::new("store");
    let path = folder.directory().join("facts");
    let _store = Embedded::open(&path).unwrap();
    assert_eq!(
        Embedded::open(&path).map(|_| ()),
        Err(StoreError::InUse { path })
    );
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_is() {
    let folder = Site::new("store");
    for contents in [
        &b"[xmpp]\nmode = \"s2s\"\n"[..],
        b"x",
        b"redb",
        b"SQLite format 3\0",
    ] {
        let path = folder.directory().join("facts");
        fs::write(&path, contents).unwrap();
        let refused = Embedded::open(&path).map(|_| ());
        assert_eq!(refused, Err(StoreError::Foreign { path: path.clone() }));
        assert_eq!(fs::read(&path).unwrap(), contents);
    }
    let path = folder.directory().join("other");
    let database = Database::create(&path).unwrap();
    let other: TableDefinition<'_, &str, u64> = TableDefinition::new("other");
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(other)
        .unwrap()
        .insert("a", 1)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(
        Embedded::open(&path).map(|_| ()),
        Err(StoreError::Foreign { path })
    );
}

#[test]
fn a_store_of_another_format_is_refused() {
    let folder = Site::new("store");
    let path = folder.directory().join("facts");
    drop(Embedded::open(&path).unwrap());
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(ABOUT)
        .unwrap()
        .insert(FORMAT_KEY, 2)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = Embedded::open(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: the store has the format 2, and this program knows 1: use the program that wrote it",
            path.display()
        )
    );
}

#[test]
fn a_store_that_was_killed_before_its_format_was_written_is_new() {
    let folder = Site::new("store");
    let path = folder.directory().join("facts");
    drop(Database::create(&path).unwrap());
    assert_eq!(Embedded::open(&path).unwrap().load(), Ok(vec![]));
}

#[test]
fn a_damaged_store_is_an_error_and_never_a_panic_or_other_facts() {
    let folder = Site::new("store");
    let path = folder.directory().join("facts");
    let mut store = Embedded::open(&path).unwrap();
    let changes: Vec<_> = (0..200)
        .map(|i| put(&format!("key {i:03}"), &"v".repeat(50)))
        .collect();
    store.apply(&changes).unwrap();
    let facts = store.load().unwrap();
    drop(store);
    let good = fs::read(&path).unwrap();
    let mut outcomes = (0, 0);
    for place in (MAGIC.len()..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[place..]
            .iter_mut()
            .take(64)
            .for_each(|byte| *byte ^= 0xFF);
        let damaged = folder.directory().join("damaged");
        fs::write(&damaged, &bad).unwrap();
        let read = Embedded::open(&damaged).and_then(|mut store| store.load());
        match read {
            // Nothing is read from pages that are not used.
            Ok(found) => {
                assert_eq!(found, facts, "at {place}");
                outcomes.0 += 1;
            }
            Err(error) => {
                let expected = [
                    StoreError::Damaged {
                        path: damaged.clone(),
                    },
                    StoreError::Foreign {
                        path: damaged.clone(),
                    },
                ];
                assert!(expected.contains(&error), "at {place}: {error:?}");
                outcomes.1 += 1;
            }
        }
    }
    assert!(outcomes.1 > 0, "{outcomes:?}");
    let short = folder.directory().join("short");
    fs::write(&short, &good[..good.len() / 2]).unwrap();
    let read = Embedded::open(&short).and_then(|mut store| store.load());
    assert_eq!(read, Err(StoreError::Damaged { path: short }));
    assert_eq!(
        StoreError::Damaged {
            path: "facts".into()
        }
        .to_string(),
        "facts: the file is damaged: move it away to start without what it held, or restore it \
         from a backup"
    );
}

/// In each batch all keys get the number of the batch, which is told when it is durable.
#[test]
fn a_batch_is_whole_after_kill_9_and_what_was_durable_is_there() {
    if let Some(path) = std::env::var_os(CHILD) {
        return write_until_killed(Path::new(&path));
    }
    let folder = Site::new("store");
    let path = folder.directory().join("facts");
    let mut before = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([TEST, "--exact", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines.filter_map(|line| line.unwrap().strip_prefix("durable ")?.parse().ok());
        let durable: u64 = told.take(4 * round).last().unwrap();
        // SIGKILL, in the middle of what the child does next.
        child.kill().unwrap();
        child.wait().unwrap();
        let facts = Embedded::open(&path).unwrap().load().unwrap();
        assert_eq!(facts.len(), KEYS);
        let first = facts[0].value.clone();
        assert!(facts.iter().all(|fact| fact.value == first), "half a batch");
        let number = u64::from_be_bytes((*first).try_into().unwrap());
        assert!(
            number >= durable && durable > before,
            "{number} {durable} {before}"
        );
        before = number;
    }
}

fn write_until_killed(path: &Path) {
    let mut store = Embedded::open(path).unwrap();
    let facts = store.load().unwrap();
    let last = facts.first().map_or(0, |fact| {
        u64::from_be_bytes((*fact.value).try_into().unwrap())
    });
    for number in last + 1.. {
        let changes: Vec<_> = (0..KEYS)
            .map(|key| Change::put(&key.to_be_bytes(), &number.to_be_bytes()))
            .collect();
        store.apply(&changes).unwrap();
        writeln!(io::stdout(), "durable {number}").unwrap();
    }
}

const CHILD: &str = "COMITY_GATEWAY_STORE_OF_CHILD";
const TEST: &str =
    "store::embedded::tests::a_batch_is_whole_after_kill_9_and_what_was_durable_is_there";
const KEYS: usize = 100;
