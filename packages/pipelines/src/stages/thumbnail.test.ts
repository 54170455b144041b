/** Thumbnails of real films: what is chosen, how it is fitted, and what the pictures for scrubbing show. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Tools } from '@reelfleet/core';
import { openTools, probe } from '@reelfleet/media';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refOf, runStage, type StageWorld, sketchProviders } from '../testing.ts';
import { thumbnail } from './thumbnail.ts';

const tools = openTools({ threads: 2 });
let world: StageWorld;
beforeAll(async () => {
  world = { root: await mkdtemp(join(tmpdir(), 'thumbnail-test-')), tools, providers: sketchProviders(tools) };
});
afterAll(() => rm(world.root, { recursive: true, force: true }));

const at = (name: string) => join(world.root, name);
/** A film in the test's folder. */
async function film(name: string, args: readonly string[], kind: 'raw' | 'image' = 'raw') {
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...args, at(name)]);
  return refOf(at(name), kind);
}
const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
const lavfi = (...sources: string[]) => sources.flatMap((source) => ['-f', 'lavfi', '-i', source]);

/** Red, green and blue of one pixel of a picture, 0 to 255. */
function colourAt(path: string, x: number, y: number): number[] {
  const args = [
    '-v',
    'error',
    '-i',
    path,
    '-vf',
    `crop=2:2:${x}:${y},format=rgb24`,
    '-frames:v',
    '1',
    '-f',
    'rawvideo',
    '-',
  ];
  return [...execFileSync('ffmpeg', args).subarray(0, 3)];
}
const near = (seen: number[], wanted: number[], within = 26) =>
  expect(
    seen.every((value, index) => Math.abs(value - (wanted[index] ?? 0)) <= within),
    `${seen} is not ${wanted}`,
  ).toBe(true);
const pathOf = ({ uri }: { uri: string }) => fileURLToPath(uri);

