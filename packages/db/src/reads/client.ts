/**
 * The handle for reading, through drizzle: a client of its own, because the ledger's and drizzle's ways of encoding
 * values must never meet on one. Every statement has a client-side deadline, as in ../client.ts, and a client that
 * misses it is replaced. Transactions are refused by construction: the handle sends single statements only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DrizzleQueryError } from 'drizzle-orm';
import { drizzle, type PgRemoteDatabase } from 'drizzle-orm/pg-proxy';
import postgres from 'postgres';
import { type DatabaseOptions, explain, OutcomeUnknown } from '../client.ts';
import { inWords } from '../ledger.ts';

/** What the functions of this folder take. */
export type ReadHandle = PgRemoteDatabase;

export interface Reads {
  readonly db: ReadHandle;
  end(): Promise<void>;
}

/** Types that drizzle wants as Postgres writes them: timestamps with their microseconds, JSON unparsed. */
const AS_TEXT = [1184, 1082, 1083, 1114, 1182, 1185, 1115, 1231, 114, 3802];
/** A connection may have died while it was idle; reading again is harmless. */
const WAITS_MS = [100, 400];

class LateAnswer extends OutcomeUnknown {}

/** Open the handle. Connects with the first statement; call `end` when done. */
export function openReads(url: string, options: DatabaseOptions): Reads {
  const { name, max, deadlineMs, statementTimeoutMs, lockTimeoutMs } = {
    max: 2,
    deadlineMs: 20_000,
    statementTimeoutMs: 15_000,
    lockTimeoutMs: 10_000,
    ...options,
  };
  const open = (): postgres.Sql => {
    const client = postgres(url, {
      max,
      connect_timeout: 5,
      keep_alive: 15,
      idle_timeout: 0,
      max_lifetime: null,
      fetch_types: false,
      backoff: (retries: number) => Math.min(0.1 * 2 ** retries, 1),
      onnotice: () => {},
      connection: {
        application_name: name,
        TimeZone: 'UTC',
        statement_timeout: statementTimeoutMs,
        lock_timeout: lockTimeoutMs,
      },
    });
    for (const type of AS_TEXT) {
      client.options.parsers[type] = (value: unknown) => value;
      client.options.serializers[type] = (value: unknown) => value;
    }
    return client;
  };
  let sql = open();
  let ended = false;

  async function once(statement: string, values: unknown[], asArrays: boolean): Promise<unknown[]> {
    if (ended) throw new LateAnswer('database client is closed');
    const client = sql;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      // Made when it is needed: an error costs as much as the read.
      const tell = () => reject(new LateAnswer(`no answer from Postgres within ${deadlineMs} ms`));
      timer = setTimeout(tell, deadlineMs);
    });
    try {
      // Prepared: planning costs more than most of these reads do.
      const query = client.unsafe(statement, values as never[], { prepare: true });
      return await Promise.race([(asArrays ? query.values() : query) as unknown as Promise<unknown[]>, late]);
    } catch (error) {
      // The driver has no way back from a connection that hangs.
      if (error instanceof LateAnswer && sql === client && !ended) {
        sql = open();
        client.end({ timeout: 0 }).catch(() => {});
      }
      throw explain(error);
    } finally {
      clearTimeout(timer);
    }
  }

  const db = drizzle(async (statement, values, method) => {
    const reading = /^\s*(select|with)\b/i.test(statement);
    for (let tries = 0; ; tries++) {
      try {
        return { rows: await once(statement, values, method === 'all') };
      } catch (error) {
        const wait = reading ? WAITS_MS[tries] : undefined;
        if (wait === undefined || error instanceof LateAnswer || !(error instanceof OutcomeUnknown)) throw error;
        await sleep(wait);
      }
    }
  });

  return {
    db,
    async end() {
      ended = true;
      await sql.end({ timeout: 2 }).catch(() => {});
    },
  };
}

/** What was really wrong: drizzle wraps errors in one that repeats the statement and its values, which nobody should read. */
export const causeOf = (error: unknown): unknown =>
  error instanceof DrizzleQueryError ? (error.cause ?? error) : error;

/** Answer of a function of this folder, its errors as sentences for people where there is one. */
export async function spoken<T>(work: PromiseLike<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw inWords(causeOf(error));
  }
}
