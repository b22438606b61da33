//! A scout at work: batches go in, tapes come out in the same order, made by another thread where that pays.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender, SyncSender, TryRecvError};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::ahead::scout::Scout;
use crate::ahead::tape::Tape;
use crate::contract::batch::Batch;
use crate::contract::fault::Fault;

/// How many batches may be on their way, the one that is being run among them.
const AHEAD: usize = 2;
/// How many tapes may wait.
const WAITING: usize = 4;
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
    may_leave: bool,
    place: Place,
}

enum Place {
    Here(Box<Here>),
    Away(Away),
}

impl Errand {
    /// Send a scout, who may have a thread of its own or not.
    pub fn new(scout: Scout, may_leave: bool) -> Self {
        let here = Here { scout: Some(scout), batches: VecDeque::new(), begin: 0, used: None };
        Errand { batches: 0, may_leave, place: Place::Here(Box::new(here)) }
    }

    /// Return whether another batch should be given.
    #[inline]
    pub fn wants_more(&self) -> bool {
        self.batches < AHEAD
    }

    /// Return whether all batches have come back as tapes.
    pub fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// Give the next batch, which has rows.
    pub fn give(&mut self, batch: Arc<Batch>) {
        self.batches += 1;
        if let Place::Here(here) = &mut self.place {
            if self.may_leave && batch.len() >= WORTHWHILE && here.begin == 0 {
                if let Some(away) = here.leave() {
                    self.place = Place::Away(away);
                } else {
                    self.may_leave = false;
                }
            }
        }
        match &mut self.place {
            Place::Here(here) => here.batches.push_back(batch),
            Place::Away(away) => away.give(batch),
        }
    }

    /// Return the next tape if there is one.
    ///
    /// # Errors
    /// The scout is in another process, from which this one was forked.
    pub fn look(&mut self) -> Result<Next, Fault> {
        if self.is_empty() {
            return Ok(Next::Nothing);
        }
        match &mut self.place {
            Place::Here(here) => {
                let tape = here.next();
                Ok(tape.map_or(Next::Nothing, |tape| self.came(tape)))
            }
            Place::Away(away) => match away.check()?.tapes.try_recv() {
                Ok(tape) => Ok(self.came(tape)),
                Err(TryRecvError::Empty) => Ok(Next::Wait),
                Err(TryRecvError::Disconnected) => away.fail(),
            },
        }
    }

    /// Return the next tape, of which there is one, as soon as it is there.
    ///
    /// # Errors
    /// As `look`.
    pub fn wait(&mut self) -> Result<Next, Fault> {
        match &mut self.place {
            Place::Here(_) => self.look(),
            Place::Away(away) => {
                let tape = away.check()?.tapes.recv().unwrap_or_else(|_| away.fail());
                Ok(self.came(tape))
            }
        }
    }

    fn came(&mut self, tape: Box<Tape>) -> Next {
        self.batches -= usize::from(tape.last);
        Next::Tape(tape)
    }

    /// Take a tape back that is not needed any more.
    pub fn take_back(&mut self, mut tape: Box<Tape>) {
        tape.release(); // in this thread, which may hold Python's lock: memory of Python may hang on it
        match &mut self.place {
            Place::Here(here) => here.used = Some(tape),
            Place::Away(away) => away.take_back(tape),
        }
    }
}

/// A scout that goes when it is asked.
struct Here {
    /// There until it leaves.
    scout: Option<Scout>,
    batches: VecDeque<Arc<Batch>>,
    begin: usize,
    used: Option<Box<Tape>>,
}

impl Here {
    fn next(&mut self) -> Option<Box<Tape>> {
        let batch = self.batches.front()?.clone();
        let mut tape = self.used.take().unwrap_or_default();
        self.begin = self.scout.as_mut()?.walk(&batch, self.begin, &mut tape);
        if self.begin == batch.len() {
            (self.begin, tape.last) = (0, true);
            self.batches.pop_front();
        }
        tape.belong(batch);
        Some(tape)
    }

    /// Go on in another thread, if one can be had.
    fn leave(&mut self) -> Option<Away> {
        let (away, door) = Away::new()?;
        let _ = door.send(self.scout.take()?);
        self.batches.drain(..).for_each(|batch| away.give(batch));
        Some(away)
    }
}

/// A scout in a thread of its own.
struct Away {
    batches: Option<Sender<Arc<Batch>>>,
    used: Sender<Box<Tape>>,
    tapes: Receiver<Box<Tape>>,
    stop: Arc<AtomicBool>,
    /// There until it has been waited for.
    thread: Option<JoinHandle<()>>,
    /// The process that it is a thread of.
    process: u32,
}

impl Away {
    /// Start a thread, if one can be had, that works with the scout it is sent.
    fn new() -> Option<(Self, Sender<Scout>)> {
        let (door, arrived) = channel::<Scout>();
        let (batches, given) = channel();
        let (used, spare) = channel();
        let (made, tapes) = sync_channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let work = move || {
            let Ok(mut scout) = arrived.recv() else { return };
            for batch in given {
                walk(&mut scout, batch, (&spare, &made), &stopped);
            }
        };
        let thread = Builder::new().name("scout".into()).spawn(work).ok()?;
        let process = std::process::id();
        Some((Away { batches: Some(batches), used, tapes, stop, thread: Some(thread), process }, door))
    }

    /// See that the thread is there: a process that has been forked has none.
    fn check(&mut self) -> Result<&mut Self, Fault> {
        if self.process == std::process::id() {
            return Ok(self);
        }
        Err(Fault::Strategy(
            "this process was forked in the midst of a run, which goes on in the other one alone".into(),
        ))
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
    /// End the thread. The batches that it has come back and are dropped here: memory of Python may hang on them.
    fn drop(&mut self) {
        if self.check().is_err() {
            std::mem::forget(self.thread.take()); // nobody is there to wait for
            return;
        }
        self.stop.store(true, Ordering::Relaxed);
        self.batches = None;
        while self.tapes.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Make tapes of a batch, unless the run has stopped. The batch leaves with the last of them.
fn walk(
    scout: &mut Scout,
    batch: Arc<Batch>,
    (spare, made): (&Receiver<Box<Tape>>, &SyncSender<Box<Tape>>),
    stopped: &AtomicBool,
) {
    let mut begin = 0;
    loop {
        let mut tape = spare.try_recv().unwrap_or_default();
        if stopped.load(Ordering::Relaxed) {
            begin = batch.len();
        } else {
            begin = scout.walk(&batch, begin, &mut tape);
        }
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
