/**
 * The state machine stands twice: `decide` in core and `next_status` with the ledger functions in SQL. These tests hold
 * the two equal, over every combination and over random lives of a task, and see that nothing gets past the guard.
 */
import { randomUUID } from 'node:crypto';
import {
  decide,
  nextStatus,
  type TaskEvent,
  type TaskState,
  type TaskStatus,
  taskEvents,
  taskStatuses,
} from '@reelfleet/core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database, json, openLedger, openOperatorLedger, openSweepLedger, text, uuid } from './index.ts';
import { bareRun, migratedDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let db: Database;
const worker = randomUUID();

beforeAll(async () => {
  database = await migratedDatabase();
  db = new Database(database.url, { name: 'test' });
  await openLedger(db, db).hello({ id: worker, name: 'tester', type: 'local', capabilities: {}, metadata: {} });
  await db.query(`update sweep_turn set since = now() - interval '1 hour'`);
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

const newTask = (id: string) => ({
  id,
  key: 'only',
  stage: 'probe',
  title: 'only',
  phase: 'p',
  position: 0,
  payload: {},
  optional: false,
  maxAttempts: 3,
  maxCrashes: 3,
});
async function enqueueOne(): Promise<string> {
  const runId = randomUUID();
  const taskId = randomUUID();
  await openOperatorLedger(db).enqueue(
    [
      {
        run: bareRun(runId),
        tasks: [newTask(taskId)],
        edges: [],
        before: [],
        after: [],
      },
    ],
    'test',
  );
  return taskId;
}

async function stateOf(id: string): Promise<TaskState> {
  const rows = await db.query<{ state: TaskState }>(
    `select jsonb_build_object('status', status, 'stateVersion', state_version, 'attemptNumber', attempt_number, 'failures', failures,
       'maxAttempts', max_attempts, 'crashes', crashes, 'maxCrashes', max_crashes, 'pendingDeps', pending_deps,
       'cancelRequested', cancel_requested_at is not null) as state from tasks where id = $1::text::uuid`,
    [uuid(id)],
  );
  return (rows[0] as { state: TaskState }).state;
}

test('decide and next_status agree on every status, event, budget, need and cancel request', async () => {
  const cases: { state: TaskState; event: TaskEvent; wish: 'completed' | 'failed' | null }[] = [];
  for (const status of taskStatuses)
    for (const event of taskEvents)
      for (const failures of [0, 2])
        for (const crashes of [0, 2])
          for (const pendingDeps of [0, 1])
            for (const cancelRequested of [false, true])
              for (const wish of [null, 'completed', 'failed'] as const)
                cases.push({
                  state: {
                    status,
                    stateVersion: 1,
                    attemptNumber: 0,
                    failures,
                    maxAttempts: 3,
                    crashes,
                    maxCrashes: 3,
                    pendingDeps,
                    cancelRequested,
                  },
                  event,
                  wish,
                });
  const rows = await db.query<{ next: TaskStatus | null }>(
    `select reelfleet.next_status(c->'state'->>'status', c->>'event', (c->'state'->>'failures')::int, 3, (c->'state'->>'crashes')::int, 3,
       (c->'state'->>'pendingDeps')::int, (c->'state'->>'cancelRequested')::boolean, c->>'wish') as next
     from jsonb_array_elements($1::text::jsonb) with ordinality as x(c, n) order by n`,
    [json(cases)],
  );
  expect(rows).toHaveLength(cases.length);
  const differing = cases.filter(
    (one, index) => nextStatus(one.state, one.event, one.wish ?? undefined) !== rows[index]?.next,
  );
  expect(differing).toEqual([]);
});

test('no statement typed by hand gets a task past the guard, whatever status and event it claims', async () => {
  const accepted: string[] = [];
  for (const status of taskStatuses) {
    for (const event of taskEvents) {
      const id = await enqueueOne();
      // Straight from queued: only the arrows of the machine that start there may pass.
      const claim =
        status === 'running' ? `, worker_id = '${worker}', claimed_at = now(), claim_expires_at = now()` : '';
      await db
        .query(
          `update tasks set status = '${status}', last_event = '${event}', updated_by = 'hand', state_version = state_version + 1${claim} where id = '${id}'`,
        )
        .then(() => accepted.push(`${event}: queued → ${status}`))
        .catch((error: Error) => expect(error.message).toMatch(/no arrow leads a task from queued/));
    }
    const id = await enqueueOne();
    if (status !== 'queued')
      await expect(db.query(`update tasks set status = '${status}' where id = '${id}'`)).rejects.toThrow();
    await expect(db.query(`update tasks set state_version = state_version + 1 where id = '${id}'`)).rejects.toThrow(
      /no arrow/,
    );
    await expect(
      db.query(
        `update tasks set state_version = state_version + 2, status = 'cancelled', last_event = 'cancel' where id = '${id}'`,
      ),
    ).rejects.toThrow(/no arrow/);
  }
  expect(accepted.sort()).toEqual(['cancel: queued → cancelled', 'claim: queued → running', 'skip: queued → skipped']);
});

test('a task cannot be born anywhere but blocked, queued or skipped at version 1', async () => {
  const id = await enqueueOne();
  const run = (await db.query<{ run_id: string }>(`select run_id from tasks where id = '${id}'`))[0]?.run_id;
  for (const [status, version] of [
    ['completed', 1],
    ['cancelled', 1],
    ['failed', 1],
    ['waiting', 1],
    ['queued', 2],
  ] as const)
    await expect(
      db.query(
        `insert into tasks (id, run_id, key, stage, status, state_version) values (gen_random_uuid(), '${run}', 'x', 'probe', '${status}', ${version})`,
      ),
    ).rejects.toThrow(/created blocked, queued or skipped at version 1/);
});

describe('random lives of one task', () => {
  const actions = [
    'claim',
    'complete',
    'fail',
    'park',
    'retry',
    'release',
    'expire',
    'resolve-completed',
    'resolve-failed',
    'ask-cancel',
    'cancel',
    'operator_retry',
    'stale-complete',
  ] as const;
  type Action = (typeof actions)[number];

  /** The model: what an action does, in terms of decide. */
  function model(state: TaskState, action: Action): TaskState {
    switch (action) {
      case 'ask-cancel':
        if (state.status === 'running') return { ...state, cancelRequested: true };
        return decide(state, 'cancel') === null
          ? state
          : { ...(decide(state, 'cancel') as TaskState), cancelRequested: true };
      case 'resolve-completed':
        return decide(state, 'resolve', 'completed') ?? state;
      case 'resolve-failed':
        return decide(state, 'resolve', 'failed') ?? state;
      case 'cancel':
        return state.status === 'running' ? (decide(state, 'cancel') as TaskState) : state;
      case 'stale-complete':
        return state;
      default:
        return decide(state, action) ?? state;
    }
  }

  async function perform(id: string, state: TaskState, action: Action): Promise<void> {
    const ledger = openLedger(db, db);
    const operator = openOperatorLedger(db);
    const item = { id, version: state.stateVersion };
    switch (action) {
      case 'claim':
        await db.query(`update tasks set run_after = now() where id = '${id}'`);
        await ledger.claim(worker, 30_000, [{ ...item, refusal: null }]);
        return;
      case 'complete':
        await ledger.settle(worker, [{ ...item, event: 'complete', output: { done: true } }]);
        return;
      case 'stale-complete':
        await ledger.settle(worker, [
          { ...item, version: state.stateVersion - 1, event: 'complete', output: { done: true } },
        ]);
        return;
      case 'fail':
      case 'retry':
      case 'release':
        await ledger.settle(worker, [{ ...item, event: action, code: 'x', message: 'because', delayMs: 10 }]);
        return;
      case 'park':
        await ledger.settle(worker, [{ ...item, event: 'park', output: { ask: 1 } }]);
        return;
      case 'cancel':
        await ledger.settle(worker, [{ ...item, event: 'cancel' }]);
        return;
      case 'expire':
        await db.query(
          `update tasks set claim_expires_at = now() - interval '1 second' where id = '${id}' and status = 'running'`,
        );
        await openSweepLedger(db).expire('sweeper', 1, 100);
        return;
      case 'resolve-completed':
      case 'resolve-failed':
        await operator.resolve('reviewer', {
          ...item,
          wish: action === 'resolve-completed' ? 'completed' : 'failed',
          output: { ok: 1 },
        });
        return;
      case 'ask-cancel':
        await operator.cancel('me', { tasks: [id] });
        return;
      case 'operator_retry':
        await operator.retry('me', { tasks: [id] });
        return;
      default:
        action satisfies never;
    }
  }

  test('Postgres and decide give the same answer after every action, and the audit trail has no gap', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...actions), { minLength: 5, maxLength: 25 }), async (sequence) => {
        const id = await enqueueOne();
        let expected = await stateOf(id);
        for (const action of sequence) {
          await perform(id, expected, action);
          expected = model(expected, action);
          expect(await stateOf(id), `after ${action}`).toEqual(expected);
        }
        const trail = await db.query<{ n: number; last: string }>(
          `select count(*)::int as n, (array_agg(state_after->>'status' order by state_version desc))[1] as last from task_audit where task_id = '${id}'`,
        );
        expect(trail[0]).toEqual({ n: expected.stateVersion, last: expected.status });
      }),
      { numRuns: Number(process.env.PROPERTY_RUNS ?? 60) },
    );
  });
});

