/**
 * Plans of the statements inside a function, as Postgres made and executed them: its auto_explain, loaded into one session,
 * sends the plan of every nested statement as a notice. The session stands in for the product's database client, so that
 * the calls explained are those the product makes.
 */
import type { Database, Param } from '@reelfleet/db';
import pg from 'pg';

/** One statement of a function, with the plan of its first execution. */
export interface ExplainedStatement {
  readonly sql: string;
  readonly plan: readonly string[];
  /** How often it was executed within the call, and the sums over these executions. */
  readonly times: number;
  readonly ms: number;
  readonly buffers: number;
}

export interface Explainer {
  /** To be handed to the ledger's adapters. */
  readonly db: Database;
  /** The statements that `work` executes inside the functions it calls, in the order in which they ended. */
  explain(work: () => Promise<unknown>): Promise<ExplainedStatement[]>;
  close(): Promise<void>;
}

const SETTINGS = {
  log_min_duration: '0',
  log_nested_statements: 'on',
  log_analyze: 'on',
  log_buffers: 'on',
  // Clock calls per row would be most of what is timed.
  log_timing: 'off',
  log_triggers: 'on',
  log_format: 'text',
  log_level: 'notice',
  log_parameter_max_length: '0',
};

/** Throws when the server has no auto_explain, or this user may not load it. */
export async function openExplainer(url: string): Promise<Explainer> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query("load 'auto_explain'");
  } catch (cause) {
    await client.end();
    throw new Error(
      'the plans need the module auto_explain and a superuser to load it: leave TEST_DATABASE_URL unset, so that the embedded Postgres is used',
      { cause },
    );
  }
  const notices: string[] = [];
  client.on('notice', ({ message }) => void (message && notices.push(message)));

  const query = async (statement: string, params: readonly Param[] = []) =>
    (
      await client.query(
        statement,
        params.map(({ value }) => value),
      )
    ).rows;
  // What the adapters use of a Database: these two, without its deadlines.
  const db = {
    query,
    async call(name: string, ...params: Param[]) {
      const list = params.map((param, index) => param.sql(index + 1)).join(', ');
      return (await query(`select reelfleet.${name}(${list}) as result`, params))[0]?.result;
    },
  } as unknown as Database;

  const set = async (min: string) => void (await client.query(`set auto_explain.log_min_duration = ${min}`));
  for (const [name, value] of Object.entries(SETTINGS)) await client.query(`set auto_explain.${name} = '${value}'`);
  await set('-1');
  return {
    db,
    async explain(work) {
      await set('0');
      notices.length = 0;
      try {
        await work();
      } finally {
        await set('-1');
      }
      return group(notices.flatMap((notice) => parse(notice) ?? []));
    },
    close: () => client.end(),
  };
}

type Execution = Omit<ExplainedStatement, 'times'>;

/** "duration: 0.1 ms  plan:\nQuery Text: …\n<plan>"; null for other notices, and for our own calls and settings. */
function parse(notice: string): Execution | null {
  const [, ms, rest] = /^duration: ([\d.]+) ms {2}plan:\nQuery Text: ([\s\S]*)$/.exec(notice) ?? [];
  if (ms === undefined || rest === undefined) return null;
  const lines = rest.split('\n');
  const from = lines.findIndex((line) => / {2}\(cost=/.test(line));
  if (from < 0) return null;
  const sql = lines.slice(0, from).join('\n').trim();
  if (/^(select reelfleet\.\w+\(\$1|set )/.test(sql)) return null;
  const plan = lines
    .slice(from)
    .map((line) => line.replace(/\(cost=\S+ rows=\d+ width=\d+\) ?/, '').trimEnd())
    .filter((line) => line !== '');
  return { sql, plan, ms: Number(ms), buffers: buffersOf(plan) };
}

/** A plan's topmost line of buffers counts for the whole of it. */
function buffersOf(plan: readonly string[]): number {
  const line = plan.find((text) => text.trimStart().startsWith('Buffers:')) ?? '';
  return [...line.matchAll(/(?:shared|local) (?:hit=(\d+))?(?: ?read=(\d+))?/g)].reduce(
    (sum, [, hit, read]) => sum + Number(hit ?? 0) + Number(read ?? 0),
    0,
  );
}

function group(executions: readonly Execution[]): ExplainedStatement[] {
  return [...Map.groupBy(executions, ({ sql }) => sql).values()].map((same) => ({
    ...(same[0] as Execution),
    times: same.length,
    ms: same.reduce((sum, { ms }) => sum + ms, 0),
    buffers: same.reduce((sum, { buffers }) => sum + buffers, 0),
  }));
}

/** Rows that one node of a plan read from a table or an index, those thrown away by a filter included. */
export interface Read {
  readonly node: string;
  readonly table: string;
  readonly rows: number;
}

/** What the plan's scans read, most first. */
export function readsOf(plan: readonly string[]): Read[] {
  const reads: { node: string; table: string; rows: number; loops: number }[] = [];
  for (const line of plan) {
    const [, node, table, rows, loops] =
      /((?:\w+ )*Scan(?: Backward)?(?: using \S+)?) on (\S+).*?\(actual rows=([\d.]+) loops=(\d+)\)/.exec(line) ?? [];
    if (node !== undefined && table !== undefined)
      reads.push({ node, table, rows: Number(rows) * Number(loops), loops: Number(loops) });
    const [, removed] = /Rows Removed by (?:Filter|Index Recheck): (\d+)/.exec(line) ?? [];
    const last = reads.at(-1);
    if (removed !== undefined && last) last.rows += Number(removed) * last.loops;
  }
  return reads.toSorted((a, b) => b.rows - a.rows);
}
