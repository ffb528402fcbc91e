//! The catalogue: everything that is known of each system, as data.
//!
//! One YAML file a system (`schemas/systems/`) says what a flow can call, what a trigger can subscribe to, how errors
//! are read and why a repeat is safe; one JSON Schema a payload type (`schemas/types/`) says what the data looks like.
//! The compiler, the connectors, the sandbox, our own schemas and the reference all read the same declaration. The
//! format is described in `docs/catalogue.md`.
//!
//! Nothing here speaks to a system. The files are part of the binary; [`check`] and the tests hold them to the format,
//! so that loading cannot fail where it matters.

mod check;
mod decode;
mod dropped;
mod error;
mod event;
mod expand;
mod infolog;
mod operation;
mod paging;
mod path;
mod payload;
mod paypal;
mod project;
mod registration;
mod remote_context;
mod scalar;
mod schema;
mod system;
#[cfg(test)]
mod tests;
mod windows;

pub use decode::Decoder;
pub use error::{Classified, ErrorClass, ErrorTable, Is, MessageRule, Rule, Source};
pub use event::{
    Code, Delivery, DeliveryOrder, EventGroup, EventType, Given, Listing, Names, Own, Reconcile, RowListing,
    SecretPlace, Verify,
};
pub use expand::{Expand, Unexpandable};
pub use operation::{
    AtMost, Does, Exactly, Find, Method, OneOf, Operation, Outcome, Param, ParamKind, ParamPlace, Refer, RepeatBy,
    RepeatEntry, Request, When,
};
pub use paging::{Link, NextPage, Paging};
pub use path::{Headers, Path, Place};
pub use payload::Types;
pub use registration::{Registration, RegistrationList, RegistrationRequest};
pub use scalar::{Rate, Template, TypeRef};
pub use system::{
    Auth, Base, BodyForm, ConnectionKey, Credentials, Dialect, Entity, EnumForm, FilterRules, Http, InForm, InRule,
    KeyType, Limits, System,
};

pub use windows::Windows;

use crate::diagnostics::did_you_mean;
use schema::Schema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

/// How a fact is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Known {
    /// Read in a machine-readable official source, or confirmed by running it.
    S,
    /// Read in official documentation.
    D,
    /// Seen in real traffic.
    F,
    /// General knowledge that nobody has read in a source yet: to be confirmed before it is relied on.
    K,
}

/// The system of what flowctl itself does: no connection has it, and its operations have names of their own.
const ENGINE: &str = "engine";

/// The files in the binary.
const SYSTEMS: &[(&str, &str)] = &[
    ("alerts", include_str!("../../schemas/systems/alerts.yaml")),
    ("dataverse", include_str!("../../schemas/systems/dataverse.yaml")),
    (ENGINE, include_str!("../../schemas/systems/engine.yaml")),
    ("finops", include_str!("../../schemas/systems/finops.yaml")),
    ("http", include_str!("../../schemas/systems/http.yaml")),
    ("paypal", include_str!("../../schemas/systems/paypal.yaml")),
    ("stripe", include_str!("../../schemas/systems/stripe.yaml")),
];

macro_rules! types {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../schemas/types/", $name, ".json")))),*]
    };
}

