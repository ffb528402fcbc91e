// PayPal's own server SDK against the stand-in. The SDK knows only PayPal's hosts: its requests are led to the stand-in.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);

export default async function ({ url, line }) {
  const axios = require('axios');
  const create = (axios.default ?? axios).create;
  for (const known of new Set([axios, axios.default].filter(Boolean))) {
    known.create = (config) => {
      const instance = create.call(known, config);
      instance.interceptors.request.use((request) => {
        request.url = request.url.replace('https://api-m.sandbox.paypal.com', url);
        delete request.httpsAgent;
        return request;
      });
      return instance;
    };
  }
  const sdk = require('@paypal/paypal-server-sdk');
  const [, id, secret] = /client (\S+) \/ (\S+)/.exec(line);
  const client = new sdk.Client({ clientCredentialsAuthCredentials: { oAuthClientId: id, oAuthClientSecret: secret }, environment: sdk.Environment.Sandbox, timeout: 10000 });
  const orders = new sdk.OrdersController(client);
  const payments = new sdk.PaymentsController(client);

  const body = { intent: 'CAPTURE', purchaseUnits: [{ amount: { currencyCode: 'USD', value: '42.00' }, customId: 'c-1' }] };
  const made = await orders.createOrder({ body, paypalRequestId: 'req-1', prefer: 'return=representation' });
  assert.equal(made.statusCode, 201);
  assert.equal(made.result.status, 'CREATED');
  const again = await orders.createOrder({ body, paypalRequestId: 'req-1', prefer: 'return=representation' });
  assert.equal(again.result.id, made.result.id, 'the same request id, the same order');
  await assert.rejects(orders.captureOrder({ id: made.result.id, body: {} }), (error) => error.statusCode === 422);

  const approve = await fetch(`${url}/_sandbox/do/approve`, { method: 'POST', body: JSON.stringify({ order: made.result.id }) });
  assert.ok(approve.ok, await approve.text());
  const captured = await orders.captureOrder({ id: made.result.id, prefer: 'return=representation', paypalRequestId: 'cap-1' });
  assert.equal(captured.result.status, 'COMPLETED');
  const capture = captured.result.purchaseUnits[0].payments.captures[0];
  assert.equal((await payments.getCapturedPayment({ captureId: capture.id })).result.amount.value, '42.00');
  const refund = await payments.refundCapturedPayment({ captureId: capture.id, paypalRequestId: 'ref-1', prefer: 'return=representation', body: { amount: { currencyCode: 'USD', value: '2.00' } } });
  assert.equal(refund.result.amount.value, '2.00');
  await assert.rejects(orders.getOrder({ id: 'NONE0000000000000' }), (error) => error.statusCode === 404);
  const stranger = new sdk.Client({ clientCredentialsAuthCredentials: { oAuthClientId: id, oAuthClientSecret: 'wrong' }, environment: sdk.Environment.Sandbox });
  await assert.rejects(new sdk.OrdersController(stranger).getOrder({ id: made.result.id }));
  return 'token, order with its request id, capture, refund, refusals';
}
