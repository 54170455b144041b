/**
 * What one would write first: BullMQ carries the work, a table `tasks` holds its state under a version, and each change is
 * a fenced update and an audit row in one transaction. Two of them per job, one before the handler and one after, each
 * BEGIN, UPDATE, INSERT, COMMIT from a pool. No leases, no heartbeat, no sweep, no pipeline: only what it takes to have the
 * same rows. It keeps fewer promises than the ledger does, so it is flattered here.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { openBullQueue, openBullWorker, prepareBullmq } from './bullmq.ts';
import { bulks, type Contender, now, type Place } from './contender.ts';

interface Ticket {
  id: string;
  version: number;
  key: number;
}

/** pg's own default. 40 clients took no less CPU per job on two cores. */
const POOL = 10;

const openPool = (place: Place) => new pg.Pool({ connectionString: place.databaseUrl, max: POOL });

async function transaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** One change of status: fenced, with its audit row. Answers with the new version. */
function change(pool: pg.Pool, { id, version }: Omit<Ticket, 'key'>, from: string, to: string): Promise<number> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<{ state_version: number }>(
      `UPDATE tasks SET status = $3, state_version = state_version + 1, updated_at = now()
       WHERE id = $1 AND state_version = $2 AND status = $4 RETURNING state_version`,
      [id, version, to, from],
    );
    const row = rows[0];
    if (!row) throw new Error('the task belongs to somebody else');
    await client.query(
      `INSERT INTO task_audit (task_id, actor, action, state_before, state_after, state_version)
       VALUES ($1, 'worker', $2, $3, $4, $5)`,
      [id, to, { status: from }, { status: to }, row.state_version],
    );
    return row.state_version;
  });
}

async function insert(pool: pg.Pool, ids: readonly string[]): Promise<void> {
  await transaction(pool, async (client) => {
    await client.query(`INSERT INTO tasks (id, payload) SELECT id, '{}' FROM unnest($1::uuid[]) AS new(id)`, [ids]);
    await client.query(
      `INSERT INTO task_audit (task_id, actor, action, state_after, state_version)
       SELECT id, 'operator', 'create', '{"status": "queued"}', 1 FROM unnest($1::uuid[]) AS new(id)`,
      [ids],
    );
  });
}

export const contender: Contender = {
  async prepare(place) {
    await prepareBullmq(place);
    const pool = openPool(place);
    await pool.query(`
      CREATE TABLE tasks (
        id uuid PRIMARY KEY, status text NOT NULL DEFAULT 'queued', state_version int NOT NULL DEFAULT 1,
        payload jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
      CREATE INDEX ON tasks (status);
      CREATE TABLE task_audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, task_id uuid NOT NULL REFERENCES tasks, actor text NOT NULL,
        action text NOT NULL, state_before jsonb, state_after jsonb, state_version int NOT NULL,
        timestamp timestamptz NOT NULL DEFAULT now());
      CREATE INDEX ON task_audit (task_id)`);
    await pool.end();
  },

  async produce(place) {
    const pool = openPool(place);
    const queue = openBullQueue(place);
    return {
      async enqueue(count) {
        for (const size of bulks(count)) {
          const ids = Array.from({ length: size }, () => randomUUID());
          await insert(pool, ids);
          await queue.addBulk(ids.map((id): Ticket => ({ id, version: 1, key: 0 })));
        }
      },
      async one(key) {
        const id = randomUUID();
        await insert(pool, [id]);
        const written = now();
        await queue.add({ id, version: 1, key } satisfies Ticket);
        return written;
      },
      async close() {
        await queue.close();
        await pool.end();
      },
    };
  },

  async consume(place, hooks) {
    const pool = openPool(place);
    const worker = await openBullWorker<Ticket>(
      place,
      async ({ id, version, key }) => {
        const running = await change(pool, { id, version }, 'queued', 'running');
        hooks.started(key);
        await change(pool, { id, version: running }, 'running', 'completed');
      },
      hooks.finished,
    );
    return {
      async close() {
        await worker.close();
        await pool.end();
      },
    };
  },
};
