import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { freshDatabase } from './database.ts';

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

function schemaOnce() {
  const hash = `selftest_${Math.random().toString(36).slice(2)}`;
  let migrated = 0;
  return {
    count: () => migrated,
    schema: {
      hash,
      async migrate(url: string) {
        migrated++;
        await query(url, 'create table notes (text text)');
      },
    },
  };
}

describe('freshDatabase', () => {
  it('gives every caller a migrated database of its own, and migrates once for all of them', async () => {
    const { schema, count } = schemaOnce();
    const [one, two, three] = await Promise.all([freshDatabase(schema), freshDatabase(schema), freshDatabase(schema)]);
    await query(one.url, `insert into notes values ('mine')`);
    expect(await query(two.url, 'select * from notes')).toEqual([]);
    expect(count()).toBe(1);
    await Promise.all([one.drop(), two.drop(), three.drop()]);
  });

  it('drops a database somebody is still connected to, and does not mind a second drop', async () => {
    const database = await freshDatabase();
    const client = new pg.Client({ connectionString: database.url });
    const cut = new Promise((done) => client.on('error', done)); // pg reports the cut twice
    await client.connect();
    await database.drop();
    await cut;
    await database.drop();
    await expect(query(database.url, 'select 1')).rejects.toThrow('does not exist');
  });

  it('makes the template anew when an earlier migration failed half way', async () => {
    const { schema } = schemaOnce();
    const broken = { ...schema, migrate: () => Promise.reject(new Error('half way')) };
    await expect(freshDatabase(broken)).rejects.toThrow('half way');
    const database = await freshDatabase(schema);
    expect(await query(database.url, 'select * from notes')).toEqual([]);
    await database.drop();
  });
});
