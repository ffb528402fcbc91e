//! What to try by hand while the demo stays up.

use super::events;
use super::project::Folder;
use crate::runtime::Runtime;
use crate::sandbox::{Sandbox, credentials};
use anyhow::Context as _;
use jiff::Timestamp;

/// Writes an event that can be sent by hand, and lets Stripe know its charge.
pub fn prepare(folder: &Folder, sandbox: &Sandbox) -> anyhow::Result<()> {
    let case = events::to_try(Timestamp::now().as_second());
    sandbox.stripe.insert(&case.charge().to_string()).map_err(|why| anyhow::anyhow!(why))?;
    let path = folder.path().join("event.json");
    std::fs::write(&path, case.body()).with_context(|| format!("cannot write {}", path.display()))
}

/// The lines to copy.
pub fn what_to_try(folder: &Folder, sandbox: &Sandbox, runtime: &Runtime) -> String {
    let (stripe, finops) = (sandbox.stripe_server.url(), sandbox.finops_server.url());
    let (hooks, admin) = (runtime.hooks, runtime.admin);
    let (path, secret) = (folder.path().display(), credentials::STRIPE_WEBHOOK_SECRET);
    format!(
        "
Still up; Ctrl-C ends it. Things to try:

  # what stands in Dynamics and in Stripe
  curl -s {finops}/_sandbox/SalesOrderHeadersV2
  curl -s {finops}/_sandbox/CDSSalesOrderLinesV2
  curl -s {stripe}/_sandbox/charges

  # the runs, what each step did, the flows
  curl -s http://{admin}/api/runs
  curl -s http://{admin}/api/runs/ID
  curl -s http://{admin}/api/flows

  # another event, signed as Stripe does; a second time nothing happens; a changed byte is refused
  cd {path}
  t=$(date +%s); s=$({{ printf '%s.' $t; cat event.json; }} | openssl dgst -sha256 -hmac {secret} -r | cut -d' ' -f1)
  curl -i http://{hooks}/hooks/stripe -H \"Stripe-Signature: t=$t,v1=$s\" --data-binary @event.json

  # make Stripe pay out what has come together since; the journal is in F&O a moment later
  curl -s {stripe}/_sandbox/do/payment -d '{{\"amount\":4200,\"currency\":\"usd\",\"customer\":\"cus_Contoso\",\"metadata\":{{\"items\":\"MUG:1:42.00\"}}}}'
  curl -s {stripe}/_sandbox/do/payout -d '{{\"currency\":\"usd\"}}'
  curl -s {finops}/_sandbox/LedgerJournalLines

  # everything that the stand-ins know, were asked and can be told to do wrong, in a browser
  {stripe}/_sandbox
  {finops}/_sandbox

  # let F&O lose its next answer to an order, before sending one
  curl -s {finops}/_sandbox/faults -d '{{\"method\":\"POST\",\"path\":\"/data/SalesOrderHeadersV2\",\"drop\":\"after\"}}'

  # change the mapping while it runs: it is live as soon as it is saved
  $EDITOR {path}/project/stripe-dynamics-365/charge.map"
    )
}
