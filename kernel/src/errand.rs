//! A scout at work: batches go in, tapes come out in the same order, made by another thread where that pays.

use std::collections::VecDeque;
use std::sync::mpsc::{channel, Receiver, Sender, TryRecvError};
use std::sync::Arc;
use std::thread::{available_parallelism, Builder, JoinHandle};

use crate::batch::Batch;
use crate::scout::Scout;
use crate::tape::Tape;

/// How many batches may be on their way: one that is being run, and one for the scout.
const AHEAD: usize = 2;
/// Batches of fewer rows are not worth a thread.
const WORTHWHILE: usize = 4096;

/// What there is to go on with.
pub enum Next {
    /// A tape.
    Tape(Box<Tape>),
    /// Nothing yet.
    Wait,
    /// Nothing, unless there are more batches.
    Nothing,
}

/// A scout, and the batches that have been given to it.
pub struct Errand {
    /// How many batches have not come back as tapes to the end.
    batches: usize,
    here: Option<Here>,
    away: Option<Away>,
}

impl Errand {
    /// Send a scout.
    pub fn new(scout: Scout) -> Self {
        let here = Here { scout, batches: VecDeque::new(), begin: 0, used: None };
        Errand { batches: 0, here: Some(here), away: None }
    }

    /// Say whether another batch should be given.
    #[inline]
    pub fn wants_more(&self) -> bool {
        self.batches < AHEAD
    }

    /// Say whether all batches have come back as tapes.
    pub fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// Give the next batch, which has rows.
    pub fn give(&mut self, batch: Arc<Batch>) {
        if self.is_empty() && batch.len() >= WORTHWHILE && has_processors() {
            self.away = self.here.take().map(|here| Away::new(here.scout)).or(self.away.take());
        }
        self.batches += 1;
        match (&mut self.here, &self.away) {
            (Some(here), _) => here.batches.push_back(batch),
            (None, Some(away)) => away.give(batch),
            (None, None) => {}
        }
    }

    /// Return the next tape if there is one.
    pub fn look(&mut self) -> Next {
        if self.is_empty() {
            return Next::Nothing;
        }
        let tape = match (&mut self.here, &mut self.away) {
            (Some(here), _) => here.next(),
            (None, Some(away)) => match away.tapes.try_recv() {
                Ok(tape) => Some(tape),
                Err(TryRecvError::Empty) => return Next::Wait,
                Err(TryRecvError::Disconnected) => away.fail(),
            },
            (None, None) => None,
        };
        self.came(tape)
    }

    /// Return the next tape, of which there is one, as soon as it is there.
    pub fn wait(&mut self) -> Next {
        match &mut self.away {
            Some(away) => {
                let tape = away.tapes.recv().unwrap_or_else(|_| away.fail());
                self.came(Some(tape))
            }
            None => self.look(),
        }
    }

    fn came(&mut self, tape: Option<Box<Tape>>) -> Next {
        tape.map_or(Next::Nothing, |tape| {
            self.batches -= usize::from(tape.last);
            Next::Tape(tape)
        })
    }

    /// Take a tape back that is not needed any more.
    pub fn take_back(&mut self, mut tape: Box<Tape>) {
        tape.release(); // in this thread, which may hold Python's lock: memory of Python may hang on it
        match (&mut self.here, &self.away) {
            (Some(here), _) => here.used = Some(tape),
            (None, Some(away)) => away.take_back(tape),
            (None, None) => {}
        }
    }
}

fn has_processors() -> bool {
    available_parallelism().is_ok_and(|processors| processors.get() > 1)
}

/// A scout that goes when it is asked.
struct Here {
    scout: Scout,
    batches: VecDeque<Arc<Batch>>,
    begin: usize,
    used: Option<Box<Tape>>,
}

impl Here {
    fn next(&mut self) -> Option<Box<Tape>> {
        let batch = self.batches.front()?.clone();
        let mut tape = self.used.take().unwrap_or_default();
        self.begin = self.scout.walk(&batch, self.begin, &mut tape);
        if self.begin == batch.len() {
            (self.begin, tape.last) = (0, true);
            self.batches.pop_front();
        }
        tape.belong(batch);
        Some(tape)
    }
}

/// A scout in a thread of its own.
struct Away {
    batches: Option<Sender<Arc<Batch>>>,
    used: Sender<Box<Tape>>,
    tapes: Receiver<Box<Tape>>,
    thread: Option<JoinHandle<()>>,
}

impl Away {
    fn new(mut scout: Scout) -> Self {
        let (batches, given) = channel();
        let (used, spare) = channel();
        let (made, tapes) = channel();
        let work = move || {
            for batch in given {
                walk(&mut scout, batch, &spare, &made);
            }
        };
        let thread = Builder::new().name("scout".into()).spawn(work).expect("there is room for a thread");
        Away { batches: Some(batches), used, tapes, thread: Some(thread) }
    }

    fn give(&self, batch: Arc<Batch>) {
        if let Some(batches) = &self.batches {
            let _ = batches.send(batch); // where the thread has failed, `fail` says so
        }
    }

    fn take_back(&self, tape: Box<Tape>) {
        let _ = self.used.send(tape);
    }

    /// Fail as the thread has failed.
    #[cold]
    fn fail(&mut self) -> ! {
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => panic!("the scout has left"),
        }
    }
}

impl Drop for Away {
    /// End the thread. What it still makes of its batches is dropped here: memory of Python may hang on it.
    fn drop(&mut self) {
        self.batches = None;
        while self.tapes.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Make tapes of a batch. The batch leaves with the last of them.
fn walk(scout: &mut Scout, batch: Arc<Batch>, spare: &Receiver<Box<Tape>>, made: &Sender<Box<Tape>>) {
    let mut begin = 0;
    loop {
        let mut tape = spare.try_recv().unwrap_or_default();
        begin = scout.walk(&batch, begin, &mut tape);
        if begin == batch.len() {
            tape.last = true;
            tape.belong(batch);
            let _ = made.send(tape);
            return;
        }
        tape.belong(batch.clone());
        let _ = made.send(tape);
    }
}
