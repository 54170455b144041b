/** Imports on worker processes that are killed, and sources whose bytes are there already: each is kept once. */
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { atTestEnd, until } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { albumFleet } from './support/album.ts';

async function openFleet() {
  const database = await migratedDatabase({ migrateQueue });
  atTestEnd(() => database.drop());
  const fleet = albumFleet(database.url, { REELFLEET_ALLOW_PRIVATE_URLS: 'yes', REELFLEET_STAGES: 'import' });
  const order = async (url: string, ...more: string[]) => {
    const said = await fleet.cli('enqueue', 'ingest', url, '--json', ...more);
    expect(said.code, said.stderr).toBe(0);
    return JSON.parse(said.stdout) as { runId: string; created: boolean; video: string };
  };
  const importOf = async (run: string) => (await fleet.tasks(run)).find(({ key }) => key === 'import');
  const importEnds = (run: string) =>
    until(
      async () => {
        const task = await importOf(run);
        return task && ['completed', 'failed'].includes(task.status) ? task : null;
      },
      { what: 'the import to end', timeoutMs: 60_000 },
    );
  /** Sources in the store, by their keys. */
  const sources = () =>
    readdirSync(join(fleet.folder, 'storage', 'runs'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(fleet.folder, 'storage').length + 1));
  return { ...fleet, order, importOf, importEnds, sources };
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atTestEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('kill -9 of a worker in the middle of a download: another one finishes it, with every byte', {
  timeout: 120_000,
}, async () => {
  const fleet = await openFleet();
  const film = randomBytes(3_000_000);
  let downloads = 0;
  const { promise: halfway, resolve: reached } = Promise.withResolvers<void>();
  const origin = await serve((_request, response) => {
    downloads += 1;
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': film.length, etag: '"one"' });
    if (downloads > 1) return void response.end(film);
    // The first one is left hanging in the middle.
    response.write(film.subarray(0, 1_500_000), () => reached());
  });
  const victim = await fleet.startWorker();
  const { runId, video } = await fleet.order(`${origin}/film.mp4`);
  await halfway;
  await until(async () => (await fleet.importOf(runId))?.status === 'running', { what: 'the import to run' });
  victim.kill('SIGKILL');
  await victim.waitForExit();
  await fleet.startWorker();
  const task = await fleet.importEnds(runId);
  expect(task).toMatchObject({ status: 'completed', attempts: 2, crashes: 1, failures: 0 });
  expect(downloads).toBe(2);
  const [row] = await fleet.db.query<Record<string, unknown>>(
    `select v.file_size_bytes::int as size, v.source_sha256 = a.sha256 as same, v.video_url = a.uri as named, a.kind, a.content_type
     from videos v join artifacts a on a.video_id = v.id where v.identifier = '${video}'`,
  );
  expect(row).toEqual({ size: film.length, same: true, named: true, kind: 'raw', content_type: 'video/mp4' });
  expect(fleet.sources()).toEqual([expect.stringMatching(/^runs\/[^/]+\/import\/\d+\/source\.mp4$/)]);
  expect((await fleet.cli('fsck')).code).toBe(0);
});

test('the same bytes behind two addresses: the second import ends at its first attempt, names the first video, and nothing is kept twice', {
  timeout: 120_000,
}, async () => {
  const fleet = await openFleet();
  const film = randomBytes(500_000);
  const origin = await serve((_request, response) => void response.end(film));
  await fleet.startWorker();
  const first = await fleet.order(`${origin}/one.mp4`, '--title', 'The One');
  expect((await fleet.importEnds(first.runId)).status).toBe('completed');
  const second = await fleet.order(`${origin}/two.mp4`, '--title', 'The Other');
  expect(second.created).toBe(true);
  expect(await fleet.importEnds(second.runId)).toMatchObject({
    status: 'failed',
    attempts: 1,
    error: 'these bytes are video "the-one" already: nothing was kept twice',
  });
  await until(() => fleet.sources().length === 1, { what: 'the second copy to be gone' });
  expect(fleet.sources()[0]).toContain(first.runId);
  // And a third way to the same bytes: the file itself.
  const { writeFileSync } = await import('node:fs');
  writeFileSync(join(fleet.folder, 'three.mp4'), film);
  expect(await fleet.order(join(fleet.folder, 'three.mp4'))).toEqual({ ...first, created: false });
  expect(fleet.sources()).toHaveLength(1);
});

test('an address of this machine is refused by workers that were not told otherwise', { timeout: 60_000 }, async () => {
  const fleet = await openFleet();
  let asked = 0;
  const origin = await serve((_request, response) => {
    asked += 1;
    response.end('secret');
  });
  await fleet.startWorker({ REELFLEET_ALLOW_PRIVATE_URLS: 'no' });
  const { runId, video } = await fleet.order(`${origin}/latest/meta-data?token=hush`);
  const task = await fleet.importEnds(runId);
  expect(task).toMatchObject({ status: 'failed', attempts: 1 });
  expect(task.error).toMatch(
    /^cannot open http:\/\/127\.0\.0\.1:\d+\/latest\/meta-data\?token=\*\*\*: its host has an address of a private/,
  );
  expect(asked).toBe(0);
  expect(fleet.sources).toThrow(/ENOENT/);
  const [row] = await fleet.db.query(`select status, error_message from videos where identifier = '${video}'`);
  expect(row).toMatchObject({ status: 'failed', error_message: task.error });
});
