/** Moments whose workers are killed between any two steps: the answer is paid for once, and the rows are the same ones. */
import { randomUUID } from 'node:crypto';
import { createLogger } from '@reelfleet/config';
import { instantiate } from '@reelfleet/core';
import { openOperatorLedger } from '@reelfleet/db';
import { bareRun, migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue, openQueue } from '@reelfleet/fleet';
import { configDefaults, type MomentsOutput, momentsTemplate, stages } from '@reelfleet/pipelines';
import { startOpenAi } from '@reelfleet/providers/testing';
import { openStorage } from '@reelfleet/storage';
import { atTestEnd } from '@reelfleet/testkit';
import { expect, test } from 'vitest';
import { albumFleet } from './support/album.ts';

test('kill -9 after the answer, before and after the checkpoint and before the settle: paid once, the same moments', {
  timeout: 120_000,
}, async () => {
  const server = await startOpenAi({
    chat: ({ body }) =>
      JSON.stringify(body.response_format).includes('"scores"')
        ? { scores: [{ moment: 1, score: 8 }] }
        : { moments: [{ start: 10, end: 25, title: 'The one thing', importance: 8 }] },
  });
  atTestEnd(() => server.close());
  const database = await migratedDatabase({ migrateQueue });
  atTestEnd(() => database.drop());
  const fleet = albumFleet(database.url, {
    ...{ LANGUAGE_PROVIDER: 'openai', OPENAI_BASE_URL: server.baseUrl, OPENAI_LANGUAGE_MODEL: 'a-model' },
    ...{ REELFLEET_LEASE_MS: '1500', REELFLEET_HEARTBEAT_MS: '300', REELFLEET_STAGES: 'moments,score,refine' },
  });
  const runId = await order(fleet, database.url);

  // The answer is in the memory of who dies and nowhere else, which costs another one · rows were made of the kept answer ·
  // they are in the checkpoint · everything is ready to be written.
  const points = ['call-answered', 'mid-work', 'after-checkpoint', 'before-settle'];
  const start = (point: string | undefined) =>
    fleet.startWorker(point ? { REELFLEET_PAUSE_AT: `moments:${point}` } : {});
  const answered: number[] = [];
  const saved: unknown[] = [];
  let worker = await start(points[0]);
  for (const [index, point] of points.entries()) {
    await worker.waitForLine(new RegExp(`paused at ${point}`), { timeoutMs: 30_000 });
    const next = await start(points[index + 1]);
    worker.kill('SIGKILL');
    await worker.waitForExit();
    answered.push(server.answered);
    const [row] = await fleet.db.query<{ checkpoint: { data: unknown } | null }>(
      `select checkpoint from tasks where run_id = '${runId}' and stage = 'moments'`,
    );
    saved.push(row?.checkpoint?.data ?? null);
    worker = next;
  }
  expect(await fleet.ended(runId, 30_000)).toBe('completed');

  expect(answered).toEqual([1, 2, 2, 2]);
  expect([...server.answeredByCall.values()]).toEqual([2, 1]);
  const task = (await fleet.tasks(runId)).find(({ key }) => key === 'moments');
  expect(task).toMatchObject({ status: 'completed', attempts: 5, failures: 0 });
  const rows = await fleet.db.query<{ id: string; title: string; score: number }>(
    'select id, title, score from moments',
  );
  const { done } = saved.at(-1) as { done: MomentsOutput };
  expect(saved.slice(0, 2)).toEqual([null, null]);
  expect(saved[2]).toEqual(saved[3]);
  expect(rows).toEqual([{ id: done.moments[0]?.id, title: 'The one thing', score: 8 }]);
});

/** A run of moments over a video that has its transcript, without clips. */
async function order(fleet: ReturnType<typeof albumFleet>, url: string): Promise<string> {
  const storage = openStorage(`file://${fleet.folder}/storage`, { scratch: `${fleet.folder}/scratch` });
  const words = Array.from({ length: 40 }, (_, at) => ({ word: 'said.', start: at, end: at + 0.8 }));
  const segments = words.map(({ start, end }) => ({ text: 'said.', start, end }));
  const said = { language: 'en', durationSeconds: 40, fullText: 'said', words, segments, service: 'test' };
  const videoId = randomUUID();
  const stored = await storage.put(`runs/${videoId}/transcript.json`, Buffer.from(JSON.stringify(said)), {
    contentType: 'application/json',
  });
  const transcript = { id: randomUUID(), kind: 'transcript', ...stored };
  await fleet.db.query(`insert into videos (id, identifier, title) values ('${videoId}', 'talk', 'Talk')`);
  const ledger = openOperatorLedger(fleet.db);
  const config = await ledger.ensureConfig({
    ...{ ...configDefaults('generation'), minMomentLength: 5, model: 'a-model', operationType: 'generation' },
  });
  const params = momentsTemplate.params.parse({
    ...{ videoId, title: 'Talk', source: { ...transcript, kind: 'raw' }, transcript, durationSeconds: 40 },
    ...{ config, clips: false },
  });
  const runId = randomUUID();
  const run = bareRun(runId, { template: 'moments', videoId, generationConfigId: config.id, params });
  const item = { run, ...instantiate(momentsTemplate, params, { newId: randomUUID, stages }), before: [], after: [] };
  const { tickets } = await ledger.enqueue([item], 'test');
  const log = createLogger({ level: 'silent', name: 'test' });
  const queue = openQueue({ kind: 'postgres', url }, { consumers: 0, log });
  await queue.send(tickets);
  await queue.close(3_000);
  return runId;
}