test('text that jsonb refuses (NUL, lone surrogates) is cleaned instead of failing the task', async () => {
  const id = await enqueueOne();
  const ledger = openLedger(db, db);
  await ledger.claim(worker, 30_000, [{ id, version: 1, refusal: null }]);
  const [answer] = await ledger.settle(worker, [
    { id, version: 2, event: 'complete', output: { text: 'a\u0000b\ud800c' } },
  ]);
  expect(answer?.status).toBe('completed');
  const rows = await db.query<{ output: { text: string } }>(`select output from tasks where id = '${id}'`);
  expect(rows[0]?.output.text).toBe('ab\ufffdc');
});

test('an item the ledger refuses ends as a failure of its own and does not hold up its batch', async () => {
  const ids = [await enqueueOne(), await enqueueOne(), await enqueueOne()];
  const ledger = openLedger(db, db);
  await ledger.claim(
    worker,
    30_000,
    ids.map((id) => ({ id, version: 1, refusal: null })),
  );
  const answers = await ledger.settle(
    worker,
    ids.map((id, index) => ({
      id,
      version: 2,
      event: 'complete' as const,
      output: {},
      records: index === 1 ? [{ op: 'insert' as const, table: 'audio_tracks', values: { order_index: 99 } }] : [],
    })),
  );
  expect(answers.map((answer) => answer.status)).toEqual(['completed', 'failed', 'completed']);
  const rows = await db.query<{ last_error: string }>(`select last_error from tasks where id = '${ids[1]}'`);
  expect(rows[0]?.last_error).toMatch(/ledger refused the result/);
});

