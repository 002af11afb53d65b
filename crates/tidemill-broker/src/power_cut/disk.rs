//! A disk that forgets what was not forced to it.
//!
//! The files are real ones in a folder; beside them this keeps what a disk would hold: of a file the bytes as of its last
//! force, of a folder the entries as of its last force and the changes since, in their order. When the power is cut, a
//! new folder is made of that, and everything that is done afterwards fails. What was not forced is gone, or some of it
//! reached the disk by itself: the first of a folder's changes, a part of what was appended to a file, or its length without
//! its bytes. A kill in place of the cut keeps everything that was done before.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// How everything ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The process dies; the operating system goes on and loses nothing.
    Kill,
    /// Only what was forced is left.
    BareCut,
    /// More than that reached the disk.
    Cut,
}

#[derive(Debug)]
enum Node {
    File {
        forced: Vec<u8>,
    },
    Dir {
        forced: BTreeMap<OsString, usize>,
        changes: Vec<Change>,
    },
}

/// A change to a folder's entries.
#[derive(Debug, Clone)]
enum Change {
    Put(OsString, usize),
    Drop(OsString),
    Move(OsString, OsString),
}

/// What a test asked for, on its own thread.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    /// The present, as the process sees it.
    paths: BTreeMap<PathBuf, usize>,
    /// Which node a file is, by its number. A number is used again when its file is gone.
    by_number: HashMap<u64, usize>,
    /// Steps until the end.
    steps_left: usize,
    end: End,
    rng: ChaCha8Rng,
    /// Where what is left is written to.
    remains: PathBuf,
    is_over: bool,
}

/// A folder for a disk. It may lie in memory: what would survive is kept count of here.
pub(super) fn folder() -> tempfile::TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

thread_local! {
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
}

impl Disk {
    /// From now on what this thread does below `root`, all of which is on disk, is followed; after `steps` of it comes the
    /// end, and `remains` is made of what is left.
    pub(super) fn watch(root: &Path, remains: &Path, steps: usize, end: End, rng: ChaCha8Rng) {
        let mut disk = Disk {
            root: root.to_owned(),
            nodes: Vec::new(),
            paths: BTreeMap::new(),
            by_number: HashMap::new(),
            steps_left: steps,
            end,
            rng,
            remains: remains.to_owned(),
            is_over: false,
        };
        disk.adopt(root);
        DISK.set(Some(disk));
    }

    /// After a kill the disk is as it was, and holds no more than before: it is watched on where the files are now.
    pub(super) fn watch_on(mut self, remains: &Path, steps: usize, end: End, rng: ChaCha8Rng) {
        assert_eq!(self.end, End::Kill);
        let root = std::mem::replace(&mut self.remains, remains.to_owned());
        let before = std::mem::replace(&mut self.root, root);
        self.by_number.clear();
        for (path, id) in std::mem::take(&mut self.paths) {
            let path = self.root.join(path.strip_prefix(&before).unwrap());
            self.by_number.insert(fs::metadata(&path).unwrap().ino(), id);
            self.paths.insert(path, id);
        }
        (self.steps_left, self.end, self.rng, self.is_over) = (steps, end, rng, false);
        DISK.set(Some(self));
    }

    /// Ends it now unless it is over, and gives it back. Nothing is followed any more.
    pub(super) fn end() -> Disk {
        let mut disk = DISK.take().expect("a disk that is watched");
        disk.finish();
        disk
    }

    pub(super) fn is_over() -> bool {
        DISK.with_borrow(|disk| disk.as_ref().is_some_and(|disk| disk.is_over))
    }

    fn adopt(&mut self, path: &Path) -> usize {
        let node = if path.is_dir() {
            let mut forced = BTreeMap::new();
            for entry in fs::read_dir(path).unwrap() {
                let path = entry.unwrap().path();
                let id = self.adopt(&path);
                forced.insert(name_of(&path), id);
            }
            Node::Dir {
                forced,
                changes: Vec::new(),
            }
        } else {
            Node::File {
                forced: fs::read(path).unwrap(),
            }
        };
        self.add(path, node)
    }

    fn add(&mut self, path: &Path, node: Node) -> usize {
        let id = self.nodes.len();
        self.nodes.push(node);
        self.paths.insert(path.to_owned(), id);
        self.by_number.insert(fs::metadata(path).unwrap().ino(), id);
        id
    }

    /// Counts a step; whether it is the one at which all ends.
    fn step(&mut self) -> io::Result<()> {
        if self.steps_left == 0 {
            self.finish();
            return Err(io::Error::other("the power is out"));
        }
        self.steps_left -= 1;
        Ok(())
    }

    fn finish(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        match self.end {
            End::Kill => copy(&self.root, &self.remains),
            End::BareCut | End::Cut => {
                let root = self.paths[&self.root];
                let remains = self.remains.clone();
                self.write_remains(root, &remains);
            }
        }
    }

    fn write_remains(&mut self, id: usize, to: &Path) {
        match &self.nodes[id] {
            Node::Dir { forced, changes } => {
                let mut entries = forced.clone();
                let known = match self.end {
                    End::Cut => self.rng.random_range(0..=changes.len()),
                    End::BareCut | End::Kill => 0,
                };
                changes[..known].iter().for_each(|change| change.apply(&mut entries));
                fs::create_dir_all(to).unwrap();
                for (name, id) in entries {
                    self.write_remains(id, &to.join(name));
                }
            }
            Node::File { forced } => {
                let mut bytes = forced.clone();
                let path = self.paths.iter().find(|(_, found)| **found == id).map(|(path, _)| path);
                if let (End::Cut, Some(path)) = (self.end, path) {
                    let present = fs::read(path).unwrap();
                    self.keep_some(&mut bytes, &present);
                }
                fs::write(to, bytes).unwrap();
            }
        }
    }

