//! The store as a file: what it keeps, what it shows, and what it refuses.

use super::*;
use std::fs;

/// A project and a home, apart from each other.
struct Place {
    root: tempfile::TempDir,
    home: tempfile::TempDir,
    more: Vec<(&'static str, String)>,
}

impl Place {
    fn new() -> Place {
        Place { root: tempfile::tempdir().unwrap(), home: tempfile::tempdir().unwrap(), more: vec![] }
    }

    fn env(&self) -> impl Fn(&str) -> Option<String> {
        let (home, more) = (self.home.path().display().to_string(), self.more.clone());
        move |name| {
            let given = more.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
            given.or_else(|| (name == "HOME").then(|| home.clone()))
        }
    }

    fn set(&self, name: &str, value: &str) -> Result<Changed, SecretsError> {
        set(self.root.path(), name, value, &self.env(), "2026-11-02T09:00:00Z".parse().unwrap())
    }

    fn read(&self, name: &str) -> Result<String, SecretsError> {
        read(self.root.path(), name, &self.env()).map(|secret| secret.expose().to_owned())
    }

    fn file(&self) -> PathBuf {
        self.root.path().join(FILE)
    }

    fn edit(&self, change: impl Fn(&str) -> String) {
        let text = fs::read_to_string(self.file()).unwrap();
        fs::write(self.file(), change(&text)).unwrap();
    }
}

#[test]
fn values_are_kept_sealed_under_their_names() {
    let place = Place::new();
    let first = place.set("stripe/whsec", "whsec_5ecret").unwrap();
    let key = first.new_key.expect("a store's first secret makes its key");
    assert!(key.starts_with(place.home.path().join(".config/flowctl/keys")), "{key:?}");
    assert_eq!(place.set("paypal/client", "cl1ent").unwrap(), Changed::default());
    place.set("paypal/client", "cl1ent-2").unwrap();
    assert_eq!(place.read("stripe/whsec").unwrap(), "whsec_5ecret");
    assert_eq!(place.read("paypal/client").unwrap(), "cl1ent-2");
    let text = fs::read_to_string(place.file()).unwrap();
    assert!(!text.contains("5ecret") && !text.contains("cl1ent-"), "{text}");
    let store = SecretStore::read(&place.file()).unwrap();
    let names: Vec<String> =
        store.names().into_iter().map(|listed| format!("{} {}", listed.name, listed.set_at)).collect();
    assert_eq!(names, ["paypal/client 2026-11-02T09:00:00Z", "stripe/whsec 2026-11-02T09:00:00Z"]);
    assert!(!format!("{:?}", Key::generate().unwrap()).contains(|c: char| c.is_ascii_hexdigit()));
    remove(place.root.path(), "stripe/whsec", &place.env()).unwrap();
    let gone = place.read("stripe/whsec").unwrap_err();
    assert_eq!((gone.code(), gone.to_string().as_str()), (Code::F0455, "the secret store has no `stripe/whsec`"));
    let meant = place.read("paypal/clinet").unwrap_err().to_string();
    assert!(meant.ends_with("did you mean `paypal/client`?"), "{meant}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_store_and_key() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let key = place.set("a", "x").unwrap().new_key.unwrap();
    place.set("b", "y").unwrap();
    for file in [place.file(), key] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
    // Nothing half-written is left behind.
    assert_eq!(fs::read_dir(place.root.path()).unwrap().count(), 1);
}

#[test]
fn the_same_value_is_sealed_differently_each_time() {
    let place = Place::new();
    place.set("a", "x").unwrap();
    let before = fs::read_to_string(place.file()).unwrap();
    place.set("a", "x").unwrap();
    assert_ne!(before, fs::read_to_string(place.file()).unwrap());
}

#[test]
fn a_wrong_key_is_told_from_a_changed_file() {
    let mut place = Place::new();
    let (right, wrong) = ("11".repeat(32), "22".repeat(32));
    place.more = vec![("FLOWCTL_SECRETS_KEY", right.clone())];
    assert_eq!(place.set("a", "x").unwrap().new_key, None);
    place.set("b", "y").unwrap();
    place.more = vec![("FLOWCTL_SECRETS_KEY", wrong.clone())];
    let refused = place.read("a").unwrap_err();
    assert_eq!(refused.code(), Code::F0457);
    assert!(!refused.to_string().contains(&wrong[..8]), "{refused}");
    assert_eq!(place.set("c", "z").unwrap_err().code(), Code::F0457);
    place.more = vec![("FLOWCTL_SECRETS_KEY", "short".into())];
    assert_eq!(place.read("a").unwrap_err().code(), Code::F0457);
    place.more = vec![];
    let said = place.read("a").unwrap_err();
    assert!(said.code() == Code::F0457 && said.to_string().contains("FLOWCTL_SECRETS_KEY is not set"), "{said}");
    place.more = vec![("FLOWCTL_SECRETS_KEY", right)];
    let good = fs::read_to_string(place.file()).unwrap();
    let sealed = |name: &str| {
        let store = SecretStore::read(&place.file()).unwrap();
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(&store.file.secrets[name].sealed)
    };
    // One changed for the other, another time, another name, one byte: none opens.
    let (a, b) = (sealed("a"), sealed("b"));
    place.edit(|text| text.replace(&a, "#").replace(&b, &a).replace('#', &b));
    assert_eq!(place.read("a").unwrap_err().code(), Code::F0458);
    for (from, to) in [("2026-11-02", "2027-11-02"), ("\"a\"", "\"aa\"")] {
        fs::write(place.file(), good.replacen(from, to, 1)).unwrap();
        let name = if from == "\"a\"" { "aa" } else { "a" };
        assert_eq!(place.read(name).unwrap_err().code(), Code::F0458, "{from}");
    }
    let mut bytes = a.clone().into_bytes();
    bytes[3] = if bytes[3] == b'A' { b'B' } else { b'A' };
    fs::write(place.file(), good.replace(&a, &String::from_utf8(bytes).unwrap())).unwrap();
    assert_eq!(place.read("a").unwrap_err().code(), Code::F0458);
    // A store with such an entry is not written anew either.
    assert_eq!(place.set("c", "z").unwrap_err().code(), Code::F0458);
    for broken in ["", "{", "{\"flowctl_secrets\":2,\"key\":\"\",\"secrets\":{}}"] {
        fs::write(place.file(), broken).unwrap();
        assert_eq!(place.read("a").unwrap_err().code(), Code::F0458, "{broken}");
    }
}

#[test]
fn a_new_key_seals_everything_and_the_old_one_opens_nothing_of_it() {
    let place = Place::new();
    place.set("a", "x").unwrap();
    let before = fs::read_to_string(place.file()).unwrap();
    let changed = change_key(place.root.path(), &place.env()).unwrap();
    assert_ne!(changed.new_key, changed.old_key);
    assert_eq!(place.read("a").unwrap(), "x");
    // The old key still opens an old copy.
    let after = fs::read_to_string(place.file()).unwrap();
    fs::write(place.file(), before).unwrap();
    assert_eq!(place.read("a").unwrap(), "x");
    fs::write(place.file(), after).unwrap();
    fs::remove_file(changed.new_key.unwrap()).unwrap();
    assert_eq!(place.read("a").unwrap_err().code(), Code::F0457);

    // A file that is named keeps its name.
    let mut place = Place::new();
    let named = place.home.path().join("prod.key");
    place.more = vec![("FLOWCTL_SECRETS_KEY_FILE", named.display().to_string())];
    place.set("a", "x").unwrap();
    let old = fs::read_to_string(&named).unwrap();
    let changed = change_key(place.root.path(), &place.env()).unwrap();
    assert_eq!(changed.new_key.as_deref(), Some(named.as_path()));
    assert_ne!(fs::read_to_string(&named).unwrap(), old);
    assert_eq!(fs::read_to_string(changed.old_key.unwrap()).unwrap(), old);
    assert_eq!(place.read("a").unwrap(), "x");

    // A key in the environment is not ours to make.
    place.more = vec![("FLOWCTL_SECRETS_KEY", fs::read_to_string(&named).unwrap())];
    assert_eq!(change_key(place.root.path(), &place.env()).unwrap_err().code(), Code::F0459);
    place.more.push(("FLOWCTL_SECRETS_NEW_KEY", "33".repeat(32)));
    change_key(place.root.path(), &place.env()).unwrap();
    place.more = vec![("FLOWCTL_SECRETS_KEY", "33".repeat(32))];
    assert_eq!(place.read("a").unwrap(), "x");
}

#[test]
fn a_renewed_secret_keeps_the_one_before_it() {
    let place = Place::new();
    place.set("stripe/whsec", "whsec_1").unwrap();
    let now = "2026-11-03T09:00:00Z".parse().unwrap();
    let changed = renew(place.root.path(), "stripe/whsec", "whsec_2", &place.env(), now).unwrap();
    assert_eq!(changed.kept_as.as_deref(), Some("stripe/whsec_old"));
    assert_eq!(place.read("stripe/whsec").unwrap(), "whsec_2");
    assert_eq!(place.read("stripe/whsec_old").unwrap(), "whsec_1");
    assert_eq!(renew(place.root.path(), "gone", "x", &place.env(), now).unwrap_err().code(), Code::F0455);
}

#[test]
fn the_key_never_stands_beside_what_it_opens() {
    let mut place = Place::new();
    fs::create_dir(place.root.path().join("keys")).unwrap();
    for file in ["keys/prod.key", "prod.key"] {
        place.more = vec![("FLOWCTL_SECRETS_KEY_FILE", place.root.path().join(file).display().to_string())];
        let refused = place.set("a", "x").unwrap_err();
        assert_eq!(refused.code(), Code::F0457, "{refused}");
        assert!(!place.file().exists());
    }
}

#[test]
fn names_and_values_that_do_not_fit_are_refused() {
    let place = Place::new();
    let long = "x".repeat(20_000);
    for (name, value) in
        [("", "x"), ("a b", "x"), ("ä", "x"), (&long[..300], "x"), ("a", ""), ("a", " "), ("a", "x\ny"), ("a", &long)]
    {
        let refused = place.set(name, value).unwrap_err();
        assert_eq!(refused.code(), Code::F0459, "{refused}");
        assert!(!refused.to_string().contains("x\ny"));
    }
    assert!(!place.file().exists());
}

#[test]
fn the_store_can_stand_elsewhere() {
    let mut place = Place::new();
    let elsewhere = place.home.path().join("data.sealed");
    place.more = vec![(FILE_VARIABLE, elsewhere.display().to_string())];
    place.set("a", "x").unwrap();
    assert!(elsewhere.exists() && !place.file().exists());
    assert_eq!(place.read("a").unwrap(), "x");
}
