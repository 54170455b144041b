import { startTcpProxy, until } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { Database } from './client.ts';
import { migratedDatabase } from './testing.ts';

test('over a wire so slow that a deadline passes before a connection is made, the connection is made all the same', async () => {
  const database = await migratedDatabase();
  const proxy = await startTcpProxy(database.url);
  const db = new Database(proxy.url, { name: 'slow', max: 1, deadlineMs: 500 });
  try {
    await db.query('select 1');
    // A statement takes 200 ms or 400 from now on, a connection takes a second.
    proxy.delay(100);
    proxy.cut();
    const rows = await until(() => db.query<{ n: number }>('select 7 as n'), { what: 'an answer', timeoutMs: 8_000 });
    expect(rows).toEqual([{ n: 7 }]);
  } finally {
    proxy.heal();
    await db.end();
    await database.drop();
  }
});

test('a wire that goes silent costs its connections: the next statement has new ones', async () => {
  const database = await migratedDatabase();
  const proxy = await startTcpProxy(database.url);
  const db = new Database(proxy.url, { name: 'silent', max: 1, deadlineMs: 300 });
  try {
    await db.query('select 1');
    proxy.halfOpen();
    await expect(db.query('select 2')).rejects.toThrow('no answer from Postgres within 300 ms');
    const rows = await until(() => db.query<{ n: number }>('select 3 as n'), { what: 'an answer', timeoutMs: 5_000 });
    expect(rows).toEqual([{ n: 3 }]);
  } finally {
    proxy.heal();
    await db.end();
    await database.drop();
  }
});