const TYPES: &[(&str, &str)] = types! {
    "alerts/alert"
    "dataverse/accounts"
    "dataverse/annotations"
    "dataverse/close_incident"
    "dataverse/close_order"
    "dataverse/contacts"
    "dataverse/incidents"
    "dataverse/invoicedetails"
    "dataverse/invoices"
    "dataverse/pricelevels"
    "dataverse/products"
    "dataverse/salesorderdetails"
    "dataverse/salesorders"
    "dataverse/systemusers"
    "dataverse/tasks"
    "dataverse/transactioncurrencies"
    "dataverse/uoms"
    "dataverse/who_am_i"
    "engine/rate"
    "finops/BankAccounts"
    "finops/CDSFreeTextInvoiceHeaders"
    "finops/CDSFreeTextInvoiceLines"
    "finops/CDSSalesOrderLinesV2"
    "finops/Currencies"
    "finops/CustomerPaymentJournalFees"
    "finops/CustomerPaymentJournalHeaders"
    "finops/CustomerPaymentJournalLines"
    "finops/CustomerPostalAddressesV2"
    "finops/CustomersV3"
    "finops/ExchangeRates"
    "finops/LedgerJournalHeaders"
    "finops/LedgerJournalLines"
    "finops/LegalEntities"
    "finops/MainAccounts"
    "finops/PaymentJournalLineSettledInvoices"
    "finops/ReleasedProductsV2"
    "finops/ReturnOrderHeaders"
    "finops/ReturnOrderLinesV2"
    "finops/SalesInvoiceHeadersV2"
    "finops/SalesInvoicePosted"
    "finops/SalesOrderHeadersV2"
    "finops/SalesPriceAgreements"
    "finops/VendorPaymentJournalHeaders"
    "finops/VendorPaymentJournalLines"
    "finops/VendorsV3"
    "http/message"
    "paypal/address"
    "paypal/authorization"
    "paypal/authorization_capture_request"
    "paypal/balance"
    "paypal/capture"
    "paypal/dispute"
    "paypal/dispute_claim"
    "paypal/dispute_evidence"
    "paypal/dispute_message"
    "paypal/dispute_note"
    "paypal/dispute_offer"
    "paypal/event"
    "paypal/fee_money"
    "paypal/invoice"
    "paypal/invoice_event"
    "paypal/invoice_notification"
    "paypal/invoice_payment"
    "paypal/invoice_payment_reference"
    "paypal/invoice_refund"
    "paypal/invoice_refund_reference"
    "paypal/invoice_request"
    "paypal/invoice_search"
    "paypal/link"
    "paypal/money"
    "paypal/name"
    "paypal/order"
    "paypal/order_capture_request"
    "paypal/order_request"
    "paypal/payee"
    "paypal/payer"
    "paypal/payout_batch"
    "paypal/payout_batch_request"
    "paypal/payout_item_details"
    "paypal/payout_money"
    "paypal/reauthorize_request"
    "paypal/refund"
    "paypal/refund_request"
    "paypal/sale"
    "paypal/sale_money"
    "paypal/sale_refund"
    "paypal/settlement_row"
    "paypal/subscription"
    "paypal/subscription_payment"
    "paypal/subscription_reason"
    "paypal/subscription_request"
    "paypal/transaction"
    "paypal/webhook"
    "paypal/webhook_change"
    "paypal/webhook_request"
    "stripe/address"
    "stripe/balance_transaction"
    "stripe/charge"
    "stripe/charge_update"
    "stripe/credit_note"
    "stripe/customer"
    "stripe/customer_params"
    "stripe/dispute"
    "stripe/event"
    "stripe/invoice"
    "stripe/invoice_line"
    "stripe/invoice_payment"
    "stripe/metadata_params"
    "stripe/payment_intent"
    "stripe/payout"
    "stripe/price"
    "stripe/price_params"
    "stripe/price_update"
    "stripe/product"
    "stripe/product_params"
    "stripe/refund"
    "stripe/refund_params"
    "stripe/shipping"
    "stripe/subscription"
    "stripe/subscription_item"
    "stripe/webhook_endpoint"
    "stripe/webhook_endpoint_params"
    "stripe/webhook_endpoint_update"
};

/// All systems. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    systems: Arc<BTreeMap<String, System>>,
    schemas: Arc<BTreeMap<String, Schema>>,
    /// The types of those schemas, once somebody has asked.
    types: Arc<OnceLock<Types>>,
}

impl Catalog {
    /// The catalogue in the binary.
    pub fn bundled() -> Catalog {
        static BUNDLED: LazyLock<Catalog> = LazyLock::new(|| match Catalog::load(SYSTEMS, TYPES) {
            Ok(catalog) => catalog,
            // Our own files, and a test loads them all.
            Err(problems) => panic!("the bundled catalogue is broken:\n{}", problems.join("\n")),
        });
        BUNDLED.clone()
    }

    /// Systems and payload types from texts, by their names (`finops`, `finops/CustomersV3`), checked.
    fn load(systems: &[(&str, &str)], types: &[(&str, &str)]) -> Result<Catalog, Vec<String>> {
        let mut problems = vec![];
        let mut loaded = BTreeMap::new();
        for (name, text) in systems {
            match System::read(text) {
                Ok(system) if system.name == *name => drop(loaded.insert(system.name.clone(), system)),
                Ok(system) => problems.push(format!("{name}.yaml describes {}", system.name)),
                Err(error) => problems.push(format!("{name}.yaml: {error}")),
            }
        }
        let mut schemas = BTreeMap::new();
        for (name, text) in types {
            match serde_json::from_str::<Schema>(text) {
                Ok(schema) => drop(schemas.insert(name.replace('/', "."), schema)),
                Err(error) => problems.push(format!("{name}.json: {error}")),
            }
        }
        loaded.values_mut().for_each(|system: &mut System| system.take_tables(&schemas));
        let catalog = Catalog { systems: Arc::new(loaded), schemas: Arc::new(schemas), types: Arc::default() };
        problems.extend(check::problems(&catalog));
        if problems.is_empty() { Ok(catalog) } else { Err(problems) }
    }

