// The official client of Stripe against the stand-in.
import assert from 'node:assert/strict';
import Stripe from 'stripe';

export default async function ({ url, line }) {
  const key = /key (\S+)/.exec(line)[1];
  const secret = /secret (\S+)/.exec(line)[1];
  const { hostname, port } = new URL(url);
  const options = { host: hostname, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false };
  const stripe = new Stripe(key, options);

  const events = await stripe.events.list({ limit: 3, created: { gte: 1 } });
  assert.equal(events.object, 'list');
  assert.equal(events.has_more, false);
  await assert.rejects(stripe.charges.retrieve('ch_none'), (error) => {
    assert.ok(error instanceof Stripe.errors.StripeInvalidRequestError, error);
    assert.equal(error.code, 'resource_missing');
    assert.equal(error.statusCode, 404);
    assert.ok(error.requestId, 'an id of the request');
    return true;
  });
  await assert.rejects(stripe.charges.update('ch_none', { metadata: { a: 'b' } }), { code: 'resource_missing' });
  const stranger = new Stripe('sk_test_other', options);
  await assert.rejects(stranger.events.list(), (error) => error instanceof Stripe.errors.StripeAuthenticationError);

  // Customers: made once for a key, whatever is asked again; another request under it is refused.
  const ada = { email: 'ada@example.com', name: 'Zoë O’Neil & Co', address: { line1: '1 Main St', country: 'US' }, metadata: { account: 'US-001' }, preferred_locales: ['de', 'en'] };
  const customer = await stripe.customers.create(ada, { idempotencyKey: 'ada-1' });
  assert.match(customer.id, /^cus_/);
  assert.equal(customer.name, ada.name);
  assert.deepEqual(customer.preferred_locales, ada.preferred_locales);
  const again = await stripe.customers.create(ada, { idempotencyKey: 'ada-1' });
  assert.equal(again.id, customer.id);
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true');
  await assert.rejects(stripe.customers.create({ ...ada, name: 'Other' }, { idempotencyKey: 'ada-1' }), (error) => {
    assert.ok(error instanceof Stripe.errors.StripeIdempotencyError, error);
    return true;
  });
  const unset = await stripe.customers.update(customer.id, { metadata: { account: '', note: 'b' } });
  assert.deepEqual(unset.metadata, { note: 'b' });
  assert.equal((await stripe.customers.list({ email: ada.email })).data.length, 1);
  await assert.rejects(stripe.customers.create({ emial: 'x' }), { type: 'StripeInvalidRequestError', code: 'parameter_unknown' });

  // A payment with its charge and payment intent; a refund of a part, one of too much; a payout with what is in it.
  const happens = async (what, facts) => {
    const told = await fetch(`${url}/_sandbox/do/${what}`, { method: 'POST', body: JSON.stringify(facts) });
    assert.ok(told.ok, await told.clone().text());
  };
  await happens('payment', { amount: 4200, currency: 'usd', customer: customer.id });
  const [charge] = (await stripe.charges.list({ customer: customer.id, expand: ['data.balance_transaction', 'data.customer'] })).data;
  assert.equal(charge.amount, 4200);
  assert.equal(charge.balance_transaction.net + charge.balance_transaction.fee, 4200);
  assert.equal(charge.customer.email, ada.email);
  const intent = await stripe.paymentIntents.retrieve(charge.payment_intent, { expand: ['latest_charge'] });
  assert.deepEqual([intent.status, intent.latest_charge.id], ['succeeded', charge.id]);
  assert.equal((await stripe.paymentIntents.update(intent.id, { metadata: { order: 'SO-1' } })).metadata.order, 'SO-1');
  const refund = await stripe.refunds.create({ charge: charge.id, amount: 500, reason: 'requested_by_customer' }, { idempotencyKey: 'refund-1' });
  assert.deepEqual([refund.status, refund.amount], ['succeeded', 500]);
  assert.equal((await stripe.refunds.create({ charge: charge.id, amount: 500, reason: 'requested_by_customer' }, { idempotencyKey: 'refund-1' })).id, refund.id);
  await assert.rejects(stripe.refunds.create({ charge: charge.id, amount: 4000 }), { type: 'StripeInvalidRequestError' });
  assert.equal((await stripe.charges.retrieve(charge.id)).amount_refunded, 500);
  for (let n = 0; n < 3; n += 1) await happens('payment', { amount: 1000 + n, currency: 'usd' });
  await happens('payout', { currency: 'usd' });
  const payouts = await stripe.payouts.list({ limit: 10, created: { gte: 1 } });
  assert.equal(payouts.data.length, 1);
  const payout = payouts.data[0];
  const movements = [];
  for await (const one of stripe.balanceTransactions.list({ payout: payout.id, limit: 2, expand: ['data.source'] })) movements.push(one);
  const inside = movements.filter((one) => one.type !== 'payout');
  assert.equal(inside.reduce((sum, one) => sum + one.net, 0), payout.amount, 'what is in a payout adds up to it');
  assert.ok(inside.some((one) => one.source.id === refund.id && one.net < 0));
  const kinds = [];
  for await (const event of stripe.events.list({ limit: 2 })) kinds.push(event.type);
  for (const kind of ['charge.succeeded', 'refund.created', 'payout.paid']) assert.ok(kinds.includes(kind), kinds.join(' '));

  // Where events go.
  const endpoint = await stripe.webhookEndpoints.create({ url: 'https://hooks.example/stripe', enabled_events: ['charge.succeeded', 'payout.paid'], api_version: '2026-10-28.endive' });
  assert.match(endpoint.secret, /^whsec_/);
  const changed = await stripe.webhookEndpoints.update(endpoint.id, { enabled_events: ['*'], disabled: true });
  assert.deepEqual([changed.status, changed.enabled_events, changed.secret], ['disabled', ['*'], undefined]);
  assert.equal((await stripe.webhookEndpoints.del(endpoint.id)).deleted, true);

  // What the official client signs is what flowctl verifies, and the other way round.
  const payload = JSON.stringify({ id: 'evt_1', object: 'event', type: 'charge.succeeded' });
  const header = stripe.webhooks.generateTestHeaderString({ payload, secret });
  assert.equal(stripe.webhooks.constructEvent(payload, header, secret).id, 'evt_1');
  return 'lists, missing objects, wrong keys, customers, payments, refunds, payouts, endpoints, repeats and conflicts, signatures';
}
