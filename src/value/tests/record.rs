use super::super::*;
use proptest::prelude::*;

fn keys(record: &Record) -> String {
    record.keys().map(Text::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn fields_keep_their_place() {
    let mut record: Record = [("a", 1i64), ("b", 2), ("c", 3)].into_iter().collect();
    let before = record.clone();
    record.set("b".into(), 5i64.into());
    assert_eq!((keys(&record).as_str(), record.get("b")), ("a b c", Some(&Value::from(5i64))));
    record.set("a".into(), Value::Missing);
    record.set("d".into(), Value::Null);
    record.set("e".into(), Value::Missing);
    assert_eq!(keys(&record), "b c d");
    assert_eq!(record.remove("zz"), None);
    assert_eq!(keys(&before), "a b c");
    assert_eq!(before.get("b"), Some(&Value::from(2i64)));
}

proptest! {
    #[test]
    fn large_and_small_records_behave_alike(steps in proptest::collection::vec((0u8..250, any::<bool>()), 0..600)) {
        let (mut record, mut model) = (Record::new(), Vec::<(String, i64)>::new());
        for (at, (name, remove)) in steps.into_iter().enumerate() {
            let name = name.to_string();
            let known = model.iter().position(|(known, _)| *known == name);
            if remove && at % 3 == 0 {
                prop_assert_eq!(record.remove(&name).is_some(), known.is_some());
                model.retain(|(known, _)| *known != name);
            } else {
                record.set(name.as_str().into(), (at as i64).into());
                match known {
                    Some(place) => model[place].1 = at as i64,
                    None => model.push((name, at as i64)),
                }
            }
        }
        prop_assert_eq!(record.len(), model.len());
        for ((name, value), (known, number)) in record.iter().zip(&model) {
            prop_assert_eq!(name.as_str(), known.as_str());
            prop_assert_eq!(value, &Value::from(*number));
            prop_assert_eq!(record.get(name), Some(value));
        }
    }
}
