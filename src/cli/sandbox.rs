//! `flowctl sandbox`.

use super::{End, output};
use crate::catalog::Types;
use crate::sandbox::{Ports, Sandbox, credentials};

/// Serves the stand-ins of Stripe, PayPal, Dynamics 365 Finance & Operations and Dataverse on loopback, until Ctrl-C.
///
/// They are strict like the real systems and keep their state in memory, or in a folder with `--state`. `/_sandbox` of
/// each is a page that shows what it knows and what it was asked, makes payments and payouts happen, and orders faults;
/// `GET /_sandbox/CustomersV3` gives rows, `POST /_sandbox/do/payment` makes a payment, `POST /_sandbox/faults` orders a
/// fault: {"path": "/data/SalesOrderHeadersV2", "method": "POST", "drop": "after"}.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  flowctl sandbox\n  flowctl sandbox --state .sandbox --stripe-webhook http://127.0.0.1:8080/hooks/stripe\n  curl -s localhost:12111/_sandbox/do/payment -d '{\"amount\":4200,\"currency\":\"usd\",\"customer\":\"cus_Contoso\"}'\n  curl -s localhost:12111/_sandbox/do/payout -d '{\"currency\":\"usd\"}'\n  curl -s localhost:12112/_sandbox/SalesOrderHeadersV2"
)]
pub struct Args {
    /// Port of the Stripe stand-in; 0 takes a free one.
    #[arg(long, default_value_t = 12111)]
    stripe_port: u16,
    /// Port of the PayPal stand-in; 0 takes a free one.
    #[arg(long, default_value_t = 12113)]
    paypal_port: u16,
    /// Port of the Finance & Operations stand-in; 0 takes a free one.
    #[arg(long, default_value_t = 12112)]
    finops_port: u16,
    /// Port of the Dataverse stand-in; 0 takes a free one.
    #[arg(long, default_value_t = 12114)]
    dataverse_port: u16,
    /// A folder in which everything is kept across restarts.
    #[arg(long, value_name = "DIR")]
    state: Option<std::path::PathBuf>,
    /// Where Stripe's events are delivered, signed with the sandbox's secret.
    #[arg(long, value_name = "URL")]
    stripe_webhook: Option<String>,
    /// Where PayPal's events are delivered, signed with the sandbox's certificate.
    #[arg(long, value_name = "URL")]
    paypal_webhook: Option<String>,
}

pub fn main(args: Args) -> anyhow::Result<End> {
    use anyhow::Context;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // With the columns and tables of the bundled integrations.
        let catalog = super::demo::project::catalog();
        let types = Types::bundled(&catalog);
        let ports = Ports {
            stripe: args.stripe_port,
            paypal: args.paypal_port,
            finops: args.finops_port,
            dataverse: args.dataverse_port,
        };
        let sandbox = Sandbox::start_kept(&catalog, &types, ports, args.state.as_deref()).await;
        let sandbox = sandbox.context("the stand-ins cannot be served")?;
        if let Some(url) = &args.stripe_webhook {
            sandbox.stripe.listens(url, credentials::STRIPE_WEBHOOK_SECRET);
        }
        if let Some(url) = &args.paypal_webhook {
            sandbox.paypal.listen(url);
        }
        output::print(&format!(
            "stripe  {}  key {}  webhook secret {}\npaypal  {}  client {} / {}  webhook {}\nfinops  {}  tenant {}  client {} / {}  company {}\ndataverse  {}  tenant {}  client {} / {}  app user {}\nLook inside at /_sandbox of each.\n",
            sandbox.stripe_server.url(),
            credentials::STRIPE_KEY,
            credentials::STRIPE_WEBHOOK_SECRET,
            sandbox.paypal_server.url(),
            credentials::PAYPAL_CLIENT_ID,
            credentials::PAYPAL_CLIENT_SECRET,
            credentials::PAYPAL_WEBHOOK_ID,
            sandbox.finops_server.url(),
            credentials::FINOPS_TENANT,
            credentials::FINOPS_CLIENT_ID,
            credentials::FINOPS_CLIENT_SECRET,
            credentials::FINOPS_COMPANY,
            sandbox.dataverse_server.url(),
            credentials::DATAVERSE_TENANT,
            credentials::DATAVERSE_CLIENT_ID,
            credentials::DATAVERSE_CLIENT_SECRET,
            credentials::DATAVERSE_APP_USER,
        ))?;
        tokio::signal::ctrl_c().await?;
        Ok(End::Fine)
    })
}
