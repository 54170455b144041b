/**
 * Runs as graphs: random shapes, outcomes, cancels and retries through the ledger. After every step the invariants
 * hold, the run's status is what `runStatus` says, and nothing that completed is ever done again.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type NewEdge, type NewTask, runStatus, type TaskStatus, type Ticket } from '@reelfleet/core';
import { brokenInvariants } from '@reelfleet/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database, openLedger, openOperatorLedger } from './index.ts';
import { bareRun, migratedDatabase, type TestDatabase } from './testing.ts';

const invariants = fileURLToPath(new URL('../../../tests/invariants.sql', import.meta.url));
let database: TestDatabase;
let db: Database;
const worker = randomUUID();

beforeAll(async () => {
  database = await migratedDatabase();
  db = new Database(database.url, { name: 'test' });
  await openLedger(db, db).hello({ id: worker, name: 'tester', type: 'local', capabilities: {}, metadata: {} });
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

const task = (key: string, optional = false, position = 0): NewTask => ({
  id: randomUUID(),
  key,
  stage: 'probe',
  title: key,
  phase: `phase ${position}`,
  position,
  payload: {},
  optional,
  maxAttempts: 2,
  maxCrashes: 2,
});
async function enqueue(tasks: NewTask[], edges: NewEdge[], extra: { idempotencyKey?: string } = {}) {
  const id = randomUUID();
  const answer = await openOperatorLedger(db).enqueue(
    [
      {
        run: bareRun(id, { idempotencyKey: extra.idempotencyKey ?? null, phase: 'phase 0' }),
        tasks,
        edges,
        before: [],
        after: [],
      },
    ],
    'test',
  );
  return { id, ...answer };
}
interface Row {
  id: string;
  key: string;
  status: TaskStatus;
  optional: boolean;
  state_version: number;
}
const rowsOf = (run: string) =>
  db.query<Row>(
    `select id, key, status, optional, state_version from tasks where run_id = '${run}' order by position, key`,
  );
async function statusOf(run: string) {
  const rows = await db.query<{ status: string; cancel: boolean; started: boolean; phase: string; open: number }>(
    `select status, cancel_requested_at is not null as cancel, started_at is not null as started, phase, open_tasks as open from pipeline_runs where id = '${run}'`,
  );
  return rows[0] as { status: string; cancel: boolean; started: boolean; phase: string; open: number };
}
async function expectSound(run: string): Promise<void> {
  const { status, cancel, started } = await statusOf(run);
  expect(status).toBe(runStatus(await rowsOf(run), { cancelRequested: cancel, claimedOnce: started }));
}

const shape = fc.integer({ min: 2, max: 6 }).chain((size) =>
  fc.record({
    size: fc.constant(size),
    optional: fc.array(fc.boolean(), { minLength: size, maxLength: size }),
    edges: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1), fc.constantFrom('hard' as const, 'soft' as const)), {
      maxLength: size * 2,
    }),
    fanOut: fc.record({ parent: fc.nat(size - 1), children: fc.nat(3) }),
    steps: fc.array(
      fc.record({
        do: fc.oneof(
          { weight: 8, arbitrary: fc.constant('work' as const) },
          { weight: 1, arbitrary: fc.constant('cancel-run' as const) },
          { weight: 1, arbitrary: fc.constant('cancel-task' as const) },
          { weight: 2, arbitrary: fc.constant('retry-run' as const) },
          { weight: 1, arbitrary: fc.constant('retry-task' as const) },
        ),
        pick: fc.nat(20),
        end: fc.oneof(
          { weight: 5, arbitrary: fc.constant('complete' as const) },
          { weight: 1, arbitrary: fc.constantFrom('fail' as const, 'retry' as const, 'release' as const) },
        ),
      }),
      { minLength: 4, maxLength: 30 },
    ),
  }),
);

test('whatever graph, outcomes, cancels and retries: statuses, needs and roll-up stay true and completed work stays done', {
  timeout: 240_000,
}, async () => {
  const ledger = openLedger(db, db);
  const operator = openOperatorLedger(db);
  await fc.assert(
    fc.asyncProperty(shape, async ({ size, optional, edges: wanted, fanOut, steps }) => {
      const keyOf = (index: number) => `n${index}`;
      const edges = new Map<string, NewEdge>();
      for (const [a, b, kind] of wanted) {
        if (a === b) continue;
        const [on, of] = a < b ? [a, b] : [b, a];
        edges.set(`${on}>${of}`, { task: keyOf(of), on: keyOf(on), kind });
      }
      const run = await enqueue(
        Array.from({ length: size }, (_, index) => task(keyOf(index), optional[index], index)),
        [...edges.values()],
      );
      const completed = new Set<string>();
      try {
        for (const step of steps) {
          const rows = await rowsOf(run.id);
          if (step.do === 'cancel-run') await operator.cancel('me', { runs: [run.id] });
          else if (step.do === 'retry-run') await operator.retry('me', { runs: [run.id] });
          else if (step.do === 'cancel-task' || step.do === 'retry-task') {
            const chosen = rows[step.pick % rows.length] as Row;
            const call = step.do === 'cancel-task' ? operator.cancel : operator.retry;
            await call('me', { tasks: [chosen.id] }).catch((error: Error) =>
              expect(error.message).toMatch(/cannot be retried alone/),
            );
          } else {
            const queued = rows.filter((row) => row.status === 'queued');
            const chosen = queued[step.pick % Math.max(1, queued.length)];
            if (!chosen) continue;
            await db.query(`update tasks set run_after = now() where id = '${chosen.id}'`);
            const [claim] = await ledger.claim(worker, 30_000, [
              { id: chosen.id, version: chosen.state_version, refusal: null },
            ]);
            expect(claim?.kind).toBe('claimed');
            expect(completed.has(chosen.id), 'completed work is not done again').toBe(false);
            const expands = step.end === 'complete' && chosen.key === keyOf(fanOut.parent);
            const children = expands
              ? Array.from({ length: fanOut.children }, (_, index) => task(`${chosen.key}/${index}`, false, size))
              : [];
            const last = keyOf(size - 1);
            const [answer] = await ledger.settle(worker, [
              {
                id: chosen.id,
                version: chosen.state_version + 1,
                event: step.end,
                code: 'x',
                message: 'x',
                delayMs: 0,
                output: {},
                children,
                edges: children.flatMap((child) => [
                  { task: child.key, on: chosen.key, kind: 'hard' as const },
                  ...(last === chosen.key ? [] : [{ task: last, on: child.key, kind: 'hard' as const }]),
                ]),
              },
            ]);
            if (answer?.status === 'completed') completed.add(chosen.id);
          }
          await expectSound(run.id);
          const broken = await brokenInvariants(database.url, invariants, { quiet: false });
          expect(broken).toEqual([]);
        }
      } finally {
        await db.query(`delete from pipeline_runs where id = '${run.id}'`);
      }
    }),
    { numRuns: Number(process.env.PROPERTY_RUNS ?? 40) },
  );
});

const work = async (ticket: Ticket, event: 'complete' | 'fail') => {
  const ledger = openLedger(db, db);
  await ledger.claim(worker, 30_000, [{ id: ticket.id, version: ticket.version, refusal: null }]);
  const [answer] = await ledger.settle(worker, [
    { id: ticket.id, version: ticket.version + 1, event, output: {}, code: 'x', message: 'no' },
  ]);
  return answer;
};

test('a soft need waits for any end, a hard one skips its dependants when it fails', async () => {
  const run = await enqueue(
    [task('a', true), task('soft', false, 1), task('hard', true, 1)],
    [
      { task: 'soft', on: 'a', kind: 'soft' },
      { task: 'hard', on: 'a', kind: 'hard' },
    ],
  );
  const answer = await work(run.tickets[0] as Ticket, 'fail');
  expect(answer?.tickets.map((ticket) => ticket.title)).toEqual(['soft']);
  await work(answer?.tickets[0] as Ticket, 'complete');
  expect((await rowsOf(run.id)).map((row) => `${row.key} ${row.status}`)).toEqual([
    'a failed',
    'hard skipped',
    'soft completed',
  ]);
  expect((await statusOf(run.id)).status).toBe('partial');
});

test('a task that waited softly for one that is cancelled is dispatched at once, with its ticket', async () => {
  const run = await enqueue([task('a', true), task('b', false, 1)], [{ task: 'b', on: 'a', kind: 'soft' }]);
  const answer = await openOperatorLedger(db).cancel('me', { tasks: [run.tickets[0]?.id as string] });
  expect(answer).toMatchObject({ cancelled: 1, tickets: [{ title: 'b', version: 2, dispatches: 1 }] });
});

test('children of a cancelled run are born cancelled and nothing behind them starts', async () => {
  const run = await enqueue([task('plan'), task('join', false, 2)], [{ task: 'join', on: 'plan', kind: 'hard' }]);
  const ledger = openLedger(db, db);
  const ticket = run.tickets[0] as Ticket;
  await ledger.claim(worker, 30_000, [{ id: ticket.id, version: 1, refusal: null }]);
  expect(await openOperatorLedger(db).cancel('me', { runs: [run.id] })).toEqual({
    cancelled: 1,
    asked: 1,
    tickets: [],
  });
  const [answer] = await ledger.settle(worker, [
    {
      id: ticket.id,
      version: 2,
      event: 'complete',
      output: {},
      children: [task('x/1', false, 1)],
      edges: [{ task: 'x/1', on: 'plan', kind: 'hard' }],
    },
  ]);
  expect(answer).toMatchObject({ status: 'completed', tickets: [] });
  expect((await rowsOf(run.id)).map((row) => `${row.key} ${row.status}`)).toEqual([
    'plan completed',
    'x/1 cancelled',
    'join cancelled',
  ]);
  expect((await statusOf(run.id)).status).toBe('cancelled');
});

test('the phase of a run is that of its first unfinished node', async () => {
  const run = await enqueue([task('a', false, 0), task('b', false, 1)], [{ task: 'b', on: 'a', kind: 'hard' }]);
  expect((await statusOf(run.id)).phase).toBe('phase 0');
  await work(run.tickets[0] as Ticket, 'complete');
  expect((await statusOf(run.id)).phase).toBe('phase 1');
});

test('fifty enqueues of one key at once make one run', async () => {
  const key = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => enqueue([task('a')], [], { idempotencyKey: key })),
  );
  expect(new Set(answers.map((answer) => answer.runs[0]?.runId)).size).toBe(1);
  expect(answers.filter((answer) => answer.runs[0]?.created)).toHaveLength(1);
  expect(answers.flatMap((answer) => answer.tickets)).toHaveLength(1);
});

test('two workers that settle the two needs of one task at the same moment unblock it exactly once', async () => {
  const ledger = openLedger(db, db);
  for (let round = 0; round < 20; round += 1) {
    const run = await enqueue(
      [task('a'), task('b'), task('join', false, 1)],
      [
        { task: 'join', on: 'a', kind: 'hard' },
        { task: 'join', on: 'b', kind: 'hard' },
      ],
    );
    await ledger.claim(
      worker,
      30_000,
      run.tickets.map((ticket) => ({ id: ticket.id, version: 1, refusal: null })),
    );
    const answers = await Promise.all(
      run.tickets.map((ticket) =>
        ledger.settle(worker, [{ id: ticket.id, version: 2, event: 'complete' as const, output: {} }]),
      ),
    );
    expect(answers.flatMap((answer) => answer[0]?.tickets.map((ticket) => ticket.title))).toEqual(['join']);
  }
});

test('a task whose need ended badly is not retried alone, where it would wait for ever', async () => {
  const run = await enqueue(
    [task('need', true), task('dependant', false, 1)],
    [{ task: 'dependant', on: 'need', kind: 'hard' }],
  );
  const operator = openOperatorLedger(db);
  await operator.cancel('me', { runs: [run.id] });
  const dependant = (await rowsOf(run.id)).find((row) => row.key === 'dependant') as Row;
  await expect(operator.retry('me', { tasks: [dependant.id] })).rejects.toThrow(
    'task dependant cannot be retried alone, because need before it is cancelled: retry need, or the whole run',
  );
  expect((await operator.retry('me', { runs: [run.id] })).retried).toBe(2);
  await expectSound(run.id);
});

test('a child born behind an optional need that had failed before is skipped, not left waiting', async () => {
  const run = await enqueue([task('optional', true), task('plan')], []);
  const [optional, plan] = run.tickets as [Ticket, Ticket];
  await work(optional, 'fail');
  const ledger = openLedger(db, db);
  await ledger.claim(worker, 30_000, [{ id: plan.id, version: 1, refusal: null }]);
  await ledger.settle(worker, [
    {
      id: plan.id,
      version: 2,
      event: 'complete',
      output: {},
      children: [task('child/1', false, 1)],
      edges: [
        { task: 'child/1', on: 'plan', kind: 'hard' },
        { task: 'child/1', on: 'optional', kind: 'hard' },
      ],
    },
  ]);
  expect((await rowsOf(run.id)).find((row) => row.key === 'child/1')?.status).toBe('skipped');
  expect((await statusOf(run.id)).status).toBe('partial');
});

test('of two failed needs each can be retried alone, and what hangs on both follows when both are', async () => {
  const run = await enqueue(
    [task('a'), task('b'), task('join', false, 1)],
    [
      { task: 'join', on: 'a', kind: 'hard' },
      { task: 'join', on: 'b', kind: 'hard' },
    ],
  );
  for (const ticket of run.tickets) await work(ticket, 'fail');
  const operator = openOperatorLedger(db);
  const idOf = async (key: string) => (await rowsOf(run.id)).find((row) => row.key === key)?.id as string;
  expect((await operator.retry('me', { tasks: [await idOf('a')] })).retried).toBe(1);
  await expectSound(run.id);
  expect((await operator.retry('me', { tasks: [await idOf('b')] })).retried).toBe(2);
  expect((await rowsOf(run.id)).map((row) => `${row.key} ${row.status}`)).toEqual([
    'a queued',
    'b queued',
    'join blocked',
  ]);
  await expectSound(run.id);
});

test('a run is not retried while its cancelled work is still stopping', async () => {
  const run = await enqueue([task('a'), task('b')], []);
  const ledger = openLedger(db, db);
  const first = run.tickets[0] as Ticket;
  await ledger.claim(worker, 30_000, [{ id: first.id, version: 1, refusal: null }]);
  const operator = openOperatorLedger(db);
  await operator.cancel('anna', { runs: [run.id] });
  await expect(operator.retry('me', { runs: [run.id] })).rejects.toThrow(/is still stopping after the cancel/);
  await ledger.settle(worker, [{ id: first.id, version: 2, event: 'cancel' }]);
  expect((await operator.retry('me', { runs: [run.id] })).retried).toBe(2);
});