describe('of a film', { timeout: 90_000 }, () => {
  test('the frame is none that is black, blurred or fading', async () => {
    // 0–4 s black, 4–8 s blurred, 8–10 s fading in, 10–16 s clear, 16–20 s fading out to black.
    const clear = 'testsrc2=s=640x360:r=25';
    const source = await film('moods.mp4', [
      ...lavfi('color=black:s=640x360:r=25:d=4', `${clear}:d=4`, `${clear}:d=12`),
      '-filter_complex',
      '[1:v]gblur=sigma=24[soft];[2:v]fade=in:st=0:d=2,fade=out:st=8:d=4[acts];[0:v][soft][acts]concat=n=3,format=yuv420p',
      ...x264,
    ]);
    const made = await runStage(thumbnail, { source }, world);
    expect(made.atSeconds).toBeGreaterThan(9.9);
    expect(made.atSeconds).toBeLessThan(16.1);
    const [picture] = (await probe(tools, pathOf(made.thumbnail), { trust: 'own' })).video;
    expect(picture).toMatchObject({ codec: 'mjpeg', width: 1280, height: 720 });
    expect(made.thumbnail).toMatchObject({ kind: 'thumbnail', contentType: 'image/jpeg' });
    const again = await runStage(thumbnail, { source }, world);
    expect([again.thumbnail.sha256, again.atSeconds]).toEqual([made.thumbnail.sha256, made.atSeconds]);
  });

  test('that is black from end to end is a black picture, not an error', async () => {
    const source = await film('black.mp4', [...lavfi('color=black:s=320x180:r=10:d=3'), ...x264]);
    const made = await runStage(thumbnail, { source }, world);
    near(colourAt(pathOf(made.thumbnail), 640, 360), [0, 0, 0]);
  });

  test('of a single frame is that frame', async () => {
    const source = await film('blink.mp4', [...lavfi('color=0x20c040:s=320x180:r=25'), '-frames:v', '1', ...x264]);
    const made = await runStage(thumbnail, { source }, world);
    expect([made.atSeconds, made.sprites?.count]).toEqual([0, 1]);
    near(colourAt(pathOf(made.thumbnail), 640, 360), [0x20, 0xc0, 0x40]);
  });

  test.each<[string, string, string[], number[], number[]]>([
    // Name, source, further arguments, a pixel inside of the picture, a pixel beside it.
    ['portrait', 'color=0xc03020:s=180x320:r=10:d=2', [], [640, 20], [300, 360]],
    ['wide samples', 'color=0xc03020:s=180x320:r=10:d=2,setsar=4', [], [20, 360], [640, 20]],
  ])('%s keeps its shape, with black beside it', async (name, source, args, inside, beside) => {
    const made = await runStage(
      thumbnail,
      { source: await film(`${name}.mp4`, [...lavfi(source), ...args, ...x264]) },
      world,
    );
    near(colourAt(pathOf(made.thumbnail), inside[0] ?? 0, inside[1] ?? 0), [0xc0, 0x30, 0x20]);
    near(colourAt(pathOf(made.thumbnail), beside[0] ?? 0, beside[1] ?? 0), [0, 0, 0]);
  });

  test('a telephone was held upright for stands upright', async () => {
    // Left half red, right half blue; turned a quarter, so that red is above or below blue.
    await film('lying.mp4', [
      ...lavfi('color=0xc02020:s=160x180:r=10:d=2', 'color=0x2020c0:s=160x180:r=10:d=2'),
      '-filter_complex',
      'hstack',
      ...x264,
    ]);
    const source = await film('upright.mp4', ['-i', at('lying.mp4'), '-c', 'copy', '-metadata:s:v', 'rotate=90']);
    const made = await runStage(thumbnail, { source }, world);
    const path = pathOf(made.thumbnail);
    const [above, below] = [colourAt(path, 640, 100), colourAt(path, 640, 620)];
    expect((above[0] ?? 0) > 120 !== (below[0] ?? 0) > 120, `${above} and ${below}`).toBe(true);
    near(colourAt(path, 100, 360), [0, 0, 0]);
    expect(made.sprites?.sheets.segments).toHaveLength(1);
  });

  test('in high dynamic range is brought down to ordinary light', async () => {
    const hdr = 'colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc';
    const source = await film('hdr.mp4', [
      ...lavfi('testsrc2=s=320x180:r=10:d=3'),
      ...[
        '-vf',
        'format=yuv420p10le',
        '-c:v',
        'libx265',
        '-preset',
        'ultrafast',
        '-x265-params',
        `log-level=error:${hdr}`,
      ],
      ...['-color_primaries', 'bt2020', '-color_trc', 'smpte2084', '-colorspace', 'bt2020nc', '-tag:v', 'hvc1'],
    ]);
    expect((await probe(tools, at('hdr.mp4'), { trust: 'user' })).video[0]?.dynamicRange).toBe('pq');
    const made = await runStage(thumbnail, { source }, world);
    const [picture] = (await probe(tools, pathOf(made.thumbnail), { trust: 'own' })).video;
    expect(picture).toMatchObject({ width: 1280, height: 720, pixelFormat: 'yuvj420p' });
    // Where ffmpeg cannot do that there is a picture all the same, another one.
    const poor: Tools = {
      ...tools,
      ffmpeg: (args, options) =>
        args[0] === '-filters'
          ? Promise.resolve({ stdout: ' .S. tonemap V->V x\n', stderrTail: '', durationMs: 1 })
          : tools.ffmpeg(args, options),
    };
    const pale = await runStage(thumbnail, { source }, { ...world, tools: poor });
    expect(pale.thumbnail.sha256).not.toBe(made.thumbnail.sha256);
  });

  test('keeps its colours, though film and JPEG count them differently', async () => {
    const source = await film('colour.mp4', [
      ...lavfi('color=0x10a020:s=1280x720:r=10:d=2'),
      ...[
        '-vf',
        'scale=out_color_matrix=bt709:out_range=tv,format=yuv420p',
        '-colorspace',
        'bt709',
        '-color_range',
        'tv',
        ...x264,
      ],
    ]);
    const made = await runStage(thumbnail, { source }, world);
    near(colourAt(pathOf(made.thumbnail), 640, 360), [0x10, 0xa0, 0x20], 8);
  });
});

