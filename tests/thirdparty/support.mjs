// What the scripts share: ports, waiting, a recorder, and `flowctl run` over a project made for the occasion.
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const free = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

export async function until(what, holds) {
  for (const begun = Date.now(); Date.now() - begun < 30000; await new Promise((next) => setTimeout(next, 50))) {
    const found = await holds().catch(() => undefined);
    if (found) return found;
  }
  throw new Error(`waited in vain until ${what}`);
}

/** A server that keeps what it is asked and answers what `answer` says: `{ status, body }`. */
export async function recorder(answer) {
  const asked = [];
  const server = createHttpServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const one = { method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() };
      asked.push(one);
      const { status, body } = answer(one);
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return { url: `http://127.0.0.1:${server.address().port}`, asked, close: () => server.close() };
}

/**
 * Runs a project of these files and hands `act` its addresses. `started` waits for the runtime's one run to end and gives it;
 * `tell` sends a signed message to a connection of the system `http` with the path `/hooks/told` and the secret `told`.
 */
export async function running(flowctl, files, env, act) {
  const [hooks, admin] = [await free(), await free()];
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-thirdparty-'));
  let child;
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    child = spawn(flowctl, ['run', folder, '--listen', `127.0.0.1:${hooks}`, '--admin', `127.0.0.1:${admin}`, '--store', join(folder, '.store')],
      { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (part) => (said += part));
    await until('flowctl is ready', async () => (await fetch(`http://127.0.0.1:${hooks}/readyz`)).ok).catch((error) => {
      throw new Error(`${error.message}\n${said}`);
    });
    const ask = async (path) => (await fetch(`http://127.0.0.1:${admin}${path}`)).json();
    const ended = async () => {
      const items = await until('the run ended', async () => {
        const { items } = await ask('/api/runs');
        return items.some((one) => ['succeeded', 'dead_letter', 'outcome_unknown'].includes(one.state)) && items;
      });
      return { ...items[0], shown: await ask(`/api/runs/${items[0].id}`) };
    };
    const tell = (message) => {
      const body = JSON.stringify(message);
      const headers = { 'X-Signature': createHmac('sha256', 'told').update(body).digest('hex') };
      return fetch(`http://127.0.0.1:${hooks}/hooks/told`, { method: 'POST', body, headers });
    };
    return await act({ hooks: `http://127.0.0.1:${hooks}`, ended, tell });
  } finally {
    child?.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The connection to which `tell` speaks; its secret is the environment's TOLD. */
export const told = `  told:
    system: http
    base_url: https://told.example
    webhook: { path: /hooks/told, hmac: { header: X-Signature, algorithm: sha256, encoding: hex, secret: env://TOLD }, event_id: $.id }
`;
