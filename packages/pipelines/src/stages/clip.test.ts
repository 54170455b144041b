/**
 * Clips of films whose every frame shows its number: each holds exactly the frames it should, at their times, whatever the source
 * is; what could be copied is the source's to the bit.
 */
import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermanentError, type Tools } from '@reelfleet/core';
import { frameSums, listFrames, openTools, probe } from '@reelfleet/media';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newDiary, refOf, runStage, type StageWorld, sketchProviders } from '../testing.ts';
import { countedFrames, counter } from '../testing-stream.ts';
import { type ClipOutput, clip } from './clip.ts';

const tools = openTools({ threads: 2 });
const SIZE = '128x72';
const FRAMES = 250;
let root: string;
let world: StageWorld;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'clips-'));
  world = { root, tools, providers: sketchProviders(tools) };
  await film('closed.mp4', ...sound, ...x264('bframes=3:b-pyramid=normal:open-gop=0'), ...aac);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const path = (name: string) => join(root, name);
const lavfi = (source: string) => ['-f', 'lavfi', '-i', source];
/** Silence for two seconds, then a tone: where it begins tells whether sound and picture are together. */
const sound = lavfi('aevalsrc=if(gte(t\\,2)\\,0.5*sin(880*PI*t)\\,0):s=48000:d=10');
const aac = ['-c:a', 'aac', '-b:a', '128k'];
const x264 = (params: string) => [
  ...['-c:v', 'libx264', '-preset', 'veryfast', '-g', '50', '-pix_fmt', 'yuv420p'],
  ...['-x264-params', `scenecut=0:${params}`],
];

async function film(name: string, ...args: string[]): Promise<string> {
  await tools.ffmpeg(['-y', ...lavfi(counter(SIZE, '25', FRAMES)), ...args, path(name)]);
  return path(name);
}

interface Wish {
  start: number;
  end: number;
  paddingLeft?: number;
  paddingRight?: number;
}

async function orderOf(file: string, { start, end, ...padding }: Wish) {
  const moment = { id: randomUUID(), identifier: 'a1b2', title: 'A moment', start, end };
  return { source: await refOf(file, 'raw'), name: 'the film', moment, durationSeconds: 10, ...padding };
}

interface Cut extends ClipOutput {
  path: string;
  notes: string[];
}

