// Starts the stand-ins and runs every script against them; prints what ran.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const flowctl = process.argv[2];
const ports = ['stripe', 'paypal', 'finops', 'dataverse'];

/** What `flowctl sandbox --help` offers: which stand-ins there are. */
function offered() {
  return new Promise((resolve) => {
    let text = '';
    const child = spawn(flowctl, ['sandbox', '--help']);
    child.stdout.on('data', (part) => (text += part));
    child.on('close', () => resolve(ports.filter((name) => text.includes(`--${name}-port`))));
  });
}

const served = await offered();
const sandbox = spawn(flowctl, ['sandbox', ...served.flatMap((name) => [`--${name}-port`, '0'])], { stdio: ['ignore', 'pipe', 'inherit'] });
process.on('exit', () => sandbox.kill());
const lines = new Map();
for await (const line of createInterface({ input: sandbox.stdout })) {
  const [name, url, ...rest] = line.trim().split(/\s+/);
  if (served.includes(name)) lines.set(name, { url, line: rest.join(' ') });
  if (lines.size === served.length) break;
}

const scripts = {
  stripe: './stripe.mjs',
  paypal: './paypal.mjs',
  finops: './odata.mjs',
  dataverse: './dataverse.mjs',
  'paypal, requests': './paypal-requests.mjs',
  localstripe: './localstripe.mjs',
};
let failed = 0;
for (const [name, path] of Object.entries(scripts)) {
  const place = lines.get(name);
  if (!place && ports.includes(name)) {
    console.log(`- ${name}: this flowctl serves no stand-in of it`);
    continue;
  }
  const { default: run } = await import(path);
  try {
    const did = await run({ url: place?.url, line: place?.line ?? '', flowctl });
    console.log(did ? `✓ ${name}: ${did}` : `- ${name}: left out`);
  } catch (error) {
    failed += 1;
    console.log(`✗ ${name}: ${error?.stack ?? error}`);
  }
}
process.exit(failed ? 1 : 0);
