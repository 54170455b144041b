import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clipRange } from './clip-range.ts';
import { openTools } from './ffmpeg.ts';
import type { FrameList } from './grid.ts';
import { decodingTimes, writePictures } from './h264-file.ts';
import { copiedPieces, readEncoded, readPieces } from './h264-pieces.ts';
import { freeNumber, isSampleUnit, noSets, profileOf, setNumber, takeSets, typeOf, unitsOf } from './h264-units.ts';
import { copiedPackets, planCopy } from './plan-clip.ts';
import { probe } from './probe.ts';
import { type CopiedPicture, canCopy, planSplice } from './splice.ts';

/** Frames at 25 a second that begin at any tick of a time base of thousandths. */
const steady = (frames: number, from = 0): FrameList => ({
  timeBase: { num: 1, den: 1_000 },
  times: Array.from({ length: frames }, (_, n) => from + n * 40),
  keys: [0],
  end: from + frames * 40,
});
const bare = { paddingLeft: 0, paddingRight: 0 };

describe('the frames of a clip', () => {
  test('are those on the screen from its start to its end; the times answered are theirs', () => {
    const list = steady(100, 1_400);
    expect(clipRange(list, { start: 1, end: 2, ...bare })).toEqual({
      ...{ first: 25, end: 50, startTicks: 2_400, endTicks: 3_400, startSeconds: 1, endSeconds: 2 },
      ...{ paddingLeft: 0, paddingRight: 0 },
    });
    // Neither time is a frame's: the one on the screen at the start is there, and the last one to its end.
    expect(clipRange(list, { start: 1.03, end: 1.97, ...bare })).toMatchObject({ first: 25, end: 50 });
    expect(clipRange(list, { start: 1.03, end: 1.031, ...bare })).toMatchObject({ first: 25, end: 26 });
  });

  test('end at the bounds of the video, and the padding is stored as it was used', () => {
    const range = clipRange(steady(100), { start: 0.5, end: 3.9, paddingLeft: 2, paddingRight: 3 });
    expect(range).toMatchObject({ first: 0, end: 100, startSeconds: 0, endSeconds: 4, paddingLeft: 0.5 });
    expect(range.paddingRight).toBeCloseTo(0.1, 9);
    // Sound went on when the picture had ended.
    expect(clipRange(steady(100), { start: 3, end: 4.5, ...bare })).toMatchObject({ end: 100, paddingRight: 0 });
  });

  test('are none of a moment that begins after the picture: a sentence says so', () => {
    expect(() => clipRange(steady(100), { start: 4, end: 5, ...bare })).toThrow(
      'the moment begins at 4.00 s, but the picture of its video ends at 4.00 s: there is nothing to cut',
    );
  });

  test('cover what was wanted, for any frames and any moment, with less than a frame too much on either side', () => {
    const anyList = fc
      .tuple(
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: -900, max: 900 }),
      )
      .map(([steps, from]): FrameList => {
        const times = [from];
        for (const step of steps) times.push((times.at(-1) as number) + step);
        return { timeBase: { num: 1, den: 600 }, times: times.slice(0, -1), keys: [0], end: times.at(-1) as number };
      });
    const part = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(anyList, part, part, part, part, (list, from, lasting, left, right) => {
        const length = (list.end - (list.times[0] as number)) / 600;
        const start = from * 0.999 * length;
        const wanted = {
          start,
          end: start + 1e-3 + lasting * length,
          paddingLeft: left * length,
          paddingRight: right * length,
        };
        const range = clipRange(list, wanted);
        const at = (place: number) => ((list.times[place] ?? list.end) - (list.times[0] as number)) / 600;
        expect([at(range.first), at(range.end)]).toEqual([range.startSeconds, range.endSeconds]);
        // Exactly the frames whose time lies in [start, end).
        const inside = list.times.flatMap((_, place) =>
          at(place) >= range.startSeconds && at(place) < range.endSeconds ? [place] : [],
        );
        expect(inside).toEqual(Array.from({ length: range.end - range.first }, (_, n) => range.first + n));
        const [least, most] = [
          Math.max(0, start - wanted.paddingLeft),
          Math.min(length, wanted.end + wanted.paddingRight),
        ];
        expect(range.startSeconds).toBeLessThanOrEqual(least + 2e-6);
        expect(range.endSeconds).toBeGreaterThanOrEqual(most - 2e-6);
        if (range.first + 1 < range.end) {
          expect(at(range.first + 1)).toBeGreaterThan(least);
          expect(at(range.end - 1)).toBeLessThan(most);
        }
      }),
    );
  });
});

