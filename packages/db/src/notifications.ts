/** Whether BullMQ's Postgres backend can be heard of new tickets on this address. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import pg from 'pg';

const PATIENCE_MS = 2_000;

/** Listens over one connection, notifies over another. Throws what the connections throw. */
export async function hearsNotifications(databaseUrl: string): Promise<boolean> {
  const open = async () => {
    const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    await client.connect();
    return client;
  };
  const listener = await open();
  try {
    const speaker = await open();
    try {
      const channel = `reelfleet-doctor-${randomUUID()}`;
      await listener.query(`listen "${channel}"`);
      const heard = once(listener, 'notification', { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
        () => true,
        () => false,
      );
      await speaker.query('select pg_notify($1, $2)', [channel, '']);
      return await heard;
    } finally {
      await speaker.end();
    }
  } finally {
    await listener.end();
  }
}
