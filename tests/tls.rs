//! The listener's certificate replaced while the real process serves: deliveries go on, and a broken pair is told.

mod support;

use flowctl::sandbox::credentials;
use flowctl::triggers::stripe;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::events::Charge;
use support::oracle;
use support::process::{CameUp, Runtime, Setup};
use support::project::Project;

const LIMIT: Duration = Duration::from_secs(30);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// A sender that trusts one certificate alone.
fn trusting(pair: &str) -> reqwest::Client {
    let pem = std::fs::read(fixture(&format!("{pair}.crt"))).expect("a fixture");
    let trusted = reqwest::Certificate::from_pem(&pem).expect("a certificate");
    reqwest::Client::builder().no_proxy().tls_certs_only([trusted]).build().expect("a client")
}

async fn deliver(client: &reqwest::Client, runtime: &Runtime, charge: &Charge) -> Option<u16> {
    let body = charge.event();
    let secret = credentials::STRIPE_WEBHOOK_SECRET;
    let signature = stripe::sign(&body, &[secret], jiff::Timestamp::now().as_second());
    let url = format!("https://{}/hooks/stripe", runtime.setup.hooks);
    let sent = client.post(url).header("Stripe-Signature", signature).body(body).send().await;
    Some(sent.ok()?.status().as_u16())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_while_deliveries_come() {
    let sandbox = support::sandbox().await;
    let project = Project::bundled(&sandbox).impatient();
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let put = |pair: &str| {
        std::fs::copy(fixture(&format!("{pair}.key")), &key).expect("copied");
        std::fs::copy(fixture(&format!("{pair}.crt")), &certificate).expect("copied");
    };
    put("first");
    let mut setup = Setup::of(&project);
    let text = |path: &Path| path.to_string_lossy().to_string();
    setup.more = vec!["--tls-cert".into(), text(&certificate), "--tls-key".into(), text(&key)];
    let mut runtime = setup.launch();
    runtime.says("Serving.").await;
    assert!(matches!(runtime.came_up(Duration::from_millis(50)).await, CameUp::NotReady), "nothing is served in clear");
    let charges: Vec<Charge> = (0..4).map(|number| Charge::new(number, None)).collect();
    charges.iter().for_each(|charge| charge.known_to(&sandbox));
    let first = trusting("first");
    assert_eq!(deliver(&first, &runtime, &charges[0]).await, Some(200));
    assert_eq!(deliver(&trusting("second"), &runtime, &charges[1]).await, None, "another certificate is not trusted");

    put("second");
    let second = trusting("second");
    support::until_async("the second one is served", LIMIT, async || {
        deliver(&second, &runtime, &charges[1]).await == Some(200)
    })
    .await;
    assert_eq!(deliver(&first, &runtime, &charges[2]).await, Some(200), "an open connection goes on");

    // A key of another certificate: the last good pair stays, and somebody is told.
    std::fs::copy(fixture("first.key"), &key).expect("copied");
    let open = "/api/alerts?open=true&code=tls_refused";
    support::until_async("somebody is told", LIMIT, async || runtime.admin(open).await["items"][0].is_object()).await;
    assert_eq!(deliver(&trusting("second"), &runtime, &charges[3]).await, Some(200));
    put("second");
    support::until_async("it is mended", LIMIT, async || runtime.admin(open).await["items"] == serde_json::json!([]))
        .await;
    support::until("all are done", LIMIT, || oracle::marked(&sandbox) == charges.len()).await;
    assert_eq!(oracle::wrong(&sandbox, &charges), Vec::<String>::new());
    assert!(runtime.stop().await.success());
}
