/**
 * A program that says it went well and did not: every single ffmpeg run of every stage lies once, in two ways. The stage
 * must notice, or the lie must have done no harm: its files are then byte for byte those of an honest run.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type AnyStage, type ArtifactRef, PermanentError, type RunOptions, type Tools } from '@reelfleet/core';
import { openTools } from '@reelfleet/media';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ImageOutput, image, type MusicOutput, music, render, thumbnail, verify } from './index.ts';
import { runStage, type StageWorld, sketchProviders } from './testing.ts';

const honest = openTools({ threads: 1 });
const format = { width: 320, height: 180, fps: 10 };
const pair = { orderIndex: 1, title: 'One', prompt: 'p', seed: 1 };
let world: StageWorld;
let inputs: Record<string, [AnyStage, unknown]>;

beforeAll(async () => {
  world = { root: await mkdtemp(join(tmpdir(), 'lying-test-')), tools: honest, providers: sketchProviders(honest) };
  const track = { ...pair, seconds: 2 };
  const still = { ...pair, ...format };
  const tracks: MusicOutput[] = [await runStage(music, track, world)];
  const stills: ImageOutput[] = [await runStage(image, still, world)];
  const album = {
    title: 'T',
    artist: 'A',
    description: 'D',
    ...format,
    orderedSeconds: 2,
    preview: true,
    tracks,
    stills,
  };
  const { video } = await runStage(render, album, world);
  inputs = {
    music: [music, track],
    image: [image, still],
    render: [render, album],
    verify: [verify, { video, album }],
    thumbnail: [thumbnail, { source: video, width: 320, height: 180 }],
  };
});
afterAll(() => rm(world.root, { recursive: true, force: true }));

const lies = {
  'writes nothing': async (path: string) => {
    await rm(path, { force: true });
    return '';
  },
  'stops half way': async (path: string, said: string) => {
    const whole = await readFile(path).catch(() => null);
    if (whole) await writeFile(path, whole.subarray(0, Math.floor(whole.length / 2)));
    return said.slice(0, said.length / 2);
  },
};

/** Tools of which the `at`-th ffmpeg run lies. */
function lying(lie: keyof typeof lies, at: number): Tools & { runs: number } {
  const tools = {
    runs: 0,
    ffprobe: honest.ffprobe,
    async ffmpeg(args: readonly string[], options: RunOptions = {}) {
      const mine = tools.runs++ === at;
      const result = await honest.ffmpeg(args, options);
      if (!mine) return result;
      const last = (args.at(-1) ?? '').replace(/^file:/, '');
      const path = isAbsolute(last) ? last : join(options.cwd ?? world.root, last);
      return { ...result, stdout: await lies[lie](path, result.stdout) };
    },
  };
  return tools;
}

function artifactsOf(value: unknown): ArtifactRef[] {
  if (typeof value !== 'object' || value === null) return [];
  if ('sha256' in value && 'uri' in value) return [value as ArtifactRef];
  return Object.values(value).flatMap(artifactsOf);
}
const sums = (value: unknown) => artifactsOf(value).map(({ kind, sha256 }) => `${kind} ${sha256}`);

describe.each(['music', 'image', 'render', 'verify', 'thumbnail'])('a lying ffmpeg in %s', (name) => {
  test.each(Object.keys(lies) as (keyof typeof lies)[])(
    'that %s is noticed, or did no harm',
    async (lie) => {
      const [stage, input] = inputs[name] as [AnyStage, unknown];
      const counting = lying(lie, -1);
      const good = await runStage(stage, input, { ...world, tools: counting });
      expect(counting.runs).toBeGreaterThan(0);
      let noticed = 0;
      for (let at = 0; at < counting.runs; at += 1) {
        const tools = lying(lie, at);
        const made = await runStage(stage, input, { ...world, tools }).catch((error: unknown) => error);
        if (made instanceof Error) {
          noticed += 1;
          // Bad luck of this worker, not of the order; what `verify` finds is the album's fault in its eyes.
          if (name !== 'verify') expect(made, `run ${at}`).not.toBeInstanceOf(PermanentError);
        } else {
          expect(sums(made), `run ${at} of ${name}`).toEqual(sums(good));
        }
      }
      expect(noticed).toBeGreaterThan(0);
    },
    120_000,
  );
});
