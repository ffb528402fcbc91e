//! When a schedule ticks: a cron expression read on the clocks of a time zone.
//!
//! A wrapper around the cron crate, so that nothing else knows it. On the days when clocks change: a tick at a fixed time
//! that is skipped comes right after the gap, one that comes twice is taken once. What is never true (30 February) is no
//! schedule. Invariant: ticks grow, and asking again gives the same ones.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Why there is no such schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    #[error("`{0}` is no time zone")]
    Zone(String),
    #[error("`{cron}` is no schedule: {why}")]
    Pattern { cron: String, why: String },
    #[error("`{0}` never comes")]
    Never(String),
}

/// A schedule.
#[derive(Clone, Debug)]
pub struct Ticks {
    cron: Cron,
    zone: TimeZone,
    /// As written: what tells one schedule from another.
    written: String,
}

impl Ticks {
    /// A schedule of five fields (minute, hour, day of month, month, day of week) or a word such as `@daily`.
    pub fn new(cron: &str, zone: &str) -> Result<Ticks, CronError> {
        let tz = TimeZone::get(zone).map_err(|_| CronError::Zone(zone.to_string()))?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let parsed = parser
            .parse(cron)
            .map_err(|error| CronError::Pattern { cron: cron.to_string(), why: error.to_string() })?;
        let ticks = Ticks { cron: parsed, zone: tz, written: format!("{cron} {zone}") };
        // From a fixed day, so that what is good today is good tomorrow.
        let some_day = Timestamp::from_second(946_684_800).unwrap_or_default();
        match ticks.next(some_day) {
            Some(_) => Ok(ticks),
            None => Err(CronError::Never(cron.to_string())),
        }
    }

    /// What tells this schedule from another.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The first tick after `at`.
    pub fn next(&self, at: Timestamp) -> Option<Timestamp> {
        let from = at.to_zoned(self.zone.clone());
        let next = self.cron.find_next_occurrence(&from, false).ok()?.timestamp();
        // Where the crate stands still, nothing must go round in circles.
        (next > at).then_some(next)
    }

    /// The last tick after `since` that is not after `now`. Looks back step by step: a schedule of every minute is not
    /// gone through from a year ago.
    pub fn latest(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        const DAY: i64 = 24;
        for back in [2 * DAY, 40 * DAY, 400 * DAY] {
            let from = now.checked_sub(SignedDuration::from_hours(back)).unwrap_or(Timestamp::MIN);
            if from <= since {
                break;
            }
            if let Some(tick) = self.last_between(from, now) {
                return Some(tick);
            }
        }
        self.last_between(since, now)
    }

    fn last_between(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let ticks = std::iter::successors(self.next(since), |tick| self.next(*tick));
        ticks.take_while(|tick| *tick <= now).last()
    }
}

