// dynamics-web-api against the stand-in of Dataverse.
import assert from 'node:assert/strict';
import { DynamicsWebApi } from 'dynamics-web-api';

export default async function ({ url, line }) {
  const [, tenant] = /tenant (\S+)/.exec(line);
  const [, id, secret] = /client (\S+) \/ (\S+)/.exec(line);
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret, scope: `${url}/.default` });
  const told = await fetch(`${url}/${tenant}/oauth2/v2.0/token`, { method: 'POST', body: form });
  assert.equal(told.status, 200, await told.clone().text());
  const { access_token: accessToken } = await told.json();
  const api = new DynamicsWebApi({ serverUrl: url, dataApi: { version: '9.2' }, onTokenRefresh: async () => ({ accessToken }) });

  const made = await api.create({ collection: 'contacts', data: { firstname: 'Ada', lastname: "O'Neil", emailaddress1: 'ada@example.com' }, returnRepresentation: true });
  assert.ok(made.contactid);
  const found = await api.retrieveMultiple({ collection: 'contacts', select: ['lastname', 'emailaddress1'], filter: "lastname eq 'O''Neil'", top: 5 });
  assert.ok(found.value.some((row) => row.contactid === made.contactid));
  await api.update({ collection: 'contacts', key: made.contactid, data: { firstname: 'Augusta' } });
  const one = await api.retrieve({ collection: 'contacts', key: made.contactid, select: ['firstname'] });
  assert.equal(one.firstname, 'Augusta');
  await api.deleteRecord({ collection: 'contacts', key: made.contactid });
  await assert.rejects(api.retrieve({ collection: 'contacts', key: made.contactid, select: ['firstname'] }), (error) => error.status === 404);

  // Reads and single writes of a batch, and what has changed since.
  const tracked = await api.retrieveMultiple({ collection: 'accounts', select: ['name'], trackChanges: true });
  const link = tracked['@odata.deltaLink'];
  assert.ok(link);
  api.startBatch();
  api.create({ collection: 'accounts', data: { name: 'Batched' }, inChangeSet: false });
  api.retrieveMultiple({ collection: 'accounts', select: ['name'], filter: "name eq 'Batched'" });
  const [batched, rows] = await api.executeBatch();
  assert.equal(rows.value[0].accountid, batched);
  const [, token] = /deltatoken=([^&]+)/.exec(link);
  const changed = await api.retrieveMultiple({ collection: 'accounts', select: ['name'], queryParams: [`$deltatoken=${token}`] });
  assert.deepEqual(changed.value.map((row) => row.name), ['Batched']);
  return 'token, create, filter, update, retrieve, delete, refusals, change tracking, a batch';
}
