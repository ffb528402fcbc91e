// PayPal's own server SDK. It knows only PayPal's hosts: its requests are led elsewhere.
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);

let place;
const axios = require('axios');
const create = (axios.default ?? axios).create;
for (const known of new Set([axios, axios.default].filter(Boolean))) {
  known.create = (config) => {
    const [instance, url] = [create.call(known, config), place];
    instance.interceptors.request.use((request) => {
      request.url = request.url.replace('https://api-m.sandbox.paypal.com', url);
      delete request.httpsAgent;
      return request;
    });
    return instance;
  };
}
const sdk = require('@paypal/paypal-server-sdk');

/** The SDK's controllers, which ask `url`. */
export function paypalAt(url, oAuthClientId, oAuthClientSecret) {
  place = url;
  const clientCredentialsAuthCredentials = { oAuthClientId, oAuthClientSecret };
  const client = new sdk.Client({ clientCredentialsAuthCredentials, environment: sdk.Environment.Sandbox, timeout: 10000 });
  return {
    orders: new sdk.OrdersController(client),
    payments: new sdk.PaymentsController(client),
    subscriptions: new sdk.SubscriptionsController(client),
    transactions: new sdk.TransactionSearchController(client),
  };
}
