//! Local stand-ins of the systems, for the demo and for tests: real HTTP on loopback, strict like the real thing.
//!
//! What a stand-in claims about its system comes from that system's documentation, never from what our connector
//! happens to send. It is not a mock: it keeps state, and a wrong request is refused.

pub mod faults;
mod filter;
pub mod finops;
pub mod server;
pub mod stripe;
pub mod webhooks;

use crate::catalog::Catalog;
use crate::language::types::{Kind, TypeSource};
use finops::Finops;
use server::Server;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use stripe::Stripe;

/// The credentials that the stand-ins accept. They are no secrets: nothing but the stand-ins knows them.
pub mod credentials {
    pub const STRIPE_KEY: &str = "sk_test_sandbox";
    pub const STRIPE_WEBHOOK_SECRET: &str = "whsec_sandbox";
    pub const FINOPS_CLIENT_ID: &str = "sandbox-client";
    pub const FINOPS_CLIENT_SECRET: &str = "sandbox-secret";
    pub const FINOPS_TENANT: &str = "8c1d2b1e-0000-4000-8000-000000000000";
    pub const FINOPS_COMPANY: &str = "usmf";
}

/// Both stand-ins, running until this is dropped.
pub struct Sandbox {
    pub stripe: Arc<Stripe>,
    pub finops: Arc<Finops>,
    pub stripe_server: Server,
    pub finops_server: Server,
}

/// Which ports to serve on; 0 takes a free one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ports {
    pub stripe: u16,
    pub finops: u16,
}

impl Sandbox {
    /// Starts both on loopback, with a few customers and products in F&O.
    pub async fn start(catalog: &Catalog, types: &dyn TypeSource, ports: Ports) -> std::io::Result<Sandbox> {
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let stripe = Arc::new(Stripe::new(credentials::STRIPE_KEY));
        let settings = finops::Settings {
            client_id: credentials::FINOPS_CLIENT_ID.into(),
            client_secret: credentials::FINOPS_CLIENT_SECRET.into(),
            tenant: credentials::FINOPS_TENANT.into(),
            companies: vec![credentials::FINOPS_COMPANY.into()],
            page: 100,
        };
        let finops = Arc::new(Finops::new(settings, finops_entities(catalog, types)));
        let stripe_server = Server::start(loopback(ports.stripe), stripe.clone()).await?;
        let finops_server = Server::start(loopback(ports.finops), finops.clone()).await?;
        finops.served_at(finops_server.url());
        for (entity, row) in SEED {
            finops.insert(entity, row).map_err(|why| std::io::Error::other(format!("{entity}: {why}")))?;
        }
        Ok(Sandbox { stripe, finops, stripe_server, finops_server })
    }
}

/// What stands in F&O before the first event.
const SEED: &[(&str, &str)] = &[
    (
        "CustomersV3",
        r#"{"CustomerAccount":"US-001","CustomerGroupId":"80","SalesCurrencyCode":"USD","OrganizationName":"Contoso Retail","PrimaryContactEmail":"orders@contoso.example"}"#,
    ),
    (
        "CustomersV3",
        r#"{"CustomerAccount":"JP-001","CustomerGroupId":"80","SalesCurrencyCode":"JPY","OrganizationName":"Litware Japan","PrimaryContactEmail":"orders@litware.example"}"#,
    ),
    ("ReleasedProductsV2", r#"{"ItemNumber":"D0001","ProductNumber":"D0001"}"#),
    ("ReleasedProductsV2", r#"{"ItemNumber":"D0002","ProductNumber":"D0002"}"#),
    ("ReleasedProductsV2", r#"{"ItemNumber":"S0001","ProductNumber":"S0001"}"#),
    ("ReleasedProductsV2", r#"{"ItemNumber":"MISC","ProductNumber":"MISC"}"#),
];

/// The tables whose values must exist elsewhere, and the prefixes of F&O's number sequences here.
const REFERENCES: &[(&str, &str, &str, &str)] = &[
    ("SalesOrderHeadersV2", "OrderingCustomerAccountNumber", "CustomersV3", "CustomerAccount"),
    ("CDSSalesOrderLinesV2", "SalesOrderNumber", "SalesOrderHeadersV2", "SalesOrderNumber"),
    ("CDSSalesOrderLinesV2", "ProductNumber", "ReleasedProductsV2", "ProductNumber"),
];
const SEQUENCES: &[(&str, &str)] =
    &[("SalesOrderNumber", "SO-"), ("CustomerAccount", "C-"), ("JournalBatchNumber", "")];

fn finops_entities(catalog: &Catalog, types: &dyn TypeSource) -> Vec<finops::Entity> {
    let Some(system) = catalog.system("finops") else { return vec![] };
    let texts = |columns: &[String]| columns.to_vec();
    system
        .entities
        .iter()
        .filter_map(|(name, entity)| {
            let Kind::Record(row) = types.payload(&entity.ty)?.kind else { return None };
            let references = REFERENCES.iter().filter(|(of, ..)| *of == name.as_str());
            Some(finops::Entity {
                name: name.to_string(),
                key: texts(&entity.key),
                required: texts(&entity.required),
                assigned: entity
                    .assigned
                    .iter()
                    .map(|column| {
                        let prefix = SEQUENCES.iter().find(|(c, _)| c == column).map_or("", |(_, prefix)| prefix);
                        (column.clone(), prefix.to_string())
                    })
                    .collect(),
                references: references
                    .map(|(_, column, other, key)| (column.to_string(), other.to_string(), key.to_string()))
                    .collect(),
                row,
            })
        })
        .collect()
}
