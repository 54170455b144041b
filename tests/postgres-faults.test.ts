/** Postgres as it is in real life: connections die, replies are lost, the wire goes quiet. The fleet loses and doubles nothing. */
import { fileURLToPath } from 'node:url';
import { brokenInvariants, startTcpProxy, type TcpProxy, until } from '@reelfleet/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Fleet, openFleet } from './support/fleet.ts';
import { Stagehand, testTemplates } from './support/stages.ts';

const invariants = fileURLToPath(new URL('./invariants.sql', import.meta.url));

describe('with a proxy between the workers and Postgres', () => {
  let fleet: Fleet;
  let proxy: TcpProxy;
  let hand: Stagehand;
  beforeEach(async () => {
    hand = new Stagehand();
    fleet = await openFleet({
      stages: hand.stages(),
      templates: testTemplates,
      async workerDatabaseUrl(url) {
        proxy ??= await startTcpProxy(url);
        const through = new URL(url);
        through.port = String(proxy.port);
        return through.href;
      },
    });
  });
  afterEach(async () => {
    proxy?.heal();
    await fleet.close();
    await proxy?.stop();
    proxy = undefined as never;
  });
  const allEnd = (runs: readonly string[], timeoutMs = 60_000) =>
    until(
      async () => {
        const rows = await fleet.db.query<{ status: string; n: number }>(
          `select status, count(*)::int as n from pipeline_runs group by status`,
        );
        return rows.length === 1 && rows[0]?.status === 'completed' && rows[0].n === runs.length;
      },
      { what: `${runs.length} runs to be completed`, timeoutMs },
    );
  const load = async () =>
    (
      await Promise.all([
        fleet.enqueue('echo', { name: 'e' }, { count: 150 }),
        fleet.enqueue('fan', { n: 6 }, { count: 15 }),
      ])
    ).flatMap((answer) => answer.runs);
  const sound = async () => {
    expect(await brokenInvariants(fleet.url, invariants, { quiet: false })).toEqual([]);
    const twice = await fleet.db.query(
      `select task_id from task_audit where state_after->>'status' = 'completed' group by task_id having count(*) > 1`,
    );
    expect(twice).toEqual([]);
  };

  test('replies that are lost: what happened is read back from the audit trail, what did not is sent again', {
    timeout: 90_000,
  }, async () => {
    await fleet.start();
    await fleet.start();
    const runs = await load();
    for (let round = 0; round < 6; round += 1) {
      await until(async () => (await progress(fleet)) !== null, { what: 'work' });
      proxy.dropReplies();
      await new Promise((resolve) => setTimeout(resolve, 120));
      proxy.heal();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await allEnd(runs);
    await sound();
  });

  test('connections cut over and over: everything completes, nothing twice', { timeout: 90_000 }, async () => {
    await fleet.start();
    await fleet.start();
    const runs = await load();
    for (let round = 0; round < 15; round += 1) {
      proxy.cut();
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    await allEnd(runs);
    await sound();
  });

  test('a wire that goes quiet: the worker stops its work before the database lets another in', {
    timeout: 90_000,
  }, async () => {
    const cut = await fleet.start({ name: 'cut-off', stages: ['gated'] });
    const { runs } = await fleet.enqueue('gated', { name: 'quiet' });
    await until(async () => (await fleet.tasks(runs[0] as string))[0]?.checkpoint, { what: 'the task to be at work' });
    proxy.hang();
    await until(() => hand.reasons.includes('lease-lost'), {
      what: 'the cut-off worker to stop its work',
      timeoutMs: 5_000,
    });
    const [task] = await fleet.tasks(runs[0] as string);
    expect(task).toMatchObject({ status: 'running', version: 2 });
    proxy.heal();
    hand.gate('quiet').release();
    await allEnd(runs);
    expect((await fleet.tasks(runs[0] as string))[0]).toMatchObject({ status: 'completed', failures: 0 });
    await sound();
    await cut.stop();
  });

  test('a claim whose answer comes when its lease is as good as over is given back, and costs no crash', {
    timeout: 60_000,
  }, async () => {
    await fleet.start({ leaseMs: 4_000, heartbeatMs: 1_000 });
    // There and back takes nine tenths of the lease, of which the worker keeps five sixths.
    proxy.delay(1_800);
    const { runs } = await fleet.enqueue('echo', { name: 'slow' });
    await until(
      async () =>
        (await fleet.db.query(`select from task_audit where state_after->>'errorCode' = 'late-claim'`)).length,
      { what: 'the claim to be given back', timeoutMs: 30_000 },
    );
    proxy.heal();
    await allEnd(runs);
    expect((await fleet.tasks(runs[0] as string))[0]).toMatchObject({ status: 'completed', failures: 0, crashes: 0 });
    await sound();
  });
});

describe('with its backends terminated five times a second', () => {
  test('workers reconnect, the load completes, and no process died of it', { timeout: 120_000 }, async () => {
    const hand = new Stagehand();
    const fleet = await openFleet({ stages: hand.stages(), templates: testTemplates });
    try {
      await fleet.start();
      await fleet.start();
      const load = await Promise.all([
        fleet.enqueue('echo', { name: 'e' }, { count: 200 }),
        fleet.enqueue('fan', { n: 5 }, { count: 20 }),
      ]);
      const runs = load.flatMap((answer) => answer.runs);
      for (let round = 0; round < 40; round += 1) {
        await fleet.db
          .query(
            `select pg_terminate_backend(pid) from (select pid from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() order by random() limit 2) some`,
          )
          .catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      await until(
        async () => {
          const rows = await fleet.db.query<{ n: number }>(
            `select count(*)::int as n from pipeline_runs where status = 'completed'`,
          );
          return rows[0]?.n === runs.length;
        },
        { what: 'all runs to be completed', timeoutMs: 60_000 },
      );
      expect(await brokenInvariants(fleet.url, invariants, { quiet: false })).toEqual([]);
    } finally {
      await fleet.close();
    }
  });
});

async function progress(fleet: Fleet): Promise<number | null> {
  const rows = await fleet.db.query<{ n: number }>(`select count(*)::int as n from tasks where status = 'completed'`);
  return rows[0]?.n ?? null;
}
