/** What the speech providers make of what their programs and servers say. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError, RetryableError, type RunProgram, type SpeechProvider } from '@reelfleet/core';
import { openPrograms, openTools } from '@reelfleet/media';
import { speak, speechMissing, withSpeech } from '@reelfleet/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chooseSpeech, type SpeechSettings, speechReport } from './choose.ts';
import { languageCode } from './language-code.ts';
import { parsePocketsphinx } from './pocketsphinx.ts';
import { parseWhisper, whisperSpeech } from './whisper.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'speech-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const calls = { once: () => Promise.reject(new Error('nothing here costs money')) };
const nobody: RunProgram = () => Promise.reject(new Error('nothing is run'));
const settings = (more: Partial<SpeechSettings> = {}): SpeechSettings => ({
  OPENAI_SPEECH_MODEL: 'whisper-1',
  ...more,
});

test('languages are called by their codes, whatever a server calls them', () => {
  expect(
    ['english', 'German', 'en', 'en-US', 'maori', 'chinese', 'haitian creole', 'klingonese', '', null].map(
      languageCode,
    ),
  ).toEqual([...['en', 'de', 'en', 'en', 'mi', 'zh', 'ht'], ...[null, null, null]]);
});

describe('pocketsphinx', () => {
  /** As Debian's pocketsphinx_continuous 0.8 prints two utterances with -time yes. */
  const printed = `the oven is warm
<s> 3.900 4.160 1.000000
the(2) 4.560 4.660 0.306561
oven 4.830 5.060 0.076032
<sil> 5.070 5.100 0.999900
[NOISE] 5.110 5.120 0.999900
is 5.130 5.280 0.003702
<sil> 5.290 5.900 0.999900
warm 5.910 6.110 0.003525
</s> 6.580 6.720 1.000000
yes
<s> 17.410 17.510 0.999200
yes 17.520 17.650 0.205177
</s> 24.580 25.010 1.000000
`;
  test('is heard word by word, with segments where the speaker pauses', () => {
    expect(parsePocketsphinx(printed)).toEqual({
      language: 'en',
      words: [
        { word: 'the', start: 4.56, end: 4.66 },
        { word: 'oven', start: 4.83, end: 5.06 },
        { word: 'is', start: 5.13, end: 5.28 },
        { word: 'warm', start: 5.91, end: 6.11 },
        { word: 'yes', start: 17.52, end: 17.65 },
      ],
      segments: [
        { text: 'the oven is', start: 4.56, end: 5.28 },
        { text: 'warm', start: 5.91, end: 6.11 },
        { text: 'yes', start: 17.52, end: 17.65 },
      ],
    });
    expect(parsePocketsphinx('')).toEqual({ language: '', words: [], segments: [] });
  });

  describe.skipIf(speechMissing() !== null)(withSpeech('by itself'), () => {
    test('hears what is said, where it is said', async () => {
      const said = join(folder, 'said.wav');
      const sound = join(folder, 'sound.wav');
      await speak('We sell fresh bread at the market.', said);
      const tools = openTools({ threads: 1 });
      await tools.ffmpeg([
        ...['-y', '-i', said, '-af', 'aresample=16000,adelay=4000,apad=pad_dur=2'],
        ...['-ac', '1', '-c:a', 'pcm_s16le', sound],
      ]);
      const speech = chooseSpeech(settings(), { run: openPrograms(), threads: 1, env: process.env }) as SpeechProvider;
      expect(speech).toMatchObject({ name: 'pocketsphinx', partFormat: 'wav' });
      const { words, segments, language } = await speech.transcribe(
        { path: sound, sound: 'x', seconds: 9, scratch: folder },
        { calls },
      );
      expect(language).toBe('en');
      expect(words.map(({ word }) => word)).toEqual(expect.arrayContaining(['fresh', 'bread', 'market']));
      for (const { start, end } of [...words, ...segments]) {
        expect(start).toBeGreaterThan(3.8);
        expect(end).toBeLessThan(9);
      }
    });

    test('refuses another language than English with a sentence', async () => {
      const speech = chooseSpeech(settings(), { run: nobody, threads: 1, env: process.env }) as SpeechProvider;
      await expect(
        speech.transcribe({ path: 'x.wav', sound: 'x', seconds: 9, scratch: folder, language: 'de' }, { calls }),
      ).rejects.toThrow(PermanentError);
    });
  });
});