async function cut(file: string, wish: Wish, using: Tools = tools): Promise<Cut> {
  const diary = newDiary();
  const made = await runStage(clip, await orderOf(file, wish), { ...world, tools: using }, {}, diary);
  return { ...made, path: fileURLToPath(made.clip.uri), notes: diary.notes };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
const counted = (made: Cut) => countedFrames(tools, made.path, root);
async function sums(file: string, filter = 'null'): Promise<string[]> {
  return frameSums((await tools.ffmpeg(['-i', file, '-map', '0:v', '-vf', filter, '-f', 'framemd5', '-'])).stdout);
}
async function times(file: string): Promise<number[]> {
  const { format, video: pictures } = await probe(tools, file, { trust: 'own' });
  const [video] = pictures;
  if (!video) throw new Error('no picture');
  const { times, timeBase } = await listFrames(tools, file, { format, video }, {});
  return times.map((time) => ((time - (times[0] as number)) * timeBase.num) / timeBase.den);
}
/** When the tone begins, in seconds. */
async function toneAt(file: string): Promise<number> {
  const raw = path('tone.raw');
  await tools.ffmpeg(['-y', '-i', file, '-map', '0:a', '-ac', '1', '-ar', '48000', '-f', 's16le', raw]);
  const bytes = await readFile(raw);
  for (let at = 0; at + 1 < bytes.length; at += 2) if (Math.abs(bytes.readInt16LE(at)) > 4_000) return at / 2 / 48_000;
  return Number.NaN;
}

describe('of a film in closed groups, a clip', () => {
  test('has its edges encoded and its middle copied to the bit, and its sound where it belongs', async () => {
    const made = await cut(path('closed.mp4'), { start: 1, end: 7.03, paddingLeft: 0.4, paddingRight: 0.5 });
    // 0.6 s is frame 15; 7.53 s lies in frame 188, which is there to its end.
    expect(made).toMatchObject({ start: 0.6, end: 7.56, frames: 174, width: 128, height: 72, videoCodec: 'h264' });
    expect([made.paddingLeft, made.paddingRight].map((value) => Number(value.toFixed(6)))).toEqual([0.4, 0.53]);
    expect(await counted(made)).toEqual(numbers(15, 189));
    expect(made.notes).toEqual([]);
    // From the key frame at 50, and as far as no later picture is needed.
    const copiedTo = 50 + (made.copiedFrames as number);
    expect(copiedTo).toBeGreaterThan(180);
    expect(made.copiedFrames as number).toBe(174 - (made.encodedFrames as number));
    expect(made.likeness).toBeGreaterThan(0.95);
    const [source, mine] = [await sums(path('closed.mp4')), await sums(made.path)];
    expect(mine.slice(35, copiedTo - 15)).toEqual(source.slice(50, copiedTo));
    expect(await toneAt(made.path)).toBeCloseTo(1.4, 2);
    expect(made.audioCodec).toBe('aac');
    const seen = await probe(tools, made.path, { trust: 'own' });
    expect(seen.audio[0]?.durationSeconds).toBeCloseTo(6.96, 1);
    expect(seen.video[0]?.durationSeconds).toBeCloseTo(6.96, 6);
  });

  test.each<[string, Wish, number, number]>([
    ['that begins with the first frame', { start: 0, end: 5.2 }, 0, 130],
    ['that ends with the last frame', { start: 5.2, end: 10 }, 130, 250],
    ['that is all of it', { start: 1, end: 9, paddingLeft: 5, paddingRight: 5 }, 0, 250],
    ['shorter than a group', { start: 2.4, end: 3.2 }, 60, 80],
    ['of the last frame', { start: 9.97, end: 9.99 }, 249, 250],
  ])('%s holds exactly its frames', async (_name, wish, from, to) => {
    const made = await cut(path('closed.mp4'), wish);
    expect(await counted(made)).toEqual(numbers(from, to).map((n) => n % 256));
    expect([made.start, made.end]).toEqual([from / 25, to / 25]);
    if (from === 0 && to === FRAMES) {
      expect([made.encodedFrames, made.likeness]).toEqual([0, 1]);
      expect(await sums(made.path)).toEqual(await sums(path('closed.mp4')));
    }
    if (to - from < 50) expect(made.copiedFrames).toBe(0);
  });
});

describe('sources of other kinds', () => {
  test('open groups: nothing can be begun in the middle of them, so all is encoded; from the start it is copied', async () => {
    const file = await film('open.mp4', ...x264('open-gop=1:bframes=3'));
    const inside = await cut(file, { start: 3, end: 8 });
    expect(await counted(inside)).toEqual(numbers(75, 200));
    expect([inside.copiedFrames, inside.audioCodec]).toEqual([0, null]);
    const begun = await cut(file, { start: 0, end: 8.2 });
    expect(await counted(begun)).toEqual(numbers(0, 205));
    expect(begun.copiedFrames).toBeGreaterThan(195);
  });

  test('unequal times: every frame keeps its own, copied or encoded', async () => {
    const uneven = "setpts='if(lt(N,100),N/25,4+(N-100)/12.5)/TB'";
    const vfr = ['-vf', `settb=1/90000,${uneven}`, '-fps_mode', 'vfr', '-enc_time_base', '1:90000'];
    for (const [name, codec] of [
      ['vfr.mp4', x264('bframes=2')],
      ['vfr.mkv', ['-c:v', 'libx264', '-pix_fmt', 'yuv420p10le', '-preset', 'veryfast', '-g', '50']],
    ] as const) {
      const file = await film(name, ...vfr, ...codec);
      const made = await cut(file, { start: 2, end: 8 });
      expect(await counted(made)).toEqual(numbers(50, 150));
      const at = (n: number) => (n < 100 ? n / 25 : 4 + (n - 100) / 12.5) - 2;
      for (const [index, time] of (await times(made.path)).entries()) expect(time).toBeCloseTo(at(50 + index), 2);
      expect((made.copiedFrames as number) > 0).toBe(name === 'vfr.mp4');
      const [video] = (await probe(tools, made.path, { trust: 'own' })).video;
      expect(video?.durationSeconds).toBeCloseTo(6, 1);
    }
  });

  test('a transport stream, whose clock does not begin at 0: sound and picture are together', async () => {
    const file = await film('late.ts', ...sound, ...x264('bframes=3'), ...aac);
    const made = await cut(file, { start: 1, end: 6.5 });
    expect(await counted(made)).toEqual(numbers(25, 163));
    expect(made.copiedFrames).toBeGreaterThan(80);
    // The transport stream has its sound a little off itself.
    expect(Math.abs((await toneAt(made.path)) - 1)).toBeLessThan(0.06);
  });

  test('a picture on its side and one of oblong pixels: upright, and as wide as they are seen', async () => {
    await tools.ffmpeg(['-y', '-i', path('closed.mp4'), '-c', 'copy', '-metadata:s:v', 'rotate=90', path('side.mp4')]);
    const turned = await cut(path('side.mp4'), { start: 1, end: 3 });
    expect(turned).toMatchObject({ width: 72, height: 128, frames: 50, copiedFrames: 0 });
    const wide = await cut(await film('wide.mp4', '-vf', 'setsar=4/3', ...x264('bframes=0')), { start: 1, end: 8 });
    const [video] = (await probe(tools, wide.path, { trust: 'own' })).video;
    expect([wide.copiedFrames !== 0, video?.sampleAspect]).toEqual([true, { num: 4, den: 3 }]);
  });

  test('10 bits become 8, whose frames are the same', async () => {
    const made = await cut(await film('ten.mp4', '-c:v', 'libx264', '-pix_fmt', 'yuv420p10le', '-g', '50'), {
      start: 2,
      end: 6,
    });
    expect(await counted(made)).toEqual(numbers(50, 150));
    const [video] = (await probe(tools, made.path, { trust: 'own' })).video;
    expect([video?.pixelFormat, made.copiedFrames]).toEqual(['yuv420p', 0]);
  });
});

describe('a splice that does not hold', () => {
  test('two recordings behind one another, which mean different things by one number: all is encoded', async () => {
    const half = (args: string[], name: string) =>
      tools.ffmpeg([
        '-y',
        ...lavfi(`${counter(SIZE, '25', FRAMES)},trim=${args[0]},setpts=PTS-STARTPTS`),
        ...args.slice(1),
        path(name),
      ]);
    await half(['end_frame=125', ...x264('bframes=0'), '-profile:v', 'main'], 'one.ts');
    await half(['start_frame=125', ...x264('bframes=0'), '-profile:v', 'high', '-output_ts_offset', '5'], 'two.ts');
    await appendFile(path('one.ts'), await readFile(path('two.ts')));
    const made = await cut(path('one.ts'), { start: 1, end: 9 });
    expect([made.copiedFrames, made.frames]).toEqual([0, 200]);
    expect(await counted(made)).toEqual(numbers(25, 225));
  });

  test('is found out by the comparison, said, and made good by encoding all of it', async () => {
    // What was copied is spoilt on its way: a byte in the middle of a picture.
    const spoiling: Tools = {
      ...tools,
      async ffmpeg(args, run) {
        const result = await tools.ffmpeg(args, run);
        const copied = args.find((arg) => arg.endsWith('copied.h264'));
        if (copied) {
          const file = await open(copied.slice('file:'.length), 'r+');
          const { size } = await file.stat();
          await file.write(Buffer.from([0x55, 0xaa, 0x55]), 0, 3, Math.floor(size / 2));
          await file.close();
        }
        return result;
      },
    };
    const made = await cut(path('closed.mp4'), { start: 1, end: 7 }, spoiling);
    expect([made.copiedFrames, made.encodedFrames]).toEqual([0, 150]);
    expect(await counted(made)).toEqual(numbers(25, 175));
    expect(made.notes.join('\n')).toMatch(/the clip could not be put together by copying, so all of it is encoded: /);
  });
});

describe('a clip task', () => {
  test('answers with the clip there is, without a look at the source, unless it is to be replaced', async () => {
    const first = await cut(path('closed.mp4'), { start: 1, end: 2 });
    const order = await orderOf(path('closed.mp4'), { start: 1, end: 2 });
    const { clip: file, start, end, paddingLeft, paddingRight, videoCodec, audioCodec, width, height } = first;
    const existing = { clip: file, start, end, paddingLeft, paddingRight, videoCodec, audioCodec, width, height };
    const nowhere = { ...order.source, uri: 'file:///nowhere.mp4' };
    const again = await runStage(clip, { ...order, source: nowhere, existing }, world);
    expect(again).toMatchObject({ ...existing, existing: true, momentId: order.moment.id, frames: null });
    const anew = await runStage(clip, { ...order, existing, replace: true }, world);
    expect(anew).toMatchObject({ existing: false, replace: true, frames: 25 });
    expect(anew.clip.id).not.toBe(file.id);
  });

  test('that died after its file was stored makes nothing twice', async () => {
    const order = await orderOf(path('closed.mp4'), { start: 1, end: 3 });
    const diary = newDiary();
    const first = await runStage(clip, order, world, {}, diary);
    expect(diary.pauses).toEqual(['mid-work', 'before-check', 'before-upload']);
    const [saved] = diary.checkpoints;
    expect(saved?.units).toBe(1);
    const nowhere = { ...order, source: { ...order.source, uri: 'file:///nowhere.mp4' } };
    expect(await runStage(clip, nowhere, world, { checkpoint: saved?.data })).toEqual(first);
    // The file has gone meanwhile: it is made again.
    await rm(fileURLToPath(first.clip.uri));
    const second = await runStage(clip, order, world, { checkpoint: saved?.data });
    expect(second.clip.uri).not.toBe(first.clip.uri);
  });

  test('refuses at once, in one sentence, what cannot be cut', async () => {
    const refusal = async (file: string, wish: Wish, more = {}) => {
      const order = { ...(await orderOf(file, wish)), ...more };
      const error = await runStage(clip, order, world).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(PermanentError);
      return (error as Error).message;
    };
    expect(await refusal(path('closed.mp4'), { start: 12, end: 14 })).toBe(
      'moment a1b2 begins at 12.00 s, but the film ends at 10.00 s: there is nothing to cut',
    );
    expect(await refusal(path('closed.mp4'), { start: 12, end: 14 }, { durationSeconds: 20 })).toBe(
      'the moment begins at 12.00 s, but the picture of its video ends at 10.00 s: there is nothing to cut',
    );
    await tools.ffmpeg(['-y', ...sound, path('sound.m4a')]);
    expect(await refusal(path('sound.m4a'), { start: 1, end: 2 })).toBe(
      'the film has no moving picture, only sound: clips are cut out of video',
    );
    expect(await refusal(fileURLToPath(import.meta.url), { start: 1, end: 2 })).toMatch(
      /^the film cannot be read as video or audio; give a whole mp4/,
    );
  });
});
