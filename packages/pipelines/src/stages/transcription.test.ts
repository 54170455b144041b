import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ArtifactRef, PermanentError, RateLimitedError, RetryableError, type SpeechChoice } from '@reelfleet/core';
import { openPrograms, openTools, type Span, spansOf } from '@reelfleet/media';
import { chooseSpeech } from '@reelfleet/providers';
import { type Heard, type OpenAiRequest, startOpenAi } from '@reelfleet/providers/testing';
import { speak, speechMissing, withSpeech } from '@reelfleet/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { memoryCalls, newDiary, refOf, runStage, type StageWorld, sketchProviders } from '../testing.ts';
import { transcriptFile } from '../transcript-file.ts';
import { transcription } from './transcription.ts';

const tools = openTools({ threads: 2 });
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'transcription-test-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Half a second of tone every ten seconds, from 3 s on; silence in between. */
const BEEP = 'aevalsrc=0.5*sin(2*PI*440*t)*between(mod(t\\,10)\\,3\\,3.5):s=16000';
/** Sound alone is enough for most of what is promised here, and quicker to make. */
async function recording(name: string, seconds: number): Promise<ArtifactRef> {
  const path = join(root, name);
  await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', `${BEEP}:d=${seconds}`, '-c:a', 'flac', path]);
  return refOf(path, 'raw');
}
async function film(name: string, seconds: number, sound: string | null): Promise<ArtifactRef> {
  const path = join(root, name);
  await tools.ffmpeg([
    ...['-y', '-f', 'lavfi', '-i', `color=c=gray:s=32x32:r=1:d=${seconds}`],
    ...(sound ? ['-f', 'lavfi', '-i', `${sound}:d=${seconds}`, '-c:a', 'aac', '-b:a', '48k'] : []),
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-t', String(seconds), path],
  ]);
  return refOf(path, 'raw');
}

let parts = 0;
/** Hears a word in every stretch that is not silent, by what was really sent. */
async function hear({ sound }: OpenAiRequest): Promise<Heard> {
  parts += 1;
  const name = `sent-${parts}`;
  await writeFile(join(root, name), sound?.bytes ?? '');
  const { stdout } = await tools.ffmpeg(
    ['-i', name, '-af', 'silencedetect=noise=-40dB:duration=0.2,ametadata=mode=print:file=-', '-f', 'null', '-'],
    { cwd: root },
  );
  const probed = (await tools.ffprobe(['-show_format', '-i', join(root, name)])) as { format: { duration: string } };
  const duration = Number(probed.format.duration);
  const words = between(spansOf(stdout, duration), duration).map((span) => ({ word: 'beep', ...span }));
  return {
    language: 'english',
    duration,
    words,
    segments: words.map(({ word, ...span }) => ({ text: ` ${word}.`, ...span })),
  };
}
function between(silences: Span[], seconds: number): Span[] {
  const edges = [0, ...silences.flatMap(({ start, end }) => [start, end]), seconds];
  const spans: Span[] = [];
  for (let at = 0; at < edges.length; at += 2) spans.push({ start: edges[at] as number, end: edges[at + 1] as number });
  return spans.filter(({ start, end }) => end - start > 0.05);
}

async function openai(script = { hear }) {
  const server = await startOpenAi(script);
  onTestFinished(() => server.close());
  const settings = { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: server.baseUrl, OPENAI_SPEECH_MODEL: 'whisper-1' };
  const machine = { run: () => Promise.reject(new Error('nothing is run')), threads: 1, env: {} };
  return { server, speech: chooseSpeech(settings, machine) };
}
const worldOf = (speech: SpeechChoice): StageWorld => ({
  ...{ root, tools, calls: memoryCalls() },
  providers: { ...sketchProviders(tools), speech },
});
const read = async (ref: ArtifactRef) => readFile(fileURLToPath(ref.uri), 'utf8');
const failure = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => expect.unreachable('it was transcribed'),
    (error) => error,
  );

