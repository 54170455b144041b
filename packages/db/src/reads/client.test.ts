import { UserError } from '@reelfleet/core';
import { startTcpProxy } from '@reelfleet/testkit';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { OutcomeUnknown } from '../client.ts';
import { migratedDatabase, type TestDatabase } from '../testing.ts';
import { causeOf, listChannels, listRuns, openReads, spoken } from './index.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await migratedDatabase();
});
afterAll(() => database.drop());

test('the handle refuses transactions', async () => {
  const { db, end } = openReads(database.url, { name: 'test' });
  await expect(db.transaction(async () => {})).rejects.toThrow(/not supported/);
  await end();
});

test('times, JSON and big numbers come back as they were stored', async () => {
  const { db, end } = openReads(database.url, { name: 'test' });
  const [row] = await db.execute<Record<string, unknown>>(
    sql`select ${'2026-01-02T03:04:05.678Z'}::timestamptz as at, ${'{"a": "1"}'}::jsonb as j`,
  );
  expect(row).toEqual({ at: '2026-01-02 03:04:05.678+00', j: '{"a": "1"}' });
  await end();
});

test('a read whose connection was cut is made again; one in a black hole ends at its deadline, and the next one works', async () => {
  const proxy = await startTcpProxy(database.url);
  const { db, end } = openReads(proxy.url, { name: 'test', max: 1, deadlineMs: 700 });
  expect(await listRuns(db, { limit: 1 })).toEqual([]);
  proxy.cut();
  expect(await listRuns(db, { limit: 1 })).toEqual([]);
  proxy.hang();
  const failure = await listChannels(db).catch(causeOf);
  expect(failure).toBeInstanceOf(OutcomeUnknown);
  proxy.heal();
  expect(await listChannels(db)).toEqual([]);
  await end();
});

test('a database that is not there is one sentence without the statement', async () => {
  const { db, end } = openReads('postgres://nobody@127.0.0.1:9/none', { name: 'test' });
  const failure = await spoken(listChannels(db)).catch((error) => error);
  expect(failure).toBeInstanceOf(UserError);
  expect(failure.message).toMatch(/^the database did not answer \(.*ECONNREFUSED.*\): check DATABASE_URL/);
  expect(failure.message).not.toContain('select');
  await end();
});
