//! What stands in the environment before the first event, and how it is served.

use super::{Dataverse, Settings, hooks};
use crate::catalog::Catalog;
use crate::language::types::TypeSource;
use crate::sandbox::credentials;
use crate::sandbox::server::Server;
use std::io::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// A person who works there: what flows did not do themselves.
pub const SELLER: &str = "5a3d7d84-0000-4000-8000-000000000001";

impl Dataverse {
    /// Served with its currencies, units, a price list and a few products, or going on from what stands in the file;
    /// deliveries to endpoints begin.
    pub async fn start(
        catalog: &Catalog,
        types: &dyn TypeSource,
        address: SocketAddr,
        keep: Option<PathBuf>,
    ) -> std::io::Result<(Arc<Dataverse>, Server)> {
        let settings = Settings {
            client_id: credentials::DATAVERSE_CLIENT_ID.into(),
            client_secret: credentials::DATAVERSE_CLIENT_SECRET.into(),
            tenant: credentials::DATAVERSE_TENANT.into(),
            app_user: credentials::DATAVERSE_APP_USER.into(),
            duplicate_rules: vec![("contacts".into(), "emailaddress1".into()), ("accounts".into(), "name".into())],
        };
        let (dataverse, deliveries) = Dataverse::new(settings, catalog, types);
        let dataverse = Arc::new(dataverse);
        for (table, row) in SEED {
            dataverse.plant(table, row).map_err(|why| Error::other(format!("{table}: {why}")))?;
        }
        let server = Server::start_kept(address, dataverse.clone(), keep).await?;
        dataverse.served_at(server.url());
        tokio::spawn(hooks::deliver(deliveries, dataverse.log.clone()));
        Ok((dataverse, server))
    }
}

/// Made by whoever set the environment up.
const SEED: &[(&str, &str)] = &[
    (
        "transactioncurrencies",
        r#"{"transactioncurrencyid":"c0000000-0000-4000-8000-000000000001","isocurrencycode":"USD","currencyname":"US Dollar","currencyprecision":2,"currencysymbol":"$","exchangerate":1}"#,
    ),
    (
        "transactioncurrencies",
        r#"{"transactioncurrencyid":"c0000000-0000-4000-8000-000000000002","isocurrencycode":"EUR","currencyname":"Euro","currencyprecision":2,"currencysymbol":"€","exchangerate":0.92}"#,
    ),
    (
        "transactioncurrencies",
        r#"{"transactioncurrencyid":"c0000000-0000-4000-8000-000000000003","isocurrencycode":"JPY","currencyname":"Yen","currencyprecision":0,"currencysymbol":"¥","exchangerate":155}"#,
    ),
    ("uoms", r#"{"uomid":"b0000000-0000-4000-8000-000000000001","name":"Piece","quantity":1}"#),
    (
        "pricelevels",
        r#"{"pricelevelid":"d0000000-0000-4000-8000-000000000001","name":"Web orders","_transactioncurrencyid_value":"c0000000-0000-4000-8000-000000000001"}"#,
    ),
    (
        "products",
        r#"{"productid":"a0000000-0000-4000-8000-000000000001","productnumber":"MUG-1","name":"Mug","price":10.00,"quantitydecimal":0,"statecode":0,"statuscode":1,"_defaultuomid_value":"b0000000-0000-4000-8000-000000000001"}"#,
    ),
    (
        "products",
        r#"{"productid":"a0000000-0000-4000-8000-000000000002","productnumber":"SHIRT-M","name":"T-shirt","price":15.00,"quantitydecimal":0,"statecode":0,"statuscode":1,"_defaultuomid_value":"b0000000-0000-4000-8000-000000000001"}"#,
    ),
    (
        "systemusers",
        r#"{"systemuserid":"5a3d7d84-0000-4000-8000-000000000001","fullname":"Sam Seller","domainname":"sam@contoso.example","isdisabled":false}"#,
    ),
];
