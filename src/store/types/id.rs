//! Ids, hashes, and the names of states.

use std::fmt;
use std::str::FromStr;

/// A text that should have been an id, a hash or a name of the store and is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct NotAnId {
    pub text: String,
    pub expected: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident: $expected:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new id, later than every earlier one of this process.
            pub fn new() -> Self {
                $name(uuid::Uuid::now_v7())
            }
        }
        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                uuid::Uuid::try_parse(text)
                    .map($name)
                    .map_err(|_| NotAnId { text: text.to_owned(), expected: $expected })
            }
        }
    )*};
}

ids! {
    /// An accepted event. A UUIDv7.
    EventId: "the id of an event";
    /// A run. A UUIDv7.
    RunId: "the id of a run";
    /// An alert. A UUIDv7.
    AlertId: "the id of an alert";
}

/// A SHA-256: of a body, a dedupe value, an order key, a revision's sources.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Hash {
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
        Hash(hash)
    }

    /// In the place of what two deliveries have in common ([`NewEvent::same`]): the id alone tells.
    pub const ANY: Hash = Hash([0; 32]);
}
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
        let text: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
        f.write_str(&text)
    }
}
impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for Hash {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Hash, NotAnId> {
        let error = || NotAnId { text: text.to_owned(), expected: "a hash of 64 hexadecimal digits" };
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error());
        }
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| error())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
        }
        Ok(Hash(hash))
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $expected:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every one of them.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// Its name in the store, the API and the logs.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
                    .ok_or_else(|| NotAnId { text: text.to_owned(), expected: $expected })
            }
        }
    )*};
}

names! {
    /// What became of an event.
    EventState: "a state of events" {
        /// At least one flow wanted it.
        Routed = "routed",
        /// Signed, but wanted by no flow.
        Unrouted = "unrouted",
        /// Signed, but not readable.
        DeadLetter = "dead_letter",
        /// Another body under an id that was accepted before.
        Conflicting = "conflicting",
        /// What it said was erased: nothing can be done with it any more.
        Erased = "erased",
    }

    /// What became of a question to a person.
    ApprovalState: "a state of approvals" {
        /// Nobody has answered yet.
        Pending = "pending",
        Approved = "approved",
        Rejected = "rejected",
        /// Nobody answered in time.
        Expired = "expired",
        /// The run has ended otherwise.
        Withdrawn = "withdrawn",
    }

    /// Where a run stands.
    RunState: "a state of runs" {
        /// Waits behind an earlier run of its order key.
        Queued = "queued",
        /// Wants a worker now.
        Ready = "ready",
        /// A worker has it.
        Running = "running",
        /// Sleeps until its due time.
        Waiting = "waiting",
        /// Cannot go on until somebody acts, as when its revision no longer compiles.
        Parked = "parked",
        /// Failed, with everything needed to mend it.
        DeadLetter = "dead_letter",
        /// Nothing can tell whether a write was done; somebody has to decide.
        OutcomeUnknown = "outcome_unknown",
        Succeeded = "succeeded",
        /// Ended by a `stop`, an answer "no" or an operator.
        Stopped = "stopped",
        /// `when` did not hold.
        Skipped = "skipped",
        /// Caused by ourselves.
        Ignored = "ignored",
        /// Another run has its dedupe value.
        Duplicate = "duplicate",
        /// A later one took its place.
        Superseded = "superseded",
    }
}

impl RunState {
    /// Nothing is left to do and nobody has to act: what retention may drop.
    pub fn is_settled(self) -> bool {
        use RunState::*;
        matches!(self, Succeeded | Stopped | Skipped | Ignored | Duplicate | Superseded)
    }

    /// Stopped where only a person can help it on.
    pub fn needs_a_person(self) -> bool {
        matches!(self, RunState::Parked | RunState::DeadLetter | RunState::OutcomeUnknown)
    }
}
