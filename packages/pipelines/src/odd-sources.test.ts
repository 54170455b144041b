/**
 * Sources as people have them: each becomes a correct stream, or is refused at the first attempt with one sentence that says what
 * is wrong with it and what to do. Correct means that every frame is there, once, in its place: the films count their frames.
 */
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError, type Tools } from '@reelfleet/core';
import { openTools, probe as probeFile } from '@reelfleet/media';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { probe } from './stages/probe.ts';
import { transcode } from './stages/transcode.ts';
import { refOf, runStage, type StageWorld, sketchProviders } from './testing.ts';
import { COUNT, countedFrames, counter, makeStream } from './testing-stream.ts';

const tools = openTools({ threads: 2 });
let root: string;
let world: StageWorld;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'odd-sources-'));
  world = { root, tools, providers: sketchProviders(tools) };
});
afterAll(() => rm(root, { recursive: true, force: true }));

const path = (name: string) => join(root, name);
const lavfi = (source: string) => ['-f', 'lavfi', '-i', source];
const quick = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50'];
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index % COUNT);
const SIZE = '128x72';

async function film(name: string, ...args: string[]): Promise<string> {
  await tools.ffmpeg(['-y', ...args, path(name)]);
  return path(name);
}

/** Two chunks at least, so that there are joins. */
const joined = { chunkSegments: 1 };

async function refusal(file: string, using: Tools = tools): Promise<string> {
  const error = await runStage(
    transcode,
    { source: await refOf(file, 'raw'), name: 'clip.mp4' },
    { ...world, tools: using },
  ).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PermanentError);
  const { message } = error as Error;
  expect(message).toContain('clip.mp4');
  expect(message.split('\n')).toHaveLength(1);
  return message;
}

describe('frame rates', () => {
  for (const rate of ['24000/1001', '30000/1001', '60000/1001', '25', '50'] as const) {
    test(`${rate} stays exactly what it is, with every frame once`, async () => {
      const frames = Math.round(8.3 * (Number(rate.split('/')[0]) / Number(rate.split('/')[1] ?? 1)));
      const file = await film('rate.mp4', ...lavfi(counter(SIZE, rate, frames)), ...quick);
      const made = await makeStream(world, file, joined);
      const [num, den = 1] = rate.split('/').map(Number);
      expect(made.plan.grid).toMatchObject({ kind: 'constant', rate: { num, den }, frames });
      expect(made.chunks.length).toBe(2);
      expect(await countedFrames(tools, made.playlist(0), root)).toEqual(numbers(frames));
      const master = await readFile(made.path, 'utf8');
      expect(master).toContain(`FRAME-RATE=${((num as number) / den).toFixed(3)}`);
    });
  }

  test('in Matroska, whose times are whole milliseconds, does not look variable', async () => {
    const file = await film('milli.mkv', ...lavfi(counter(SIZE, '24000/1001', 200)), ...quick);
    const made = await makeStream(world, file, joined);
    expect(made.plan.grid).toMatchObject({ kind: 'constant', rate: { num: 24_000, den: 1_001 }, frames: 200 });
    expect(await countedFrames(tools, made.playlist(0), root)).toEqual(numbers(200));
  });

  test('variable: a grid is chosen once, and each of its slots shows the frame that was to be seen then', async () => {
    // Three seconds at 30, three at 10, two at 30 again.
    const at = (n: number) => (n < 90 ? n / 30 : n < 120 ? 3 + (n - 90) / 10 : 6 + (n - 120) / 30);
    const times = 'if(lt(N\\,90)\\,N/30\\,if(lt(N\\,120)\\,3+(N-90)/10\\,6+(N-120)/30))/TB';
    const file = await film(
      'variable.mp4',
      ...lavfi(`${counter(SIZE, '30', 180)},settb=1/90000,setpts=${times}`),
      ...['-fps_mode', 'vfr', '-video_track_timescale', '90000', ...quick],
    );
    const made = await makeStream(world, file, joined);
    expect(made.plan.grid).toMatchObject({ kind: 'variable', rate: { num: 30, den: 1 }, frames: 240 });
    const shown = Array.from({ length: 240 }, (_, slot) => {
      let n = 0;
      while (n + 1 < 180 && at(n + 1) <= (slot + 0.4) / 30) n += 1;
      return n % COUNT;
    });
    expect(await countedFrames(tools, made.playlist(0), root)).toEqual(shown);
  });
});