describe('whisper.cpp', () => {
  const span = (from: number, to: number) => ({
    timestamps: { from: '00:00:00,000', to: '00:00:00,000' },
    offsets: { from, to },
  });
  const token = (text: string, from: number, to: number) => ({ text, ...span(from, to), id: 1, p: 0.9, t_dtw: -1 });
  /** The form of whisper-cli's --output-json-full, as its source writes it (examples/cli/cli.cpp, output_json). */
  const written = JSON.stringify({
    systeminfo: 'AVX = 1',
    model: { type: 'base', multilingual: true },
    params: { model: 'models/ggml-base.bin', language: 'auto', translate: false },
    result: { language: 'en' },
    transcription: [
      {
        ...span(0, 3_000),
        text: ' And so, my fellow Americans.',
        tokens: [
          token('[_BEG_]', 0, 0),
          ...[token(' And', 320, 370), token(' so', 370, 690), token(',', 690, 740), token(' my', 740, 1_000)],
          ...[token(' fell', 1_000, 1_300), token('ow', 1_300, 1_500), token(' Americans', 1_500, 2_900)],
          ...[token('.', 2_900, 3_000), { text: '[_TT_150]', id: 50514, p: 0.1, t_dtw: -1 }],
        ],
      },
      { ...span(3_000, 5_000), text: ' [BLANK_AUDIO]', tokens: [token(' [', 3_000, 4_000)] },
      {
        ...span(5_000, 6_000),
        text: ' naïve café',
        tokens: [token(' na', 5_000, 5_100), token('\ufffd', 5_100, 5_200)],
      },
    ],
  });

  test('has its words put together from tokens, and their letters from the text', () => {
    expect(parseWhisper(written)).toEqual({
      language: 'en',
      segments: [
        { text: ' And so, my fellow Americans.', start: 0, end: 3 },
        { text: ' naïve café', start: 5, end: 6 },
      ],
      words: [
        { word: 'And', start: 0.32, end: 0.37 },
        { word: 'so,', start: 0.37, end: 0.74 },
        { word: 'my', start: 0.74, end: 1 },
        { word: 'fellow', start: 1, end: 1.5 },
        { word: 'Americans.', start: 1.5, end: 3 },
        { word: 'naïve', start: 5, end: 5.5 },
        { word: 'café', start: 5.5, end: 6 },
      ],
    });
  });

  test.each([
    ['nothing', ''],
    ['half of it', written.slice(0, 300)],
    ['something else', '{"text":"hello"}'],
  ])('that wrote %s is tried again, with a sentence', (_name, text) => {
    expect(() => parseWhisper(text)).toThrow(RetryableError);
    expect(() => parseWhisper(text)).toThrow(/--output-json-full/);
  });

  test('is run with its arguments one by one, without a shell, and its progress is told', async () => {
    const binary = join(folder, "whisper cli'$(touch pwned)");
    await writeFile(
      binary,
      `#!/usr/bin/env node
const args = process.argv.slice(2);
const of = (name) => args[args.indexOf(name) + 1];
console.error('whisper_print_progress_callback: progress =  50%');
require('node:fs').writeFileSync(of('--output-file') + '.json', JSON.stringify({ result: { language: of('--language') },
  transcription: [{ offsets: { from: 0, to: 1000 }, text: ' ' + of('--file'), tokens: [] }] }));
`,
    );
    await chmod(binary, 0o755);
    const told: number[] = [];
    const speech = whisperSpeech({ binary, model: '/models/ggml-base.bin', threads: 2 }, openPrograms());
    const heard = await speech.transcribe(
      { path: 'a;b.wav', sound: 'x', seconds: 1, scratch: folder, language: 'de' },
      { calls, report: (fraction) => void told.push(fraction) },
    );
    expect(heard.segments).toEqual([{ text: ' a;b.wav', start: 0, end: 1 }]);
    expect([heard.language, speech.model, told]).toEqual(['de', 'ggml-base.bin', [0.5]]);
  });

  test('that is not there is told by name, and what to do', async () => {
    const speech = whisperSpeech({ binary: '/nowhere/whisper-cli', model: '/m.bin', threads: 1 }, openPrograms());
    const work = speech.transcribe({ path: 'a.wav', sound: 'x', seconds: 1, scratch: folder }, { calls });
    await expect(work).rejects.toThrow(/could not start \/nowhere\/whisper-cli: WHISPER_BINARY/);
  });
});

