// The same calls by PayPal's own server SDK and by the connector of `flowctl run`, recorded and compared: method, path, query, the
// headers that mean something, and the body byte for byte.
import assert from 'node:assert/strict';
import { paypalAt } from './paypal-sdk.mjs';
import { recorder, running, told } from './support.mjs';

const money = (value) => ({ currencyCode: 'EUR', value });
const prefer = 'return=representation';
/** By step: what the SDK is asked to do. Keys stand for what is made anew each time, and are not compared. */
const calls = {
  order_made: ({ orders }) => orders.createOrder({
    paypalRequestId: 'KEY', prefer,
    body: {
      intent: 'CAPTURE',
      purchaseUnits: [{
        referenceId: 'r-1',
        amount: { ...money('12.50'), breakdown: { itemTotal: money('10.50'), shipping: money('2.00') } },
        description: 'Zoë & “Søn”', customId: 'c/1', invoiceId: 'SO-1',
        items: [{ name: 'Café 50%', unitAmount: money('5.25'), quantity: '2', sku: 'A-1' }],
      }],
    },
  }),
  order: ({ orders }) => orders.getOrder({ id: '5O190127TN364715T' }),
  strange: ({ orders }) => orders.getOrder({ id: 'a/b ?c%' }),
  captured: ({ orders }) => orders.captureOrder({ id: '5O190127TN364715T', paypalRequestId: 'KEY', prefer, body: {} }),
  authorized: ({ orders }) => orders.authorizeOrder({ id: '5O190127TN364715T', paypalRequestId: 'KEY', prefer, body: {} }),
  capture: ({ payments }) => payments.getCapturedPayment({ captureId: '2GG279541U471931P' }),
  refunded: ({ payments }) => payments.refundCapturedPayment({
    captureId: '2GG279541U471931P', paypalRequestId: 'KEY', prefer,
    body: { amount: money('2.00'), customId: 'c-1', invoiceId: 'SO-1', noteToPayer: 'Broken' },
  }),
  refunded_whole: ({ payments }) => payments.refundCapturedPayment({ captureId: '2GG279541U471931P', paypalRequestId: 'KEY', prefer, body: {} }),
  refund: ({ payments }) => payments.getRefund({ refundId: '1JU08902781691411' }),
  authorization: ({ payments }) => payments.getAuthorizedPayment({ authorizationId: '0AW2184448108334S' }),
  taken: ({ payments }) => payments.captureAuthorizedPayment({
    authorizationId: '0AW2184448108334S', paypalRequestId: 'KEY', prefer, body: { amount: money('3.00'), invoiceId: 'SO-1', finalCapture: true },
  }),
  renewed: ({ payments }) => payments.reauthorizePayment({ authorizationId: '0AW2184448108334S', paypalRequestId: 'KEY', prefer, body: { amount: money('9.00') } }),
  voided: ({ payments }) => payments.voidPayment({ authorizationId: '0AW2184448108334S', prefer }),
  subscribed: ({ subscriptions }) => subscriptions.createSubscription({
    paypalRequestId: 'KEY', prefer, body: { planId: 'P-5ML4271244454362WXNWU5NQ', quantity: '2', customId: 'c-1' },
  }),
  subscription: ({ subscriptions }) => subscriptions.getSubscription({ id: 'I-BW452GLLEP1G' }),
  suspended: ({ subscriptions }) => subscriptions.suspendSubscription({ id: 'I-BW452GLLEP1G', body: { reason: 'Holiday' } }),
  activated: ({ subscriptions }) => subscriptions.activateSubscription({ id: 'I-BW452GLLEP1G', body: { reason: 'Back' } }),
  cancelled: ({ subscriptions }) => subscriptions.cancelSubscription({ id: 'I-BW452GLLEP1G', body: { reason: 'Moved' } }),
  paid: ({ subscriptions }) => subscriptions.listSubscriptionTransactions({ id: 'I-BW452GLLEP1G', startTime: '2026-01-01T00:00:00Z', endTime: '2026-02-01T00:00:00Z' }),
  movements: ({ transactions }) => transactions.searchTransactions({
    startDate: '2026-01-01T00:00:00Z', endDate: '2026-01-31T23:59:59Z', fields: 'all', transactionStatus: 'S', transactionCurrency: 'EUR', pageSize: 500,
  }),
  balances: ({ transactions }) => transactions.searchBalances({ asOfTime: '2026-01-31T00:00:00Z', currencyCode: 'ALL' }),
};

