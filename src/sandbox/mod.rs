//! Local stand-ins of the systems, for the demo and for tests: real HTTP on loopback, strict like the real thing.
//!
//! What a stand-in claims about its system comes from that system's documentation, never from what our connector
//! happens to send. It is not a mock: it keeps state, and a wrong request is refused.

mod batch;
pub mod dataverse;
pub mod faults;
mod filter;
pub mod finops;
mod inspect;
mod keep;
pub mod paypal;
mod seed;
pub mod server;
pub mod stripe;
#[cfg(test)]
mod tests;
pub mod webhooks;

use crate::catalog::Catalog;
use crate::language::types::TypeSource;
use dataverse::Dataverse;
use finops::Finops;
use paypal::Paypal;
use server::Server;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use stripe::Stripe;

/// The credentials that the stand-ins accept. They are no secrets: nothing but the stand-ins knows them.
pub mod credentials {
    pub const STRIPE_KEY: &str = "sk_test_sandbox";
    pub const STRIPE_WEBHOOK_SECRET: &str = "whsec_sandbox";
    pub const PAYPAL_CLIENT_ID: &str = "AcSandboxClientOfFlowctl";
    pub const PAYPAL_CLIENT_SECRET: &str = "EPaypalSandboxSecret";
    pub const PAYPAL_WEBHOOK_ID: &str = "8PV16905TY216884F";
    pub const FINOPS_CLIENT_ID: &str = "sandbox-client";
    pub const FINOPS_CLIENT_SECRET: &str = "sandbox-secret";
    pub const FINOPS_TENANT: &str = "8c1d2b1e-0000-4000-8000-000000000000";
    pub const FINOPS_COMPANY: &str = "usmf";
    pub const DATAVERSE_CLIENT_ID: &str = "sandbox-crm-client";
    pub const DATAVERSE_CLIENT_SECRET: &str = "sandbox-crm-secret";
    pub const DATAVERSE_TENANT: &str = "8c1d2b1e-0000-4000-8000-000000000000";
    /// Who writes what the app writes.
    pub const DATAVERSE_APP_USER: &str = "75c2dd85-0000-4000-8000-000000000001";
    pub const DATAVERSE_WEBHOOK_KEY: &str = "sandbox-webhook-key";
}

/// The stand-ins, running until this is dropped.
pub struct Sandbox {
    pub stripe: Arc<Stripe>,
    pub paypal: Arc<Paypal>,
    pub finops: Arc<Finops>,
    pub stripe_server: Server,
    pub paypal_server: Server,
    pub finops_server: Server,
    pub dataverse: Arc<Dataverse>,
    pub dataverse_server: Server,
}

/// Which ports to serve on; 0 takes a free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub stripe: u16,
    pub paypal: u16,
    pub finops: u16,
    pub dataverse: u16,
}

impl Sandbox {
    /// Starts all on loopback, with a few customers in Stripe and F&O and a few products. A project's own columns and
    /// tables are there where `catalog` and `types` are the project's.
    pub async fn start(catalog: &Catalog, types: &dyn TypeSource, ports: Ports) -> std::io::Result<Sandbox> {
        Sandbox::start_kept(catalog, types, ports, None).await
    }

    /// The same, going on from what stands in the folder and keeping everything there.
    pub async fn start_kept(
        catalog: &Catalog,
        types: &dyn TypeSource,
        ports: Ports,
        state: Option<&Path>,
    ) -> std::io::Result<Sandbox> {
        if let Some(folder) = state {
            std::fs::create_dir_all(folder)?;
        }
        let file = |name: &str| state.map(|folder| folder.join(format!("{name}.json")));
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let stripe = Arc::new(Stripe::new(credentials::STRIPE_KEY, catalog, types));
        let settings = finops::Settings {
            client_id: credentials::FINOPS_CLIENT_ID.into(),
            client_secret: credentials::FINOPS_CLIENT_SECRET.into(),
            tenant: credentials::FINOPS_TENANT.into(),
            companies: vec![credentials::FINOPS_COMPANY.into()],
            page: 100,
        };
        let finops = Arc::new(Finops::new(settings, seed::entities(catalog, types)));
        seed::plant(&stripe, &finops).map_err(std::io::Error::other)?;
        let (id, secret) = (credentials::PAYPAL_CLIENT_ID, credentials::PAYPAL_CLIENT_SECRET);
        let paypal = Arc::new(Paypal::new(id, secret, types));
        let stripe_server = Server::start_kept(loopback(ports.stripe), stripe.clone(), file("stripe")).await?;
        let finops_server = Server::start_kept(loopback(ports.finops), finops.clone(), file("finops")).await?;
        finops.served_at(finops_server.url());
        let paypal_server = Server::start_kept(loopback(ports.paypal), paypal.clone(), file("paypal")).await?;
        paypal.served_at(paypal_server.url());
        let (dataverse, dataverse_server) =
            Dataverse::start(catalog, types, loopback(ports.dataverse), file("dataverse")).await?;
        Ok(Sandbox { stripe, paypal, finops, stripe_server, paypal_server, finops_server, dataverse, dataverse_server })
    }
}
