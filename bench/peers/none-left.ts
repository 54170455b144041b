/** For contenders that tell of a job's end before it is written: waits until the database says so too. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Place } from '../contenders/contender.ts';

/** Asks every 10 ms, over one connection, until `query` gives no row. */
export async function noneLeft(place: Place, query: string): Promise<void> {
  const client = new pg.Client({ connectionString: place.databaseUrl });
  await client.connect();
  try {
    while ((await client.query(query)).rows.length > 0) await sleep(10);
  } finally {
    await client.end();
  }
}