test('a recorder can write only the tables it is allowed', async () => {
  const id = await enqueueOne();
  const ledger = openLedger(db, db);
  await ledger.claim(worker, 30_000, [{ id, version: 1, refusal: null }]);
  const [answer] = await ledger.settle(worker, [
    {
      id,
      version: 2,
      event: 'complete',
      output: {},
      records: [{ op: 'delete', table: 'task_audit', key: ['task_id'], values: { task_id: id } }],
    },
  ]);
  expect(answer?.status).toBe('failed');
  const gone = await db.query<{ n: number }>(`select count(*)::int as n from task_audit where task_id = '${id}'`);
  expect(gone[0]?.n).toBe(3);
});

test('the actor of every event is in the trail', async () => {
  const id = await enqueueOne();
  const ledger = openLedger(db, db);
  await ledger.claim(worker, 30_000, [{ id, version: 1, refusal: null }]);
  await ledger.settle(worker, [{ id, version: 2, event: 'fail', code: 'x', message: 'no' }]);
  await openOperatorLedger(db).retry('anna', { tasks: [id] });
  const trail = await db.query<{ actor: string; action: string }>(
    `select actor, action from task_audit where task_id = '${id}' order by state_version`,
  );
  expect(trail).toEqual([
    { actor: 'test', action: 'create' },
    { actor: worker, action: 'claim' },
    { actor: worker, action: 'fail' },
    { actor: 'anna', action: 'operator_retry' },
  ]);
  expect(await db.call('happened', text(worker), json([{ id, version: 2, event: 'fail' }]))).toEqual({
    [id]: 'failed',
  });
});

test('what Postgres will refuse for ever is not repeated for ever, whatever its class of error', async () => {
  const [bad, good] = [await enqueueOne(), await enqueueOne()];
  const ledger = openLedger(db, db);
  await ledger.claim(
    worker,
    30_000,
    [bad, good].map((id) => ({ id, version: 1, refusal: null })),
  );
  const words = Array.from({ length: 130_000 }, (_, index) => `word${index.toString(36)}x${index}`).join(' ');
  const video = randomUUID();
  await db.query(`insert into videos (id, identifier, title) values ('${video}', '${video}', 'x')`);
  const [refused, kept] = await ledger.settle(worker, [
    {
      id: bad,
      version: 2,
      event: 'complete',
      output: {},
      records: [
        {
          op: 'insert',
          table: 'transcripts',
          values: { video_id: video, full_text: words, word_timestamps: [], segment_timestamps: [] },
        },
      ],
    },
    { id: good, version: 2, event: 'complete', output: {} },
  ]);
  expect([refused?.status, kept?.status]).toEqual(['failed', 'completed']);
});