    /// What the operating system wrote by itself of a file that was `bytes` and should become `present`.
    fn keep_some(&mut self, bytes: &mut Vec<u8>, present: &[u8]) {
        let grew = present
            .len()
            .checked_sub(bytes.len())
            .filter(|_| present.starts_with(bytes));
        match (grew, self.rng.random_range(0..4)) {
            (_, 0) => (),
            (None, _) | (Some(_), 1) => *bytes = present.to_vec(),
            (Some(grew), 2) => {
                let kept = bytes.len() + self.rng.random_range(0..=grew);
                *bytes = present[..kept].to_vec();
            }
            // The length reached the disk and the last of the bytes did not.
            (Some(grew), _) => {
                let kept = bytes.len() + self.rng.random_range(0..=grew);
                *bytes = present[..kept].to_vec();
                bytes.resize(present.len(), 0);
            }
        }
    }

    fn dir_above(&mut self, path: &Path) -> &mut Vec<Change> {
        let above = path.parent().and_then(|dir| self.paths.get(dir)).copied();
        match above.map(|id| &mut self.nodes[id]) {
            Some(Node::Dir { changes, .. }) => changes,
            _ => panic!("{} is in no folder", path.display()),
        }
    }

    fn note_made(&mut self, path: &Path) {
        if !path.starts_with(&self.root) || self.paths.contains_key(path) {
            return;
        }
        self.note_made(path.parent().unwrap());
        let node = if path.is_dir() {
            Node::Dir {
                forced: BTreeMap::new(),
                changes: Vec::new(),
            }
        } else {
            Node::File { forced: Vec::new() }
        };
        let id = self.add(path, node);
        self.dir_above(path).push(Change::Put(name_of(path), id));
    }

    fn note_gone(&mut self, path: &Path) -> Vec<(PathBuf, usize)> {
        self.paths.extract_if(.., |known, _| known.starts_with(path)).collect()
    }

    fn note_moved(&mut self, from: &Path, to: &Path) {
        self.note_gone(to);
        let moved = self.note_gone(from);
        let id = moved.iter().find(|(path, _)| path == from).unwrap().1;
        for (path, id) in moved {
            let below = path.strip_prefix(from).unwrap();
            let path = if below == Path::new("") {
                to.to_owned()
            } else {
                to.join(below)
            };
            self.paths.insert(path, id);
        }
        if from.parent() == to.parent() {
            self.dir_above(to).push(Change::Move(name_of(from), name_of(to)));
        } else {
            self.dir_above(from).push(Change::Drop(name_of(from)));
            self.dir_above(to).push(Change::Put(name_of(to), id));
        }
    }
}

impl Change {
    fn apply(&self, entries: &mut BTreeMap<OsString, usize>) {
        match self {
            Change::Put(name, id) => {
                entries.insert(name.clone(), *id);
            }
            Change::Drop(name) => {
                entries.remove(name);
            }
            Change::Move(from, to) => {
                if let Some(id) = entries.remove(from) {
                    entries.insert(to.clone(), id);
                }
            }
        }
    }
}

fn name_of(path: &Path) -> OsString {
    path.file_name().map(OsStr::to_owned).unwrap_or_default()
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        copy(&path, &to.join(name_of(&path)));
    }
}

/// What [`crate::files`] did, just after it was done. An error where the power is out.
pub(crate) mod noted {
    use super::*;

    fn note(note: impl FnOnce(&mut Disk) -> io::Result<()>) -> io::Result<()> {
        DISK.with_borrow_mut(|disk| disk.as_mut().map_or(Ok(()), note))
    }

    /// Changes of names are noted before the end, because they may be among what reached the disk.
    fn change(change: impl FnOnce(&mut Disk)) -> io::Result<()> {
        note(|disk| {
            if !disk.is_over {
                change(disk);
            }
            disk.step()
        })
    }

    pub(crate) fn made(path: &Path) -> io::Result<()> {
        change(|disk| disk.note_made(path))
    }

    pub(crate) fn moved(from: &Path, to: &Path) -> io::Result<()> {
        change(|disk| disk.note_moved(from, to))
    }

    pub(crate) fn removed(path: &Path) -> io::Result<()> {
        change(|disk| {
            disk.dir_above(path).push(Change::Drop(name_of(path)));
            disk.note_gone(path);
        })
    }

    pub(crate) fn forced(file: &File) -> io::Result<()> {
        note(|disk| {
            disk.step()?;
            let id = disk.by_number.get(&file.metadata()?.ino()).copied();
            let path = disk.paths.iter().find(|(_, found)| Some(**found) == id);
            if let (Some(id), Some((path, _))) = (id, path) {
                disk.nodes[id] = Node::File {
                    forced: fs::read(path)?,
                };
            }
            Ok(())
        })
    }

    pub(crate) fn forced_dir(dir: &Path) -> io::Result<()> {
        note(|disk| {
            disk.step()?;
            let id = disk.paths.get(dir).copied();
            if let Some(Node::Dir { forced, changes }) = id.map(|id| &mut disk.nodes[id]) {
                changes.drain(..).for_each(|change| change.apply(forced));
            }
            Ok(())
        })
    }
}
