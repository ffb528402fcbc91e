// The Stripe connector of `flowctl run` against localstripe, a server that nobody here wrote.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';

const free = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
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
  const program = new URL('./venv/bin/localstripe', import.meta.url).pathname;
  if (!existsSync(program)) return undefined;
  const [stripePort, hooks, admin] = [await free(), await free(), await free()];
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-thirdparty-'));
  const children = [];
  try {
    children.push(spawn(program, ['--port', String(stripePort), '--from-scratch'], { stdio: 'ignore', cwd: folder }));
    const stripe = new Stripe('sk_test_12345', { host: '127.0.0.1', port: stripePort, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
    const customer = await until('localstripe answers', () => stripe.customers.create({ email: 'ada@example.com', name: 'Ada' }));
    const card = await stripe.paymentMethods.create({ type: 'card', card: { number: '4242424242424242', exp_month: 12, exp_year: 2040, cvc: '123' } });
    await stripe.paymentMethods.attach(card.id, { customer: customer.id });
    const charge = await stripe.charges.create({ amount: 1999, currency: 'usd', customer: customer.id, source: card.id });

    writeFileSync(join(folder, 'flowctl.yaml'), 'project: thirdparty\nversion: 1\n');
    writeFileSync(join(folder, 'connections.yaml'), `connections:
  stripe:
    system: stripe
    mode: sandbox
    base_url: http://127.0.0.1:${stripePort}
    api_key: env://KEY
    webhook: { path: /hooks/stripe, secrets: [env://WHSEC] }
`);
    writeFileSync(join(folder, 'charge.flow.yaml'), `flow: charge
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
`);
    const run = spawn(flowctl, ['run', folder, '--listen', `127.0.0.1:${hooks}`, '--admin', `127.0.0.1:${admin}`, '--store', join(folder, '.store')],
      { env: { ...process.env, KEY: 'sk_test_12345', WHSEC: 'whsec_x' }, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    run.stderr.on('data', (part) => (said += part));
    children.push(run);
    await until('flowctl is ready', async () => (await fetch(`http://127.0.0.1:${hooks}/readyz`)).ok).catch((error) => { throw new Error(`${error.message}\n${said}`); });
    const payload = JSON.stringify({ id: 'evt_1', object: 'event', api_version: '2026-10-28.endive', created: Math.floor(Date.now() / 1000), livemode: false, pending_webhooks: 1, request: null, type: 'charge.succeeded', data: { object: charge } });
    const header = stripe.webhooks.generateTestHeaderString({ payload, secret: 'whsec_x' });
    const kept = await fetch(`http://127.0.0.1:${hooks}/hooks/stripe`, { method: 'POST', body: payload, headers: { 'Stripe-Signature': header } });
    assert.equal(kept.status, 200);
    const runs = await until('the run ended', async () => {
      const { items } = await (await fetch(`http://127.0.0.1:${admin}/api/runs`)).json();
      return items.some((one) => ['succeeded', 'dead_letter', 'outcome_unknown'].includes(one.state)) && items;
    });
    assert.equal(runs[0].state, 'succeeded', JSON.stringify(runs[0]));
    const changed = await stripe.charges.retrieve(charge.id);
    assert.equal(changed.metadata.order, 'SO-1');
    return 'a charge and its customer read, a missing one missed, metadata written';
  } finally {
    children.forEach((child) => child.kill());
    rmSync(folder, { recursive: true, force: true });
  }
}
