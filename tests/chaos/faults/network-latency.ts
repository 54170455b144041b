/** Fault 15: every answer of Postgres and Redis comes late, now more, now less, for all six workers at once. */
import type { Fault } from '../fault.ts';
import { healing, mustHold } from './healing.ts';
import { databaseNow } from './trail.ts';

/** Each way; the round trip takes 200 ms ± 100. */
const EACH_WAY_MS = 100;
const JITTER_MS = 50;
/** Long enough for every lease to be lost thrice. */
const LEASES = 3;

export const latency: Fault = {
  number: 15,
  name: '200 ms latency with jitter on all wires',
  promise: 'no lease is lost, nobody crashes, and work goes on',
  takesMs: 45_000,
  alone: true,
  run: healing(async ({ yard, heal, promised }) => {
    const workers = [...yard.workers];
    const wires = workers.flatMap(({ postgres, redis }) => [postgres, redis]);
    heal(() => {
      for (const wire of wires) wire.heal();
    });
    // What an earlier fault left to expire does so first.
    const calm = Date.now();
    await promised(
      'a lease without an expiry',
      async () =>
        Date.now() - calm > yard.leaseMs && (await yard.since(new Date(Date.now() - yard.leaseMs))).expired === 0,
      6 * yard.leaseMs,
      200,
    );
    const began = new Date(await databaseNow(yard.db));
    for (const wire of wires) wire.delay(EACH_WAY_MS, JITTER_MS);
    const from = performance.now();
    const before = await yard.completed();
    await yard.works(6, 30_000);
    await promised(
      'the slow time to pass',
      () => performance.now() - from > LEASES * yard.leaseMs,
      LEASES * yard.leaseMs + 5_000,
    );
    const done = (await yard.completed()) - before;
    const seconds = (performance.now() - from) / 1_000;
    for (const wire of wires) wire.heal();
    const { expired, lines } = await yard.since(began);
    const lost = lines.filter((line) => line.includes('lease lost'));
    mustHold(expired === 0, 'no lease to expire', `${expired}`);
    mustHold(lost.length === 0, 'no worker to give a lease up', lost.slice(0, 3).join('\n'));
    for (const { name, process: child } of workers)
      mustHold(child.child.exitCode === null && child.child.signalCode === null, `${name} to live`, 'it ended');
    const late = lines.filter((line) => line.includes('beat failed')).length;
    return { completed: done, perSecond: (done / seconds).toFixed(1), beatsFailed: late };
  }),
};
