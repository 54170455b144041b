import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermanentError } from '@reelfleet/core';
import { openTools, probe } from '@reelfleet/media';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ImageOutput,
  image,
  type MusicOutput,
  music,
  type RenderOutput,
  render,
  thumbnail,
  verify,
} from './index.ts';
import { newDiary, refOf, runStage, type StageWorld, sketchProviders } from './testing.ts';

const tools = openTools({ threads: 1 });
const lengths = [2, 3, 2.5];
const format = { width: 320, height: 180, fps: 30 };
let world: StageWorld;
let tracks: MusicOutput[];
let stills: ImageOutput[];
let rendered: RenderOutput;
const diary = newDiary();

const album = () => ({
  title: 'Court; "music" = #1',
  artist: 'Castle Channel',
  description: 'Three pieces',
  ...format,
  orderedSeconds: 7.5,
  preview: true,
  tracks,
  stills,
});

beforeAll(async () => {
  world = { root: await mkdtemp(join(tmpdir(), 'album-test-')), tools, providers: sketchProviders(tools) };
  tracks = [];
  stills = [];
  for (const [index, seconds] of lengths.entries()) {
    const pair = { orderIndex: index + 1, title: `Piece ${index + 1}`, prompt: 'p', seed: index + 1 };
    tracks.push(await runStage(music, { ...pair, seconds }, world));
    stills.push(await runStage(image, { ...pair, ...format }, world));
  }
  rendered = await runStage(render, album(), world, {}, diary);
});
afterAll(() => rm(world.root, { recursive: true, force: true }));

const pathOf = ({ uri }: { uri: string }) => fileURLToPath(uri);
/** A copy of the album with something wrong with it, made by ffmpeg. */
async function spoiled(name: string, args: readonly string[]): Promise<string> {
  const path = join(world.root, name);
  await tools.ffmpeg(['-y', '-i', pathOf(rendered.video), ...args, path]);
  return path;
}
/** What `verify` says about a file that took the album's place. */
async function verdict(path: string, changed: Partial<ReturnType<typeof album>> = {}): Promise<string> {
  const video = await refOf(path, 'render');
  const error = await runStage(verify, { video, album: { ...album(), ...changed } }, world).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PermanentError);
  expect((error as Error).message).toMatch(/Enqueue it anew with reelfleet enqueue album$/);
  return (error as Error).message;
}

describe('an album', () => {
  test('has the streams, chapters, metadata and length that were promised', async () => {
    const seen = await probe(tools, pathOf(rendered.video), { trust: 'user', countPackets: true });
    const sum = tracks.reduce((total, track) => total + track.durationSeconds, 0);
    expect(seen.video).toMatchObject([
      {
        codec: 'h264',
        pixelFormat: 'yuv420p',
        width: 320,
        height: 180,
        fps: { num: 30, den: 1 },
        frames: rendered.frames,
      },
    ]);
    expect(seen.audio).toMatchObject([{ codec: 'aac', sampleRate: 44_100, channels: 2 }]);
    expect(Math.abs((seen.durationSeconds ?? 0) - sum)).toBeLessThan(tracks.length / 30);
    expect(seen.chapters.map((chapter) => chapter.title)).toEqual(['Piece 1', 'Piece 2', 'Piece 3']);
    expect(seen.chapters[2]?.startSeconds).toBeCloseTo(
      (tracks[0]?.durationSeconds ?? 0) + (tracks[1]?.durationSeconds ?? 0),
      2,
    );
    expect(seen.tags).toMatchObject({ title: 'Court; "music" = #1', artist: 'Castle Channel' });
    // faststart: the index lies before the data.
    const bytes = (await readFile(pathOf(rendered.video))).toString('latin1');
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
  });

  test('shows each still exactly as long as its track plays, to within one frame', () => {
    expect(rendered.tracks.map((track) => track.orderIndex)).toEqual([1, 2, 3]);
    for (const track of rendered.tracks)
      expect(Math.abs(track.frames / 30 - track.durationSeconds)).toBeLessThan(1 / 30);
    expect(rendered.minSsim).toBeGreaterThan(0.98);
  });

  test('is written by copying only, and names every command it ran', () => {
    const commands = rendered.ffmpegCommand.split('\n');
    expect(commands).toHaveLength(4);
    for (const command of commands) expect(command).toMatch(/-c copy/);
    expect(rendered.ffmpegCommand).not.toMatch(/libx264|-c:a aac|\/tmp/);
  });

  test('is the same file when it is rendered again from the same parts', async () => {
    const again = await runStage(render, album(), world);
    expect(again.video.sha256).toBe(rendered.video.sha256);
  });

  test('passes the second look, and gets its thumbnail', async () => {
    const seen = await runStage(verify, { video: rendered.video, album: album() }, world);
    expect(seen).toMatchObject({ chapters: 3, frames: rendered.frames, sha256: rendered.video.sha256 });
    const { thumbnail: made } = await runStage(thumbnail, { source: stills[0]?.image }, world);
    const [picture] = (await probe(tools, pathOf(made), { trust: 'own' })).video;
    expect(picture).toMatchObject({ codec: 'mjpeg', width: 1_280, height: 720 });
  });

  test('is not rendered twice by a retry that finds it stored', async () => {
    const last = diary.checkpoints.at(-1);
    const diaryOfRetry = newDiary();
    const again = await runStage(render, album(), world, { checkpoint: last?.data }, diaryOfRetry);
    expect(again).toEqual(rendered);
    expect(diaryOfRetry.pauses).toEqual([]);
  });

  test('shows its progress on the way, ending at one', () => {
    const fractions = diary.progress.map(({ fraction }) => fraction);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(diary.pauses).toEqual(['mid-work', 'before-upload', 'mid-upload']);
    expect(diary.moves).toBeGreaterThan(5);
  });
});

