// A generic OData v4 client against the stand-in of Finance & Operations.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
const { OData } = createRequire(import.meta.url)('@odata/client');

export default async function ({ url, line }) {
  const [, tenant] = /tenant (\S+)/.exec(line);
  const [, id, secret] = /client (\S+) \/ (\S+)/.exec(line);
  const [, company] = /company (\S+)/.exec(line);
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret, scope: `${url}/.default` });
  const told = await fetch(`${url}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body: form });
  assert.equal(told.status, 200, await told.clone().text());
  const { access_token: token } = await told.json();

  const service = OData.New4({
    serviceEndpoint: `${url}/data/`,
    processCsrfToken: false,
    commonHeaders: { Authorization: `Bearer ${token}`, Accept: 'application/json' },
  });
  const customers = service.getEntitySet('CustomersV3');
  const made = await customers.create({ dataAreaId: company, CustomerGroupId: '10', OrganizationName: "Nordlicht Oslo", SalesCurrencyCode: 'USD', PartyType: 'Organization' });
  assert.ok(made.CustomerAccount, 'it numbers its own customers');
  const found = await customers.find({ OrganizationName: "Nordlicht Oslo", dataAreaId: company });
  assert.equal(found.length, 1);
  assert.equal(found[0].CustomerAccount, made.CustomerAccount);
  const filter = service.newFilter().property('CustomerAccount').eq(made.CustomerAccount);
  const params = service.newParam().filter(filter).select(['CustomerAccount', 'OrganizationName']).top(1).orderby('CustomerAccount', 'desc');
  const [row] = await customers.query(params);
  assert.deepEqual(Object.keys(row).filter((name) => !name.startsWith('@')).sort(), ['CustomerAccount', 'OrganizationName']);
  await assert.rejects(customers.create({ dataAreaId: company, NoSuchColumn: 'x' }));
  return 'token, create, find, filter with select, orderby and top, refusals';
}
