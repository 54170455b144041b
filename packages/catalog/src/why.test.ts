import { type Ticket, UserError } from '@reelfleet/core';
import { beforeEach, expect, test } from 'vitest';
import { openOperator } from './operator.ts';
import { openWorld, preview, probeOrder, type World } from './testing.ts';

let world: World;
let ref: string;
let ticket: Ticket;
beforeEach(async () => {
  world = await openWorld();
  ref = (await world.operator.enqueue([probeOrder]))[0]?.runId as string;
  ticket = world.sent[0] as Ticket;
});

/** The first sentence, and the others as one text. */
async function why(of = ref): Promise<{ first: string; rest: string }> {
  const [first = '', ...rest] = await world.operator.why(of);
  return { first, rest: rest.join(' | ') };
}

test('nobody serves its stage: it says who is there and how to start one', async () => {
  expect((await why()).first).toBe(
    'no worker serves stage probe: no worker is alive at all; start one with `reelfleet worker --stages probe`',
  );
  await world.hire('painter', ['image', 'render']);
  expect((await why()).first).toBe(
    'no worker serves stage probe: painter serves image, render; start one with `reelfleet worker --stages probe`',
  );
  await world.hire('prober', ['probe']);
  await world.operator.workerControl('prober', 'disable');
  expect((await why()).first).toBe(
    'no worker serves stage probe (prober is disabled): painter serves image, render; start one with `reelfleet worker --stages probe`',
  );
});

test('its ticket waits in the queue behind others', async () => {
  await world.hire('prober', ['probe']);
  expect((await why()).first).toBe('its ticket waits in queue probe, next; one worker serves the stage: prober (idle)');
  const [later] = await world.operator.enqueue([probeOrder]);
  expect((await why(later?.runId)).first).toMatch(/^its ticket waits in queue probe, behind 1 other; /);
  const [urgent] = await world.operator.enqueue([{ ...probeOrder, priority: 9 }]);
  expect((await why(urgent?.runId)).first).toMatch(/^its ticket waits in queue probe, next; /);
});

test('its ticket is gone from the queue, as far as the queue can be asked', async () => {
  await world.hire('prober', ['probe']);
  const gone = openOperator({ ...world.deps, queue: { missing: async (tickets) => [...tickets] } });
  expect((await gone.why(ref))[0]).toMatch(
    /^its ticket of \S+Z is gone from the queue: the sweep finds that out and issues another$/,
  );
  const away = openOperator({ ...world.deps, queue: { missing: () => Promise.reject(new Error('away')) } });
  expect((await away.why(ref))[0]).toMatch(/^its ticket waits in queue probe/);
});

test('it has no ticket yet', async () => {
  const worker = await world.hire('prober', ['probe']);
  await world.ledger.claim(worker, 30_000, [{ id: ticket.id, version: ticket.version, refusal: 'disk full' }]);
  expect((await why()).first).toBe('it has no ticket yet: the next sweep issues one');
});

test('its stage is paused: by whom, since when and why', async () => {
  await world.hire('prober', ['probe']);
  await world.operator.pause('probe', 'new ffmpeg');
  expect((await why()).first).toMatch(
    /^stage probe is paused by tester since \S+Z \((now|\d+ s ago)\) \(new ffmpeg\): `reelfleet resume probe` lifts it$/,
  );
  expect(await world.operator.stages()).toContainEqual(
    expect.objectContaining({ stage: 'probe', queued: 1, running: 0, pausedBy: 'tester', reason: 'new ffmpeg' }),
  );
  expect(await world.operator.resume('probe')).toBe(true);
  expect((await why()).first).toMatch(/^its ticket waits/);
  await expect(world.operator.pause('prob', null)).rejects.toThrow('there is no stage "prob": did you mean "probe"?');
});

test('a lease is held: by whom and until when; and a cancel of it is on its way', async () => {
  const worker = await world.hire('prober', ['probe']);
  await world.claim(worker, ticket);
  const { first, rest } = await why();
  expect(first).toMatch(/^worker prober holds it under a lease until \S+Z, last beat at \S+Z \((now|\d+ s ago)\)$/);
  expect(rest).toBe('attempt 1 stands at 0 %; failures 0 of 3, crashes 0 of 5');
  expect(await world.operator.cancel(ref)).toEqual({ cancelled: 0, asked: 1 });
  expect((await why()).rest).toMatch(
    /^tester asked to cancel it at \S+Z \(.*\): its worker is told with its next beat/,
  );
});