test('half an hour is split in its silences and put together with every word where it is said', async () => {
  const source = await recording('long.flac', 1_800);
  const { server, speech } = await openai();
  const output = await runStage(transcription, { source, name: 'long.flac' }, worldOf(speech));
  const { words, segments, language, durationSeconds } = transcriptFile.parse(
    JSON.parse(await read(output.transcript)),
  );
  expect(words).toHaveLength(180);
  words.forEach(({ start, end }, index) => {
    expect(Math.abs(start - (3 + index * 10))).toBeLessThan(0.06);
    expect(Math.abs(end - (3.5 + index * 10))).toBeLessThan(0.06);
  });
  expect({ language, durationSeconds, segments: segments.length }).toEqual({
    ...{ language: 'en', durationSeconds: 1_800, segments: 180 },
  });
  expect(output).toMatchObject({ language: 'en', words: 180, segments: 180, service: 'openai:whisper-1' });
  expect(output.said?.fullText).toMatch(/^beep\. beep\./);
  expect(await read(output.captions)).toMatch(/^WEBVTT\n\n00:00:0[23]\.\d{3} --> /);
  // Seven parts of five minutes at most, each sent once, compressed, and far below what the API takes.
  expect(server.answered).toBe(server.requests.length);
  expect(server.requests.length).toBeGreaterThanOrEqual(6);
  expect(server.requests.length).toBeLessThanOrEqual(8);
  for (const { sound } of server.requests) {
    expect(sound?.bytes.subarray(0, 4).toString()).toBe('fLaC');
    expect(sound?.bytes.length).toBeLessThan(25_000_000);
  }
});

test.each(['mp4', 'ts', 'mkv'])(
  'words are where they are said by the clock of the picture, also when the sound of a .%s begins late',
  async (ending) => {
    const path = join(root, `late.${ending}`);
    await tools.ffmpeg([
      ...['-y', '-f', 'lavfi', '-i', 'color=c=gray:s=32x32:r=10:d=9', '-itsoffset', '2', '-f', 'lavfi'],
      ...['-i', `${BEEP}:d=5`, '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', path],
    ]);
    const { speech } = await openai();
    const { said } = await runStage(transcription, { source: await refOf(path, 'raw'), name: path }, worldOf(speech));
    expect(said?.words).toHaveLength(1);
    expect(Math.abs((said?.words[0]?.start ?? 0) - 5)).toBeLessThan(0.1);
    expect(Math.abs((said?.durationSeconds ?? 0) - 9)).toBeLessThan(0.1);
  },
);

describe('with sound of eleven minutes', () => {
  let source: ArtifactRef;
  beforeAll(async () => {
    source = await recording('parts.flac', 660);
  });

  test('a part that fails is asked again by the next attempt, and those before it are not', async () => {
    const { server, speech } = await openai();
    const world = worldOf(speech);
    server.next(null, { kind: 'error', status: 500 }, { kind: 'rate-limit', retryAfter: '3' }, { kind: 'drop' });
    let checkpoint: unknown = null;
    const errors: Error[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const diary = newDiary();
      errors.push(await failure(runStage(transcription, { source, name: 'p' }, world, { checkpoint }, diary)));
      checkpoint = diary.checkpoints.at(-1)?.data ?? checkpoint;
    }
    expect(errors.map((error) => error.constructor)).toEqual([RetryableError, RateLimitedError, RetryableError]);
    const diary = newDiary();
    const output = await runStage(transcription, { source, name: 'p' }, world, { checkpoint }, diary);
    expect(output.words).toBe(66);
    expect(diary.checkpoints.map(({ units }) => units)).toEqual([2, 3]);
    // Three parts; the second was asked four times, under one id, and answered twice: the first of these never arrived.
    const asked = new Map<string | undefined, number>();
    for (const { callId } of server.requests) asked.set(callId, (asked.get(callId) ?? 0) + 1);
    expect([...asked.values()]).toEqual([1, 4, 1]);
    expect([...server.answeredByCall.values()]).toEqual([1, 2, 1]);
  });

  test('an answer that was kept is not paid for again when its part was not', async () => {
    const { server, speech } = await openai();
    const world = worldOf(speech);
    const diary = newDiary();
    // Nothing of the first attempt is left but the answers.
    server.next(null, null, { kind: 'error', status: 503 });
    await failure(runStage(transcription, { source, name: 'p' }, world, {}, diary));
    expect(server.answered).toBe(2);
    const output = await runStage(transcription, { source, name: 'p' }, world, {});
    expect(output.words).toBe(66);
    expect(server.answered).toBe(3);
  });

  test('another provider than the one that began is not mixed with it', async () => {
    const { server, speech } = await openai();
    const diary = newDiary();
    server.next(null, { kind: 'error', status: 500 });
    await failure(runStage(transcription, { source, name: 'p' }, worldOf(speech), {}, diary));
    const checkpoint = diary.checkpoints.at(-1)?.data;
    const other = { ...speech, model: 'whisper-2' } as SpeechChoice;
    const output = await runStage(transcription, { source, name: 'p' }, worldOf(other), { checkpoint });
    expect(output).toMatchObject({ words: 66, service: 'openai:whisper-2' });
    expect(server.answered).toBe(4);
  });
});

