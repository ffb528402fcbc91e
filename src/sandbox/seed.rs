//! What stands in the stand-ins before the first request, and how F&O's entities are set up there.

use super::finops::{Entity, Finops};
use super::stripe::Stripe;
use crate::catalog::Catalog;
use crate::language::types::{Kind, TypeSource};

/// A few customers in both systems; products, vendors and accounts in F&O.
pub fn plant(stripe: &Stripe, finops: &Finops) -> Result<(), String> {
    for (entity, row) in SEED {
        finops.insert(entity, row).map_err(|why| format!("{entity}: {why}"))?;
    }
    for (id, name, email, account) in STRIPE_SEED {
        stripe.insert(&stripe_customer(id, name, email, *account))?;
    }
    Ok(())
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
    (
        "VendorsV3",
        r#"{"VendorAccountNumber":"US-101","VendorGroupId":"10","VendorPartyType":"Organization","VendorOrganizationName":"Fabrikam Electronics","CurrencyCode":"USD","PrimaryEmailAddress":"billing@fabrikam-electronics.example"}"#,
    ),
    (
        "VendorsV3",
        r#"{"VendorAccountNumber":"US-102","VendorGroupId":"10","VendorPartyType":"Organization","VendorOrganizationName":"Tailspin Parts","CurrencyCode":"USD","PrimaryEmailAddress":"ar@tailspin.example"}"#,
    ),
    ("BankAccounts", r#"{"BankAccountId":"USMF OPER","Name":"Operating account","CurrencyCode":"USD"}"#),
    ("BankAccounts", r#"{"BankAccountId":"USMF STRIPE","Name":"Account that Stripe pays into","CurrencyCode":"USD"}"#),
    ("BankAccounts", r#"{"BankAccountId":"USMF PAYPAL","Name":"PayPal balance","CurrencyCode":"USD"}"#),
    ("MainAccounts", r#"{"ChartOfAccounts":"Shared","MainAccountId":"110150","Name":"Stripe clearing"}"#),
    ("MainAccounts", r#"{"ChartOfAccounts":"Shared","MainAccountId":"605140","Name":"Payment fees"}"#),
    ("Currencies", r#"{"CurrencyCode":"USD","Name":"US Dollar"}"#),
    ("Currencies", r#"{"CurrencyCode":"EUR","Name":"Euro"}"#),
    ("Currencies", r#"{"CurrencyCode":"JPY","Name":"Japanese Yen"}"#),
    ("LegalEntities", r#"{"LegalEntityId":"usmf","Name":"Contoso Entertainment System USA"}"#),
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
    ("CustomerPostalAddressesV2", "CustomerAccount", "CustomersV3", "CustomerAccount"),
    ("SalesOrderHeadersV2", "OrderingCustomerAccountNumber", "CustomersV3", "CustomerAccount"),
    ("CDSSalesOrderLinesV2", "SalesOrderNumber", "SalesOrderHeadersV2", "SalesOrderNumber"),
    ("CDSSalesOrderLinesV2", "ProductNumber", "ReleasedProductsV2", "ProductNumber"),
    ("ReturnOrderHeaders", "CustomerAccountNumber", "CustomersV3", "CustomerAccount"),
    ("ReturnOrderLinesV2", "ReturnOrderNumber", "ReturnOrderHeaders", "ReturnOrderNumber"),
    ("ReturnOrderLinesV2", "ItemNumber", "ReleasedProductsV2", "ItemNumber"),
    ("CDSFreeTextInvoiceHeaders", "CustomerAccount", "CustomersV3", "CustomerAccount"),
    ("CDSFreeTextInvoiceLines", "ExternalInvoiceId", "CDSFreeTextInvoiceHeaders", "ExternalInvoiceId"),
    ("LedgerJournalLines", "JournalBatchNumber", "LedgerJournalHeaders", "JournalBatchNumber"),
    ("CustomerPaymentJournalLines", "JournalBatchNumber", "CustomerPaymentJournalHeaders", "JournalBatchNumber"),
    ("CustomerPaymentJournalFees", "SourceJournalBatchNumber", "CustomerPaymentJournalHeaders", "JournalBatchNumber"),
    ("VendorPaymentJournalLines", "JournalBatchNumber", "VendorPaymentJournalHeaders", "JournalBatchNumber"),
];

/// What F&O sets itself in a new row.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("SalesOrderHeadersV2", "SalesOrderStatus", "Backorder"),
    ("SalesOrderHeadersV2", "SalesOrderProcessingStatus", "Active"),
    ("CDSSalesOrderLinesV2", "SalesOrderLineStatus", "Backorder"),
];

/// The prefixes of F&O's number sequences here.
const SEQUENCES: &[(&str, &str)] = &[
    ("SalesOrderNumber", "SO-"),
    ("CustomerAccount", "C-"),
    ("VendorAccountNumber", "V-"),
    ("ReturnOrderNumber", "RO-"),
    ("ReturnInventoryLotId", "LOT-"),
    ("AddressLocationId", "LOC-"),
    ("JournalBatchNumber", ""),
];

/// The entities of the catalogue, as the stand-in keeps them.
pub fn entities(catalog: &Catalog, types: &dyn TypeSource) -> Vec<Entity> {
    let Some(system) = catalog.system("finops") else { return vec![] };
    let texts = |columns: &[String]| columns.to_vec();
    system
        .entities
        .iter()
        .filter_map(|(name, entity)| {
            let Kind::Record(row) = types.payload(&entity.ty)?.kind else { return None };
            let references = REFERENCES.iter().filter(|(of, ..)| *of == name.as_str());
            Some(Entity {
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
