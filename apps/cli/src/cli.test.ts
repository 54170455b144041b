/**
 * The command line against a real database. Most command lines run in this process, through the same door as the real
 * command (`runProgram`), because a process each would take a second each; the last suite starts the real thing.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectDatabase } from '@reelfleet/db';
import { migratedDatabase, type TestDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { startProcess } from '@reelfleet/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runHere } from './testing.ts';

const BIN = join(import.meta.dirname, '../bin/reelfleet.js');
const WORKER = join(import.meta.dirname, '../../worker/src/main.ts');
const PLAN = { niche: 'sea', moods: ['calm'], tracks: 2, totalSeconds: 40, seed: 1 };

let database: TestDatabase;
let empty: TestDatabase;
let dir: string;
const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'reelfleet-cli-'));
  [database, empty] = await Promise.all([migratedDatabase({ migrateQueue }), migratedDatabase({ migrateQueue })]);
});
afterAll(async () => {
  await Promise.all([database.drop(), empty.drop()]);
  rmSync(dir, { recursive: true, force: true });
});

const environment = (env: Record<string, string | undefined> = {}) => ({
  PATH: process.env.PATH,
  DATABASE_URL: database.url,
  REELFLEET_DATA: join(dir, 'data'),
  ...env,
});

const reelfleet = (args: readonly string[], env: Record<string, string | undefined> = {}) =>
  runHere(args, environment(env));

/** What there is to leave behind, by table; the clock of the sweep moves by itself. */
async function rows(): Promise<Record<string, number>> {
  return (await inspectDatabase(database.url)).rows;
}

const album = ['enqueue', 'album', '--channel', 'C', '--niche', 'n', '--mood', 'calm'];
const stage = ['enqueue', 'stage', 'plan'];
const planInput = JSON.stringify(PLAN);

