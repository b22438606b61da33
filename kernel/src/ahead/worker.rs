//! Runs the book builder, on its own thread for batches of 4,096 rows or more. Batches in, trace blocks out, in order.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{channel, sync_channel, Receiver, Sender, SyncSender, TryRecvError};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use crate::ahead::builder::BookBuilder;
use crate::ahead::trace_block::TraceBlock;
use crate::contract::batch::Batch;
use crate::contract::error::RunError;

/// Most batches under way, the one being run among them.
const AHEAD: usize = 2;
/// Most trace blocks that wait to be run.
const WAITING: usize = 4;
/// Least rows of a batch that pay for a thread.
const WORTHWHILE: usize = 4096;

/// The answer to a request for a block.
pub enum Next {
    /// A trace block.
    Block(Box<TraceBlock>),
    /// No block yet: one is being built.
    Wait,
    /// Input exhausted.
    Exhausted,
}

/// A book builder and the batches pushed to it.
pub struct BuilderWorker {
    /// Batches of which not all blocks have been returned.
    batches: usize,
    may_thread: bool,
    mode: Mode,
}

enum Mode {
    Inline(Box<Inline>),
    Threaded(Threaded),
}

impl BuilderWorker {
    /// Make a worker; `may_thread` allows it its own thread.
    pub fn new(builder: BookBuilder, may_thread: bool) -> Self {
        let inline = Inline { builder: Some(builder), batches: VecDeque::new(), begin: 0, spare: None };
        BuilderWorker { batches: 0, may_thread, mode: Mode::Inline(Box::new(inline)) }
    }

    /// Return whether another batch should be pushed.
    #[inline]
    pub fn wants_more(&self) -> bool {
        self.batches < AHEAD
    }

    /// Return whether all blocks of all batches have been returned.
    pub fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// Push the next batch, which has rows.
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

    /// Return the next block if it is built.
    ///
    /// # Errors
    /// The process is a fork of the one in which the builder's thread is.
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

    /// Wait for the next block, of which there must be one, and return it.
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

    /// Return a block that is not needed any more, so that its memory is used again.
    pub fn recycle(&mut self, mut block: Box<TraceBlock>) {
        block.release(); // in this thread, which may hold Python's lock: the batch may own Python memory
        match &mut self.mode {
            Mode::Inline(inline) => inline.spare = Some(block),
            Mode::Threaded(threaded) => threaded.recycle(block),
        }
    }
}

/// A book builder that works when a block is asked for.
struct Inline {
    /// `None` once it has moved to a thread.
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

    /// Move the builder and its batches to a thread; `None` if there can be none.
    fn start_thread(&mut self) -> Option<Threaded> {
        let (threaded, builder_sender) = Threaded::new()?;
        let _ = builder_sender.send(self.builder.take()?);
        self.batches.drain(..).for_each(|batch| threaded.push(batch));
        Some(threaded)
    }
}

/// A book builder in its own thread.
struct Threaded {
    batches: Option<Sender<Arc<Batch>>>,
    recycled: Sender<Box<TraceBlock>>,
    blocks: Receiver<Box<TraceBlock>>,
    stop: Arc<AtomicBool>,
    /// `None` once it has been joined.
    thread: Option<JoinHandle<()>>,
    /// Id of the process that the thread belongs to.
    process: u32,
}

impl Threaded {
    /// Start a thread that works with the builder sent to it; `None` if there can be none.
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

    /// Fail after fork(): the builder thread exists only in the parent process.
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
            let _ = batches.send(batch); // if the thread has panicked, `fail` raises its panic
        }
    }

    fn recycle(&self, block: Box<TraceBlock>) {
        let _ = self.recycled.send(block);
    }

    /// Resume the panic of the thread.
    #[cold]
    fn fail(&mut self) -> ! {
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => panic!("the book builder has ended"),
        }
    }
}

impl Drop for Threaded {
    /// End the thread. Its batches are dropped in this thread: they may own Python memory.
    fn drop(&mut self) {
        if self.check().is_err() {
            std::mem::forget(self.thread.take()); // after a fork there is no thread to join
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

/// Build the blocks of a batch, or only return the batch once the run has stopped. The last block owns the batch.
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