describe('pictures', () => {
  test('of 10 bits become 8 for h264', async () => {
    const file = await film('ten.mp4', ...lavfi(counter(SIZE, '25', 30)), '-pix_fmt', 'yuv420p10le', ...quick);
    const made = await makeStream(world, file);
    expect(made.plan.bits).toBe(8);
    const [video] = (await probeFile(tools, made.playlist(0), { trust: 'own' })).video;
    expect(video).toMatchObject({ codec: 'h264', pixelFormat: 'yuv420p' });
    expect(await countedFrames(tools, made.playlist(0), root)).toEqual(numbers(30));
  });

  test('of high dynamic range are brought down to BT.709, or refused where ffmpeg cannot', async () => {
    const colours = 'colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=error';
    const file = await film(
      'hdr.mp4',
      ...lavfi(`testsrc2=s=${SIZE}:r=25:d=1,format=yuv420p10le`),
      ...['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', colours],
      ...['-color_primaries', 'bt2020', '-color_trc', 'smpte2084', '-colorspace', 'bt2020nc'],
    );
    const made = await makeStream(world, file);
    expect(made.plan.picture.dynamicRange).toBe('pq');
    const [video] = (await probeFile(tools, made.playlist(0), { trust: 'own' })).video;
    expect(video).toMatchObject({
      dynamicRange: 'sdr',
      color: { transfer: 'bt709', primaries: 'bt709' },
      bitDepth: 8,
      frames: null,
    });
    const poor: Tools = {
      ...tools,
      ffmpeg: (args, options) =>
        args[0] === '-filters'
          ? Promise.resolve({ stdout: ' .S. tonemap V->V x\n', stderrTail: '', durationMs: 1 })
          : tools.ffmpeg(args, options),
    };
    expect(await refusal(file, poor)).toBe(
      'clip.mp4 is in high dynamic range, and the ffmpeg of this worker has no filter zscale to convert it; install an ffmpeg built with it',
    );
  });

  test('of a phone held upright stand upright', async () => {
    const file = await film('phone.mp4', ...lavfi(`testsrc2=s=256x144:r=25:d=1`), ...quick);
    await rotate(file);
    const made = await makeStream(world, file);
    expect(made.plan.renditions).toMatchObject([{ quality: '144p', width: 144, height: 256 }]);
    const [video] = (await probeFile(tools, made.playlist(0), { trust: 'own' })).video;
    expect(video).toMatchObject({ width: 144, height: 256, rotation: 0 });
    expect(await runStage(probe, { source: await refOf(file, 'raw') }, world)).toMatchObject({
      video: { width: 256, height: 144, rotation: 90, displayWidth: 144, displayHeight: 256 },
    });
  });

  test('of odd dimensions become even, and those of wide samples square', async () => {
    const odd = await film('odd.mp4', ...lavfi('testsrc=s=161x91:r=25:d=1,format=yuv444p'), ...quick);
    expect(await runStage(probe, { source: await refOf(odd, 'raw') }, world)).toMatchObject({
      video: { width: 161, height: 91 },
    });
    expect((await makeStream(world, odd)).plan.renditions).toMatchObject([{ width: 160, height: 90 }]);
    const wide = await film('wide.mp4', ...lavfi('testsrc2=s=144x108:r=25:d=1,setsar=4/3'), ...quick);
    const made = await makeStream(world, wide);
    expect(made.plan.renditions).toMatchObject([{ width: 192, height: 108 }]);
    const [video] = (await probeFile(tools, made.playlist(0), { trust: 'own' })).video;
    expect(video).toMatchObject({ width: 192, height: 108, sampleAspect: { num: 1, den: 1 } });
  });

  test('of two fields become whole ones, one for each frame', async () => {
    const file = await film(
      'fields.ts',
      ...lavfi(`testsrc2=s=${SIZE}:r=50:d=8,tinterlace=interleave_top,fieldorder=tff`),
      ...['-c:v', 'mpeg2video', '-flags', '+ilme+ildct', '-g', '12'],
    );
    const made = await makeStream(world, file, joined);
    expect(made.plan.picture.fieldOrder).toMatch(/^(tt|bb)$/);
    expect(made.plan.grid).toMatchObject({ kind: 'constant', frames: 200, rate: { num: 25, den: 1 } });
    expect(made.chunks.length).toBeGreaterThan(1);
  });

  test('in a transport stream, which has no index to seek by, lose nothing at the joins', async () => {
    const file = await film('broadcast.ts', ...lavfi(counter(SIZE, '30', 500)), ...quick);
    const made = await makeStream(world, file, joined);
    expect(made.chunks).toHaveLength(3);
    expect(await countedFrames(tools, made.playlist(0), root)).toEqual(numbers(500));
  });
});

