/** A transcription whose workers are killed between any two steps: every part is paid for once, and nothing is lost. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migratedDatabase } from '@reelfleet/db/testing';
import { migrateQueue } from '@reelfleet/fleet';
import { openTools } from '@reelfleet/media';
import { startOpenAi } from '@reelfleet/providers/testing';
import { atTestEnd } from '@reelfleet/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { albumFleet } from './support/album.ts';

const KEY = 'sk-planted-speech-7c1e';

test('kill -9 before a request, after its answer, after it was kept and between parts: no answer that arrived is paid for twice', {
  timeout: 180_000,
}, async () => {
  // One word in the middle of every part, so that each can be told from the others.
  const server = await startOpenAi({
    async hear({ sound }) {
      const path = join(fleet.folder, 'heard.flac');
      await writeFile(path, sound?.bytes ?? '');
      const probed = (await tools.ffprobe(['-show_format', '-i', path])) as { format: { duration: string } };
      const duration = Number(probed.format.duration);
      return { language: 'english', duration, words: [{ word: 'ping', start: duration / 2, end: duration / 2 + 0.5 }] };
    },
  });
  onTestFinished(() => server.close());
  const database = await migratedDatabase({ migrateQueue });
  atTestEnd(() => database.drop());
  const fleet = albumFleet(database.url, {
    OPENAI_API_KEY: KEY,
    OPENAI_BASE_URL: server.baseUrl,
    REELFLEET_LEASE_MS: '1500',
    REELFLEET_HEARTBEAT_MS: '300',
  });
  const tools = openTools({ threads: 2 });
  const talk = join(fleet.folder, 'talk.flac');
  const tone = 'aevalsrc=0.5*sin(2*PI*440*t)*between(mod(t\\,10)\\,3\\,4):s=8000:d=660';
  await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', tone, '-c:a', 'flac', talk]);
  const said = await fleet.cli('enqueue', 'ingest', talk, '--json');
  expect(said.code, said.stderr).toBe(0);
  const { runId } = JSON.parse(said.stdout) as { runId: string };

  // The request is written down and not sent · its answer is there, and in no other place than the memory of who dies, the one
  // case that costs something · it is kept, and nothing was made of it · what was heard in the first part is in the checkpoint.
  const points = ['call-begun', 'call-answered', 'call-kept', 'after-checkpoint'];
  const start = (point: string | undefined) =>
    fleet.startWorker(point ? { REELFLEET_PAUSE_AT: `transcription:${point}` } : {});
  const answered: number[] = [];
  let worker = await start(points[0]);
  for (const [index, point] of points.entries()) {
    await worker.waitForLine(new RegExp(`paused at ${point}`), { timeoutMs: 60_000 });
    const next = await start(points[index + 1]);
    worker.kill('SIGKILL');
    await worker.waitForExit();
    answered.push(server.answered);
    worker = next;
  }
  expect(await fleet.ended(runId)).toBe('completed');

  expect(answered).toEqual([0, 1, 2, 2]);
  expect(server.answered).toBe(4);
  expect([...server.answeredByCall.values()]).toEqual([2, 1, 1]);
  const calls = await fleet.db.query<{ id: string; status: string }>(
    'select id, status from provider_calls order by created_at',
  );
  expect(calls).toEqual([...server.answeredByCall.keys()].map((id) => ({ id, status: 'completed' })));
  const task = (await fleet.tasks(runId)).find(({ key }) => key === 'transcription');
  expect(task).toMatchObject({ status: 'completed', attempts: 5, failures: 0 });

  const rows = await fleet.db.query<{
    words: { start: number }[];
    text: string;
    vtt: string;
    language: string;
    count: number;
    id: string;
  }>(
    `select id, word_timestamps as words, full_text as text, vtt_path as vtt, language, number_of_words as count from transcripts`,
  );
  expect(rows).toHaveLength(1);
  const [row] = rows as [(typeof rows)[number]];
  expect(row).toMatchObject({ text: 'ping ping ping', language: 'en', count: 3 });
  const [output] = await fleet.db.query<{
    output: Record<string, unknown> & { transcript: { id: string; uri: string } };
  }>(`select output from tasks where run_id = '${runId}' and stage = 'transcription'`);
  expect(output?.output).toMatchObject({ words: 3, segments: 3, service: 'openai:whisper-1' });
  expect(output?.output).not.toHaveProperty('said');
  expect(output?.output.transcript.id).toBe(row.id);
  const file = JSON.parse(await readFile(fileURLToPath(output?.output.transcript.uri as string), 'utf8'));
  expect(file.words).toEqual(row.words);
  expect(await readFile(fileURLToPath(row.vtt), 'utf8')).toContain('ping');
  const kept = await fleet.db.query<{ kind: string }>(
    `select kind from artifacts where kind in ('transcript', 'captions') order by kind`,
  );
  expect(kept).toEqual([{ kind: 'captions' }, { kind: 'transcript' }]);
  expect(worker.lines.join('\n')).not.toContain(KEY);
  expect(JSON.stringify(await fleet.db.query('select * from provider_calls'))).not.toContain(KEY);
});

test('without a speech provider the run is partial at once, and says how to get one', { timeout: 90_000 }, async () => {
  const database = await migratedDatabase({ migrateQueue });
  atTestEnd(() => database.drop());
  const fleet = albumFleet(database.url, {
    SPEECH_PROVIDER: 'whisper.cpp',
    WHISPER_BINARY: '/nowhere/whisper-cli',
    WHISPER_MODEL: '/nowhere/ggml-base.bin',
  });
  const beep = join(fleet.folder, 'beep.flac');
  await openTools({ threads: 1 }).ffmpeg(['-y', '-f', 'lavfi', '-i', 'sine=440:d=2', '-c:a', 'flac', beep]);
  await fleet.startWorker();
  const said = await fleet.cli('enqueue', 'ingest', beep, '--json');
  const { runId } = JSON.parse(said.stdout) as { runId: string };
  expect(await fleet.ended(runId)).toBe('partial');
  const task = (await fleet.tasks(runId)).find(({ key }) => key === 'transcription');
  expect(task).toMatchObject({ status: 'failed', attempts: 1 });
  expect(task?.error).toBe(
    'SPEECH_PROVIDER is "whisper.cpp", which cannot be used on this worker: WHISPER_BINARY is /nowhere/whisper-cli, which is no program here; give the path of whisper-cli',
  );
  const [video] = await fleet.db.query<{ status: string }>('select status from videos');
  expect(video?.status).toBe('ready');
});
