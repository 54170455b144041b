/**
 * The interleavings that are easy to get wrong, by name. Each runs on the model and on Postgres like a generated one, so
 * every answer and every fact in between is compared as well; what a test says is where the story has to end.
 */
import type { NeedKind } from '@reelfleet/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Command, Fate, Setting, Step, WorkerEvent } from './commands.ts';
import { type Lane, openLane } from './lane.ts';
import { simulate } from './simulate.ts';

let lane: Lane;
beforeAll(async () => {
  lane = await openLane();
});
afterAll(() => lane.close());

const claim = (worker: number, more: Partial<Command & { do: 'claim' }> = {}): Command => ({
  ...{ do: 'claim', worker, ticket: 'newest', full: false, twice: false, fate: 'answered' },
  ...more,
});
const settle = (worker: number, event: WorkerEvent, fate: Fate = 'answered'): Command => ({
  ...{ do: 'settle', worker, event, later: false, fate },
});
const beat = (worker: number): Command => ({ do: 'beat', worker, percent: 10, fate: 'answered' });
const checkpoint = (worker: number, units: number): Command => ({ do: 'checkpoint', worker, units, fate: 'answered' });
const haunt = (worker: number, write: 'beat' | 'checkpoint' | WorkerEvent): Command => ({ do: 'haunt', worker, write });
const readBack = (worker: number): Command => ({ do: 'read back', worker });
const echo = (worker: number): Command => ({ do: 'echo', worker });
const crash = (worker: number): Command => ({ do: 'crash', worker });
const cancel: Command = { do: 'cancel', whole: true };
const retry: Command = { do: 'retry', whole: true };
const lapse: Command = { do: 'lapse' };
const sweep: Command = { do: 'sweep', tooSoon: false };
/** The lease passes and the sweep takes it back. */
const expire: Step[] = [lapse, sweep];

/** Where it ends: what the task came to, and its events in order. */
async function story(steps: Step[], setting: Partial<Setting> = {}) {
  const usual = { workers: 2, maxAttempts: 3, maxCrashes: 3, follower: null as NeedKind | null };
  const facts = await simulate(lane, { setting: { ...usual, ...setting }, steps }, { byHand: true });
  const { status, failures, crashes, attemptNumber } = facts.task;
  return {
    ...{ status, failures, crashes, attempts: attemptNumber, run: facts.run.status, output: facts.output?.by },
    ...{ artifacts: facts.artifacts, units: facts.checkpoint?.units, follower: facts.follower?.status },
    events: facts.trail.map(({ event, actor }) => `${event} by ${actor.split('.')[0]}`).slice(1),
  };
}

test('a ghost that settles after its lease expired and another took the task commits nothing', async () => {
  expect(await story([claim(0), ...expire, claim(1), settle(0, 'complete'), settle(1, 'complete')])).toMatchObject({
    status: 'completed',
    output: 4,
    artifacts: [5],
    events: ['claim by worker 0', 'expire by sweep', 'claim by worker 1', 'complete by worker 1'],
  });
});

test('a ghost in the very process that has the task again commits nothing either', async () => {
  const ghosts = (['beat', 'checkpoint', 'retry', 'complete'] as const).map((write) => haunt(0, write));
  expect(await story([claim(0), ...expire, claim(0), ...ghosts, settle(0, 'complete')])).toMatchObject({
    status: 'completed',
    output: 4,
    artifacts: [5],
    units: undefined,
    events: ['claim by worker 0', 'expire by sweep', 'claim by worker 0', 'complete by worker 0'],
  });
});

test('a settle that comes twice happens once', async () => {
  expect(await story([claim(0), settle(0, 'retry'), echo(0), claim(1), echo(0), settle(1, 'complete')])).toMatchObject({
    status: 'completed',
    failures: 1,
    attempts: 2,
  });
});

test('complete wins a race against cancel, whichever comes first', async () => {
  for (let round = 0; round < 20; round += 1)
    expect(await story([claim(0), { both: [cancel, settle(0, 'complete')] }])).toMatchObject({
      status: 'completed',
      run: 'completed',
      output: 2,
    });
});

test('what depends on a task that completes while its run is being cancelled is not started', async () => {
  expect(await story([claim(0), cancel, settle(0, 'complete')], { follower: 'hard' })).toMatchObject({
    status: 'completed',
    follower: 'cancelled',
    run: 'cancelled',
  });
});

test('the task of a ghost is cancelled when its lease expires, and stays so when the ghost wakes up', async () => {
  expect(await story([claim(0), cancel, ...expire, settle(0, 'complete')])).toMatchObject({
    status: 'cancelled',
    run: 'cancelled',
    artifacts: [],
  });
});

test.each(['release', 'retry', 'park'] as const)(
  '%s of a task somebody asked to cancel ends cancelled',
  async (event) => {
    expect(await story([claim(0), cancel, beat(0), settle(0, event)])).toMatchObject({ status: 'cancelled' });
  },
);

