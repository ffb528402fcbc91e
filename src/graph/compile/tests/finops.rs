//! Flows that hear of Finance & Operations, and that call its services.

use super::{compiled, expect, said};

const D365: &str = "connections:\n  d365: { system: finops, base_url: https://a.example, company: usmf, own_user: env://U, \
                    tenant: 8c1d2b1e-0000-4000-8000-000000000000, client_id: env://I, client_secret: env://S, \
                    webhook: { path: /hooks/d365, secret: env://K } }\n";

fn of(flow: &str) -> Vec<String> {
    said(&compiled(&[("connections.yaml", D365), ("a/a.flow.yaml", flow)]))
}

#[test]
fn rows_are_heard_of_beside_business_events() {
    for (webhook, slot, expected) in [
        ("events: [CustomersV3.Update]", "event.key.CustomerAccount", &[] as &[&str]),
        ("events: [CustomersV3.Update], columns: [OrganizationName]", "event.target?.OrganizationName?", &[]),
        ("events: [CustomersV3.Update]", "event.key.CustomerAcount", &["F0204 4:"]),
        ("events: [CustomersV3.Update], ignore_own: true", "1", &["F0469 3:"]),
        ("events: [SalesInvoicePostedBusinessEvent], ignore_own: true", "event.InvoiceId", &[]),
        ("events: [VendorsV3.Update]", "1", &["F0523 3:"]),
        ("events: [CustomersV3.Changed]", "1", &["F0365 3:"]),
    ] {
        let flow = format!(
            "flow: a\ntrigger:\n  webhook: {{ connection: d365, {webhook} }}\nsteps: [{{ id: a, transform: '{slot}' }}]\n"
        );
        expect(webhook, &of(&flow), expected);
    }
}

#[test]
fn a_service_gives_what_the_flow_says() {
    for (result, slot, expected) in [
        ("", "steps.post.Posted", &[] as &[&str]),
        ("result: '{ Posted: bool, Voucher: text? }'", "steps.post.Voucher? ?? \"none\"", &[]),
        ("result: '{ Posted: bool }'", "steps.post.Postd", &["F0204 "]),
        ("result: finops.LedgerJournalHeaders", "steps.post.JournalBatchNumber.upper()", &[]),
        ("result: nonsense", "1", &["F0203 "]),
    ] {
        let result = if result.is_empty() { String::new() } else { format!("      {result}\n") };
        let flow = format!(
            "flow: a\ntrigger: {{ schedule: {{ cron: '@daily', zone: UTC }} }}\nsteps:\n  - id: post\n    call:\n      operation: finops.service\n      path: Group/Journals/post\n      body: '{{ journal = \"1\" }}'\n{result}  - {{ id: seen, transform: '{slot}' }}\n"
        );
        let told: Vec<String> = of(&flow).into_iter().filter(|finding| !finding.starts_with("F0444")).collect();
        expect(slot, &told, expected);
    }
}