describe('for scrubbing', { timeout: 90_000 }, () => {
  test('there is a picture for every second, and each shows its own', async () => {
    // The whole picture is as red as its second is late: 0 at 0 s, 240 at 40 s.
    const source = await film('ramp.mp4', [
      ...lavfi("color=black:s=320x180:r=10:d=40,format=rgb24,geq=r='6*floor(T)':g=64:b=32"),
      ...['-g', '10', ...x264],
    ]);
    const { sprites } = await runStage(thumbnail, { source }, world);
    expect(sprites).toMatchObject({ everySeconds: 1, count: 40 });
    expect(sprites?.sheets.segments.map(({ name }) => name)).toEqual(['sheet-001.jpg', 'sheet-002.jpg']);
    const vtt = await readFile(pathOf(sprites?.vtt ?? { uri: '' }), 'utf8');
    expect(vtt.startsWith('WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nsprites/sheet-001.jpg#xywh=0,0,256,144\n')).toBe(
      true,
    );
    const folder = pathOf(sprites?.sheets ?? { uri: '' });
    for (const second of [0, 7, 20, 35, 36, 39]) {
      const cue = vtt.split('\n\n')[second + 1] ?? '';
      const [, sheet = '', x = 0, y = 0] = /sprites\/(\S+)#xywh=(\d+),(\d+)/.exec(cue) ?? [];
      const [red = 0] = colourAt(join(folder, sheet), Number(x) + 100, Number(y) + 60);
      expect(Math.abs(red - 6 * second), `second ${second} shows ${red}`).toBeLessThanOrEqual(14);
    }
  });

  test('a film with a key frame only at its beginning has different pictures all the same', async () => {
    const source = await film('one-key.mp4', [
      ...lavfi("color=black:s=320x180:r=10:d=20,format=rgb24,geq=r='12*floor(T)':g=64:b=32"),
      ...['-g', '9999', '-sc_threshold', '0', ...x264],
    ]);
    const { sprites } = await runStage(thumbnail, { source }, world);
    const sheet = join(pathOf(sprites?.sheets ?? { uri: '' }), 'sheet-001.jpg');
    const [early = 0] = colourAt(sheet, 100, 60);
    const [late = 0] = colourAt(sheet, 256 * 5 + 100, 144 * 2 + 60);
    expect([early, late > 180]).toEqual([expect.any(Number), true]);
    expect(early).toBeLessThan(20);
  });
});

test('of a clip there is a picture, which says whose it is, and none for scrubbing', async () => {
  const made = await film('clip.mp4', [...lavfi('testsrc2=s=640x360:r=25:d=3'), ...x264]);
  const source = { ...made, kind: 'clip' as const };
  const { sprites, clipId, width, height } = await runStage(thumbnail, { source, sprites: false }, world);
  expect({ sprites, clipId, width, height }).toEqual({
    sprites: undefined,
    clipId: source.id,
    width: 1_280,
    height: 720,
  });
});

describe('what is no film', () => {
  test('a still is its own thumbnail, cut to cover', async () => {
    const source = await film('still.png', [...lavfi('color=0x3060c0:s=800x800'), '-frames:v', '1'], 'image');
    const made = await runStage(thumbnail, { source }, world);
    expect(made.sprites).toBeUndefined();
    near(colourAt(pathOf(made.thumbnail), 10, 10), [0x30, 0x60, 0xc0]);
  });

  test('sound alone is refused in one sentence', async () => {
    const source = await film('sound.m4a', [...lavfi('sine=d=1'), '-c:a', 'aac']);
    await expect(runStage(thumbnail, { source }, world)).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'no-video',
      message: expect.stringMatching(/has no moving picture, only sound/),
    });
  });

  test.each(['raw', 'image'] as const)('a playlist that calls itself %s reads no other file', async (kind) => {
    const other = await film('secret.mp4', [...lavfi('testsrc2=s=320x180:d=1'), ...x264]);
    const list = `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n${other.uri}\n#EXT-X-ENDLIST\n`;
    await writeFile(at(`${kind}-list.mp4`), list);
    const source = await refOf(at(`${kind}-list.mp4`), kind);
    await expect(runStage(thumbnail, { source }, world)).rejects.toThrow(
      /cannot be read as video|ffmpeg ended|Invalid/,
    );
  });
});
