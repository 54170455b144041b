/** Paid calls in the ledger: written down before they are sent, kept before they are used. */
import { randomUUID } from 'node:crypto';
import type { Ledger } from '@reelfleet/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database, uuid } from './client.ts';
import { openLedger, openOperatorLedger } from './ledger.ts';
import { bareRun, migratedDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
let db: Database;
let ledger: Ledger;
const worker = randomUUID();
const HASH = 'a'.repeat(64);

beforeAll(async () => {
  database = await migratedDatabase();
  db = new Database(database.url, { name: 'test' });
  ledger = openLedger(db, db);
  await ledger.hello({ id: worker, name: 'tester', type: 'local', capabilities: {}, metadata: {} });
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

/** A task that this worker holds, with its fence. */
async function held(): Promise<{ id: string; version: number; run: string }> {
  const [run, id] = [randomUUID(), randomUUID()];
  const task = { id, key: 'only', stage: 'moments', title: 'only', phase: 'p', position: 0, payload: {} };
  await openOperatorLedger(db).enqueue(
    [
      {
        run: bareRun(run),
        tasks: [{ ...task, optional: false, maxAttempts: 3, maxCrashes: 3 }],
        edges: [],
        before: [],
        after: [],
      },
    ],
    'test',
  );
  const [answer] = await ledger.claim(worker, 60_000, [{ id, version: 1, refusal: null }]);
  if (answer?.kind !== 'claimed') throw new Error('the task was not claimed');
  return { id, version: answer.task.version, run };
}
const call = (task: { id: string; version: number }, requestHash = HASH) => ({
  ...{ id: task.id, version: task.version, callId: randomUUID() },
  ...{ provider: 'openai', requestHash, request: { model: 'm', sound: 'x:1:0-10' } },
});
const rows = (task: { id: string }) =>
  db.query<Record<string, unknown>>(
    `select id, status, request, response, tokens_in, tokens_out, cost_usd::text as cost, completed_at is not null as ended
     from provider_calls where task_id = $1::text::uuid order by created_at`,
    [uuid(task.id)],
  );
const END = { tokensIn: 12, tokensOut: 34, costUsd: 0.0006 };

test('a call is written down before it is sent, and not at all by who has lost the task', async () => {
  const task = await held();
  expect(await ledger.beginCall(worker, call({ ...task, version: task.version - 1 }))).toBeNull();
  expect(await ledger.beginCall(randomUUID(), call(task))).toBeNull();
  expect(await rows(task)).toEqual([]);
  const first = call(task);
  expect(await ledger.beginCall(worker, first)).toEqual({ callId: first.callId, kept: null });
  expect(await rows(task)).toMatchObject([
    { id: first.callId, status: 'pending', request: first.request, ended: false },
  ]);
});

test('an equal request has the same call id at every try, another one its own', async () => {
  const task = await held();
  const first = await ledger.beginCall(worker, call(task));
  expect(await ledger.beginCall(worker, call(task))).toEqual(first);
  const other = await ledger.beginCall(worker, call(task, 'b'.repeat(64)));
  expect(other?.callId).not.toBe(first?.callId);
  const elsewhere = await ledger.beginCall(worker, call(await held()));
  expect(elsewhere?.callId).not.toBe(first?.callId);
});

test('an answer is kept with its tokens, the first one for good, also when the task is lost by now', async () => {
  const task = await held();
  const begun = await ledger.beginCall(worker, call(task));
  const callId = begun?.callId as string;
  await ledger.settle(worker, [{ id: task.id, version: task.version, event: 'release', delayMs: 0 }]);
  await ledger.endCall({ callId, response: { text: 'first' }, ...END });
  await ledger.endCall({ callId, response: { text: 'second' }, ...END });
  const [again] = await ledger.claim(worker, 60_000, [{ id: task.id, version: task.version + 1, refusal: null }]);
  expect(again).toMatchObject({ kind: 'claimed' });
  expect(await ledger.beginCall(worker, call({ ...task, version: task.version + 2 }))).toEqual({
    callId,
    kept: { response: { text: 'first' } },
  });
  expect(await rows(task)).toMatchObject([
    { status: 'completed', tokens_in: 12, tokens_out: 34, cost: '0.000600', ended: true },
  ]);
});

test('an answer of null is an answer', async () => {
  const task = await held();
  const begun = await ledger.beginCall(worker, call(task));
  const end = { callId: begun?.callId as string, response: null, tokensIn: null, tokensOut: null, costUsd: null };
  await ledger.endCall(end);
  expect((await ledger.beginCall(worker, call(task)))?.kept).toEqual({ response: null });
});

test('an answer of five megabytes is kept and read like any other', async () => {
  const task = await held();
  const begun = await ledger.beginCall(worker, call(task));
  const words = Array.from({ length: 80_000 }, (_, n) => ({ word: `wörd-${n}`, start: n / 3, end: n / 3 + 0.25 }));
  await ledger.endCall({ callId: begun?.callId as string, response: { words }, ...END });
  expect(JSON.stringify(words).length).toBeGreaterThan(5_000_000);
  expect((await ledger.beginCall(worker, call(task)))?.kept?.response).toEqual({ words });
});

test('two that begin the same call at once have the same one', async () => {
  const task = await held();
  const begun = await Promise.all(Array.from({ length: 8 }, () => ledger.beginCall(worker, call(task))));
  expect(new Set(begun.map((one) => one?.callId)).size).toBe(1);
  expect(await rows(task)).toHaveLength(1);
});

test('what was asked and answered goes with its task; what it cost stays', async () => {
  const task = await held();
  const begun = await ledger.beginCall(worker, call(task));
  await ledger.endCall({ callId: begun?.callId as string, response: { text: 'private' }, ...END });
  await db.query('delete from pipeline_runs where id = $1::text::uuid', [uuid(task.run)]);
  const left = await db.query(
    `select task_id, request, response, tokens_in, cost_usd::text as cost from provider_calls where id = $1::text::uuid`,
    [uuid(begun?.callId as string)],
  );
  expect(left).toEqual([{ task_id: null, request: null, response: null, tokens_in: 12, cost: '0.000600' }]);
  // An answer that comes even later finds nobody to keep it for.
  await ledger.endCall({ callId: begun?.callId as string, response: { text: 'late' }, ...END });
});