describe('the second look finds', () => {
  test('a truncated file', async () => {
    const path = join(world.root, 'truncated.mp4');
    const whole = await readFile(pathOf(rendered.video));
    await writeFile(path, whole.subarray(0, Math.floor(whole.length * 0.6)));
    expect(await verdict(path)).toMatch(/frames decode|is not the one of/);
  });

  test('a file that is no film at all', async () => {
    const path = join(world.root, 'nonsense.mp4');
    await writeFile(path, 'nothing to see here');
    expect(await verdict(path)).toMatch(/probe: /);
  });

  test('missing chapters', async () => {
    const path = await spoiled('chapters.mp4', ['-map', '0:v', '-map', '0:a', '-c', 'copy', '-map_chapters', '-1']);
    expect(await verdict(path)).toContain('it has 0 chapters instead of 3');
  });

  test('a gap of silence at a join', async () => {
    const join = (tracks[0]?.durationSeconds ?? 0).toFixed(3);
    const mute = `volume=0:enable='between(t,${join}-0.05,${join}+0.05)'`;
    const path = await spoiled('gap.mp4', ['-map', '0:v', '-map', '0:a', '-c:v', 'copy', '-af', mute, '-c:a', 'aac']);
    expect(await verdict(path)).toMatch(/ms of silence at the start of track 2 \(50 ms are allowed\)/);
  });

  test('a still in the place of another', async () => {
    const [first, second, third] = stills;
    if (!first || !second || !third) throw new Error('three stills were made');
    const swapped = [{ ...first, image: second.image }, { ...second, image: first.image }, third];
    expect(await verdict(pathOf(rendered.video), { stills: swapped })).toMatch(
      /picture at the start of track 2 differs from its still \(SSIM 0\.\d+/,
    );
    const segments = [{ ...first, segment: second.segment }, { ...second, segment: first.segment }, third];
    expect(await verdict(pathOf(rendered.video), { stills: segments })).toMatch(/frame 0 is not the one of still 1/);
  });

  test('frames that are missing in the middle', async () => {
    const path = await spoiled('short.mp4', ['-map', '0:v', '-map', '0:a', '-c', 'copy', '-t', '5']);
    expect(await verdict(path)).toMatch(/its file lasts [\d.]+ s while its tracks sum up to/);
  });

  test('another length than was ordered', async () => {
    expect(await verdict(pathOf(rendered.video), { orderedSeconds: 20 })).toMatch(/0\.33 were ordered/);
    expect(await verdict(pathOf(rendered.video), { preview: false })).toContain('an album lasts 60 to 90');
  });
});

describe('render', () => {
  test('encodes stills of other makers anew, so that a fleet of mixed machines makes a clean file', async () => {
    const [first, second, third] = stills;
    if (!first || !second || !third) throw new Error('three stills were made');
    const path = join(world.root, 'other-encoder.mp4');
    const other = ['-c:v', 'libx264', '-preset', 'medium', '-bf', '0', '-g', '300', '-video_track_timescale', '15360'];
    await tools.ffmpeg(['-y', '-i', pathOf(second.segment), ...other, path]);
    const mixed = { ...album(), stills: [first, { ...second, segment: await refOf(path, 'segment') }, third] };
    const made = await runStage(render, mixed, world);
    expect(made.ffmpegCommand).toContain('encoded anew');
    expect(made.minSsim).toBeGreaterThan(0.98);
  });

  test('lets no album out that breaks a promise, and throws an ordinary error so that it is tried again', async () => {
    const error = await runStage(render, { ...album(), orderedSeconds: 60 }, world).catch((thrown: unknown) => thrown);
    expect(error).not.toBeInstanceOf(PermanentError);
    expect((error as Error).message).toMatch(/is not as promised: it lasts 0\.13 minutes while 1 were ordered/);
  });

  test('refuses a damaged track with its number', async () => {
    const path = join(world.root, 'damaged.m4a');
    await copyFile(pathOf(tracks[1]?.audio as { uri: string }), path);
    await tools.ffmpeg(['-y', '-i', path, '-c', 'copy', '-t', '1', `${path}.m4a`]);
    const audio = await refOf(`${path}.m4a`, 'audio');
    const damaged = tracks.map((track) => (track.orderIndex === 2 ? { ...track, audio } : track));
    await expect(runStage(render, { ...album(), tracks: damaged }, world)).rejects.toThrow(
      /track 2 \(Piece 2\) has \d+ packets/,
    );
  });
});