describe('the choice', () => {
  const machine = (env: NodeJS.ProcessEnv = {}) => ({ run: nobody, threads: 1, env });
  const nameOf = (choice: ReturnType<typeof chooseSpeech>) => ('missing' in choice ? null : choice.name);
  const whisper = { WHISPER_BINARY: process.execPath, WHISPER_MODEL: process.execPath };

  test('is the first that can be used: openai with its key, whisper.cpp with its files, pocketsphinx', async () => {
    const bin = join(folder, 'bin');
    const { mkdir } = await import('node:fs/promises');
    await mkdir(bin);
    await writeFile(join(bin, 'pocketsphinx_continuous'), '');
    await chmod(join(bin, 'pocketsphinx_continuous'), 0o755);
    const here = machine({ PATH: bin });
    expect(nameOf(chooseSpeech(settings({ ...whisper, OPENAI_API_KEY: 'sk-x' }), here))).toBe('openai');
    expect(nameOf(chooseSpeech(settings(whisper), here))).toBe('whisper.cpp');
    expect(nameOf(chooseSpeech(settings(), here))).toBe('pocketsphinx');
    expect(nameOf(chooseSpeech(settings({ OPENAI_BASE_URL: 'http://localhost:1/v1' }), here))).toBe('pocketsphinx');
  });

  test('is what the setting names, also where others could be used', () => {
    const both = { ...whisper, OPENAI_API_KEY: 'sk-x' };
    expect(nameOf(chooseSpeech(settings({ ...both, SPEECH_PROVIDER: 'whisper.cpp' }), machine()))).toBe('whisper.cpp');
    const own = settings({ SPEECH_PROVIDER: 'openai', OPENAI_BASE_URL: 'http://localhost:1/v1' });
    expect(nameOf(chooseSpeech(own, machine()))).toBe('openai');
    const named = chooseSpeech(settings({ SPEECH_PROVIDER: 'pocketsphinx', OPENAI_API_KEY: 'sk-x' }), machine());
    expect(named).toEqual({
      missing: expect.stringMatching(/^SPEECH_PROVIDER is "pocketsphinx".*apt install pocketsphinx/),
    });
  });

  test('of nothing is one sentence with all the ways out', () => {
    const { missing } = chooseSpeech(settings(), machine()) as { missing: string };
    expect(missing).toContain('OPENAI_API_KEY');
    expect(missing).toContain('WHISPER_MODEL');
    expect(missing).toContain('apt install pocketsphinx pocketsphinx-en-us');
    expect(missing).not.toContain('\n');
  });

  test('knows what is wrong with a program or a model that is named', () => {
    const cure = (more: Partial<SpeechSettings>) => speechReport(settings(more), {})[1]?.cure;
    expect(cure({ ...whisper, WHISPER_BINARY: '/nowhere' })).toMatch(/WHISPER_BINARY is \/nowhere/);
    expect(cure({ ...whisper, WHISPER_MODEL: '/nowhere' })).toMatch(/WHISPER_MODEL is \/nowhere/);
  });
});
