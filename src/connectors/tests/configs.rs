//! What a connection comes to, and what is said of its references.

use super::*;
use crate::diagnostics::Code;

fn connection(lines: &str) -> String {
    format!("connections:\n  shop:\n    {}\n", lines.replace("; ", "\n    "))
}

#[test]
fn what_references_give_is_read_and_never_told() {
    let of = |written: &str| {
        let env = [("KEY", "rk_live_abc"), ("TENANT", "not-an-id"), ("LINES", "rk_live_abc\nx"), ("URL", "http://a.b")];
        configs(&connection(written), &env)
    };
    let config = &of("system: stripe; mode: live; api_key: env://KEY").unwrap()["shop"];
    assert_eq!(config.base.as_str(), "https://api.stripe.com/v1/");
    assert_eq!((config.limits.concurrency, config.limits.timeout.as_secs()), (8, 60));
    assert_eq!(config.param("mode"), Some("live"));
    assert_eq!(config.param("api_key"), None);
    assert!(!format!("{config:?}").contains("rk_live_abc"), "{config:?}");

    let finops = |tenant: &str, secret: &str| {
        format!(
            "system: finops; base_url: https://a.b/; company: usmf; tenant: {tenant}; client_id: x; client_secret: {secret}"
        )
    };
    let id = "8c1d2b1e-0000-4000-8000-000000000000";
    let config = &of(&finops(id, "env://KEY")).unwrap()["shop"];
    assert_eq!(config.base.as_str(), "https://a.b/data/");
    let super::super::config::Auth::ClientCredentials(credentials) = &config.auth else { panic!() };
    assert_eq!(credentials.token_url.as_str(), format!("https://login.microsoftonline.com/{id}/oauth2/v2.0/token"));
    assert_eq!(credentials.scope.as_deref(), Some("https://a.b/.default"));

    for (written, code, said) in [
        (
            finops(id, "env://GONE"),
            Code::F0453,
            "`client_secret` of connection `shop`: the environment variable GONE is not set",
        ),
        (finops(id, "file://gone"), Code::F0454, "the file gone cannot be read"),
        (
            finops(id, "secret://d365/client"),
            Code::F0455,
            "secret://d365/client: there is no secret store at /nowhere/secrets.sealed",
        ),
        (finops(id, "env://LINES"), Code::F0456, "a line break"),
        (finops("env://TENANT", "env://KEY"), Code::F0451, "what env://TENANT gives for `tenant`"),
        (
            finops(id, "env://KEY").replace("https://a.b/", "env://URL"),
            Code::F0452,
            "what env://URL gives for `base_url`",
        ),
        (
            finops(id, "env://KEY").replace("https://a.b/", "env://KEY"),
            Code::F0452,
            "what env://KEY gives for `base_url`",
        ),
        // Written wrong, which was said before: still never used.
        (finops(id, "rk_live_abc"), Code::F0452, "`client_secret` is not known"),
        (finops(id, "env://KEY").replace("https://a.b/", "ftp://a.b"), Code::F0452, "what is written for `base_url`"),
    ] {
        let found = of(&written).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].code, code, "{found:?}");
        assert!(found[0].message.contains(said), "{found:?}");
        assert!(!format!("{found:?}").contains("rk_live_abc") && !format!("{found:?}").contains("not-an-id"));
    }
}