const flow = `flow: calls
trigger: { webhook: { connection: told, events: [message] }, dedupe: text(event.id) }
steps:
  - id: order_made
    call:
      operation: paypal.orders.create
      body: |
        {
          intent = "CAPTURE"
          purchase_units = [{
            reference_id = "r-1"
            amount = {
              currency_code = "EUR", value = 12.50
              breakdown = { item_total = { currency_code = "EUR", value = 10.50 }, shipping = { currency_code = "EUR", value = 2.00 } }
            }
            description = "Zoë & “Søn”", custom_id = "c/1", invoice_id = "SO-1"
            items = [{ name = "Café 50%", unit_amount = { currency_code = "EUR", value = 5.25 }, quantity = 2, sku = "A-1" }]
          }]
        }
  - { id: order, lookup: { operation: paypal.orders.get, key: '"5O190127TN364715T"' } }
  - { id: strange, lookup: { operation: paypal.orders.get, key: '"a/b ?c%"' } }
  - { id: captured, call: { operation: paypal.orders.capture, key: '"5O190127TN364715T"' } }
  - { id: authorized, call: { operation: paypal.orders.authorize, key: '"5O190127TN364715T"' } }
  - { id: capture, lookup: { operation: paypal.captures.get, key: '"2GG279541U471931P"' } }
  - id: refunded
    call:
      operation: paypal.captures.refund
      key: '"2GG279541U471931P"'
      body: '{ amount = { currency_code = "EUR", value = 2.00 }, custom_id = "c-1", invoice_id = "SO-1", note_to_payer = "Broken" }'
  - { id: refunded_whole, call: { operation: paypal.captures.refund, key: '"2GG279541U471931P"' } }
  - { id: refund, lookup: { operation: paypal.refunds.get, key: '"1JU08902781691411"' } }
  - { id: authorization, lookup: { operation: paypal.authorizations.get, key: '"0AW2184448108334S"' } }
  - id: taken
    call:
      operation: paypal.authorizations.capture
      key: '"0AW2184448108334S"'
      body: '{ amount = { currency_code = "EUR", value = 3.00 }, invoice_id = "SO-1", final_capture = true }'
  - id: renewed
    call: { operation: paypal.authorizations.reauthorize, key: '"0AW2184448108334S"', body: '{ amount = { currency_code = "EUR", value = 9.00 } }' }
  - { id: voided, call: { operation: paypal.authorizations.void, key: '"0AW2184448108334S"' } }
  - id: subscribed
    call: { operation: paypal.subscriptions.create, body: '{ plan_id = "P-5ML4271244454362WXNWU5NQ", quantity = 2, custom_id = "c-1" }' }
  - { id: subscription, lookup: { operation: paypal.subscriptions.get, key: '"I-BW452GLLEP1G"' } }
  - { id: suspended, call: { operation: paypal.subscriptions.suspend, key: '"I-BW452GLLEP1G"', body: '{ reason = "Holiday" }' } }
  - { id: activated, call: { operation: paypal.subscriptions.activate, key: '"I-BW452GLLEP1G"', body: '{ reason = "Back" }' } }
  - { id: cancelled, call: { operation: paypal.subscriptions.cancel, key: '"I-BW452GLLEP1G"', body: '{ reason = "Moved" }' } }
  - id: paid
    lookup:
      operation: paypal.subscriptions.transactions
      key: '"I-BW452GLLEP1G"'
      start_time: parse_time("2026-01-01T00:00:00Z")
      end_time: parse_time("2026-02-01T00:00:00Z")
  - id: movements
    lookup:
      operation: paypal.transactions.list
      start_date: parse_time("2026-01-01T00:00:00Z")
      end_date: parse_time("2026-01-31T23:59:59Z")
      transaction_status: '"S"'
      transaction_currency: '"EUR"'
  - { id: balances, lookup: { operation: paypal.balances.list, as_of_time: 'parse_time("2026-01-31T00:00:00Z")' } }
`;

const connections = (url) => `connections:
  paypal: { system: paypal, mode: sandbox, base_url: '${url}', client_id: env://ID, client_secret: env://SECRET, limits: { rate: 1000/s } }
${told}`;

/** What PayPal would say, as far as both sides read it. */
function answer({ url }) {
  if (url.endsWith('/oauth2/token')) return { status: 200, body: { access_token: 'A21AA', token_type: 'Bearer', expires_in: 32400 } };
  const lists = { transaction_details: [], transactions: [], balances: [], total_pages: 1, total_items: 0 };
  return { status: 200, body: { id: 'X', status: 'COMPLETED', ...lists } };
}

/** What of a request is compared. Values of a query in any order and spelling; the key of a repeat only as being there. */
function compared({ method, url, headers, body }) {
  const { pathname, searchParams } = new URL(url, 'http://x');
  const query = [...searchParams].map(([name, value]) => `${name}=${value}`).sort();
  return {
    method, path: pathname, query, body,
    authorization: headers.authorization,
    type: body ? headers['content-type'].split(';')[0] : undefined,
    prefer: headers.prefer,
    key: 'paypal-request-id' in headers,
  };
}

export default async function ({ flowctl }) {
  const theirs = await recorder(answer);
  const ours = await recorder(answer);
  try {
    const sdk = paypalAt(theirs.url, 'app', 's3cret');
    // What the SDK thinks of the answers is not asked: only what it sends.
    for (const call of Object.values(calls)) await call(sdk).catch((error) => assert.ok(error.statusCode ?? error.name, error));
    const files = { 'flowctl.yaml': 'project: thirdparty\nversion: 1\n', 'connections.yaml': connections(ours.url), 'calls.flow.yaml': flow };
    await running(flowctl, files, { ID: 'app', SECRET: 's3cret', TOLD: 'told' }, async ({ ended, tell }) => {
      assert.equal((await tell({ id: 1 })).status, 200);
      const run = await ended();
      assert.equal(run.state, 'succeeded', JSON.stringify(run.shown, null, 1));
    });
    const [token, ...official] = theirs.asked.map(compared);
    const [ourToken, ...sent] = ours.asked.map(compared);
    assert.deepEqual(ourToken, token, 'the token');
    assert.equal(official.length, Object.keys(calls).length);
    // Lookups side by side are asked together, in any order; writes to one address keep theirs.
    const place = (one) => `${one.method} ${one.path}`;
    const inOrder = (list) => list.toSorted((a, b) => place(a).localeCompare(place(b)));
    const [left, right] = [inOrder(sent), inOrder(official)];
    for (const [n, theirs] of right.entries()) assert.deepEqual(left[n], theirs, place(theirs));
    assert.equal(sent.length, official.length);
    return `${official.length} calls and the token sent as the official SDK sends them`;
  } finally {
    theirs.close();
    ours.close();
  }
}
