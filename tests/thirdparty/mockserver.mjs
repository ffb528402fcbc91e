// The Finance & Operations connector of `flowctl run` against SAP's mock server: an OData service made from a $metadata
// document by code that nobody here wrote. It gives tokens no thought, so that one is handed out in front of it, and it
// gives no links to further pages.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
const { default: MockServer } = createRequire(import.meta.url)('@sap-ux/fe-mockserver-core');

const free = () => new Promise((resolve) => {
  const server = createSocket().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

async function until(what, holds) {
  for (const begun = Date.now(); Date.now() - begun < 30000; await new Promise((next) => setTimeout(next, 50))) {
    const found = await holds().catch(() => undefined);
    if (found) return found;
  }
  throw new Error(`waited in vain until ${what}`);
}

export default async function ({ flowctl }) {
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-thirdparty-'));
  const metadataPath = new URL('./odata-server/metadata.xml', import.meta.url).pathname;
  const mock = new MockServer({ services: [{ urlPath: '/data', metadataPath, mockdataPath: join(folder, 'none'), generateMockData: false, watch: false }], annotations: [] });
  await mock.isReady;
  const seen = [];
  const server = createServer((request, response) => {
    if (request.url.endsWith('/oauth2/v2.0/token')) {
      response.setHeader('Content-Type', 'application/json');
      return response.end('{"token_type":"Bearer","expires_in":3599,"access_token":"t"}');
    }
    seen.push(`${request.method} ${decodeURIComponent(request.url)}`);
    mock.getRouter()(request, response, (error) => {
      response.statusCode = error ? 500 : 404;
      response.end(String(error ?? ''));
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${server.address().port}`;
  const data = async (path, row) => {
    const told = await fetch(`${url}/data/${path}`, row && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(row) });
    assert.ok(told.ok, `${path}: ${told.status} ${await told.clone().text()}`);
    return told.json();
  };
  let run;
  try {
    for (const [account, name] of [['US-001', 'Contoso'], ['US-002', 'Fabrikam']]) {
      await data('CustomersV3', { dataAreaId: 'usmf', CustomerAccount: account, OrganizationName: name, SalesCurrencyCode: 'USD', CreditLimit: 12.5 });
    }
    await data('CDSFreeTextInvoiceHeaders', { dataAreaId: 'usmf', ExternalInvoiceId: 'OLD-1', CustomerAccount: 'US-001' });
    await data('SalesOrderHeadersV2', { dataAreaId: 'usmf', SalesOrderNumber: 'SO-1', OrderingCustomerAccountNumber: 'US-001', CurrencyCode: 'USD', OrderCreationDateTime: '2026-03-02T09:00:00Z' });
    await data('SalesOrderHeadersV2', { dataAreaId: 'demf', SalesOrderNumber: 'SO-2', OrderingCustomerAccountNumber: 'DE-001', CurrencyCode: 'EUR', OrderCreationDateTime: '2026-03-02T09:00:00Z' });

    writeFileSync(join(folder, 'flowctl.yaml'), 'project: thirdparty\nversion: 1\n');
    writeFileSync(join(folder, 'connections.yaml'), `connections:
  d365:
    system: finops
    base_url: ${url}
    authority: ${url}
    company: usmf
    tenant: 8c1d2b1e-0000-4000-8000-000000000000
    client_id: env://ID
    client_secret: env://SECRET
    limits: { settle: 1s }
`);
    writeFileSync(join(folder, 'order.flow.yaml'), `flow: order
trigger:
  poll:
    operation: finops.list
    entity: SalesOrderHeadersV2
    select: [SalesOrderNumber, OrderingCustomerAccountNumber, CurrencyCode]
    every: 200ms
    cursor: OrderCreationDateTime
    from: 'parse_time("2026-01-01T00:00:00Z")'
steps:
  - id: customer
    lookup: { operation: finops.get, entity: CustomersV3, key: event.OrderingCustomerAccountNumber, select: [OrganizationName, CreditLimit] }
  - id: gone
    lookup: { operation: finops.get, entity: CustomersV3, key: '"US-999"', select: [OrganizationName], on_missing: continue }
  - id: customers
    lookup:
      operation: finops.list
      entity: CustomersV3
      where: row.SalesCurrencyCode == event.CurrencyCode and row.CustomerAccount in ["US-001", "US-002", "US-003"]
      select: [CustomerAccount]
      sort: [CustomerAccount]
  - id: found
    lookup: { operation: finops.find, entity: CustomersV3, where: 'row.OrganizationName == "Fabrikam"', select: [CustomerAccount] }
  - id: invoice
    call:
      operation: finops.create
      entity: CDSFreeTextInvoiceHeaders
      body: |
        { ExternalInvoiceId = event.SalesOrderNumber, CustomerAccount = event.OrderingCustomerAccountNumber, CurrencyCode = event.CurrencyCode,
          InvoiceDate = date("2026-03-02"), CustomerReference = steps.customers.map(c => c.CustomerAccount).join(" ") + " " + steps.found.CustomerAccount }
  - id: named
    call:
      operation: finops.update
      entity: SalesOrderHeadersV2
      key: event.SalesOrderNumber
      body: '{ SalesOrderName = "{steps.customer.OrganizationName} {steps.customer.CreditLimit} {steps.gone == missing}" }'
  - id: cleared
    call: { operation: finops.delete, entity: CDSFreeTextInvoiceHeaders, key: '"OLD-1"' }
`);
    const [hooks, admin] = [await free(), await free()];
    run = spawn(flowctl, ['run', folder, '--listen', `127.0.0.1:${hooks}`, '--admin', `127.0.0.1:${admin}`, '--store', join(folder, '.store')],
      { env: { ...process.env, ID: 'app', SECRET: 's' }, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    run.stderr.on('data', (part) => (said += part));
    const runs = await until('the run ended', async () => {
      const { items } = await (await fetch(`http://127.0.0.1:${admin}/api/runs`)).json();
      return items.some((one) => ['succeeded', 'dead_letter', 'outcome_unknown'].includes(one.state)) && items;
    }).catch((error) => { throw new Error(`${error.message}\n${said}\n${seen.join('\n')}`); });
    const detail = await (await fetch(`http://127.0.0.1:${admin}/api/runs/${runs[0].id}`)).text();
    assert.equal(runs[0].state, 'succeeded', `${detail}\n${seen.join('\n')}`);
    assert.equal(runs.length, 1, 'an order of another company is not ours');
    const invoices = (await data('CDSFreeTextInvoiceHeaders')).value;
    assert.deepEqual(invoices.map((row) => [row.dataAreaId, row.ExternalInvoiceId, row.CustomerReference, row.InvoiceDate]), [['usmf', 'SO-1', 'US-001 US-002 US-002', '2026-03-02T12:00:00Z']]);
    const [order] = (await data("SalesOrderHeadersV2?$filter=dataAreaId%20eq%20'usmf'")).value;
    assert.equal(order.SalesOrderName, 'Contoso 12.5 true');
    return 'a poll, rows by key, by condition and one, a missing one missed; create, update, delete';
  } finally {
    run?.kill();
    server.close();
    await mock.dispose().catch(() => undefined);
    rmSync(folder, { recursive: true, force: true });
  }
}
