// The Stripe connector of `flowctl run` against localstripe, a server that nobody here wrote.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { free, running, until } from './support.mjs';

export default async function ({ flowctl }) {
  const program = new URL('./venv/bin/localstripe', import.meta.url).pathname;
  if (!existsSync(program)) return undefined;
  const stripePort = await free();
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-thirdparty-'));
  let server;
  try {
    server = spawn(program, ['--port', String(stripePort), '--from-scratch'], { stdio: 'ignore', cwd: folder });
    const stripe = new Stripe('sk_test_12345', { host: '127.0.0.1', port: stripePort, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
    const customer = await until('localstripe answers', () => stripe.customers.create({ email: 'ada@example.com', name: 'Ada' }));
    const card = await stripe.paymentMethods.create({ type: 'card', card: { number: '4242424242424242', exp_month: 12, exp_year: 2040, cvc: '123' } });
    await stripe.paymentMethods.attach(card.id, { customer: customer.id });
    const charge = await stripe.charges.create({ amount: 1999, currency: 'usd', customer: customer.id, source: card.id });

    const connections = `connections:
  stripe:
    system: stripe
    mode: sandbox
    base_url: http://127.0.0.1:${stripePort}
    api_key: env://KEY
    webhook: { path: /hooks/stripe, secrets: [env://WHSEC] }
`;
    const flow = `flow: charge
trigger: { webhook: { connection: stripe, events: [charge.succeeded] } }
steps:
  - id: charge
    lookup: { operation: stripe.charges.get, key: event.data.object.id }
  - id: customer
    lookup: { operation: stripe.customers.get, key: text(steps.charge.customer) }
  - id: gone
    lookup: { operation: stripe.customers.get, key: '"cus_none"', on_missing: continue }
  - id: told
    call: { operation: stripe.charges.update, key: steps.charge.id, body: '{ metadata = { order = "SO-1", gone = text(steps.gone == missing) } }' }
`;
    const payload = JSON.stringify({ id: 'evt_1', object: 'event', api_version: '2026-10-28.endive', created: Math.floor(Date.now() / 1000), livemode: false, pending_webhooks: 1, request: null, type: 'charge.succeeded', data: { object: charge } });
    const header = stripe.webhooks.generateTestHeaderString({ payload, secret: 'whsec_x' });
    const files = { 'flowctl.yaml': 'project: thirdparty\nversion: 1\n', 'connections.yaml': connections, 'charge.flow.yaml': flow };
    await running(flowctl, files, { KEY: 'sk_test_12345', WHSEC: 'whsec_x' }, async ({ hooks, ended }) => {
      const kept = await fetch(`${hooks}/hooks/stripe`, { method: 'POST', body: payload, headers: { 'Stripe-Signature': header } });
      assert.equal(kept.status, 200);
      const run = await ended();
      assert.equal(run.state, 'succeeded', JSON.stringify(run));
    });
    const changed = await stripe.charges.retrieve(charge.id);
    assert.equal(changed.metadata.order, 'SO-1');
    return 'a charge and its customer read, a missing one missed, metadata written';
  } finally {
    server?.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}
