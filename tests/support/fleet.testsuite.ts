/** What a fleet does, whichever store carries its tickets: run against BullMQ on Postgres and on Redis. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { brokenInvariants, until } from '@reelfleet/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Fleet, openFleet } from './fleet.ts';
import { Stagehand, testTemplates } from './stages.ts';

const invariants = fileURLToPath(new URL('../invariants.sql', import.meta.url));

export function describeFleet(
  name: string,
  redisUrl: () => Promise<string | undefined>,
  options: { skip?: boolean } = {},
): void {
  describe.skipIf(options.skip)(name, () => {
    let fleet: Fleet;
    const hand = new Stagehand();

    beforeAll(async () => {
      const url = await redisUrl();
      fleet = await openFleet({ stages: hand.stages(), templates: testTemplates, ...(url ? { redisUrl: url } : {}) });
      await fleet.start();
      await fleet.start();
    });
    afterAll(() => fleet?.close());
    afterEach(async () => {
      expect(await brokenInvariants(fleet.url, invariants, { quiet: false })).toEqual([]);
    });

    const ended = (run: string, status: string, timeoutMs = 15_000) =>
      until(async () => (await fleet.runStatus(run)) === status, { what: `run ${run} to be ${status}`, timeoutMs });
    const only = async (run: string) => {
      const found = (await fleet.tasks(run))[0];
      if (!found) throw new Error('run has no task');
      return found;
    };
    const one = async (template: string, params: Record<string, unknown> = {}) =>
      (await fleet.enqueue(template, params)).runs[0] as string;

    test('a run goes from enqueue to completed', async () => {
      const run = await one('echo', { name: 'hello' });
      await ended(run, 'completed');
      expect(await only(run)).toMatchObject({
        status: 'completed',
        version: 3,
        attempts: 1,
        failures: 0,
        progress: 100,
      });
    });

    test('a fan-out runs its children side by side and the join reads all of their outputs', async () => {
      const run = await one('fan', { n: 12 });
      await ended(run, 'completed');
      const tasks = await fleet.tasks(run);
      expect(tasks).toHaveLength(14);
      const join = await fleet.db.query<{ all: string }>(
        `select output->>'all' as all from tasks where run_id = '${run}' and key = 'join'`,
      );
      expect(join[0]?.all).toBe(Array.from({ length: 12 }, (_, index) => `p${index}`).join(','));
    });

    test('errors are tried again with the checkpoint kept, until the budget is spent', async () => {
      const [good, bad] = [
        await one('faulty', { name: 'a', fail: 'error', times: 2 }),
        await one('faulty', { name: 'b', fail: 'error', times: 9 }),
      ];
      await ended(good, 'completed');
      await ended(bad, 'failed');
      expect(await only(good)).toMatchObject({ attempts: 3, failures: 2, error: null });
      expect(await only(bad)).toMatchObject({ attempts: 3, failures: 3, status: 'failed', error: 'try 3 failed' });
      const actions = await fleet.db.query<{ action: string }>(
        `select action from task_audit where task_id = '${(await only(bad)).id}' order by state_version`,
      );
      expect(actions.map((row) => row.action)).toEqual(['create', 'claim', 'retry', 'claim', 'retry', 'claim', 'fail']);
    });

    test('a permanent error fails at the first attempt, with its sentence', async () => {
      const run = await one('faulty', { fail: 'permanent' });
      await ended(run, 'failed');
      expect(await only(run)).toMatchObject({
        attempts: 1,
        failures: 1,
        code: 'permanent',
        error: 'the source has no audio; give it one',
      });
    });

    test('input that breaks the contract fails at the first attempt and says where', async () => {
      const run = await one('echo', { name: 5 });
      await ended(run, 'failed');
      expect((await only(run)).error).toMatch(/input of stage echo .* at name/);
    });

    test("a provider's delay costs no failure", async () => {
      const run = await one('faulty', { fail: 'limited', times: 4 });
      await ended(run, 'completed');
      expect(await only(run)).toMatchObject({ attempts: 5, failures: 0 });
    });

    test('a failed run is retried by the operator and only what failed runs again', async () => {
      const run = await one('faulty', { fail: 'error', times: 3 });
      await ended(run, 'failed');
      const { tickets, retried } = await fleet.operator.retry('anna', { runs: [run] });
      await fleet.queue.send(tickets);
      expect(retried).toBe(1);
      await ended(run, 'completed');
      expect(await only(run)).toMatchObject({ attempts: 4, failures: 0 });
    });

    test('a parked task waits until somebody resolves it', async () => {
      const run = await one('faulty', { fail: 'park' });
      await until(async () => (await only(run)).status === 'waiting', { what: 'the task to wait' });
      const task = await only(run);
      const answer = await fleet.operator.resolve('reviewer', {
        id: task.id,
        version: task.version,
        wish: 'completed',
        output: { said: 'fine' },
      });
      expect(answer.status).toBe('completed');
      await ended(run, 'completed');
    });

    test('running work is cancelled within a beat, and its handler is told why', async () => {
      const run = await one('gated', { name: 'to-cancel' });
      await until(() => hand.started.includes('to-cancel'), { what: 'the task to start' });
      const asked = performance.now();
      await fleet.operator.cancel('anna', { runs: [run] });
      await ended(run, 'cancelled');
      expect(performance.now() - asked).toBeLessThan(2_000);
      expect(hand.reasons).toContain('cancelled');
      expect(await only(run)).toMatchObject({ status: 'cancelled', failures: 0 });
    });

    test('work in which nothing moves ends as stalled although its worker beats', async () => {
      const run = await one('still');
      await ended(run, 'failed', 20_000);
      expect(await only(run)).toMatchObject({ code: 'stalled', crashes: 0 });
    });

    test('a paused stage starts nothing, even with tickets in the queue, and goes on where it was when resumed', async () => {
      await fleet.operator.pauseStage('echo', 'anna', 'maintenance');
      const { runs } = await fleet.enqueue('echo', { name: 'paused' }, { count: 20 });
      const early = await fleet.enqueue('fan', { n: 3 });
      await until(async () => (await fleet.tasks(early.runs[0] as string)).length === 5, { what: 'the fan-out' });
      expect(hand.started).not.toContain('paused');
      expect(await fleet.operator.resumeStage('echo')).toBe(true);
      for (const run of [...runs, ...early.runs]) await ended(run, 'completed');
      expect(hand.started.filter((name) => name === 'paused')).toHaveLength(20);
    });

    test('tickets that never reached the queue are issued by the sweep', async () => {
      const { runs } = await fleet.enqueue('echo', { name: 'lost' }, { count: 30, silent: true });
      for (const run of runs) await ended(run, 'completed', 20_000);
      expect(hand.started.filter((name) => name === 'lost')).toHaveLength(30);
    });

    test('fifty duplicate tickets and tickets for unknown, old and finished tasks start nothing twice', async () => {
      const { runs, tickets } = await fleet.enqueue('echo', { name: 'dup' });
      const ticket = tickets[0];
      if (!ticket) throw new Error('no ticket');
      await fleet.queue.send(Array.from({ length: 50 }, (_, index) => ({ ...ticket, dispatches: index + 100 })));
      await fleet.queue.send([
        { ...ticket, id: randomUUID() },
        { ...ticket, version: 7 },
      ]);
      await ended(runs[0] as string, 'completed');
      await fleet.queue.send([{ ...ticket, dispatches: 999 }]);
      await ended(await one('echo', { name: 'after' }), 'completed');
      expect(hand.started.filter((name) => name === 'dup')).toHaveLength(1);
    });

    test('of finished tickets the newest stay to be looked at, and none for ever', async () => {
      for (let n = 0; n < 4; n += 1) await ended(await one('echo', { name: `kept ${n}` }), 'completed');
      const counts = () => fleet.queue.look('echo').counts();
      const completed = async () => (await counts()).completed;
      // A run has ended before its ticket has, and tickets that the sweep issued twice may be on their way still.
      const open = async () => {
        const { waiting, prioritized, active } = await counts();
        return waiting + prioritized + active;
      };
      await until(async () => (await open()) === 0, { what: 'tickets to be finished' });
      const before = await completed();
      const DAY_MS = 86_400_000;
      // Tickets that failed, in the tests before, have limits of their own.
      const failed = { count: 1_000, ageMs: DAY_MS };
      const limits = (count: number, ageMs: number) => ({ completed: { count, ageMs }, failed });
      expect(await fleet.queue.tidy(['echo'], limits(1_000, DAY_MS))).toBe(0);
      expect(await fleet.queue.tidy(['echo'], limits(2, DAY_MS))).toBe(before - 2);
      expect(await completed()).toBe(2);
      expect(await fleet.queue.tidy(['echo'], limits(2, 0))).toBe(2);
      expect(await completed()).toBe(0);
    });

    test('higher priority goes first', async () => {
      await fleet.operator.pauseStage('echo', 'anna', null);
      const low = await fleet.enqueue('echo', { name: 'low' }, { count: 40, priority: 0 });
      const high = await fleet.enqueue('echo', { name: 'high' }, { count: 5, priority: 10 });
      await until(
        async () =>
          (
            await fleet.db.query<{ n: number }>(
              `select count(*)::int as n from tasks where stage = 'echo' and status = 'queued' and dispatched_at is not null`,
            )
          )[0]?.n === 0,
        { what: 'the paused stage to give its tickets back' },
      );
      await fleet.operator.resumeStage('echo');
      for (const run of [...low.runs, ...high.runs]) await ended(run, 'completed');
      const order = hand.started.filter((name) => name === 'low' || name === 'high');
      expect(order.lastIndexOf('high')).toBeLessThan(order.lastIndexOf('low'));
    });

    test('a drained worker gives its running task back without blame, and another goes on from the checkpoint', async () => {
      const leaving = await fleet.start({ graceMs: 5_000, name: 'leaving', stages: ['gated'] });
      const runs = (await fleet.enqueue('gated', { name: 'handed-over' }, { count: 6 })).runs;
      await until(() => hand.started.filter((name) => name === 'handed-over').length === 6, { what: 'all to start' });
      await leaving.stop();
      hand.gate('handed-over').release();
      for (const run of runs) await ended(run, 'completed');
      for (const run of runs) expect(await only(run)).toMatchObject({ failures: 0, crashes: 0 });
    });

    test('a disabled worker takes nothing new and an enabled one goes on', async () => {
      const names = ['w1', 'w2'];
      for (const name of names) await fleet.operator.workerControl(name, 'disabled');
      const run = await one('echo', { name: 'nobody' });
      await until(
        async () =>
          (await fleet.db.query<{ n: number }>(`select count(*)::int as n from workers where status = 'disabled'`))[0]
            ?.n === 2,
        { what: 'both disabled' },
      );
      expect((await only(run)).status).toBe('queued');
      for (const name of names) await fleet.operator.workerControl(name, 'active');
      await ended(run, 'completed');
    });
  });
}
