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
pub mod server;
pub mod stripe;
#[cfg(test)]
mod tests;
pub mod webhooks;

use crate::catalog::Catalog;
use crate::language::types::{Kind, TypeSource};
use dataverse::Dataverse;
use finops::Finops;
use paypal::Paypal;
use server::Server;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
        let (id, secret) = (credentials::PAYPAL_CLIENT_ID, credentials::PAYPAL_CLIENT_SECRET);
        let paypal = Arc::new(Paypal::new(id, secret, types));
        let stripe_server = Server::start(loopback(ports.stripe), stripe.clone()).await?;
        let finops_server = Server::start(loopback(ports.finops), finops.clone()).await?;
        finops.served_at(finops_server.url());
        let paypal_server = Server::start(loopback(ports.paypal), paypal.clone()).await?;
        paypal.served_at(paypal_server.url());
        for (entity, row) in SEED {
            finops.insert(entity, row).map_err(|why| std::io::Error::other(format!("{entity}: {why}")))?;
        }
        for (id, name, email, account) in STRIPE_SEED {
            stripe.insert(&stripe_customer(id, name, email, *account)).map_err(std::io::Error::other)?;
        }
        let (dataverse, dataverse_server) = Dataverse::start(catalog, types, loopback(ports.dataverse)).await?;
        Ok(Sandbox { stripe, paypal, finops, stripe_server, paypal_server, finops_server, dataverse, dataverse_server })
    }
}

/// What stands in F&O before the first event.
const SEED: &[(&str, &str)] = &[
    (
        "CustomersV3",
        r#"{"CustomerAccount":"US-001","CustomerGroupId":"80","PartyType":"Organization","SalesCurrencyCode":"USD","OrganizationName":"Contoso Retail","PrimaryContactEmail":"orders@contoso.example"}"#,
    ),
    (
        "CustomersV3",
        r#"{"CustomerAccount":"US-002","CustomerGroupId":"80","PartyType":"Organization","SalesCurrencyCode":"USD","OrganizationName":"Fabrikam","PrimaryContactEmail":"ap@fabrikam.example"}"#,
    ),
    (
        "CustomersV3",
        r#"{"CustomerAccount":"US-003","CustomerGroupId":"80","PartyType":"Organization","SalesCurrencyCode":"USD","OrganizationName":"Northwind Traders","PrimaryContactEmail":"shop@northwind.example"}"#,
    ),
    (
        "CustomersV3",
        r#"{"CustomerAccount":"DE-001","CustomerGroupId":"80","PartyType":"Organization","SalesCurrencyCode":"EUR","OrganizationName":"Adatum Europe","PrimaryContactEmail":"buying@adatum.example"}"#,
    ),
    (
        "CustomersV3",
        r#"{"CustomerAccount":"JP-001","CustomerGroupId":"80","PartyType":"Organization","SalesCurrencyCode":"JPY","OrganizationName":"Litware Japan","PrimaryContactEmail":"orders@litware.example"}"#,
    ),
    (
        "ReleasedProductsV2",
        r#"{"ItemNumber":"D0003","ProductNumber":"D0003","SearchName":"Mug","ProductType":"Item","ProductSubType":"Product","SalesUnitSymbol":"pcs","InventoryUnitSymbol":"pcs","SalesPrice":12.00}"#,
    ),
    (
        "ReleasedProductsV2",
        r#"{"ItemNumber":"D0011","ProductNumber":"D0011","SearchName":"T-shirt","ProductType":"Item","ProductSubType":"Product","SalesUnitSymbol":"ea","InventoryUnitSymbol":"ea","SalesPrice":15.00}"#,
    ),
    (
        "ReleasedProductsV2",
        r#"{"ItemNumber":"MISC","ProductNumber":"MISC","SearchName":"Miscellaneous","ProductType":"Service","ProductSubType":"Product","SalesUnitSymbol":"ea","InventoryUnitSymbol":"ea"}"#,
    ),
];

/// Stripe's customers of the same names. Some name their account in F&O, the others are found by their e-mail.
const STRIPE_SEED: &[(&str, &str, &str, Option<&str>)] = &[
    ("cus_Contoso", "Contoso Retail", "orders@contoso.example", Some("US-001")),
    ("cus_Fabrikam", "Fabrikam", "ap@fabrikam.example", Some("US-002")),
    ("cus_Northwind", "Northwind Traders", "shop@northwind.example", Some("US-003")),
    ("cus_Adatum", "Adatum Europe", "buying@adatum.example", None),
    ("cus_Litware", "Litware Japan", "orders@litware.example", None),
];

fn stripe_customer(id: &str, name: &str, email: &str, account: Option<&str>) -> String {
    let metadata = match account {
        Some(account) => serde_json::json!({ "d365_customer_account": account }),
        None => serde_json::json!({}),
    };
    let customer = serde_json::json!({
        "id": id, "object": "customer", "address": null, "balance": 0, "created": 1_760_000_000, "currency": null,
        "default_source": null, "delinquent": false, "description": null, "email": email, "invoice_prefix": "DEMO",
        "livemode": false, "metadata": metadata, "name": name, "phone": null, "preferred_locales": [],
        "shipping": null, "tax_exempt": "none", "test_clock": null,
    });
    customer.to_string()
}

/// Columns whose values must exist elsewhere.
const REFERENCES: &[(&str, &str, &str, &str)] = &[
    ("SalesOrderHeadersV2", "OrderingCustomerAccountNumber", "CustomersV3", "CustomerAccount"),
    ("CDSSalesOrderLinesV2", "SalesOrderNumber", "SalesOrderHeadersV2", "SalesOrderNumber"),
    ("CDSSalesOrderLinesV2", "ProductNumber", "ReleasedProductsV2", "ProductNumber"),
];

/// What F&O sets itself in a new row.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("SalesOrderHeadersV2", "SalesOrderStatus", "Backorder"),
    ("SalesOrderHeadersV2", "SalesOrderProcessingStatus", "Active"),
    ("CDSSalesOrderLinesV2", "SalesOrderLineStatus", "Backorder"),
];

/// The prefixes of F&O's number sequences here.
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
                defaults: DEFAULTS
                    .iter()
                    .filter(|(of, ..)| *of == name.as_str())
                    .map(|(_, column, value)| (column.to_string(), value.to_string()))
                    .collect(),
                references: references
                    .map(|(_, column, other, key)| (column.to_string(), other.to_string(), key.to_string()))
                    .collect(),
                row,
            })
        })
        .collect()
}