    /// The systems that a connection can be of, by name, in order.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.values().filter(|system| !system.is_engine())
    }

    /// The system with that name.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.get(name).filter(|system| !system.is_engine())
    }

    /// All operations, by system and in the order of its file.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.systems.values().flat_map(|system| system.operations.values())
    }

    /// `finops.create`, `links.get`: the system and its operation.
    pub fn operation(&self, name: &str) -> Option<(&System, &Operation)> {
        let (system, operation) = name.split_once('.')?;
        let of_system = |system: &'_ System| system.operations.contains_key(operation);
        if let Some(system) = self.system(system).filter(|system| of_system(system)) {
            return Some((system, system.operations.get(operation)?));
        }
        let engine = self.systems.get(ENGINE)?;
        Some((engine, engine.operations.get(name)?))
    }

    /// The entity of a system with that name.
    pub fn entity(&self, system: &str, name: &str) -> Option<&Entity> {
        self.system(system)?.entities.get(name)
    }

    /// What to use instead of a system that there is not: a sentence for a diagnostic's help.
    pub fn system_help(&self, written: &str) -> String {
        let known = || self.systems().map(|system| system.name.as_str());
        help(did_you_mean(written, known()), "systems", known())
    }

    /// The same for an operation. `writes` keeps to those that a step of that verb can take.
    pub fn operation_help(&self, written: &str, writes: bool) -> String {
        let fits = |operation: &&Operation| operation.writes() == writes;
        let known = || self.operations().filter(fits).map(|operation| operation.name.as_str());
        let of_system = || {
            let system = written.split_once('.').map_or(written, |(system, _)| system);
            known().filter(move |name| name.split_once('.').is_some_and(|(known, _)| known == system))
        };
        let meant = did_you_mean(written, known());
        if of_system().next().is_some() {
            help(meant, "operations of this system", of_system())
        } else {
            help(meant, "operations", known())
        }
    }
}

impl System {
    /// What flowctl itself does.
    pub fn is_engine(&self) -> bool {
        self.name == ENGINE
    }

    /// Reads a file of the format.
    fn read(text: &str) -> Result<System, String> {
        let mut system: System = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        for (name, entity) in &mut system.entities {
            entity.name = name.clone();
        }
        let written = system.operations.clone();
        for (name, operation) in &mut system.operations {
            operation.name = if system.name == ENGINE { name.clone() } else { format!("{}.{name}", system.name) };
            if let Some(same) = &operation.same_as {
                let base =
                    written.get(same).ok_or_else(|| format!("{name} is the same as {same}, which is not there"))?;
                operation.complete_from(base);
            }
            for (param, declared) in system.params.iter().filter(|_| operation.http.is_some()) {
                operation.params.entry(param.clone()).or_insert_with(|| declared.clone());
            }
        }
        Ok(system)
    }

    /// What to use instead of an entity that the catalogue does not have: a sentence for a diagnostic's help. Knows the
    /// names by which people call them (`/data/SalesOrders`).
    pub fn entity_help(&self, written: &str) -> String {
        let written = written.trim_start_matches("/data/").trim_matches('/');
        if let Some(entity) = self.entities.values().find(|entity| is_called(&entity.instead_of, written)) {
            return format!("{} calls them `{}`", self.title, entity.name);
        }
        if let Some((_, sentence)) = self.not_here.iter().find(|(name, _)| name.eq_ignore_ascii_case(written)) {
            return sentence.clone();
        }
        let known = || self.entities.keys().map(String::as_str);
        help(did_you_mean(written, known()), "entities", known())
    }

    /// The group of an event, and how the catalogue calls it: by a name of its own, by that of a table with what became
    /// of a row (`salesorders.Update`), or, where its names are the customer's, by any.
    pub fn event<'n>(&'n self, name: &'n str) -> Option<(&'n EventGroup, &'n str)> {
        let groups = || self.events.values();
        let known = groups().find_map(|group| group.event(name).map(|(known, _)| (group, known)));
        known.or_else(|| groups().find(|group| group.names(self, name)).map(|group| (group, name)))
    }

    /// The same for an event.
    pub fn event_help(&self, written: &str) -> String {
        let events = || self.events.values().flat_map(|group| &group.types);
        if let Some((name, _)) = events().find(|(_, event)| is_called(&event.instead_of, written)) {
            return format!("{} sends it as `{name}`", self.title);
        }
        if let Some((_, sentence)) = self.not_here.iter().find(|(name, _)| name.eq_ignore_ascii_case(written)) {
            return sentence.clone();
        }
        let of_tables = self.events.values().filter_map(|group| match &group.names {
            Some(Names::Rows(messages)) => Some(messages),
            _ => None,
        });
        let of_tables = of_tables.flat_map(|messages| {
            self.entities
                .keys()
                .flat_map(move |entity| messages.iter().map(move |message| format!("{entity}.{message}")))
        });
        let of_tables: Vec<String> = of_tables.collect();
        if let Some(meant) = did_you_mean(written, of_tables.iter().map(String::as_str)) {
            return format!("did you mean `{meant}`?");
        }
        if let (Some((entity, message)), Some(example)) = (written.split_once('.'), of_tables.first()) {
            return match self.entities.contains_key(entity) {
                true => format!("nothing tells of `{message}` of a row; as in `{example}`"),
                false => format!("as in `{example}`; {}", self.entity_help(entity)),
            };
        }
        let known =
            || events().map(|(name, _)| name.as_str()).chain(of_tables.iter().map(String::as_str).take(MOST_NAMED));
        help(did_you_mean(written, known()), "events", known())
    }
}

/// So many events of tables are named where somebody looks for one.
const MOST_NAMED: usize = 6;

fn is_called(names: &[String], written: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(written))
}

fn help<'a>(meant: Option<&str>, what: &str, known: impl Iterator<Item = &'a str>) -> String {
    match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let known: Vec<_> = known.collect();
            if known.is_empty() { format!("it has no {what}") } else { format!("{what}: {}", known.join(", ")) }
        }
    }
}
