// PayPal's own server SDK against the stand-in.
import assert from 'node:assert/strict';
import { paypalAt } from './paypal-sdk.mjs';

export default async function ({ url, line }) {
  const [, id, secret] = /client (\S+) \/ (\S+)/.exec(line);
  const { orders, payments } = paypalAt(url, id, secret);

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
  const stranger = paypalAt(url, id, 'wrong');
  await assert.rejects(stranger.orders.getOrder({ id: made.result.id }));
  return 'token, order with its request id, capture, refund, refusals';
}