test('a server that leaves out words, or segments, gives both all the same', async () => {
  const source = await recording('short.flac', 12);
  for (const left of ['words', 'segments'] as const) {
    const { speech } = await openai({
      hear: async (request) => {
        const { [left]: _, ...heard } = await hear(request);
        return heard;
      },
    });
    const { said } = await runStage(transcription, { source, name: 'short.flac' }, worldOf(speech));
    expect(said?.words.length).toBeGreaterThan(0);
    expect(said?.segments.length).toBe(said?.words.length);
  }
});

test('silence has an empty transcript, valid captions, and is not paid for', async () => {
  const source = await film('silent.mp4', 20, 'anullsrc=r=16000:cl=mono');
  const { server, speech } = await openai();
  const output = await runStage(transcription, { source, name: 'silent.mp4' }, worldOf(speech));
  expect(output).toMatchObject({ language: 'und', words: 0, segments: 0 });
  expect(await read(output.captions)).toBe('WEBVTT\n');
  expect(server.requests).toEqual([]);
});

test('a film without sound is refused with a sentence', async () => {
  const source = await film('mute.mp4', 2, null);
  const { speech } = await openai();
  const error = await failure(runStage(transcription, { source, name: 'mute.mp4' }, worldOf(speech)));
  expect(error).toBeInstanceOf(PermanentError);
  expect(error.message).toBe(
    'mute.mp4 has no sound, so there is nothing to transcribe; order it without transcription',
  );
});

test('without a provider the sentence says how to get one, at once', async () => {
  const missing = 'this worker has no speech provider, so nothing can be transcribed (…)';
  const source = await film('unheard.mp4', 1, BEEP);
  const error = await failure(runStage(transcription, { source, name: 'unheard.mp4' }, worldOf({ missing })));
  expect(error).toBeInstanceOf(PermanentError);
  expect(error).toMatchObject({ message: missing, code: 'no-speech-provider' });
});

test('a video that has a transcript keeps it, and nobody is asked', async () => {
  const source = await film('again.mp4', 12, BEEP);
  const { server, speech } = await openai();
  const first = await runStage(transcription, { source, name: 'again.mp4' }, worldOf(speech));
  const { transcript, captions } = first;
  const again = await runStage(
    transcription,
    { source, name: 'again.mp4', transcript: { transcript, captions } },
    worldOf({ missing: 'not needed' }),
  );
  expect(again).toEqual({ ...first, said: undefined, processingSeconds: 0 });
  expect(server.answered).toBe(1);
});

describe.skipIf(speechMissing() !== null)(withSpeech('what is really said'), () => {
  test('is written down where it is said, with captions, by what needs no network', async () => {
    const said = join(root, 'said.wav');
    await speak('We sell fresh bread at the market.', said);
    const path = join(root, 'talk.mp4');
    await tools.ffmpeg([
      ...[
        '-y',
        '-f',
        'lavfi',
        '-i',
        'testsrc2=s=64x64:r=10:d=14',
        '-i',
        said,
        '-af',
        'adelay=6000|6000,apad=pad_dur=10',
      ],
      ...['-t', '14', '-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'aac', path],
    ]);
    const speech = chooseSpeech({ OPENAI_SPEECH_MODEL: '-' }, { run: openPrograms(), threads: 1, env: process.env });
    const output = await runStage(
      transcription,
      { source: await refOf(path, 'raw'), name: 'talk.mp4' },
      worldOf(speech),
    );
    expect(output).toMatchObject({ language: 'en', service: 'pocketsphinx:en-us' });
    const words = output.said?.words ?? [];
    expect(words.map(({ word }) => word)).toEqual(expect.arrayContaining(['bread', 'market']));
    // What comes before the first word is silence, and so is what comes after the last.
    expect(words[0]?.start).toBeGreaterThan(5.9);
    expect(words.at(-1)?.end).toBeLessThan(11);
    const captions = await read(output.captions);
    expect(captions).toMatch(/^WEBVTT\n\n00:00:0[56]\.\d{3} --> 00:00:/);
    expect(captions).toContain('bread');
  });
});
