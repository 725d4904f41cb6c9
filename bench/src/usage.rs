//! What a process and those that descend from it have taken, as the system tells.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::time::Duration;

/// What a process and those that descend from it have taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Usage {
    /// Processor time, of the system on their behalf too.
    pub(crate) cpu: Duration,
    /// Bytes of memory; what several of them share counts once.
    pub(crate) memory: u64,
}

/// That of the process with this number.
pub(crate) fn usage(id: u32) -> io::Result<Usage> {
    let stats = all_stats()?;
    let mut usage = Usage::default();
    for stat in descent(id, &stats) {
        usage.cpu += stat.cpu;
        usage.memory += match memory(stat.id) {
            Err(error) if is_of_the_ended(&error) => 0,
            read => read?,
        };
    }
    Ok(usage)
}

/// A process as `/proc/PID/stat` tells of it.
#[derive(Debug, Eq, PartialEq)]
struct Stat {
    id: u32,
    parent: u32,
    /// Of all threads, and of the children that have ended.
    cpu: Duration,
}

impl Stat {
    fn read(line: &str) -> Option<Self> {
        // The name before the last parenthesis may contain anything.
        let (id, rest) = line.split_once(' ')?;
        let (_, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let parent = fields.nth(1)?;
        // utime, stime, cutime and cstime.
        let mut fields = fields.skip(9);
        let mut ticks = 0;
        for _ in 0..4 {
            ticks += fields.next()?.parse::<u32>().ok()?;
        }
        Some(Self {
            id: id.parse().ok()?,
            parent: parent.parse().ok()?,
            cpu: TICK * ticks,
        })
    }
}

fn all_stats() -> io::Result<Vec<Stat>> {
    let mut stats = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let name = entry.file_name();
        let is_process = name
            .to_str()
            .is_some_and(|name| name.parse::<u32>().is_ok());
        // A process may have ended since.
        if is_process && let Ok(line) = fs::read_to_string(entry.path().join("stat")) {
            stats.extend(Stat::read(&line));
        }
    }
    Ok(stats)
}

/// A process and those that descend from it.
fn descent(id: u32, stats: &[Stat]) -> impl Iterator<Item = &Stat> {
    let mut family = BTreeSet::from([id]);
    let mut known = 0;
    while known < family.len() {
        known = family.len();
        let children = stats.iter().filter(|stat| family.contains(&stat.parent));
        let children: Vec<u32> = children.map(|stat| stat.id).collect();
        family.extend(children);
    }
    stats.iter().filter(move |stat| family.contains(&stat.id))
}

/// The bytes that a process holds, a page that several hold divided by their number.
fn memory(id: u32) -> io::Result<u64> {
    let path = format!("/proc/{id}/smaps_rollup");
    share(&fs::read_to_string(path)?).ok_or_else(|| io::Error::other("no Pss in smaps_rollup"))
}

/// A process may have ended since it was found.
fn is_of_the_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH)
}

fn share(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

const ESRCH: i32 = 3;
/// The unit of the times in `/proc/PID/stat`.
const TICK: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(id: u32, parent: u32) -> Stat {
        Stat {
            id,
            parent,
            cpu: Duration::ZERO,
        }
    }

    #[test]
    fn cpu_is_the_time_of_user_and_system_and_of_ended_children() {
        let line = "812 (a (b) 1 2) S 7 812 812 0 -1 4194560 33 0 0 0 100 20 3 4 20 0 9 0 5\n";
        let expected = Stat {
            id: 812,
            parent: 7,
            cpu: Duration::from_millis(1_270),
        };
        assert_eq!(Stat::read(line), Some(expected));
        assert_eq!(Stat::read(line.split_once(" 3 4").unwrap().0), None);
    }

    #[test]
    fn descent_has_children_of_children_and_no_one_else() {
        let stats = [stat(5, 3), stat(3, 2), stat(2, 1), stat(4, 1), stat(6, 2)];
        let ids: Vec<u32> = descent(2, &stats).map(|stat| stat.id).collect();
        assert_eq!(ids, [5, 3, 2, 6]);
        assert_eq!(descent(9, &stats).count(), 0);
    }

    #[test]
    fn memory_is_the_proportional_share() {
        let rollup = "5581 [rollup]\nRss:  900 kB\nPss:    3 kB\nPss_Dirty: 2 kB\n";
        assert_eq!(share(rollup), Some(3_072));
        assert_eq!(share("Rss: 900 kB\n"), None);
    }
}
