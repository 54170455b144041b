/** 4 and 5: workers that are asked to stop, one in the middle of its work, and all of them one after the other. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault, Outcome, Yard, YardWorker } from '../fault.ts';
import { type Course, healing, mustHold } from './healing.ts';
import { databaseNow, deedsOf, trailOf } from './trail.ts';

const HOLD_MS = 60_000;
/** What the machine may take on top of the worker's own grace. */
const EXIT_SLACK_MS = 1_500;

export const stoppedWhileBusy: Fault = {
  number: 4,
  name: 'SIGTERM while busy, also with Redis down',
  promise: 'the worker exits 0 within its grace, and what it could not finish is released, not failed',
  takesMs: 75_000,
  alone: true,
  run: healing(async (its) => {
    const { yard, heal } = its;
    const release = join(yard.folder, `release-${its.chance.integer(0, 1e9)}`);
    heal(() => writeFileSync(release, ''));
    const runs = await yard.enqueue('hold', { ms: HOLD_MS, until: release }, 3);
    const first = await stopOne(its, runs);
    let down = false;
    const back = async () => {
      if (down) await yard.redis.restart();
      down = false;
    };
    heal(back);
    const second = await stopOne(its, runs, async () => {
      down = true;
      await yard.redis.kill();
    });
    await back();
    writeFileSync(release, '');
    const ended = await yard.ended(runs, 60_000);
    for (const [run, status] of ended) mustHold(status === 'completed', `the released run ${run} to complete`, status);
    return {
      'exited after': `${first.seconds} s, with Redis down ${second.seconds} s`,
      released: first.released + second.released,
    };
  }),
};

/** SIGTERM to a worker that holds one of these runs; another takes its place. */
async function stopOne({ yard, promised }: Course, runs: readonly string[], before = async () => {}) {
  const worker = await promised('a worker to hold', () => holder(yard, runs), 30_000);
  await before();
  const held = (await worker.holds()).filter(({ runId }) => runs.includes(runId));
  const startedAt = performance.now();
  worker.process.kill('SIGTERM');
  const { code, signal } = await worker.process.exited;
  const tookMs = performance.now() - startedAt;
  mustHold(code === 0, `${worker.name} to exit 0`, signal ?? code);
  const graceMs = Number(yard.settings.REELFLEET_GRACE_MS);
  mustHold(
    tookMs <= graceMs + EXIT_SLACK_MS,
    `${worker.name} to exit within ${graceMs / 1_000} s`,
    `${tookMs / 1_000} s`,
  );
  const id = await worker.id();
  for (const { id: task, key, version } of held) {
    const next = (await trailOf(yard.db, [task])).find((entry) => entry.version === version + 1);
    mustHold(
      next?.action === 'release' && next.actor === id,
      `${key} to be released by ${worker.name} before it exits`,
      `${next?.action ?? 'nothing'} by ${next?.actor ?? 'nobody'}`,
    );
  }
  const rows = await yard.db.query<{ blamed: number }>(
    `select count(*)::int as blamed from tasks where failures + crashes > 0 and id in (${held.map(({ id: task }) => `'${task}'`).join(',')})`,
  );
  mustHold(rows[0]?.blamed === 0, 'no failure and no crash for what was released', rows[0]?.blamed);
  await yard.replace(worker);
  return { seconds: Math.round(tookMs / 100) / 10, released: held.length };
}

async function holder(yard: Yard, runs: readonly string[]): Promise<YardWorker | undefined> {
  for (const worker of yard.workers)
    if ((await worker.holds()).some(({ runId }) => runs.includes(runId))) return worker;
  return undefined;
}

export const rollingRestart: Fault = {
  number: 5,
  name: 'rolling restart of all workers under load',
  promise: 'no attempt fails or crashes of it, and work goes on: never a lease long without a completed task',
  takesMs: 100_000,
  alone: true,
  run: healing(async ({ yard }): Promise<Outcome> => {
    const from = await databaseNow(yard.db);
    let held = 0;
    for (const worker of [...yard.workers]) {
      await yard.enqueue('shots', { shots: 4 }, 2);
      const asked = await databaseNow(yard.db);
      const id = await worker.id();
      const next = await yard.replace(worker);
      const { code, signal } = await worker.process.exited;
      mustHold(code === 0, `${worker.name} to exit 0, and ${next.name} in its place`, signal ?? code);
      const deeds = await deedsOf(yard.db, id, asked);
      const taken = deeds.filter((deed) => deed.holder === id && deed.action === 'expire');
      mustHold(taken.length === 0, `no lease of ${worker.name} to expire while it stops`, taken.length);
      held += deeds.filter((deed) => deed.actor === id && ['complete', 'release'].includes(deed.action)).length;
    }
    // A machine that is short of time may cost others a lease meanwhile; that is told, and is not of the restart.
    const { failures, expired } = await yard.since(new Date(from));
    mustHold(failures === 0, 'no attempt to fail of a rolling restart', failures);
    const rows = await yard.db.query<{ gap: number; completed: number }>(
      `select count(*)::int as completed, coalesce(max(gap), 0)::float8 as gap from (
         select extract(epoch from timestamp - lag(timestamp) over (order by timestamp)) * 1000 as gap
         from task_audit where action = 'complete' and timestamp >= '${new Date(from).toISOString()}') between_two`,
    );
    const { gap = 0, completed = 0 } = rows[0] ?? {};
    mustHold(
      gap <= yard.leaseMs,
      `never more than ${yard.leaseMs / 1_000} s without a completed task`,
      `${(gap / 1_000).toFixed(1)} s`,
    );
    return {
      restarted: yard.workers.length,
      'completed or released by those that stopped': held,
      'leases lost by others': expired,
      completed,
      'longest pause': `${(gap / 1_000).toFixed(1)} s`,
    };
  }),
};
