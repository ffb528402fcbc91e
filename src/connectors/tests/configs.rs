//! What a connection has to say, and what is said about it.

use super::*;
use crate::diagnostics::Code;

fn findings(yaml: &str) -> Vec<(Code, String)> {
    let texts = BTreeMap::from([
        ("flowctl.yaml".to_string(), Arc::from("project: test\nversion: 1\n")),
        ("connections.yaml".to_string(), Arc::from(yaml)),
    ]);
    let (project, _, _) = Project::from_files(&texts);
    let connections = project.effective(None).unwrap().connections;
    let found = super::super::config::check(&connections, &Catalog::bundled());
    assert!(found.iter().all(|finding| finding.primary.is_some()));
    found
        .into_iter()
        .map(|finding| (finding.code, format!("{} | {}", finding.message, finding.help.join(" | "))))
        .collect()
}

fn connection(lines: &str) -> String {
    format!("connections:\n  shop:\n    {}\n", lines.replace("; ", "\n    "))
}

#[test]
fn what_is_written_is_judged_without_secrets() {
    for (written, code, said) in [
        ("system: strip", Code::F0450, "did you mean `stripe`?"),
        ("system: stripe; mode: sandbox", Code::F0311, "connection `shop` needs the key `api_key`"),
        ("system: stripe; mode: sandbox; api_kye: env://K", Code::F0310, "did you mean `api_key`?"),
        ("system: stripe; mode: test; api_key: env://K", Code::F0451, "got `test`"),
        ("system: stripe; mode: live; api_key: rk_live_abc", Code::F0400, "in clear"),
        ("system: stripe; mode: live; api_key: env://K; base_url: http://api.example.com", Code::F0452, "base_url"),
        (
            "system: stripe; mode: live; api_key: env://K; base_url: https://u:p@api.example.com",
            Code::F0452,
            "base_url",
        ),
        (
            "system: stripe; mode: live; api_key: env://K; limits: { concurrency: 0 }",
            Code::F0451,
            "nothing would ever be sent",
        ),
        (
            "system: finops; base_url: https://a.b; company: usmf; tenant: contoso; client_id: x; client_secret: env://S",
            Code::F0451,
            "got `contoso`",
        ),
    ] {
        let found = findings(&connection(written));
        assert_eq!(found.len(), 1, "{written}: {found:?}");
        assert_eq!(found[0].0, code, "{written}: {found:?}");
        assert!(found[0].1.contains(said), "{written}: {found:?}");
        assert!(!found[0].1.contains("rk_live_abc"));
    }
    let good = "system: stripe; mode: live; api_key: secret://not/there; base_url: http://127.0.0.9:8080/";
    assert_eq!(findings(&connection(good)), vec![]);
}

#[test]
fn what_references_give_is_read_and_never_told() {
    let of = |written: &str| {
        let env = [("KEY", "rk_live_abc"), ("TENANT", "not-an-id"), ("LINES", "rk_live_abc\nx")];
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
        (finops(id, "secret://d365/client"), Code::F0455, "there is no secret store"),
        (finops(id, "env://LINES"), Code::F0456, "a line break"),
        (finops("env://TENANT", "env://KEY"), Code::F0451, "what env://TENANT gives for `tenant`"),
    ] {
        let found = of(&written).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].code, code, "{found:?}");
        assert!(found[0].message.contains(said), "{found:?}");
        assert!(!format!("{found:?}").contains("rk_live_abc") && !format!("{found:?}").contains("not-an-id"));
    }
}
