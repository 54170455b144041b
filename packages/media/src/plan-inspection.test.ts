import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inputPipe, openTools } from './ffmpeg.ts';
import { planInspection, readInspection } from './plan-inspection.ts';

const tools = openTools({ threads: 1 });
let dir: string;
let large: string;
let small: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'inspection-test-'));
  [large, small] = [join(dir, 'large.mp4'), join(dir, 'small.mp4')];
  const out = (size: string) => [
    ...['-s', size, '-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '10', '-sc_threshold', '0'],
    ...['-video_track_timescale', '10000', '-movflags', '+empty_moov+frag_keyframe+default_base_moof'],
  ];
  const film = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=1'];
  await tools.ffmpeg(['-y', ...film, ...out('320x180'), large, ...out('160x90'), small]);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function inspect(files: readonly [string, 'keys' | 'all'][], inputs?: readonly AsyncIterable<Uint8Array>[]) {
  const notes = join(dir, 'notes.txt');
  const renditions = files.map(([source, decode]) => ({ source, decode }));
  const plan = planInspection('two renditions', renditions, notes);
  await tools.ffmpeg(plan.args, { ...(inputs ? { inputs } : {}) });
  return readInspection(createInterface({ input: createReadStream(notes) }), files.length);
}

test('lists the frames of every rendition in the order they are shown, and counts those that could be decoded', async () => {
  const found = await inspect([
    [large, 'keys'],
    [small, 'all'],
  ]);
  for (const { frames } of found) {
    const first = frames[0]?.time as number;
    expect(frames.map(({ time }) => time - first)).toEqual(Array.from({ length: 25 }, (_, index) => index * 400));
    expect(frames.flatMap(({ key }, index) => (key ? [index] : []))).toEqual([0, 10, 20]);
  }
  expect(found.map(({ decoded }) => decoded)).toEqual([3, 25]);
});

test('says the same of bytes that are given to it', async () => {
  const files = [large, small];
  const given = await inspect(
    [
      [inputPipe(0), 'all'],
      [inputPipe(1), 'keys'],
    ],
    files.map((file) => createReadStream(file, { highWaterMark: 1_000 })),
  );
  expect(given.map(({ frames, decoded }) => [frames.length, decoded])).toEqual([
    [25, 25],
    [25, 3],
  ]);
});

test('fails where a frame cannot be decoded', async () => {
  const bytes = await readFile(large);
  const data = bytes.lastIndexOf('mdat');
  bytes.fill(0xa5, data + 40, data + 1_000);
  const spoilt = join(dir, 'spoilt.mp4');
  await writeFile(spoilt, bytes);
  await expect(
    inspect([
      [spoilt, 'keys'],
      [small, 'all'],
    ]),
  ).rejects.toThrow(/ffmpeg ended with exit code/);
});
