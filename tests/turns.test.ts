/** Two sides of a benchmark in turns: what the comparison of streams rests on. */
import { execFileSync } from 'node:child_process';
import { startProcess, until } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { takeTurns } from '../bench/support/turns.ts';

/** A program and one that it started, and which of them are stopped. */
function program(name: string) {
  const { pid, waitForLine } = startProcess({ command: 'sh', args: ['-c', 'sleep 1000 & echo $!; wait'], name });
  const child = waitForLine(/^\d+$/).then(Number);
  const states = async () => {
    const list = [pid, await child].join(',');
    return execFileSync('ps', ['-o', 'stat=', '-p', list], { encoding: 'utf8' }).trim().split('\n');
  };
  return {
    side: () => [pid],
    ready: child,
    stopped: async () => (await states()).filter((state) => state.startsWith('T')).length,
  };
}

test('of two programs in turns one is always stopped with all it started, neither for good, and only own time counts', async () => {
  const [one, other] = [program('one'), program('other')];
  await Promise.all([one.ready, other.ready]);
  const began = Date.now();
  const turns = takeTurns(one.side, other.side, 500);
  const seen = async (mine: number, theirs: number) =>
    ((await one.stopped()) === mine && (await other.stopped()) === theirs) || null;
  for (let round = 0; round < 2; round += 1) {
    await until(() => seen(0, 2), { what: 'a turn of the one' });
    await until(() => seen(2, 0), { what: 'a turn of the other' });
  }
  await turns.end();
  const ended = Date.now();
  await until(() => seen(0, 0), { what: 'both awake' });
  const own = [one, other].map(({ side }) => turns.running(side, began, ended));
  for (const time of own) expect(time).toBeGreaterThanOrEqual(300);
  // While they change places both are stopped, and the clock counts whole milliseconds.
  expect(own.reduce((sum, time) => sum + time, 0)).toBeLessThanOrEqual(ended - began + 5);
  expect(turns.running(one.side, ended, ended + 1_000)).toBe(1_000);
});

test('a side that could not be started stops nobody', async () => {
  const alone = program('alone');
  await alone.ready;
  const turns = takeTurns(alone.side, () => [-1], 50);
  await until(async () => (await alone.stopped()) === 2 || null, { what: 'the turn of nobody' });
  await turns.end();
  await until(async () => (await alone.stopped()) === 0 || null, { what: 'awake again' });
});
