use super::*;
use proptest::prelude::*;

#[test]
fn times_are_rfc_3339() {
    for (text, written) in [
        ("2026-03-01T09:00:00Z", "2026-03-01T09:00:00Z"),
        ("2026-03-01t09:00:00z", "2026-03-01T09:00:00Z"),
        ("2026-03-01T09:00:00.500Z", "2026-03-01T09:00:00.5Z"),
        ("2026-03-01T09:00:00.1234567Z", "2026-03-01T09:00:00.1234567Z"),
        ("2026-03-01T09:00:00.000000001Z", "2026-03-01T09:00:00.000000001Z"),
        ("2026-03-01T09:00:00+01:30", "2026-03-01T07:30:00Z"),
        ("2026-03-01T00:30:00.0-08:00", "2026-03-01T08:30:00Z"),
        ("2024-02-29T23:59:59-00:00", "2024-02-29T23:59:59Z"),
    ] {
        assert_eq!(write_time(parse_time(text).expect(text)), written);
    }
    for text in [
        "",
        "2026-03-01",
        "2026-03-01T09:00:00",
        "2026-03-01T09:00Z",
        "2026-03-01 09:00:00Z",
        "2026-03-01T09:00:00.Z",
        "2026-03-01T09:00:00.1234567890Z",
        "2026-03-01T09:00:00,5Z",
        "2026-02-29T09:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T09:60:00Z",
        "2026-03-01T23:59:60Z",
        "2026-03-01T09:00:00+0100",
        "2026-03-01T09:00:00+01",
        "2026-03-01T09:00:00+24:00",
        "2026-03-01T09:00:00+01:60",
        "2026-03-01T09:00:00Z ",
        "2026-03-01T09:00:00+01:00[Europe/Berlin]",
        "+002026-03-01T09:00:00Z",
        "2026-03-01T+9:00:00Z",
        "2026-03-0€T09:00:00Z",
    ] {
        assert_eq!(parse_time(text), None, "{text}");
    }
}

#[test]
fn dates() {
    assert_eq!(write_date(parse_date("2026-03-01").unwrap()), "2026-03-01");
    assert_eq!(write_date(parse_date("0001-01-01").unwrap()), "0001-01-01");
    for text in ["2026-3-1", "2026-02-30", "20260301", "2026-03-01T", "2026/03/01", "-026-03-01", "2026-13-01", ""] {
        assert_eq!(parse_date(text), None, "{text}");
    }
}

#[test]
fn patterns() {
    let time = parse_time("2026-03-01T23:05:09.045Z").unwrap();
    let berlin = time.in_tz("Europe/Berlin").unwrap();
    for (pattern, utc, local) in [
        ("yyyy-MM-dd'T'HH:mm:ss", "2026-03-01T23:05:09", "2026-03-02T00:05:09"),
        ("d.M.yy H:m:s", "1.3.26 23:5:9", "2.3.26 0:5:9"),
        ("yyyyMMddHHmmssSSS", "20260301230509045", "20260302000509045"),
        ("HH:mm:ss.SSSSSSSSSXXX", "23:05:09.045000000Z", "00:05:09.045000000+01:00"),
        ("S XX xx xxx", "0 Z +0000 +00:00", "0 +0100 +0100 +01:00"),
        ("HH 'o''clock' ''", "23 o'clock '", "00 o'clock '"),
        ("", "", ""),
        ("'über' €", "über €", "über €"),
    ] {
        let parsed = Pattern::parse(pattern).expect(pattern);
        assert_eq!(parsed.format_time(time), utc);
        assert_eq!(parsed.format(&berlin), local);
    }
    for (pattern, why) in [
        ("YYYY", "`YYYY` is no part of a time: the year is `yyyy`"),
        ("yyyy-MM-ddTHH", "`T` is no part of a time: a letter that stands for itself is quoted, as in `'T'`"),
        ("hh", "the hour is `HH`"),
        ("yyy", "`yyy` is no part"),
        ("SSSSSSSSSS", "is no part"),
        ("'T", "a quote in the pattern has no end"),
        ("DD", "the day of the month is `dd`"),
    ] {
        assert!(Pattern::parse(pattern).unwrap_err().contains(why), "{pattern}");
    }
    let date = parse_date("2026-03-01").unwrap();
    assert_eq!(Pattern::parse("dd/MM/yyyy").unwrap().format_date(date).unwrap(), "01/03/2026");
    assert!(Pattern::parse("dd HH").unwrap().format_date(date).unwrap_err().contains("`HH`"));
}

#[test]
fn durations() {
    for (text, millis, written) in [
        ("3d", 259_200_000, "3d"),
        ("15m", 900_000, "15m"),
        ("500ms", 500, "500ms"),
        ("24h", 86_400_000, "1d"),
        ("1w", 604_800_000, "1w"),
        ("1h30m", 5_400_000, "90m"),
        ("10d", 864_000_000, "10d"),
        ("1s500ms", 1500, "1500ms"),
        ("1d1ms", 86_400_001, "1d1ms"),
        ("0s", 0, "0s"),
        ("0ms", 0, "0s"),
        ("400d", 34_560_000_000, "400d"),
    ] {
        let duration = parse_duration(text).expect(text);
        assert_eq!(duration.as_millis(), millis, "{text}");
        assert_eq!(write_duration(duration), written);
    }
    for (text, why) in [
        ("", "write whole numbers"),
        ("5", "write whole numbers"),
        ("m", "write whole numbers"),
        ("1.5h", "write whole numbers"),
        ("1 h", "write whole numbers"),
        ("1h ", "write whole numbers"),
        ("5x", "write whole numbers"),
        ("-1h", "it cannot be negative"),
        ("30m1h", "the larger first"),
        ("1h1h", "stands once"),
        ("1y", "no fixed length"),
        ("2mo", "no fixed length"),
        ("99999999999999999999w", "too long"),
        ("18446744073709551615w", "too long"),
        ("1€", "write whole numbers"),
    ] {
        let error = parse_duration(text).expect_err(text);
        assert!(error.contains(why), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn durations_come_back(millis in prop_oneof![0u64..10_000_000_000, (0u64..500).prop_map(|hours| hours * 3_600_000)]) {
        let duration = std::time::Duration::from_millis(millis);
        prop_assert_eq!(parse_duration(&write_duration(duration)), Ok(duration));
    }

    #[test]
    fn times_come_back(second in -62_135_596_800i64..253_400_000_000, nanosecond in 0i32..1_000_000_000) {
        let time = Timestamp::new(second.max(0), nanosecond).unwrap();
        prop_assert_eq!(parse_time(&write_time(time)), Some(time));
        let time = Timestamp::from_second(second).unwrap();
        prop_assert_eq!(parse_time(&write_time(time)), Some(time));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,30}", time in "[0-9:TZ.+-]{18,36}") {
        parse_time(&text);
        parse_time(&time);
        parse_date(&text);
        let _ = parse_duration(&text);
        let _ = Pattern::parse(&text);
    }
}
