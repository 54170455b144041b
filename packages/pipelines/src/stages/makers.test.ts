import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AttemptAborted, type Providers } from '@reelfleet/core';
import { openTools, SAMPLE_RATE } from '@reelfleet/media';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newDiary, runStage, type StageWorld, sketchProviders, withoutMoments } from '../testing.ts';
import { image } from './image.ts';
import { music } from './music.ts';
import { plan, spread } from './plan.ts';
import { probe } from './probe.ts';

const tools = openTools({ threads: 1 });
let world: StageWorld;
beforeAll(async () => {
  world = { root: await mkdtemp(join(tmpdir(), 'makers-test-')), tools, providers: sketchProviders(tools) };
});
afterAll(() => rm(world.root, { recursive: true, force: true }));

const pair = { orderIndex: 7, title: 'Seven', prompt: 'p', seed: 3 };
const track = { ...pair, seconds: 2 };
const still = { ...pair, width: 320, height: 180, fps: 30 };

/** The same world with providers that count their calls. */
function counted() {
  const providers = sketchProviders(tools);
  const composing = vi.spyOn(providers.music, 'generate');
  const painting = vi.spyOn(providers.image, 'generate');
  return { world: { ...world, providers }, composing, painting };
}
const withProviders = (changed: Partial<Providers>) => ({ ...world, providers: { ...world.providers, ...changed } });
/** A music provider whose WAV comes from an ffmpeg source. */
const playing = (source: string) =>
  withProviders({
    music: {
      name: 'dummy',
      async generate(_request, { path }) {
        await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', source, '-ac', '2', path]);
        return { providerId: null, licenseUrl: null };
      },
    },
  });

describe('a track', () => {
  test('comes out at the target loudness, counted in whole packets, with its original beside it', async () => {
    const made = await runStage(music, track, world);
    expect(made.loudnessLufs).toBeGreaterThan(-15);
    expect(made.loudnessLufs).toBeLessThan(-13);
    expect(made.samples % 1_024).toBe(0);
    expect(made.durationSeconds).toBeCloseTo(2, 0);
    expect(made).toMatchObject({
      orderIndex: 7,
      title: 'Seven',
      prompt: 'p',
      provider: 'dummy',
      providerTrackId: 'track-3',
    });
    expect(made.original).toMatchObject({ kind: 'raw', contentType: 'audio/flac' });
    expect((await runStage(music, track, world)).audio.sha256).toBe(made.audio.sha256);
  });

  test('is not composed again after a crash, once its original is stored', async () => {
    const { world: counting, composing } = counted();
    const first = newDiary();
    const crash = (point: string) => {
      if (point === 'mid-upload') throw new Error('crash');
    };
    await expect(runStage(music, track, counting, { onPause: crash }, first)).rejects.toThrow('crash');
    expect(first.checkpoints.map(({ units }) => units)).toEqual([1]);
    const second = newDiary();
    const made = await runStage(music, track, counting, { checkpoint: first.checkpoints[0]?.data }, second);
    expect(composing).toHaveBeenCalledTimes(1);
    expect(second.checkpoints.map(({ units }) => units)).toEqual([2]);
    const third = newDiary();
    expect(await runStage(music, track, counting, { checkpoint: second.checkpoints[0]?.data }, third)).toEqual(made);
    expect(third.progress).toEqual([]);
  });

  test('is composed anew when what the checkpoint names is gone, or the checkpoint is from another age', async () => {
    const { world: counting, composing } = counted();
    const diary = newDiary();
    const made = await runStage(music, track, counting, {}, diary);
    await rm(new URL(made.original.uri));
    await runStage(music, track, counting, { checkpoint: diary.checkpoints[0]?.data });
    await runStage(music, track, counting, { checkpoint: { version: 0, something: 'else' } });
    expect(composing).toHaveBeenCalledTimes(3);
  });

  test('of silence is refused with its number and title', async () => {
    await expect(runStage(music, track, playing('anullsrc=d=2'))).rejects.toThrow(
      'track 7 (Seven): music provider dummy made silence',
    );
  });

  test('loses silence at its edges, so that joins have none', async () => {
    const made = await runStage(music, track, playing("aevalsrc='0.3*sin(880*t)*between(t,1,3)':d=4:s=44100"));
    expect(made.durationSeconds).toBeCloseTo(2, 1);
  });

  test('at another sample rate and with peaks near the ceiling becomes what albums need', async () => {
    const made = await runStage(
      music,
      track,
      playing("aevalsrc='0.05*sin(2000*t)+0.9*sin(6000*t)*between(mod(t,0.5),0,0.004)':d=3:s=48000"),
    );
    expect(made.samples / SAMPLE_RATE).toBeCloseTo(3, 1);
    expect(made.gainDb).toBeGreaterThan(0);
  });

  test('stops when its attempt is aborted, with that reason', async () => {
    const controller = new AbortController();
    const reason = new AttemptAborted('shutdown');
    const run = runStage(music, track, world, { signal: controller.signal, onPause: () => controller.abort(reason) });
    await expect(run).rejects.toBe(reason);
  });
});