describe('sound', () => {
  const picture = lavfi(counter(SIZE, '25', 25));

  test('that is not there is not in the playlists', async () => {
    const made = await makeStream(world, await film('mute.mp4', ...picture, ...quick));
    expect(made.sound).toBeNull();
    expect(await readFile(made.path, 'utf8')).not.toMatch(/AUDIO|mp4a/);
  });

  test('of six channels becomes stereo', async () => {
    const file = await film(
      'surround.mp4',
      ...picture,
      ...lavfi('sine=d=1,pan=5.1|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0'),
      ...quick,
    );
    expect(await runStage(probe, { source: await refOf(file, 'raw') }, world)).toMatchObject({
      audio: { channels: 6 },
    });
    const made = await makeStream(world, file);
    const sound = made.stream.sound[0]?.playlist.uri as string;
    expect((await probeFile(tools, new URL(sound).pathname, { trust: 'own' })).audio).toMatchObject([
      { codec: 'aac', channels: 2 },
    ]);
  });

  test('in several tracks is one rendition for each, told apart by language, with one default', async () => {
    const file = await film(
      'tongues.mkv',
      ...[...picture, ...lavfi('sine=300:d=1'), ...lavfi('sine=600:d=1'), ...lavfi('sine=900:d=1')],
      ...[
        '-map',
        '0',
        '-map',
        '1',
        '-map',
        '2',
        '-map',
        '3',
        '-metadata:s:a:0',
        'language=eng',
        '-metadata:s:a:1',
        'language=deu',
      ],
      ...['-disposition:a:0', '0', '-disposition:a:1', 'default', '-disposition:a:2', '0', ...quick],
    );
    const made = await makeStream(world, file);
    const tracks = (await readFile(made.path, 'utf8')).split('\n').filter((line) => line.startsWith('#EXT-X-MEDIA'));
    expect(tracks).toHaveLength(3);
    expect(tracks[0]).toMatch(/NAME="eng",LANGUAGE="eng",DEFAULT=NO/);
    expect(tracks[1]).toMatch(/NAME="deu",LANGUAGE="deu",DEFAULT=YES/);
    expect(tracks[2]).toMatch(/NAME="Sound 3",DEFAULT=NO/);
  });

  test('without a picture is no film, with or without a cover', async () => {
    const said = 'clip.mp4 has sound but no picture, and a stream is made of video: give a video file';
    expect(await refusal(await film('song.m4a', ...lavfi('sine=d=1')))).toBe(said);
    const cover = await film('cover.jpg', ...lavfi('color=red:s=64x64'), '-frames:v', '1');
    const covered = await film(
      'covered.m4a',
      ...[
        ...lavfi('sine=d=1'),
        '-i',
        cover,
        '-map',
        '0',
        '-map',
        '1',
        '-c:v',
        'mjpeg',
        '-disposition:v',
        'attached_pic',
      ],
    );
    expect(await refusal(covered)).toBe(said);
    expect(await runStage(probe, { source: await refOf(covered, 'raw') }, world)).toMatchObject({
      video: null,
      pictures: [{ width: 64 }],
    });
  });
});

