//! An instant together with the zone whose clocks show it.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A local time: what its clocks show is worked out when it is asked for, so that it is no larger than a text.
#[derive(Clone, Debug)]
pub struct Local {
    at: Timestamp,
    zone: TimeZone,
}

impl Local {
    pub fn new(at: Timestamp, zone: TimeZone) -> Local {
        Local { at, zone }
    }

    /// The day there.
    pub fn date(&self) -> Date {
        self.zone.to_datetime(self.at).date()
    }

    /// All that the clocks show.
    pub fn zoned(&self) -> Zoned {
        self.at.to_zoned(self.zone.clone())
    }
}

/// The same instant, whatever the zone.
impl PartialEq for Local {
    fn eq(&self, other: &Local) -> bool {
        self.at == other.at
    }
}

impl std::fmt::Display for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.zoned().fmt(f)
    }
}