describe('a still', () => {
  test('becomes a segment whose every frame is the same picture, like the still', async () => {
    const made = await runStage(image, still, world);
    expect(made).toMatchObject({
      orderIndex: 7,
      frames: 300,
      width: 320,
      height: 180,
      fps: 30,
      provider: 'dummy',
      providerImageId: 'still-3',
    });
    expect(made.ssim).toBeGreaterThan(0.992);
    expect(made.segment.sizeBytes).toBeLessThan(60_000);
    expect((await runStage(image, still, world)).segment.sha256).toBe(made.segment.sha256);
  });

  test('of another size than the album is made to cover it', async () => {
    const small = withProviders({
      image: {
        name: 'gemini',
        async generate(_request, { path }) {
          await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', 'testsrc2=s=200x200', '-frames:v', '1', path]);
          return { providerId: 'g-1' };
        },
      },
    });
    expect(await runStage(image, still, small)).toMatchObject({
      width: 320,
      height: 180,
      provider: 'gemini',
      providerImageId: 'g-1',
    });
  });

  test('of heavy grain is given more bits instead of being let go', async () => {
    const grainy = withProviders({
      image: {
        name: 'dummy',
        async generate({ width, height }, { path }) {
          const source = `color=gray:s=${width}x${height},noise=alls=40:all_seed=1,format=rgb24`;
          await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', source, '-frames:v', '1', path]);
          return { providerId: null };
        },
      },
    });
    expect((await runStage(image, still, grainy)).ssim).toBeGreaterThan(0.98);
  });

  test('is not painted again after a crash, once its picture is stored', async () => {
    const { world: counting, painting } = counted();
    const first = newDiary();
    const crash = (point: string) => {
      if (point === 'mid-upload') throw new Error('crash');
    };
    await expect(runStage(image, still, counting, { onPause: crash }, first)).rejects.toThrow('crash');
    await runStage(image, still, counting, { checkpoint: first.checkpoints[0]?.data });
    expect(painting).toHaveBeenCalledTimes(1);
  });

  test('that is no picture is refused', async () => {
    const broken = withProviders({
      image: {
        name: 'leonardo',
        async generate(_request, { path }) {
          await writeFile(path, 'sorry, no picture today');
          return { providerId: null };
        },
      },
    });
    await expect(runStage(image, still, broken)).rejects.toThrow(/still\.png|made no picture/);
  });
});

describe('a plan', () => {
  const order = { niche: 'Royal Court', moods: ['elegant'], tracks: 3, totalSeconds: 600, seed: 1 };
  const answering = (pairs: { title: string; musicPrompt: string; visualPrompt: string; durationMinutes: number }[]) =>
    withProviders({
      language: { ...withoutMoments, name: 'fake', planAlbum: async () => ({ title: 'T', description: 'D', pairs }) },
    });
  const distinct = (count: number) =>
    Array.from({ length: count }, (_, at) => ({
      title: `T${at}`,
      musicPrompt: `m${at}`,
      visualPrompt: `v${at}`,
      durationMinutes: at + 1,
    }));

  test('pairs music and pictures by order index, in the structure of prompts_json', async () => {
    const made = await runStage(plan, order, world);
    expect(made.prompts.music_prompts.map((prompt) => prompt.order_index)).toEqual([1, 2, 3]);
    expect(made.prompts.visual_prompts.map((prompt) => prompt.order_index)).toEqual([1, 2, 3]);
    expect(made.prompts.music_prompts[0]).toEqual({
      order_index: 1,
      prompt: made.pairs[0]?.musicPrompt,
      duration_minutes: 3.333,
    });
    expect(await runStage(plan, { ...order, title: 'Mine' }, world)).toMatchObject({ title: 'Mine' });
  });

  test('is exactly as long as was ordered, in the proportions of the provider', async () => {
    const made = await runStage(plan, order, answering(distinct(3)));
    expect(made.pairs.map((pair) => pair.seconds)).toEqual([100, 200, 300]);
    expect(spread([0, Number.NaN], 10)).toEqual([5, 5]);
  });

  test('with the wrong number of pairs, or with one twice, is refused', async () => {
    await expect(runStage(plan, order, answering(distinct(2)))).rejects.toThrow(
      /asked for 3 pairs for "Royal Court", answered 2/,
    );
    const twice = distinct(3).map((pair) => ({ ...pair, visualPrompt: 'The Same ' }));
    await expect(runStage(plan, order, answering(twice))).rejects.toThrow(/gave the same prompt twice/);
    const nameless = distinct(3).map((pair) => ({ ...pair, title: ' ' }));
    await expect(runStage(plan, order, answering(nameless))).rejects.toThrow(/left a title or prompt empty/);
  });
});

describe('probe', () => {
  test('tells what a file is', async () => {
    const path = join(world.root, 'film.mkv');
    await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', 'testsrc=s=64x64:d=1', '-c:v', 'libx264', path]);
    const seen = await runStage(probe, { source: `file://${path}` }, world);
    expect(seen).toMatchObject({ format: 'matroska,webm', video: { codec: 'h264', frames: 25 }, audio: null });
  });

  test('refuses what is not media with one sentence, for good', async () => {
    const path = join(world.root, 'letter.mp4');
    await writeFile(path, 'Dear Sir or Madam');
    await expect(runStage(probe, { source: `file://${path}` }, world)).rejects.toMatchObject({
      name: 'PermanentError',
      message: expect.stringMatching(/letter\.mp4 cannot be read as video or audio; give a whole mp4/),
    });
    await expect(runStage(probe, { source: 'http://example.org/a.mp4' }, world)).rejects.toThrow(/file:\/\/\/ address/);
  });
});
