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

  // What the official client signs is what flowctl verifies, and the other way round.
  const payload = JSON.stringify({ id: 'evt_1', object: 'event', type: 'charge.succeeded' });
  const header = stripe.webhooks.generateTestHeaderString({ payload, secret });
  assert.equal(stripe.webhooks.constructEvent(payload, header, secret).id, 'evt_1');
  return 'lists, missing objects, wrong keys, signatures';
}
