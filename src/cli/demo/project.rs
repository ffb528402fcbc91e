//! The bundled project as files of a folder of its own, with an environment that points at the stand-ins.

use crate::catalog::Catalog;
use crate::diagnostics::Sources;
use crate::sandbox::{Sandbox, credentials};
use std::path::{Path, PathBuf};

macro_rules! bundled {
    ($($path:literal)*) => {
        /// The files of `flows/`, by their path in it.
        const FILES: &[(&str, &str)] = &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/flows/", $path)))),*];
    };
}

bundled! {
    "flowctl.yaml"
    "connections.yaml"
    "paypal-dynamics-365/README.md"
    "paypal-dynamics-365/balance-to-journal.flow.yaml"
    "paypal-dynamics-365/balance.map"
    "paypal-dynamics-365/capture-to-sales-order.flow.yaml"
    "paypal-dynamics-365/capture.map"
    "paypal-dynamics-365/payer-to-customer.flow.yaml"
    "paypal-dynamics-365/payout-item-events.flow.yaml"
    "paypal-dynamics-365/payout-item.flow.yaml"
    "paypal-dynamics-365/payouts-collect.flow.yaml"
    "paypal-dynamics-365/payouts-of-journal.flow.yaml"
    "paypal-dynamics-365/payouts.map"
    "paypal-dynamics-365/refund-to-credit-note.flow.yaml"
    "paypal-dynamics-365/refund.map"
    "paypal-dynamics-365/subscription-payment.flow.yaml"
    "paypal-dynamics-365/subscription.map"
    "paypal-dynamics-365/tables/clearing.csv"
    "paypal-dynamics-365/tables/movements.csv"
    "paypal-dynamics-365/tables/products.csv"
    "paypal-dynamics-365/tests/balance-to-journal.test.yaml"
    "paypal-dynamics-365/tests/capture-to-sales-order.test.yaml"
    "paypal-dynamics-365/tests/payer-to-customer.test.yaml"
    "paypal-dynamics-365/tests/payout-item-events.test.yaml"
    "paypal-dynamics-365/tests/payout-item.test.yaml"
    "paypal-dynamics-365/tests/payouts-collect.test.yaml"
    "paypal-dynamics-365/tests/payouts-of-journal.test.yaml"
    "paypal-dynamics-365/tests/refund-to-credit-note.test.yaml"
    "paypal-dynamics-365/tests/subscription-payment.test.yaml"
    "paypal-dynamics-crm/README.md"
    "paypal-dynamics-crm/capture-to-sales-order.flow.yaml"
    "paypal-dynamics-crm/contact-history.flow.yaml"
    "paypal-dynamics-crm/dispute-to-case.flow.yaml"
    "paypal-dynamics-crm/history.map"
    "paypal-dynamics-crm/money.map"
    "paypal-dynamics-crm/order.map"
    "paypal-dynamics-crm/payment-changed.flow.yaml"
    "paypal-dynamics-crm/refund-request.flow.yaml"
    "paypal-dynamics-crm/refund-to-crm.flow.yaml"
    "paypal-dynamics-crm/subscription-agreement.flow.yaml"
    "paypal-dynamics-crm/subscription-payment.flow.yaml"
    "paypal-dynamics-crm/subscription-to-agreement.flow.yaml"
    "paypal-dynamics-crm/subscription.map"
    "paypal-dynamics-crm/tables/payment_status.csv"
    "paypal-dynamics-crm/tests/capture-completed.json"
    "paypal-dynamics-crm/tests/capture-to-sales-order.test.yaml"
    "paypal-dynamics-crm/tests/capture.json"
    "paypal-dynamics-crm/tests/contact-history.test.yaml"
    "paypal-dynamics-crm/tests/dispute-to-case.test.yaml"
    "paypal-dynamics-crm/tests/order.json"
    "paypal-dynamics-crm/tests/payment-changed.test.yaml"
    "paypal-dynamics-crm/tests/refund-approved.context.json"
    "paypal-dynamics-crm/tests/refund-request.test.yaml"
    "paypal-dynamics-crm/tests/refund-to-crm.test.yaml"
    "paypal-dynamics-crm/tests/subscription-agreement.test.yaml"
    "paypal-dynamics-crm/tests/subscription-payment.test.yaml"
    "paypal-dynamics-crm/tests/subscription-to-agreement.test.yaml"
    "stripe-dynamics-365/README.md"
    "stripe-dynamics-365/cash.map"
    "stripe-dynamics-365/charge-to-receipt.flow.yaml"
    "stripe-dynamics-365/charge-to-sales-order.flow.yaml"
    "stripe-dynamics-365/charge.map"
    "stripe-dynamics-365/customer-to-d365.flow.yaml"
    "stripe-dynamics-365/customer-to-stripe.flow.yaml"
    "stripe-dynamics-365/customer.map"
    "stripe-dynamics-365/customers-to-stripe.flow.yaml"
    "stripe-dynamics-365/dispute-to-journal.flow.yaml"
    "stripe-dynamics-365/dispute.map"
    "stripe-dynamics-365/invoice-to-free-text-invoice.flow.yaml"
    "stripe-dynamics-365/invoice.map"
    "stripe-dynamics-365/payout-failed.flow.yaml"
    "stripe-dynamics-365/payout-to-journal.flow.yaml"
    "stripe-dynamics-365/payout.map"
    "stripe-dynamics-365/refund-to-credit-note.flow.yaml"
    "stripe-dynamics-365/risk.rhai"
    "stripe-dynamics-365/tables/payout_accounts.csv"
    "stripe-dynamics-365/tables/products.csv"
    "stripe-dynamics-365/tables/revenue_accounts.csv"
    "stripe-dynamics-365/tests/charge-to-receipt.test.yaml"
    "stripe-dynamics-365/tests/charge-to-sales-order.test.yaml"
    "stripe-dynamics-365/tests/charge.json"
    "stripe-dynamics-365/tests/customer-to-d365.test.yaml"
    "stripe-dynamics-365/tests/customer-to-stripe.test.yaml"
    "stripe-dynamics-365/tests/customers-to-stripe.test.yaml"
    "stripe-dynamics-365/tests/dispute-to-journal.test.yaml"
    "stripe-dynamics-365/tests/invoice-to-free-text-invoice.test.yaml"
    "stripe-dynamics-365/tests/payout-failed.test.yaml"
    "stripe-dynamics-365/tests/payout-to-journal.test.yaml"
    "stripe-dynamics-365/tests/refund-to-credit-note.test.yaml"
    "types/dataverse/accounts.json"
    "types/dataverse/contacts.json"
    "types/dataverse/incidents.json"
    "types/dataverse/new_paymenttransactions.json"
    "types/dataverse/new_refundrequests.json"
    "types/dataverse/new_subscriptionagreements.json"
    "types/dataverse/salesorders.json"
}