/** Groups of pictures as an encoder lays them: an anchor before the B-frames that are shown before it. */
function laid(groups: readonly { bFrames: readonly number[]; open: boolean }[]): CopiedPicture[] {
  const pictures: CopiedPicture[] = [];
  let time = 0;
  for (const { bFrames, open } of groups) {
    // Of an open group the first pictures shown come after its key frame and refer to the group before.
    const leading = open && time > 0 ? 2 : 0;
    pictures.push({ time: time + leading, idr: !open });
    for (let n = 0; n < leading; n += 1) pictures.push({ time: time + n, idr: false });
    time += leading + 1;
    for (const count of bFrames) {
      pictures.push({ time: time + count, idr: false });
      for (let n = 0; n < count; n += 1) pictures.push({ time: time + n, idr: false });
      time += count + 1;
    }
  }
  return pictures;
}

describe('a splice', () => {
  const anyGroup = fc.record({
    bFrames: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 20 }),
    open: fc.boolean(),
  });
  test('copies pictures that need nothing else and leave no gap, for any groups and any cut', () => {
    let spliced = 0;
    fc.assert(
      fc.property(
        fc.array(anyGroup, { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.nat(),
        fc.nat(),
        (groups, a, b, c) => {
          const pictures = laid(groups);
          const times = pictures.map(({ time }) => time).sort((x, y) => x - y);
          const [first = 0, end = 0] = [a % times.length, 1 + (b % times.length)].sort((x, y) => x - y);
          fc.pre(first < end);
          // The copy begins somewhere before the clip and may break off.
          const offered = pictures.slice(0, pictures.length - (c % 3));
          const splice = planSplice(times, { first, end }, offered);
          if (!splice) return;
          spliced += 1;
          const { head, middle, tail } = splice;
          expect([head.first, head.end, middle.end, tail.end]).toEqual([first, middle.first, tail.first, end]);
          const copied = offered.slice(splice.pictures.first, splice.pictures.end);
          expect(copied[0]).toMatchObject({ idr: true, time: times[middle.first] });
          expect(copied.map(({ time }) => time).sort((x, y) => x - y)).toEqual(times.slice(middle.first, middle.end));
          expect(copied.length).toBeGreaterThanOrEqual(24);
        },
      ),
    );
    expect(spliced).toBeGreaterThan(5);
  });

  test('begins at the first IDR picture of the clip and ends a few frames before its end', () => {
    const pictures = laid(Array.from({ length: 10 }, () => ({ bFrames: [2, 2, 2, 2], open: false })));
    const times = Array.from({ length: 130 }, (_, n) => n);
    expect(planSplice(times, { first: 5, end: 100 }, pictures)).toEqual({
      head: { first: 5, end: 13 },
      middle: { first: 13, end: 98 },
      tail: { first: 98, end: 100 },
      pictures: { first: 13, end: 98 },
    });
  });

  test('is not made of open groups, nor of fewer frames than it is worth', () => {
    const times = Array.from({ length: 200 }, (_, n) => n);
    const open = laid(Array.from({ length: 10 }, () => ({ bFrames: [2, 2, 2, 2], open: true })));
    expect(planSplice(times, { first: 5, end: 100 }, open)).toBeNull();
    const closed = laid(Array.from({ length: 10 }, () => ({ bFrames: [2, 2, 2, 2], open: false })));
    expect(planSplice(times, { first: 5, end: 30 }, closed)).toBeNull();
  });

  test('is tried on plain h264 only, whose packets tell their times', () => {
    const video = {
      ...{ codec: 'h264', pixelFormat: 'yuv420p', dynamicRange: 'sdr', rotation: 0, fieldOrder: 'progressive' },
      ...{ width: 64, height: 36 },
    } as never as Parameters<typeof canCopy>[0];
    const list = { packets: 10, seeking: 'exact' } as const;
    expect(canCopy(video, list)).toBe(true);
    const others = [
      { codec: 'hevc' },
      { pixelFormat: 'yuv420p10le' },
      { rotation: 90 },
      { fieldOrder: 'tt' },
      { dynamicRange: 'pq' },
    ];
    for (const other of others) expect([other, canCopy({ ...video, ...other } as never, list)]).toEqual([other, false]);
    expect(canCopy(video, { packets: null, seeking: 'none' })).toBe(false);
  });
});