/// The time zone with a name close to `written`.
pub fn zone_meant(written: &str) -> Option<String> {
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    crate::diagnostics::did_you_mean(written, names.iter().map(String::as_str)).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::DateTime;
    use jiff::tz::AmbiguousOffset;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ticks(cron: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
        let (schedule, to) = (Ticks::new(cron, zone).unwrap(), at(to));
        let all = std::iter::successors(schedule.next(at(from)), |tick| schedule.next(*tick));
        all.take_while(|tick| *tick <= to).map(|tick| tick.to_string()).collect()
    }

    #[test]
    fn a_time_that_clocks_skip_comes_once_right_after_the_gap() {
        // Oslo, 29 March 2026: 02:00 becomes 03:00 at 01:00 UTC.
        let days = ticks("30 2 * * *", "Europe/Oslo", "2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z");
        assert_eq!(days, ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    }

    #[test]
    fn a_time_that_comes_twice_ticks_once() {
        // Oslo, 25 October 2026: 03:00 becomes 02:00 at 01:00 UTC.
        let days = ticks("30 2 * * *", "Europe/Oslo", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
        assert_eq!(days, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn every_quarter_of_an_hour_goes_on_through_both() {
        for day in ["2026-03-29T00:00:00Z", "2026-10-25T00:00:00Z"] {
            let begin = at(day);
            let end = begin + SignedDuration::from_hours(4);
            let all = ticks("*/15 * * * *", "Europe/Oslo", day, &end.to_string());
            let expected: Vec<String> =
                (1..=16).map(|n| (begin + SignedDuration::from_mins(15 * n)).to_string()).collect();
            assert_eq!(all, expected);
        }
    }

    #[test]
    fn what_is_no_schedule_is_said() {
        assert_eq!(Ticks::new("0 0 30 2 *", "UTC").unwrap_err(), CronError::Never("0 0 30 2 *".into()));
        assert_eq!(Ticks::new("0 9 * * *", "Europe/Olso").unwrap_err(), CronError::Zone("Europe/Olso".into()));
        assert_eq!(zone_meant("Europe/Olso").as_deref(), Some("Europe/Oslo"));
        for cron in ["", "0 9 * *", "0 9 * * * *", "60 * * * *", "0 24 * * *", "a b c d e", "* * * * 9", "*/0 * * * *"]
        {
            assert!(matches!(Ticks::new(cron, "UTC"), Err(CronError::Pattern { .. })), "{cron}");
        }
    }

    #[test]
    fn only_the_last_missed_tick_counts() {
        let schedule = Ticks::new("* * * * *", "UTC").unwrap();
        let (since, now) = (at("2025-03-02T10:00:00Z"), at("2026-03-02T10:00:30Z"));
        assert_eq!(schedule.latest(since, now), Some(at("2026-03-02T10:00:00Z")));
        assert_eq!(schedule.latest(at("2026-03-02T10:00:00Z"), now), None, "the last one that was taken is over");
        let yearly = Ticks::new("0 0 1 1 *", "UTC").unwrap();
        assert_eq!(yearly.latest(at("2020-06-01T00:00:00Z"), now), Some(at("2026-01-01T00:00:00Z")));
        let leap = Ticks::new("0 0 29 2 *", "UTC").unwrap();
        assert_eq!(leap.latest(at("2020-06-01T00:00:00Z"), now), Some(at("2024-02-29T00:00:00Z")));
    }

    const ZONES: &[&str] = &[
        "UTC",
        "Europe/Oslo",
        "America/New_York",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "America/Santiago",
        "Pacific/Apia",
        "Africa/Cairo",
    ];

    proptest! {
        /// A fixed time of day ticks exactly once on every day of the zone's calendar, at that time, and where clocks
        /// skip it, no later than an hour after the gap.
        #[test]
        fn a_daily_time_comes_once_a_day(
            zone in proptest::sample::select(ZONES), minute in 0i8..60, hour in 0i8..24, day in 0i64..3650,
        ) {
            let schedule = Ticks::new(&format!("{minute} {hour} * * *"), zone).unwrap();
            let tz = TimeZone::get(zone).unwrap();
            let begin = at("2020-01-01T00:00:00Z") + SignedDuration::from_hours(24 * day);
            let mut date = begin.to_zoned(tz.clone()).date().tomorrow().unwrap();
            let mut tick = schedule.next(date.to_datetime(jiff::civil::Time::midnight()).to_zoned(tz.clone()).unwrap().timestamp() - SignedDuration::from_nanos(1)).unwrap();
            for _ in 0..40 {
                let wanted: DateTime = date.at(hour, minute, 0, 0);
                let local = tick.to_zoned(tz.clone()).datetime();
                match tz.to_ambiguous_timestamp(wanted).offset() {
                    AmbiguousOffset::Gap { .. } => {
                        prop_assert!(local >= wanted && local <= wanted + SignedDuration::from_hours(25), "{local} for {wanted}");
                    }
                    _ => prop_assert_eq!(local, wanted),
                }
                date = date.tomorrow().unwrap();
                tick = schedule.next(tick).unwrap();
            }
        }

        /// Whatever the schedule and however it is asked: ticks grow, each is on the minute, and the last one before any
        /// instant is the one that going forward finds.
        #[test]
        fn ticks_grow_and_looking_back_finds_the_same(
            zone in proptest::sample::select(ZONES),
            cron in proptest::sample::select(&["*/7 * * * *", "0 */6 * * *", "15 2 * * *", "30 1,2,3 * * 1-5", "0 0 1 * *", "59 23 * * 0", "@hourly", "0 3 L * *"][..]),
            from in 0i64..86_400 * 3000, length in 1i64..86_400 * 60,
        ) {
            let schedule = Ticks::new(cron, zone).unwrap();
            let since = at("2019-01-01T00:00:00Z") + SignedDuration::from_secs(from);
            let now = since + SignedDuration::from_secs(length);
            let mut last = None;
            let mut tick = schedule.next(since).unwrap();
            while tick <= now {
                prop_assert!(last.is_none_or(|last| last < tick));
                prop_assert_eq!(tick.as_second() % 60, 0);
                last = Some(tick);
                tick = schedule.next(tick).unwrap();
            }
            prop_assert_eq!(schedule.latest(since, now), last);
        }
    }
}