test('a settle whose reply was lost is found in the trail, also after others have had the task', async () => {
  expect(await story([claim(0), settle(0, 'complete', 'reply lost'), ...expire, readBack(0)])).toMatchObject({
    status: 'completed',
    events: ['claim by worker 0', 'complete by worker 0'],
  });
  expect(
    await story([claim(0), settle(0, 'retry', 'reply lost'), claim(1), settle(1, 'complete'), readBack(0)]),
  ).toMatchObject({ status: 'completed', failures: 1, output: 4 });
});

test('a settle that never arrived is sent again, and refused when the lease is over by then', async () => {
  expect(await story([claim(0), settle(0, 'complete', 'request lost'), readBack(0)])).toMatchObject({ output: 2 });
  expect(
    await story([claim(0), settle(0, 'complete', 'request lost'), ...expire, claim(1), readBack(0)]),
  ).toMatchObject({ status: 'running', crashes: 1, artifacts: [] });
});

test('a settle thought lost that arrives while it is sent again happens once', async () => {
  for (let round = 0; round < 5; round += 1)
    expect(await story([claim(0), settle(0, 'retry', 'request lost'), { both: [echo(0), readBack(0)] }])).toMatchObject(
      { status: 'queued', failures: 1, events: ['claim by worker 0', 'retry by worker 0'] },
    );
});

test('a claim whose reply was lost is held by whoever sent it', async () => {
  expect(await story([claim(0, { fate: 'reply lost' }), claim(1), readBack(0), settle(0, 'complete')])).toMatchObject({
    status: 'completed',
    attempts: 1,
  });
});

test('a claim that arrives after its worker died costs one lease and no more', async () => {
  expect(
    await story([claim(0, { fate: 'request lost' }), crash(0), echo(0), ...expire, claim(1), settle(1, 'complete')]),
  ).toMatchObject({ status: 'completed', crashes: 1, attempts: 2 });
});

test('a beat of an old version keeps nothing alive', async () => {
  expect(await story([claim(0), ...expire, claim(0), lapse, haunt(0, 'beat'), sweep])).toMatchObject({
    status: 'queued',
    crashes: 2,
  });
});

test('a beat that arrives before the sweep keeps the lease, one that races it does or does not', async () => {
  expect(await story([claim(0), lapse, beat(0), sweep])).toMatchObject({ status: 'running', crashes: 0 });
  for (let round = 0; round < 20; round += 1)
    expect(['running', 'queued']).toContain((await story([claim(0), lapse, { both: [beat(0), sweep] }])).status);
});

test('nothing expires before sweeps have run for a whole lease', async () => {
  expect(await story([claim(0), lapse, { do: 'sweep', tooSoon: true }, beat(0)])).toMatchObject({
    status: 'running',
    crashes: 0,
  });
});

test('a checkpoint after the expiry changes nothing, not even the count of crashes', async () => {
  expect(await story([claim(0), checkpoint(0, 1), ...expire, checkpoint(0, 2)])).toMatchObject({
    units: 1,
    crashes: 1,
  });
});

test('crashes are forgiven when the stored units grow, and only then', async () => {
  const twice = (units: number) =>
    story([claim(0), checkpoint(0, 1), ...expire, claim(1), checkpoint(1, units), ...expire], { maxCrashes: 2 });
  expect(await twice(2)).toMatchObject({ status: 'queued', crashes: 1 });
  expect(await twice(1)).toMatchObject({ status: 'failed', crashes: 2 });
});

test('an attempt that begins anew is forgiven nothing for what another had stored before it', async () => {
  const again = (units: number) => [claim(1), checkpoint(1, 1), checkpoint(1, units), ...expire];
  const story3 = (units: number) => story([claim(0), checkpoint(0, 2), ...expire, ...again(units)], { maxCrashes: 2 });
  expect(await story3(2)).toMatchObject({ status: 'failed', crashes: 2 });
  expect(await story3(3)).toMatchObject({ status: 'queued', crashes: 1 });
});

test('a task that crashes its workers max_crashes times fails, and an operator gives it fresh budgets', async () => {
  const lives: Step[] = [claim(0), crash(0), ...expire, claim(1), crash(1), ...expire];
  expect(await story(lives, { maxCrashes: 2 })).toMatchObject({ status: 'failed', crashes: 2, run: 'failed' });
  expect(await story([...lives, retry], { maxCrashes: 2 })).toMatchObject({
    status: 'queued',
    crashes: 0,
    run: 'running',
  });
});

test('of two claims at once, or two tickets in one batch, one gets the task', async () => {
  for (let round = 0; round < 20; round += 1)
    expect(await story([{ both: [claim(0), claim(1)] }])).toMatchObject({ status: 'running', attempts: 1 });
  expect(await story([claim(0, { twice: true })])).toMatchObject({ status: 'running', attempts: 1 });
});

test('a refused ticket is not eaten', async () => {
  expect(await story([claim(0, { full: true }), { do: 'dispatch' }, claim(1)])).toMatchObject({ status: 'running' });
  expect(await story([{ do: 'pause' }, claim(0), { do: 'resume' }, { do: 'dispatch' }, claim(0)])).toMatchObject({
    status: 'running',
    attempts: 1,
  });
});
