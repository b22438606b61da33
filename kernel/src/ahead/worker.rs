//! A book builder at work: batches go in, trace blocks come out in the same order, made by another thread where that pays.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender, SyncSender, TryRecvError};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::ahead::builder::BookBuilder;
use crate::ahead::trace_block::TraceBlock;
use crate::contract::batch::Batch;
use crate::contract::error::RunError;

/// How many batches may be on their way, the one that is being run among them.
const AHEAD: usize = 2;
/// How many trace blocks may wait.
const WAITING: usize = 4;
/// Batches of fewer rows are not worth a thread.
const WORTHWHILE: usize = 4096;

/// What there is to go on with.
pub enum Next {
    /// A trace block.
    Block(Box<TraceBlock>),
    /// Exhausted yet.
    Wait,
    /// Exhausted, unless there are more batches.
    Exhausted,
}

/// A book builder, and the batches that have been given to it.
pub struct BuilderWorker {
    /// How many batches have not come back as trace blocks to the end.
    batches: usize,
    may_thread: bool,
    mode: Mode,
}

enum Mode {
    Inline(Box<Inline>),
    Threaded(Threaded),
}

impl BuilderWorker {
    /// Send a book builder, who may have a thread of its own or not.
    pub fn new(builder: BookBuilder, may_thread: bool) -> Self {
        let inline = Inline { builder: Some(builder), batches: VecDeque::new(), begin: 0, spare: None };
        BuilderWorker { batches: 0, may_thread, mode: Mode::Inline(Box::new(inline)) }
    }

    /// Return whether another batch should be given.
    #[inline]
    pub fn wants_more(&self) -> bool {
        self.batches < AHEAD
    }

    /// Return whether all batches have come back as trace blocks.
    pub fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// Give the next batch, which has rows.
    pub fn push(&mut self, batch: Arc<Batch>) {
        self.batches += 1;
        if let Mode::Inline(inline) = &mut self.mode {
            if self.may_thread && batch.len() >= WORTHWHILE && inline.begin == 0 {
                if let Some(threaded) = inline.start_thread() {
                    self.mode = Mode::Threaded(threaded);
                } else {
                    self.may_thread = false;
                }
            }
        }
        match &mut self.mode {
            Mode::Inline(inline) => inline.batches.push_back(batch),
            Mode::Threaded(threaded) => threaded.push(batch),
        }
    }

    /// Return the next trace block if there is one.
    ///
    /// # Errors
    /// The book builder is in another process, from which this one was forked.
    pub fn poll(&mut self) -> Result<Next, RunError> {
        if self.is_empty() {
            return Ok(Next::Exhausted);
        }
        match &mut self.mode {
            Mode::Inline(inline) => {
                let block = inline.next();
                Ok(block.map_or(Next::Exhausted, |block| self.count_received(block)))
            }
            Mode::Threaded(threaded) => match threaded.check()?.blocks.try_recv() {
                Ok(block) => Ok(self.count_received(block)),
                Err(TryRecvError::Empty) => Ok(Next::Wait),
                Err(TryRecvError::Disconnected) => threaded.fail(),
            },
        }
    }

    /// Return the next trace block, of which there is one, as soon as it is there.
    ///
    /// # Errors
    /// As `poll`.
    pub fn wait(&mut self) -> Result<Next, RunError> {
        match &mut self.mode {
            Mode::Inline(_) => self.poll(),
            Mode::Threaded(threaded) => {
                let block = threaded.check()?.blocks.recv().unwrap_or_else(|_| threaded.fail());
                Ok(self.count_received(block))
            }
        }
    }

    fn count_received(&mut self, block: Box<TraceBlock>) -> Next {
        self.batches -= usize::from(block.ends_batch);
        Next::Block(block)
    }

    /// Take a trace block back that is not needed any more.
    pub fn recycle(&mut self, mut block: Box<TraceBlock>) {
        block.release(); // in this thread, which may hold Python's lock: memory of Python may hang on it
        match &mut self.mode {
            Mode::Inline(inline) => inline.spare = Some(block),
            Mode::Threaded(threaded) => threaded.recycle(block),
        }
    }
}

