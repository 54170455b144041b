/**
 * The one helper that talks to Postgres at run time: single statements through postgres.js, each with a client-side
 * deadline. There are no client-side transactions: with this driver they corrupt data when a connection dies in the
 * middle (postgres.js issues 1204, 1208, 1216; docs/adr/0003). A query in a black hole never settles, whatever the
 * server's timeouts, so a call that misses its deadline ends its client and opens another.
 */
import postgres from 'postgres';

/** The statement may or may not have been executed: the connection or its answer was lost. */
export class OutcomeUnknown extends Error {
  override name = 'OutcomeUnknown';
}

/** Postgres said no and rolled back, but the same call may pass later (deadlock, read-only, disk full, shutting down). */
export class Transient extends Error {
  override name = 'Transient';
}

/** Postgres said no and rolled back, and will say so again. `code` is the SQLSTATE. */
export class Refused extends Error {
  override name = 'Refused';
  readonly code: string;
  readonly detail: string | undefined;
  readonly constraint: string | undefined;
  constructor(
    message: string,
    options: { code: string; detail?: string | undefined; constraint?: string | undefined; cause: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = options.code;
    this.detail = options.detail;
    this.constraint = options.constraint;
  }
}

export interface DatabaseOptions {
  /** Shown in pg_stat_activity. */
  name: string;
  max?: number;
  /** Client-side bound on one call, milliseconds. Above the server's statement_timeout, so that an ordinary timeout is told apart. */
  deadlineMs?: number;
  statementTimeoutMs?: number;
  lockTimeoutMs?: number;
}

/** How long a connection may take to be made. */
const CONNECT_MS = 5_000;

/** A typed parameter: everything travels as text and is cast in SQL, so that no driver guesses an encoding. */
export interface Param {
  sql(position: number): string;
  value: string | null;
}

const cast = (type: string, value: string | null): Param => ({ sql: (n) => `$${n}::text::${type}`, value });
export const text = (value: string | null): Param => cast('text', value);
export const uuid = (value: string | null): Param => cast('uuid', value);
export const int = (value: number | null): Param => cast('bigint', value === null ? null : String(Math.trunc(value)));
export const int4 = (value: number): Param => cast('int', String(Math.trunc(value)));
export const float8 = (value: number): Param => cast('float8', String(value));
export const bool = (value: boolean): Param => cast('boolean', value ? 'true' : 'false');
export const uuids = (values: readonly string[]): Param => cast('uuid[]', `{${values.join(',')}}`);
export const ints = (values: readonly number[]): Param => cast('int[]', `{${values.map(Math.trunc).join(',')}}`);
export const json = (value: unknown): Param => cast('jsonb', toJson(value));
export const texts = (values: readonly (string | null)[]): Param => ({
  sql: (n) =>
    `array(select e #>> '{}' from jsonb_array_elements($${n}::text::jsonb) with ordinality as x(e, i) order by i)`,
  value: toJson(values),
});

/** JSON that jsonb accepts: NUL and lone surrogates are legal in JavaScript strings and refused by Postgres. */
export function toJson(value: unknown): string {
  const plain = JSON.stringify(value ?? null);
  if (!/\\u(0000|d[89ab])/i.test(plain)) return plain;
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'string' ? inner.replaceAll('\u0000', '').toWellFormed() : inner,
  );
}

/**
 * A call that is alone always takes the same connection, whose plans and catalogue are warm in its backend; the others are
 * opened when there is work for them. (The driver's own pool takes turns, so that a fleet at rest keeps all of them.)
 */
interface Connections {
  readonly first: postgres.Sql;
  readonly others: postgres.Sql | null;
  /** Of the first, under way. */
  calls: number;
}

export class Database {
  readonly #url: string;
  readonly #options: Required<DatabaseOptions>;
  #connections: Connections;
  #openedAt = 0;
  /** The client that is used now has answered something: its connections were made. */
  #answered = false;
  #ended = false;

  constructor(url: string, options: DatabaseOptions) {
    this.#url = url;
    this.#options = { max: 4, deadlineMs: 20_000, statementTimeoutMs: 15_000, lockTimeoutMs: 10_000, ...options };
    this.#connections = this.#open();
  }

