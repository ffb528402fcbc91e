//! The one writer: a thread with the only writing connection, and group commit.
//!
//! Commands come over a bounded channel. All that wait are one transaction, and nobody gets an answer before the commit is
//! on disk. Where a command fails, the transaction begins anew with a savepoint for each, so that it spoils no other: a
//! savepoint makes SQLite copy every page that is touched again, and few commands fail.

use super::query::{execute, one};
use crate::store::{StoreError, sql};
use rusqlite::{Connection, params};
use std::cell::Cell;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// So many commands may wait.
const QUEUE: usize = 4096;
/// So many are one transaction at most.
const BATCH: usize = 512;

trait Command: Send {
    /// Does the work, perhaps once more than before; an error: undo it.
    fn work(&mut self, batch: &Batch<'_>) -> Result<(), StoreError>;
    /// Tells the one who waits. An error: nothing of the batch was kept.
    fn answer(self: Box<Self>, batch: &Result<(), StoreError>);
}

struct Call<T, F> {
    work: F,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Command for Call<T, F>
where
    T: Send,
    F: Fn(&Batch<'_>) -> Result<T, StoreError> + Send,
{
    fn work(&mut self, batch: &Batch<'_>) -> Result<(), StoreError> {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(batch)))
            .unwrap_or_else(|_| Err(StoreError::Io("a command of the store panicked".to_owned())));
        let undo = outcome.as_ref().err().cloned();
        self.outcome = Some(outcome);
        undo.map_or(Ok(()), Err)
    }

    fn answer(self: Box<Self>, batch: &Result<(), StoreError>) {
        let answer = match (self.outcome, batch) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.clone()),
            (Some(outcome), Ok(())) => outcome,
            (None, Ok(())) => Err(StoreError::Closed),
        };
        // Whoever asked may have gone; the work stands.
        let _ = self.reply.send(answer);
    }
}

/// The handle to the writer's thread. Dropping it finishes what waits, then closes the connection.
pub(super) struct Writer {
    commands: Option<mpsc::Sender<Box<dyn Command>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Writer, StoreError> {
        let (commands, receiver) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(connection, receiver))
            .map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Writer { commands: Some(commands), thread: Some(thread) })
    }

    /// Has some work done; waits for a place in the queue.
    pub(super) async fn call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Batch<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or(StoreError::Closed)?;
        let call = Call { work, outcome: None, reply };
        commands.send(Box::new(call)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Has some work done; [`StoreError::Busy`] at once when the queue is full.
    pub(super) async fn try_call<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Batch<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.as_ref().ok_or(StoreError::Closed)?;
        let call = Call { work, outcome: None, reply };
        commands.try_send(Box::new(call)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy(format!("{QUEUE} writes are waiting")),
            mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
        })?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(connection: Connection, mut receiver: mpsc::Receiver<Box<dyn Command>>) {
    while let Some(first) = receiver.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match receiver.try_recv() {
                Ok(command) => batch.push(command),
                Err(_) => break,
            }
        }
        let outcome = commit(&connection, &mut batch);
        if outcome.is_err() && !connection.is_autocommit() {
            // Fails only when SQLite has undone it already.
            let _ = connection.execute_batch("rollback");
        }
        for command in batch {
            command.answer(&outcome);
        }
    }
}

/// The transaction under way, of several commands.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    /// The last place in the order of acceptance that it has given. Written down at its end, once for all of them.
    number: Cell<Option<i64>>,
}

impl Deref for Batch<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl<'c> Batch<'c> {
    fn begin(connection: &'c Connection) -> Result<Batch<'c>, StoreError> {
        let batch = Batch { connection, number: Cell::new(None) };
        batch.run("begin immediate")?;
        Ok(batch)
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        execute(self, sql, []).map(drop)
    }

    fn commit(self) -> Result<(), StoreError> {
        if let Some(number) = self.number.get() {
            execute(&self, sql::COUNT_RUNS, params![number])?;
        }
        self.run("commit")
    }

    /// The next place in the order of acceptance. One that was given to a command that fails stays empty.
    pub(super) fn next_number(&self) -> Result<i64, StoreError> {
        let last = match self.number.get() {
            Some(last) => last,
            None => one(self, sql::RUNS_COUNTED, [], |row| row.get(0))?
                .ok_or_else(|| StoreError::Corrupt("the counter of runs is gone".to_owned()))?,
        };
        let next = last.saturating_add(1);
        self.number.set(Some(next));
        Ok(next)
    }
}

fn commit(connection: &Connection, commands: &mut [Box<dyn Command>]) -> Result<(), StoreError> {
    let batch = Batch::begin(connection)?;
    let Err(error) = commands.iter_mut().try_for_each(|command| command.work(&batch)) else { return batch.commit() };
    // A full disk or a failing one makes SQLite undo the whole transaction by itself.
    if connection.is_autocommit() {
        return Err(error);
    }
    batch.run("rollback")?;
    let batch = Batch::begin(connection)?;
    for command in commands {
        batch.run("savepoint command")?;
        if let Err(error) = command.work(&batch) {
            if connection.is_autocommit() {
                return Err(error);
            }
            batch.run("rollback to command")?;
        }
        batch.run("release command")?;
    }
    batch.commit()
}