test('it backs off after a failure: until when, and what went wrong', async () => {
  const worker = await world.hire('prober', ['probe']);
  const task = await world.claim(worker, ticket);
  await world.ledger.settle(worker, [
    {
      id: task.id,
      version: task.version,
      event: 'retry',
      code: 'error',
      message: 'the file is busy\nffmpeg said more',
      delayMs: 60_000,
    },
  ]);
  expect((await why()).first).toMatch(
    /^it backs off after failure 1 of 3: due at \S+Z \(in (59|60) s\); the last error was: the file is busy$/,
  );
  const { task: row, audit, errorTail } = await world.operator.task(ref);
  expect(errorTail).toBe('ffmpeg said more');
  expect(row).toMatchObject({ failures: 1, errorCode: 'error', status: 'queued', lastError: 'the file is busy' });
  expect(audit).toMatchObject([
    { stateVersion: 1, action: 'create', actor: 'tester', from: null, to: 'queued', error: null },
    { stateVersion: 2, action: 'claim', actorName: 'prober', from: 'queued', to: 'running', error: null },
    { stateVersion: 3, action: 'retry', actorName: 'prober', from: 'running', to: 'queued', error: 'the file is busy' },
  ]);
});

test('it has ended: failed with its error, cancelled by whom, completed where; and retry brings it back', async () => {
  const worker = await world.hire('prober', ['probe']);
  const task = await world.claim(worker, ticket);
  await world.ledger.settle(worker, [
    { id: task.id, version: task.version, event: 'fail', code: 'bad', message: 'no streams' },
  ]);
  expect(await world.operator.why(ref)).toEqual([
    expect.stringMatching(/^it failed at \S+Z \(.*\) on worker prober: no streams$/),
    `failures 1 of 3, crashes 0 of 5; \`reelfleet retry ${ref}\` tries again`,
  ]);
  world.sent.length = 0;
  expect(await world.operator.retry(ref)).toEqual({ retried: 1 });
  expect(world.sent).toMatchObject([{ id: task.id, stage: 'probe' }]);
  expect(await world.operator.cancel(ref)).toEqual({ cancelled: 1, asked: 0 });
  expect((await why()).first).toMatch(/^it was cancelled at \S+Z \(.*\) by tester; `reelfleet retry/);
  expect(await world.operator.retry(task.id)).toEqual({ retried: 1 });
  const again = await world.claim(worker, world.sent.at(-1) as Ticket);
  await world.ledger.settle(worker, [{ id: again.id, version: again.version, event: 'complete', output: {} }]);
  expect((await why()).first).toMatch(
    /^it waits for nothing: it completed at \S+Z \(.*\) on worker prober, at attempt 2$/,
  );
});

test('it is blocked by what it needs, and skipped when that failed', async () => {
  const worker = await world.hire('artist');
  world.sent.length = 0;
  const [album] = await world.operator.enqueue([preview]);
  const plan = world.sent.shift() as Ticket;
  const render = (await world.operator.run(album?.runId as string)).tasks.find((task) => task.key === 'render')
    ?.id as string;
  expect((await why(render)).first).toBe('it waits for plan (queued)');
  await world.complete(worker, await world.claim(worker, plan));
  const running = await world.claim(worker, world.sent.find((one) => one.title.startsWith('music 1/')) as Ticket);
  expect((await why(render)).first).toMatch(
    /^it waits for music\/01 \(running, 0 %\), music\/02 \(queued\), music\/03 \(queued\) and 5 more; 1 of its 9 needs are met$/,
  );
  await world.ledger.settle(worker, [
    { id: running.id, version: running.version, event: 'fail', code: 'bad', message: 'no sound' },
  ]);
  expect(await world.operator.why(render)).toEqual([
    'it was skipped, because music/01 failed before it',
    'retrying what failed brings it back too',
  ]);
  await expect(world.operator.why(album?.runId as string)).rejects.toThrow(
    'is a run with several tasks: name one of them',
  );
});

test('what is not there is one sentence', async () => {
  for (const nothing of ['nowhere', '01890a5d-ac96-774b-bcce-b302099a8057', '']) {
    const failure = await world.operator.why(nothing).catch((error) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure.message).toBe(
      `there is no run or task "${nothing}": \`reelfleet ls\` lists the runs, \`reelfleet show RUN\` their tasks`,
    );
    expect(failure.exitCode).toBe(1);
  }
  await expect(world.operator.workerControl('ghost', 'drain')).rejects.toThrow(
    'there is no worker "ghost": `reelfleet workers ls` lists them',
  );
});

test('a run is found by its id and its identifier, a task by its id', async () => {
  const { run } = await world.operator.run(ref);
  expect(await world.operator.find(run.identifier)).toEqual({ kind: 'run', id: ref });
  expect(await world.operator.find(ref.toUpperCase())).toEqual({ kind: 'run', id: ref });
  expect(await world.operator.find(ticket.id)).toEqual({ kind: 'task', id: ticket.id, runId: ref });
});