test('a picture is decoded no later than it is shown, in the order of the file, and waits no longer than it must', () => {
  expect(decodingTimes([0, 30, 10, 20, 40])).toEqual({ decoded: [0, 10, 20, 30, 40], delay: 10 });
  expect(() => decodingTimes([0, 10, 10])).toThrow('two pictures are shown at 10');
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat({ max: 5_000 }), { minLength: 1, maxLength: 60 }), (shown) => {
      const { decoded, delay } = decodingTimes(shown);
      const waits = shown.map((time, index) => time + delay - (decoded[index] as number));
      expect(Math.min(...waits)).toBe(0);
      expect(decoded.every((time, index) => index === 0 || time > (decoded[index - 1] as number))).toBe(true);
    }),
  );
});

describe('pictures of two encoders in one file', () => {
  const tools = openTools({ threads: 1 });
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'h264-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const film = ['-f', 'lavfi', '-i', 'testsrc2=s=64x36:r=25:d=1', '-pix_fmt', 'yuv420p', '-c:v', 'libx264'];

  test('keep their parameter sets, their bytes and their times', async () => {
    const path = (name: string) => join(folder, name);
    await tools.ffmpeg(['-y', ...film, '-profile:v', 'main', '-f', 'mp4', path('source.mp4')]);
    const [video] = (await probe(tools, path('source.mp4'), { trust: 'own' })).video;
    if (!video) throw new Error('no picture');
    const copy = { source: path('source.mp4'), video, seek: null, packets: 100 };
    await tools.ffmpeg(planCopy({ ...copy, streamFile: path('a.h264'), tableFile: path('a.txt') }).args);
    const pieces = await copiedPieces(path('a.h264'), copiedPackets(await readFile(path('a.txt'), 'utf8')));
    expect(pieces).toHaveLength(25);
    expect(pieces.filter(({ idr }) => idr)).toHaveLength(1);
    await tools.ffmpeg(['-y', ...film, '-x264-params', 'sps-id=3:aud=1:bframes=0', '-f', 'h264', path('b.h264')]);
    const sets = noSets();
    for await (const data of readPieces(path('a.h264'), pieces)) expect(takeSets(sets, unitsOf(data))).toBe(true);
    expect([[...sets.sps.keys()], freeNumber(sets), [...sets.sps.values()].map(profileOf)]).toEqual([[0], 1, ['main']]);

    const tick = video.timeBase.den / 25;
    const all = async function* () {
      let n = 0;
      for await (const data of readEncoded(path('b.h264'))) yield { data, time: n++ * tick };
      let m = 0;
      for await (const data of readPieces(path('a.h264'), pieces))
        yield { data, time: 25 * tick + (pieces[m++]?.time as number) };
    };
    await writePictures(
      path('both.mp4'),
      { width: 64, height: 36, timescale: video.timeBase.den, end: 50 * tick },
      all(),
    );
    const sums = async (file: string) =>
      (await tools.ffmpeg(['-i', path(file), '-f', 'framemd5', '-'])).stdout
        .split('\n')
        .flatMap((line) => (/^\d/.test(line) ? [line.split(',').at(-1)?.trim()] : []));
    expect(await sums('both.mp4')).toEqual([...(await sums('b.h264')), ...(await sums('source.mp4'))]);
    const listed = (await tools.ffprobe(['-show_entries', 'packet=pts,duration', '-i', path('both.mp4')])) as {
      packets: { pts: number; duration: number }[];
    };
    expect(listed.packets.map(({ pts }) => pts / tick).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, n) => n),
    );
    expect(new Set(listed.packets.map(({ duration }) => duration))).toEqual(new Set([tick]));
    const [made] = (await probe(tools, path('both.mp4'), { trust: 'own' })).video;
    expect(made).toMatchObject({ startSeconds: 0, durationSeconds: 2, frames: 50 });
  });

  test('are refused where one number means two sets', async () => {
    const stream = async (name: string, ...more: string[]) => {
      await tools.ffmpeg(['-y', ...film, ...more, '-x264-params', 'aud=1:bframes=0', '-f', 'h264', join(folder, name)]);
      const data: Buffer[] = [];
      for await (const picture of readEncoded(join(folder, name))) data.push(picture);
      return data;
    };
    const both = [...(await stream('c.h264')), ...(await stream('d.h264', '-profile:v', 'baseline'))];
    const units = both.flatMap(unitsOf);
    expect(units.filter((unit) => typeOf(unit) === 7).map(setNumber)).toEqual([0, 0]);
    expect(units.filter(isSampleUnit).length).toBeGreaterThanOrEqual(50);
    expect(takeSets(noSets(), units)).toBe(false);
    const pictures = async function* () {
      for (const [index, data] of both.entries()) yield { data, time: index };
    };
    const track = { width: 64, height: 36, timescale: 25, end: 50 };
    await expect(writePictures(join(folder, 'no.mp4'), track, pictures())).rejects.toThrow('changes under its number');
  });
});