  #open(): Connections {
    this.#openedAt = performance.now();
    this.#answered = false;
    const { max } = this.#options;
    return { first: this.#client(1), others: max > 1 ? this.#client(max - 1) : null, calls: 0 };
  }

  #client(max: number): postgres.Sql {
    const { name, statementTimeoutMs, lockTimeoutMs } = this.#options;
    return postgres(this.#url, {
      max,
      connect_timeout: CONNECT_MS / 1_000,
      keep_alive: 15,
      idle_timeout: 0,
      max_lifetime: null,
      fetch_types: false,
      backoff: (retries: number) => Math.min(0.1 * 2 ** retries, 1),
      onnotice: () => {},
      connection: { application_name: name, statement_timeout: statementTimeoutMs, lock_timeout: lockTimeoutMs },
    });
  }

  /** Call a ledger function: `select reelfleet.<name>(…)`. Throws OutcomeUnknown, Transient or Refused. */
  async call<T>(name: string, ...params: Param[]): Promise<T> {
    const args = params.map((param, index) => param.sql(index + 1)).join(', ');
    const rows = await this.query<{ result: T }>(`select reelfleet.${name}(${args}) as result`, params);
    return (rows[0] as { result: T }).result;
  }

  /** Run one statement and return its rows. */
  async query<T extends object>(statement: string, params: readonly Param[] = []): Promise<T[]> {
    if (this.#ended) throw new OutcomeUnknown('database client is closed');
    const connections = this.#connections;
    const client = connections.calls === 0 ? connections.first : (connections.others ?? connections.first);
    if (client === connections.first) connections.calls += 1;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new OutcomeUnknown(`no answer from Postgres within ${this.#options.deadlineMs} ms`)),
        this.#options.deadlineMs,
      );
    });
    try {
      const values = params.map((param) => param.value);
      const rows = await Promise.race([
        client.unsafe(statement, values, { prepare: true }) as unknown as Promise<T[]>,
        late,
      ]);
      if (connections === this.#connections) this.#answered = true;
      return rows;
    } catch (error) {
      if (error instanceof OutcomeUnknown) this.#replace(connections);
      throw explain(error);
    } finally {
      if (client === connections.first) connections.calls -= 1;
      clearTimeout(timer);
    }
  }

  /** The driver has no way back from a connection that hangs; its other queries end with it as unknown. */
  #replace(connections: Connections): void {
    if (this.#connections !== connections || this.#ended) return;
    // A connection takes five times the round trips of a statement. One that is being made is left to be made: with a
    // deadline shorter than that (a beat's, over a slow wire), the next one would come no further.
    if (!this.#answered && performance.now() - this.#openedAt < CONNECT_MS) return;
    this.#connections = this.#open();
    void end(connections, 0);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await end(this.#connections, 2);
  }
}

async function end({ first, others }: Connections, timeout: number): Promise<void> {
  await Promise.all([first, others].map((client) => client?.end({ timeout }).catch(() => {})));
}

/** Sort what the driver throws into the three answers a caller can act on. */
export function explain(error: unknown): Error {
  if (error instanceof OutcomeUnknown || error instanceof Refused || error instanceof Transient) return error;
  if (!(error instanceof Error)) return new OutcomeUnknown(String(error));
  const { code, severity_local, detail, constraint_name } = error as Error & Record<string, string | undefined>;
  if (!code || !/^[0-9A-Z]{5}$/.test(code) || !severity_local)
    return new OutcomeUnknown(`Postgres cannot be reached: ${error.message}`, { cause: error });
  if (code.startsWith('57P0') || code.startsWith('08')) return new OutcomeUnknown(error.message, { cause: error });
  // Locks, resources, time-outs and a read-only moment pass; whatever else Postgres says, it will say again.
  if (!/^(40001|40P01|55P03|25006|53...|57014)$/.test(code))
    return new Refused(error.message, { code, detail, constraint: constraint_name, cause: error });
  return new Transient(error.message, { cause: error });
}