/// Whether the bundled project has that file.
pub fn has(path: &str) -> bool {
    FILES.iter().any(|(known, _)| *known == path)
}

/// The environment's name.
pub const ENVIRONMENT: &str = "demo";

/// The catalogue with the columns and tables of the bundled project.
pub fn catalog() -> Catalog {
    let mut sources = Sources::default();
    let files: Vec<_> = FILES.iter().map(|(path, text)| sources.add(*path, *text)).collect();
    let files: Vec<_> = files.into_iter().map(|file| (file, sources.get(file))).collect();
    // What is wrong with them is found by the tests of the bundled project.
    let (catalog, _) = Catalog::bundled().of_project(files.iter().map(|(file, source)| (*file, source)));
    catalog
}

/// A folder that is gone with this value: the project and the store of one demo.
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// A new folder among the system's temporary ones, for nobody but this user.
    pub fn new() -> std::io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("flowctl-demo-{}", uuid::Uuid::new_v4().simple()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Folder { path: path.canonicalize()? })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The project's folder.
    pub fn project(&self) -> PathBuf {
        self.path.join("project")
    }

    /// The store's folder.
    pub fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Writes the bundled project, and the environment in which it speaks to these stand-ins.
    pub fn write_project(&self, sandbox: &Sandbox) -> std::io::Result<()> {
        let (stripe, finops) = (sandbox.stripe_server.url(), sandbox.finops_server.url());
        let (paypal, crm) = (sandbox.paypal_server.url(), sandbox.dataverse_server.url());
        for (path, text) in FILES {
            self.write(path, text)?;
        }
        self.write("secrets/stripe_key", credentials::STRIPE_KEY)?;
        self.write("secrets/stripe_webhook", credentials::STRIPE_WEBHOOK_SECRET)?;
        self.write("secrets/paypal_client", credentials::PAYPAL_CLIENT_SECRET)?;
        self.write("secrets/d365_client", credentials::FINOPS_CLIENT_SECRET)?;
        self.write("secrets/crm_client", credentials::DATAVERSE_CLIENT_SECRET)?;
        self.write("secrets/crm_webhook", credentials::DATAVERSE_WEBHOOK_KEY)?;
        let (tenant, client) = (credentials::FINOPS_TENANT, credentials::FINOPS_CLIENT_ID);
        let environment = format!(
            "connections:
  stripe:
    base_url: {stripe}
    api_key: file://secrets/stripe_key
    webhook: {{ secrets: [file://secrets/stripe_webhook] }}
  paypal:
    base_url: {paypal}
    client_id: {paypal_client}
    client_secret: file://secrets/paypal_client
    webhook: {{ id: {paypal_webhook} }}
  d365:
    base_url: {finops}
    authority: {finops}
    tenant: {tenant}
    client_id: {client}
    client_secret: file://secrets/d365_client
    limits: {{ settle: 2s }}      # the stand-in is done at once; the real one gets three minutes
  crm:
    base_url: {crm}
    authority: {crm}
    tenant: {crm_tenant}
    client_id: {crm_client}
    client_secret: file://secrets/crm_client
    own_user: {crm_user}
    webhook: {{ secret: file://secrets/crm_webhook }}
",
            paypal_client = credentials::PAYPAL_CLIENT_ID,
            paypal_webhook = credentials::PAYPAL_WEBHOOK_ID,
            crm_tenant = credentials::DATAVERSE_TENANT,
            crm_client = credentials::DATAVERSE_CLIENT_ID,
            crm_user = credentials::DATAVERSE_APP_USER,
        );
        self.write(&format!("environments/{ENVIRONMENT}.yaml"), &environment)
    }

    fn write(&self, path: &str, text: &str) -> std::io::Result<()> {
        let path = self.project().join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system, which empties its temporary folder.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_bundled_project_is_in_the_binary() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
        let files =
            walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let there: BTreeSet<String> =
            files.map(|file| file.path().strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/")).collect();
        let bundled: BTreeSet<String> = FILES.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(there, bundled);
    }

    #[test]
    fn the_folder_goes_with_its_value() {
        let folder = Folder::new().unwrap();
        let path = folder.path().to_path_buf();
        folder.write("a/b", "c").unwrap();
        assert!(path.join("project/a/b").exists());
        drop(folder);
        assert!(!path.exists());
    }
}