describe('what is no whole film', () => {
  const whole = (name: string, ...more: string[]) =>
    film(name, ...lavfi(counter(SIZE, '25', 500)), ...lavfi('sine=d=20'), ...quick, ...more);

  for (const name of ['cut.mp4', 'cut.mkv'] as const) {
    test(`${name}: breaks off, and is not made into a shorter stream`, async () => {
      const file = await whole(name, ...(name.endsWith('mp4') ? ['-movflags', '+faststart'] : []));
      await truncate(file, Math.floor((await readFile(file)).length / 2));
      expect(await refusal(file)).toMatch(
        /^clip\.mp4 breaks off after \d+\.\d s of the 20\.\d s it promises; give the whole file$/,
      );
    });
  }

  test('a film whose index was at the lost end, nothing at all, or a text is not a film', async () => {
    const headless = await whole('headless.mp4');
    await truncate(headless, 20_000);
    await writeFile(path('empty.mp4'), '');
    await writeFile(path('text.mp4'), 'Dear diary, today I recorded nothing.\n');
    for (const file of [headless, path('empty.mp4'), path('text.mp4')])
      expect(await refusal(file)).toMatch(/^clip\.mp4 cannot be read as video or audio; give a whole mp4/);
  });

  test('a playlist that calls itself a film names no other files, here or elsewhere', async () => {
    const secret = await whole('secret.mp4');
    for (const [name, target] of [
      ['passwd.mp4', 'file:///etc/passwd'],
      ['inside.mp4', 'http://169.254.169.254/latest/meta-data/'],
      ['neighbour.mp4', secret],
    ] as const) {
      await writeFile(path(name), `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${target}\n#EXT-X-ENDLIST\n`);
      const said = await refusal(path(name));
      expect(said).toMatch(/cannot be read as video or audio/);
      expect(said).not.toContain('root:');
    }
    await writeFile(path('list.mp4'), `ffconcat version 1.0\nfile ${secret}\n`);
    expect(await refusal(path('list.mp4'))).toMatch(/cannot be read/);
  });

  test('a picture of a hundred million pixels is not unpacked', async () => {
    const still = lavfi('color=black:s=12000x8400:r=1');
    const moving = await film('vast.mp4', ...still, '-frames:v', '1', '-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p');
    expect(await refusal(moving)).toMatch(/^the picture of clip\.mp4 .*more than 35 million pixels/);
    expect(await refusal(await film('vast.png', ...still, '-frames:v', '1'))).toMatch(/cannot be read/);
  });

  test('frames damaged in the middle are told of, not skipped', async () => {
    const file = await whole('scratched.mp4', '-movflags', '+faststart', '-bf', '0');
    const bytes = await readFile(file);
    bytes.fill(0, Math.floor(bytes.length * 0.5), Math.floor(bytes.length * 0.6));
    await writeFile(file, bytes);
    const error = await makeStream(world, file, { name: 'clip.mp4' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PermanentError);
    expect((error as Error).message).toMatch(
      /^clip\.mp4 is damaged: not all of its frames between 0\.0 and 20\.0 s can be decoded/,
    );
  });

  test('junk after the end of a film does no harm', async () => {
    const file = await film('junk.ts', ...lavfi(counter(SIZE, '25', 50)), ...quick);
    await appendFile(file, Buffer.alloc(5_000, 7));
    const made = await makeStream(world, file);
    expect(await countedFrames(tools, made.playlist(0), root)).toEqual(numbers(50));
  });
});

/** Turn a film by a quarter, clockwise, in the matrix of its track header (ISO/IEC 14496-12, 8.3.2). */
async function rotate(file: string): Promise<void> {
  const bytes = await readFile(file);
  const at = bytes.indexOf('tkhd') + 44;
  [0, 0x10000, 0, 0xffff0000, 0, 0, 0, 0, 0x40000000].forEach((value, index) => {
    bytes.writeUInt32BE(value, at + index * 4);
  });
  await writeFile(file, bytes);
}