/// A book builder that goes when it is asked.
struct Inline {
    /// There until it leaves.
    builder: Option<BookBuilder>,
    batches: VecDeque<Arc<Batch>>,
    begin: usize,
    spare: Option<Box<TraceBlock>>,
}

impl Inline {
    fn next(&mut self) -> Option<Box<TraceBlock>> {
        let batch = self.batches.front()?.clone();
        let mut block = self.spare.take().unwrap_or_default();
        self.begin = self.builder.as_mut()?.build(&batch, self.begin, &mut block);
        if self.begin == batch.len() {
            (self.begin, block.ends_batch) = (0, true);
            self.batches.pop_front();
        }
        block.set_batch(batch);
        Some(block)
    }

    /// Go on in another thread, if one can be had.
    fn start_thread(&mut self) -> Option<Threaded> {
        let (threaded, builder_sender) = Threaded::new()?;
        let _ = builder_sender.send(self.builder.take()?);
        self.batches.drain(..).for_each(|batch| threaded.push(batch));
        Some(threaded)
    }
}

/// A book builder in a thread of its own.
struct Threaded {
    batches: Option<Sender<Arc<Batch>>>,
    recycled: Sender<Box<TraceBlock>>,
    blocks: Receiver<Box<TraceBlock>>,
    stop: Arc<AtomicBool>,
    /// There until it has been waited for.
    thread: Option<JoinHandle<()>>,
    /// The process that it is a thread of.
    process: u32,
}

impl Threaded {
    /// Start a thread, if one can be had, that works with the book builder it is sent.
    fn new() -> Option<(Self, Sender<BookBuilder>)> {
        let (builder_sender, builder_arrives) = channel::<BookBuilder>();
        let (batches, batches_in) = channel();
        let (recycled, spare) = channel();
        let (made, blocks) = sync_channel(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let work = move || {
            let Ok(mut builder) = builder_arrives.recv() else { return };
            for batch in batches_in {
                build(&mut builder, batch, (&spare, &made), &stopped);
            }
        };
        let thread = Builder::new().name("book builder".into()).spawn(work).ok()?;
        let process = std::process::id();
        Some((
            Threaded { batches: Some(batches), recycled, blocks, stop, thread: Some(thread), process },
            builder_sender,
        ))
    }

    /// See that the thread is there: a process that has been forked has none.
    fn check(&mut self) -> Result<&mut Self, RunError> {
        if self.process == std::process::id() {
            return Ok(self);
        }
        Err(RunError::Strategy(
            "this process was forked in the midst of a run, which goes on in the other one alone".into(),
        ))
    }

    fn push(&self, batch: Arc<Batch>) {
        if let Some(batches) = &self.batches {
            let _ = batches.send(batch); // where the thread has failed, `fail` says so
        }
    }

    fn recycle(&self, block: Box<TraceBlock>) {
        let _ = self.recycled.send(block);
    }

    /// Fail as the thread has failed.
    #[cold]
    fn fail(&mut self) -> ! {
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => panic!("the book builder has ended"),
        }
    }
}

impl Drop for Threaded {
    /// End the thread. The batches that it has come back and are dropped here: memory of Python may hang on them.
    fn drop(&mut self) {
        if self.check().is_err() {
            std::mem::forget(self.thread.take()); // nobody is there to wait for
            return;
        }
        self.stop.store(true, Ordering::Relaxed);
        self.batches = None;
        while self.blocks.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Make trace blocks of a batch, unless the run has stopped. The batch leaves with the last of them.
fn build(
    builder: &mut BookBuilder,
    batch: Arc<Batch>,
    (spare, made): (&Receiver<Box<TraceBlock>>, &SyncSender<Box<TraceBlock>>),
    stopped: &AtomicBool,
) {
    let mut begin = 0;
    loop {
        let mut block = spare.try_recv().unwrap_or_default();
        if stopped.load(Ordering::Relaxed) {
            begin = batch.len();
        } else {
            begin = builder.build(&batch, begin, &mut block);
        }
        if begin == batch.len() {
            block.ends_batch = true;
            block.set_batch(batch);
            let _ = made.send(block);
            return;
        }
        block.set_batch(batch.clone());
        let _ = made.send(block);
    }
}