/** Command line, settings, exit code, and what the one sentence must speak of. */
type Wrong = [title: string, args: () => string[], env: Record<string, string>, exitCode: 1 | 2, says: RegExp];
const wrong: Wrong[] = [
  ['a command that is none', () => ['enqeue'], {}, 2, /no command "enqeue"; did you mean "enqueue"\?/],
  ['a server on a port that is none', () => ['server', '--port', 'many'], {}, 2, /^reelfleet: --port: got "many"/],
  [
    'a server for everybody without a password',
    () => ['server', '--host', '0.0.0.0'],
    {},
    2,
    /--host: got "0\.0\.0\.0".*set REELFLEET_PASSWORD/,
  ],
  [
    'everything for everybody without a password',
    () => ['up'],
    { HOST: '0.0.0.0' },
    2,
    /HOST: got "0\.0\.0\.0".*set REELFLEET_PASSWORD/,
  ],
  ['a family without its command', () => ['workers'], {}, 2, /takes a command: ls, disable, enable, drain/],
  [
    'a word that a family does not know',
    () => ['channels', 'lst'],
    {},
    2,
    /no command "channels lst"; did you mean "ls"\?/,
  ],
  [
    'an order of something that is none',
    () => ['enqueue', 'albun'],
    {},
    2,
    /no command "enqueue albun"; did you mean "album"\?/,
  ],
  ['an option that is none', () => ['ls', '--limt', '3'], {}, 2, /no option --limt; did you mean --limit\?/],
  ['an option without its value', () => ['ls', '--limit'], {}, 2, /--limit <n>.* argument missing/],
  ['a number that is none', () => ['ls', '--limit', 'many'], {}, 2, /many.*whole number from 1 to 10000/],
  ['a status that is none', () => ['ls', '--status', 'runing'], {}, 2, /one of queued, running, completed/],
  ['a missing argument', () => ['show'], {}, 2, /missing required argument/],
  ['one argument too many', () => ['show', 'a', 'b'], {}, 2, /too many arguments/],
  [
    'a setting that is malformed',
    () => ['ls'],
    { REELFLEET_LEASE_MS: 'soon' },
    2,
    /^reelfleet: REELFLEET_LEASE_MS: got "soon"/,
  ],
  ['a setting that is unknown', () => ['ls'], { REELFLEET_LEASEMS: '1' }, 2, /did you mean REELFLEET_LEASE_MS\?/],
  [
    'a database URL of another kind',
    () => ['ls'],
    { DATABASE_URL: 'mysql://h/d' },
    2,
    /DATABASE_URL: .*takes postgres:/,
  ],
  [
    'a database that is not there',
    () => ['ls'],
    { DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/d' },
    1,
    /database did not answer/,
  ],
  ['nothing running', () => ['ls'], { DATABASE_URL: '' }, 1, /nothing is running in .*: start it with "reelfleet up"/],
  ['a store of another kind', () => ['ls'], { STORAGE_URL: 'ftp://x/y' }, 2, /STORAGE_URL: got/],
  ['a worker for a stage that is none', () => ['worker', '--stages', 'musik'], {}, 2, /^reelfleet: --stages: .*musik/],
  [
    'a worker with a silly concurrency',
    () => ['worker', '--concurrency', 'lots'],
    {},
    2,
    /^reelfleet: --concurrency: /,
  ],
  ['an order without a channel', () => ['enqueue', 'album', '--mood', 'calm'], {}, 2, /--channel is missing/],
  ['an order without moods', () => ['enqueue', 'album', '--channel', 'C'], {}, 2, /--mood is missing/],
  ['an album that is too short', () => [...album, '--minutes', '30'], {}, 2, /minutes is 30.*60 to 90/],
  ['a new channel without its niche', () => ['enqueue', 'album', '--channel', 'C', '--mood', 'calm'], {}, 2, /niche/],
  ['an album with the wrong number of tracks', () => [...album, '--tracks', '3'], {}, 2, /tracks is 3/],
  [
    'a stage that is none',
    () => ['enqueue', 'stage', 'plann', '--input', '{}'],
    {},
    2,
    /no stage "plann": did you mean "plan"\?/,
  ],
  [
    'a stage of a later version',
    () => ['enqueue', 'stage', 'publish', '--input', '{}'],
    {},
    2,
    /"publish" is not part of this version/,
  ],
  ['an input that is no JSON', () => [...stage, '--input', '{niche:'], {}, 2, /--input is no JSON/],
  ['an input that is no object', () => [...stage, '--input', '[1]'], {}, 2, /--input is no JSON object/],
  ['an input that does not fit', () => [...stage, '--input', '{"niche":1}'], {}, 2, /input of stage plan is wrong at/],
  [
    'an input file that is not there',
    () => [...stage, '--input', `@${dir}/none.json`],
    {},
    2,
    /there is no file .*none\.json/,
  ],
  ['a stage without its input', () => stage, {}, 2, /--input is missing/],
  ['a video that is not there', () => [...stage, '--input', planInput, '--video', 'nope'], {}, 1, /nope/],
  ['an orders file that is not there', () => [...stage, '--from', `${dir}/none.jsonl`], {}, 2, /there is no file/],
  ['an orders file that is empty', () => [...stage, '--from', file('empty.jsonl', '\n\n')], {}, 2, /has no orders/],
  ['an orders file that is a folder', () => [...stage, '--from', dir], {}, 2, /is a folder/],
  [
    'a line that is no JSON, after good ones',
    () => [...stage, '--from', file('half.jsonl', `{"input":${planInput}}\n{"input":`)],
    {},
    2,
    /line 2 of .*half\.jsonl is no JSON/,
  ],
  [
    'an order that is wrong, after good ones',
    () => [...stage, '--from', file('bad.jsonl', `{"input":${planInput}}\n{"input":{}}`)],
    {},
    2,
    /order 2: the input of stage plan is wrong/,
  ],
  [
    'an order of no kind',
    () => ['enqueue', '--from', file('kind.jsonl', '{"channel":"C"}')],
    {},
    2,
    /line 1 of .* has no "kind"/,
  ],
  ['a run that is not there', () => ['show', '00000000-0000-4000-8000-000000000000'], {}, 1, /there is no run or task/],
  ['a task that is not there', () => ['why', 'nothing'], {}, 1, /there is no run or task "nothing"/],
  ['a stage that cannot be paused', () => ['pause', 'musik'], {}, 2, /no stage "musik": did you mean "music"\?/],
  ['a worker that is not there', () => ['workers', 'drain', 'nobody'], {}, 1, /nobody/],
  ['a channel that is not there', () => ['channels', 'disable', 'nobody'], {}, 1, /nobody/],
  ['an edit of nothing', () => ['channels', 'edit', 'x'], {}, 2, /nothing to change/],
  ['an export without a folder', () => ['export', 'x'], {}, 2, /--to <dir>.* not specified/],
  ['a reset without a yes', () => ['db', 'reset'], {}, 2, /add --yes/],
  ['a backup over a file', () => ['db', 'backup', file('there.gz', 'x')], {}, 1, /exists already/],
  ['a restore of what is no backup', () => ['db', 'restore', file('no.gz', 'x')], {}, 1, /damaged|no backup/],
];

describe('what is wrong ends with one sentence, the right exit code, no stack and no row left behind', () => {
  let before: Record<string, number>;
  beforeAll(async () => {
    before = await rows();
  });
  afterAll(async () => {
    expect(await rows()).toEqual(before);
  });

  it.each(wrong)('%s', async (_title, args, env, exitCode, says) => {
    const result = await reelfleet(args(), env);
    expect(result.stderr).toMatch(says);
    expect(result.stderr).toMatch(/^reelfleet: [^\n]+\n$/);
    expect(result.stderr).not.toMatch(/\n\s+at |secret/);
    expect(result.stdout).toBe('');
    expect(result.exitCode).toBe(exitCode);
  });
});

describe('what is right', () => {
  it('prints pure JSON on stdout with --json, whatever the command', async () => {
    const placed = await reelfleet([...stage, '--input', planInput, '--key', 'k', '--json']);
    expect(placed.exitCode).toBe(0);
    const { runId, created } = JSON.parse(placed.stdout);
    expect(created).toBe(true);
    const again = JSON.parse((await reelfleet([...stage, '--input', planInput, '--key', 'k', '--json'])).stdout);
    expect(again).toEqual({ runId, created: false });

    const shown = JSON.parse((await reelfleet(['show', runId, '--json'])).stdout);
    expect(Object.keys(shown)).toEqual(['run', 'tasks', 'artifacts']);
    expect(shown.run).toMatchObject({ id: runId, status: 'queued' });
    expect(Object.keys(shown.tasks[0])).toEqual([
      'id',
      'key',
      'stage',
      'status',
      'stateVersion',
      'attemptNumber',
      'progressPercent',
      'workerName',
      'failures',
      'maxAttempts',
      'crashes',
      'maxCrashes',
      'runAfter',
      'claimExpiresAt',
      'errorCode',
      'lastError',
    ]);
    const taskId = shown.tasks[0].id;
    for (const args of [
      ['ls'],
      ['show', taskId],
      ['why', taskId],
      ['logs', taskId],
      ['workers', 'ls', '--all'],
      ['channels', 'ls'],
      ['personas', 'ls'],
      ['config'],
      ['db', 'status'],
      ['gc', '--dry-run'],
      ['fsck'],
      ['pause', 'music', '--reason', 'r'],
      ['resume', 'music'],
      ['channels', 'add', 'Quiet', '--niche', 'sea'],
      ['personas', 'add', 'Ann'],
      ['channels', 'edit', 'Quiet', '--niche', 'sea at night'],
      ['personas', 'disable', 'Ann'],
      ['cancel', runId],
      ['retry', runId],
    ]) {
      const { exitCode, stdout, stderr } = await reelfleet([...args, '--json']);
      expect([args.join(' '), exitCode, stderr]).toEqual([args.join(' '), 0, '']);
      expect(() => JSON.parse(stdout), `${args.join(' ')}: ${stdout}`).not.toThrow();
      // Times are ISO-8601 in UTC.
      for (const [text] of stdout.matchAll(/"\d{4}-\d\d-\d\d[^"]*"/g)) expect(text).toMatch(/Z"$/);
    }
  });

  it('enqueues from a file in bulk, options completing every line', async () => {
    const lines = Array.from({ length: 50 }, (_, seed) => JSON.stringify({ input: { ...PLAN, seed } }));
    const orders = file('many.jsonl', `${lines.join('\n')}\n`);
    const placed = JSON.parse((await reelfleet([...stage, '--from', orders, '--priority', '7', '--json'])).stdout);
    expect(placed).toHaveLength(50);
    const listed = JSON.parse((await reelfleet(['ls', '--limit', '50', '--json'])).stdout);
    expect(new Set(listed.map((run: { priority: number }) => run.priority))).toEqual(new Set([7]));
    const mixed = file('mixed.jsonl', `${JSON.stringify({ kind: 'stage', stage: 'plan', input: PLAN })}\n`);
    expect((await reelfleet(['enqueue', '--from', mixed])).stdout).toMatch(/^1 run enqueued/);
  });

  it('backs up and restores everything, and work waits for new tickets afterwards', async () => {
    const path = join(dir, 'backup.gz');
    expect((await reelfleet(['db', 'backup', path])).exitCode).toBe(0);
    const restored = await reelfleet(['db', 'restore', path], { DATABASE_URL: empty.url });
    expect(restored).toMatchObject({ exitCode: 0, stderr: '' });
    const [ours, theirs] = await Promise.all([rows(), inspectDatabase(empty.url)]);
    expect(theirs.rows).toEqual(ours);
    const show = async (url: string) =>
      (await reelfleet(['ls', '--json', '--limit', '1000'], { DATABASE_URL: url })).stdout;
    expect(await show(empty.url)).toBe(await show(database.url));
    const second = await reelfleet(['db', 'restore', path], { DATABASE_URL: empty.url });
    expect(second).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is not empty') });
    // The next audit entry gets a number of its own.
    const [run] = JSON.parse(await show(empty.url));
    expect((await reelfleet(['cancel', run.id], { DATABASE_URL: empty.url })).stdout).toContain('1 task cancelled');
  });

  it('refuses a backup that was cut off, and changes nothing', async () => {
    const { gunzipSync, gzipSync } = await import('node:zlib');
    const { readFileSync } = await import('node:fs');
    const whole = join(dir, 'whole.gz');
    await reelfleet(['db', 'backup', whole]);
    const lines = gunzipSync(readFileSync(whole)).toString().trimEnd().split('\n');
    const target = await migratedDatabase({ migrateQueue });
    const before = await inspectDatabase(target.url);
    const cutOff = [
      gzipSync(lines.slice(0, -1).join('\n')),
      readFileSync(whole).subarray(0, 1500),
      gzipSync([...lines.slice(0, -2), lines.at(-1)].join('\n')),
    ];
    for (const [i, content] of cutOff.entries()) {
      writeFileSync(join(dir, `cut-${i}.gz`), content);
      const result = await reelfleet(['db', 'restore', join(dir, `cut-${i}.gz`)], { DATABASE_URL: target.url });
      expect(result).toMatchObject({
        exitCode: 1,
        stderr: expect.stringMatching(/^reelfleet: .*damaged or cut off[^\n]*\n$/),
      });
    }
    expect((await inspectDatabase(target.url)).rows).toEqual(before.rows);
    await target.drop();
  });
});

describe('the real command', () => {
  const run = async (args: string[], options: { env?: Record<string, string>; stdin?: string } = {}) => {
    const child = startProcess({
      args,
      cwd: dir,
      env: { ...environment(options.env), NODE_ENV: undefined },
      stdin: options.stdin !== undefined,
    });
    if (options.stdin !== undefined) child.child.stdin?.end(options.stdin);
    const { code } = await child.waitForExit({ timeoutMs: 60_000 });
    return { code, stdout: child.stdout, stderr: child.stderr };
  };

  it('exits as promised, reads orders from standard input and prints nothing but JSON on stdout', async () => {
    const [version, unknown, piped] = await Promise.all([
      run([BIN, '--version']),
      run([BIN, 'sohw']),
      run([BIN, ...stage, '--from', '-', '--json'], { stdin: `${JSON.stringify({ input: PLAN })}\n` }),
    ]);
    expect(version).toMatchObject({ code: 0, stdout: [expect.stringMatching(/^\d+\.\d+\.\d+$/)], stderr: [] });
    expect(unknown).toMatchObject({ code: 2, stdout: [], stderr: [expect.stringContaining('did you mean "show"?')] });
    expect(piped).toMatchObject({ code: 0, stderr: [] });
    expect(JSON.parse(piped.stdout.join(''))).toEqual([{ runId: expect.any(String), created: true }]);
  });

  it('a worker does what waits, says when it is ready, and leaves at a signal with exit code 0', async () => {
    const { runId } = JSON.parse(
      (await reelfleet([...stage, '--input', planInput, '--priority', '100', '--json'])).stdout,
    );
    const scratch = join(dir, 'scratch');
    const worker = startProcess({
      args: [WORKER],
      cwd: dir,
      env: { ...environment({ REELFLEET_WORKER_NAME: 'w1', REELFLEET_SCRATCH: scratch }), NODE_ENV: undefined },
    });
    await worker.waitForLine(/^worker ready w1$/, { timeoutMs: 30_000 });
    const watched = await run([BIN, 'watch', runId]);
    expect(watched).toMatchObject({ code: 0, stderr: [] });
    expect(watched.stdout.join('\n')).toMatch(/plan completed\nrun completed\ncompleted in /);
    worker.kill('SIGTERM');
    expect(await worker.waitForExit()).toEqual({ code: 0, signal: null });
    expect(worker.stdout).toEqual(['worker ready w1']);
  });

  it('a worker refuses a database without a schema in one sentence', async () => {
    const { freshDatabase } = await import('@reelfleet/testkit');
    const bare = await freshDatabase();
    const result = await run([WORKER], { env: { DATABASE_URL: bare.url } });
    expect(result).toEqual({
      code: 2,
      stdout: [],
      stderr: ['reelfleet: this database has no Reelfleet schema: run "reelfleet migrate" first'],
    });
    await bare.drop();
  });

  it('a server that cannot listen where an option says names the option', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const port = String((other.address() as AddressInfo).port);
    const [taken, open] = await Promise.all([
      run([BIN, 'server', '--port', port]),
      run([BIN, 'server', '--host', '0.0.0.0']),
    ]);
    other.close();
    expect(taken).toEqual({
      code: 2,
      stdout: [],
      stderr: [expect.stringMatching(new RegExp(`^reelfleet: --port: ${port} is in use on 127\\.0\\.0\\.1: `))],
    });
    expect(open).toMatchObject({ code: 2, stderr: [expect.stringMatching(/^reelfleet: --host: got "0\.0\.0\.0"/)] });
  });

  it('the example script orders albums once', async () => {
    const script = join(import.meta.dirname, '../examples/enqueue-albums.ts');
    const args = [script, '--preview', '--channel', 'Script', '--niche', 'sea at night', 'calm', 'warm'];
    const first = await run(args);
    expect(first).toMatchObject({ code: 0, stderr: [] });
    expect(first.stdout).toEqual([
      expect.stringMatching(/^calm: run [0-9a-f-]{36}$/),
      expect.stringMatching(/^warm: run /),
    ]);
    const second = await run(args);
    expect(second.stdout).toEqual(first.stdout.map((line) => `${line} (ordered before)`));
  });
});
