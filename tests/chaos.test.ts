/**
 * The fault suite in its short form: the real command with a seed that stays, a selection of faults that fits into three
 * minutes, and a longer lease, since other tests share the machine. The long form is `npm run chaos`.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { atTestEnd, redisMissing, withRedis } from '@reelfleet/testkit';
import { describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('./chaos/main.ts', import.meta.url));
const SEED = 7;
/**
 * One of each kind: a frozen worker, a flushed Redis, poison, a bad bucket. Lost replies and odd tickets have tests of their
 * own (postgres-faults.test.ts, the suites of the fleet).
 */
const FAULTS = '2,6,20,25';
const LEASE_SECONDS = 6;

interface Ended {
  readonly code: number | null;
  readonly text: string;
}

/** Runs the command with its output on ours, as it comes. */
function chaos(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  // It takes its processes along, however it ends.
  atTestEnd(() => void child.kill('SIGKILL'));
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      process.stdout.write(chunk);
    });
  }
  return new Promise((done) => child.once('close', (code) => done({ code, text })));
}

// Two processes that load the whole product: on a machine that is full, that alone takes its time.
describe('the fault suite', { timeout: 120_000 }, () => {
  test('says in one sentence what is wrong with its arguments', async () => {
    const said = await chaos('--only', '99');
    expect(said.code).toBe(2);
    expect(said.text.trim().split('\n')).toHaveLength(1);
    expect(said.text).toMatch(/^chaos: --only: got 99, takes numbers of the list/);
  });

  test('lists its faults, and the same plan for the same seed', async () => {
    const [first, second] = await Promise.all([chaos('--list', '--seed', '3'), chaos('--list', '--seed', '3')]);
    expect(first.code).toBe(0);
    expect(first.text).toBe(second.text);
  });
});

describe.skipIf(redisMissing() !== null)(withRedis('the short fault suite'), () => {
  test('every promise holds', { timeout: 420_000 }, async () => {
    const { code, text } = await chaos('--seed', String(SEED), '--only', FAULTS, '--lease', String(LEASE_SECONDS));
    expect(code, text.slice(-4_000)).toBe(0);
    expect(text).toContain('every promise held');
  });
});
