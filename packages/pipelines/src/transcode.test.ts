/** The promises of a transcode, on small real films: exact ranges, work resumed where it stopped, nothing called ready unverified. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PermanentError, type Tools } from '@reelfleet/core';
import { openTools, probe as probeFile, ToolError } from '@reelfleet/media';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { transcode } from './stages/transcode.ts';
import { transcodeAudio } from './stages/transcode-audio.ts';
import { transcodeChunk } from './stages/transcode-chunk.ts';
import { transcodeManifest } from './stages/transcode-manifest.ts';
import type { ChunkOutput, StreamPlan } from './stream-parts.ts';
import { newDiary, refOf, runStage, type StageWorld, sketchProviders } from './testing.ts';
import { COUNT, countedFrames, counter, type MadeStream, makeStream } from './testing-stream.ts';

const tools = openTools({ threads: 2 });
const FRAMES = 400;
let root: string;
let world: StageWorld;
let film: string;
let made: MadeStream;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'transcode-test-'));
  world = { root, tools, providers: sketchProviders(tools) };
  film = join(root, 'film.mp4');
  await tools.ffmpeg([
    ...[
      '-y',
      '-f',
      'lavfi',
      '-i',
      counter('854x480', '30000/1001', FRAMES),
      '-f',
      'lavfi',
      '-i',
      'sine=frequency=440:sample_rate=48000:d=13.4',
    ],
    // A key frame every four seconds, not where segments begin, and B frames.
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '120', '-c:a', 'aac', '-b:a', '192k', film],
  ]);
  made = await makeStream(world, film, { chunkSegments: 1 });
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

const md5OfFrames = async (file: string) =>
  (await tools.ffmpeg(['-allowed_extensions', 'ALL', '-i', file, '-map', '0:v:0', '-f', 'framemd5', '-'])).stdout
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => line.split(',').at(-1)?.trim());

describe('a stream', () => {
  test('has every frame of its source once and in order, in every rendition', async () => {
    expect(made.plan.renditions.map(({ quality, width, height }) => [quality, width, height])).toEqual([
      ['480p', 854, 480],
      ['360p', 640, 360],
    ]);
    expect(made.plan.skipped.map(({ quality }) => quality)).toEqual(['2160p', '1440p', '1080p', '720p']);
    expect(made.chunks).toHaveLength(3);
    const numbers = Array.from({ length: FRAMES }, (_, index) => index % COUNT);
    for (const index of [0, 1]) expect(await countedFrames(tools, made.playlist(index), root)).toEqual(numbers);
  });

  test('names one header for all chunks of a rendition, whose headers are the same bytes', async () => {
    for (const index of [0, 1]) {
      const text = await readFile(made.playlist(index), 'utf8');
      expect(text.match(/#EXT-X-MAP/g)).toHaveLength(1);
      const headers = made.chunks.map(({ renditions }) => renditions[index]?.set.segments[0]);
      expect(new Set(headers.map((header) => `${header?.name} ${header?.sha256}`)).size).toBe(1);
    }
  });

  test('says in its playlists what was measured', async () => {
    const master = await readFile(made.path, 'utf8');
    expect(master).toMatch(/RESOLUTION=854x480,FRAME-RATE=29\.970,AUDIO="sound"\n480p\.m3u8\n/);
    expect(master).toMatch(/CODECS="avc1\.64[0-9a-f]{4},mp4a\.40\.2"/);
    const media = await readFile(made.playlist(0), 'utf8');
    expect(media.match(/#EXTINF:6\.006000,/g)).toHaveLength(2);
    expect(media).toContain('#EXTINF:1.334667,'); // the last forty frames
    expect(media).not.toContain('file:');
  });

  test('does not depend on how many threads a worker has, nor on which renditions are encoded together', async () => {
    const [, , chunk] = made.plan.chunks;
    const alone = { ...world, tools: openTools({ threads: 1 }) };
    const again = await runStage(
      transcodeChunk,
      { ...made.plan, renditions: made.plan.renditions.slice(1), chunk },
      alone,
    );
    const sums = (output: ChunkOutput | undefined) =>
      output?.renditions.at(-1)?.set.segments.map(({ sha256 }) => sha256);
    expect(sums(again)).toEqual(sums(made.chunks[2]));
  });

  test.each(['h264', 'hevc'])(
    'in %s that is held back keeps to its cap, though it is made in ranges',
    async (codec) => {
      const grain = join(root, 'grain.mp4');
      const noise = 'testsrc2=s=640x360:r=25:d=12,noise=alls=20:allf=t';
      await tools.ffmpeg(['-y', '-f', 'lavfi', '-i', noise, '-c:v', 'libx264', '-preset', 'ultrafast', grain]);
      const { plan, chunks } = await makeStream(world, grain, { codec, chunkSegments: 1 });
      const [rung] = plan.renditions;
      const kbits = chunks.map(({ renditions: [part] }) => {
        const bytes = part?.set.segments.slice(1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) ?? 0;
        return (bytes * 8) / 6 / 1_000;
      });
      expect(kbits).toHaveLength(2);
      // Begun as a stream begins, a range of this film takes a tenth more.
      for (const one of kbits) {
        expect(one).toBeLessThan((rung?.maxKbits ?? 0) * 1.05);
        expect(one).toBeGreaterThan((rung?.maxKbits ?? 0) * 0.9);
      }
    },
  );

  test('sounds without a break: a tone stays one tone, from the first sample to the last', async () => {
    const raw = join(root, 'tone.f32');
    const list = fileURLToPath(made.stream.sound[0]?.playlist.uri as string);
    await tools.ffmpeg(['-y', '-allowed_extensions', 'ALL', '-i', list, '-ac', '1', '-f', 'f32le', raw]);
    const bytes = await readFile(raw);
    const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    // A pure tone is told by its two last samples: s[n] = 2 cos(w) s[n-1] - s[n-2]. A click is not.
    const twice = 2 * Math.cos((2 * Math.PI * 440) / 48_000);
    let worst = 0;
    const lasts = Math.floor(((FRAMES * 1_001) / 30_000) * 48_000);
    expect(samples.length).toBeGreaterThanOrEqual(lasts);
    for (let n = 4_800; n < lasts - 4_800; n += 1) {
      const foretold = twice * (samples[n - 1] as number) - (samples[n - 2] as number);
      worst = Math.max(worst, Math.abs((samples[n] as number) - foretold));
    }
    expect(Math.max(...samples.subarray(4_800, 9_600))).toBeGreaterThan(0.1);
    expect(worst).toBeLessThan(0.01);
  });

  test('of a part that was decoded anew has the very same frames', async () => {
    const again = await makeStream(world, film, { chunkSegments: 1, qualities: [360] });
    expect(await md5OfFrames(again.playlist(0))).toEqual(await md5OfFrames(made.playlist(1)));
  });
});

describe('a chunk', () => {
  test('whose worker died between two renditions encodes only the one that was not stored', async () => {
    const { plan } = made;
    const [chunk] = plan.chunks;
    const diary = newDiary();
    const crash = new Error('killed');
    const died = runStage(
      transcodeChunk,
      { ...plan, chunk },
      world,
      {
        onPause(point) {
          if (point === 'mid-upload') throw crash;
        },
      },
      diary,
    );
    await expect(died).rejects.toBe(crash);
    const [saved] = diary.checkpoints;
    expect(saved?.units).toBe(1);
    const commands: string[] = [];
    const watched: Tools = {
      ...tools,
      ffmpeg: (args, options) => {
        commands.push(args.join(' '));
        return tools.ffmpeg(args, options);
      },
    };
    const output = await runStage(
      transcodeChunk,
      { ...plan, chunk },
      { ...world, tools: watched },
      { checkpoint: saved?.data },
    );
    expect(commands.filter((command) => command.includes('libx264'))).toHaveLength(1);
    expect(commands.some((command) => command.includes('854:480'))).toBe(false);
    const sums = (made: ChunkOutput | undefined) =>
      made?.renditions.map(({ set }) => set.segments.map(({ sha256 }) => sha256));
    expect(sums(output)).toEqual(sums(made.chunks[0]));
    // All of it stored: nothing is run at all.
    commands.length = 0;
    const full = { ...(saved?.data as object), stored: output.renditions };
    await runStage(transcodeChunk, { ...plan, chunk }, { ...world, tools: watched }, { checkpoint: full });
    expect(commands).toEqual([]);
  });

  test('that does not see the frames of the plan is not stored, however well ffmpeg ended', async () => {
    const { plan } = made;
    const [, chunk] = plan.chunks as [unknown, StreamPlan['chunks'][number]];
    const others = { ...chunk, source: { ...chunk.source, digest: '0'.repeat(64), seeks: [null] } };
    await expect(runStage(transcodeChunk, { ...plan, chunk: others }, world)).rejects.toThrow(
      /^the film is damaged: not all of its frames between 6\.0 and 12\.0 s can be decoded/,
    );
  });

  test.each(['mp4', 'mkv'])(
    'of an %s is decoded from the key frame before it, found by the first seek',
    async (container) => {
      const file = join(root, `seek.${container}`);
      await tools.ffmpeg(['-y', '-i', film, '-map', '0:v', '-c', 'copy', file]);
      const plan = await runStage(transcode, { source: await refOf(file, 'raw'), chunkSegments: 1 }, world);
      const keys = [0, 4.004, 8.008, 12.012];
      for (const chunk of plan.chunks.slice(1)) {
        const [seek] = chunk.source.seeks;
        const begin = chunk.source.from as number;
        const nearest = keys.findLast((key) => key <= begin + 0.02) as number;
        // After the key frame: a seek to before it would be answered with the group before.
        expect(seek).toBeGreaterThan(nearest);
        const only = { ...chunk, source: { ...chunk.source, seeks: [seek] } };
        await runStage(transcodeChunk, { ...plan, renditions: plan.renditions.slice(1), chunk: only }, world);
      }
      expect(plan.chunks).toHaveLength(3);
    },
  );

  test('reads from further before when a seek goes wrong', async () => {
    const { plan } = made;
    const [, chunk] = plan.chunks as [unknown, StreamPlan['chunks'][number]];
    // A seek past the first wanted frame, as a demuxer with a bad index does it.
    const misled = { ...chunk, source: { ...chunk.source, seeks: [10, null] } };
    const output = await runStage(transcodeChunk, { ...plan, chunk: misled }, world);
    expect(output.renditions[0]?.set.segments.map(({ sha256 }) => sha256)).toEqual(
      made.chunks[1]?.renditions[0]?.set.segments.map(({ sha256 }) => sha256),
    );
  });

  const encoding = (args: readonly string[]) => args.includes('libx264');

  test('whose key frames are not where the plan wants them is not stored', async () => {
    const careless: Tools = {
      ...tools,
      ffmpeg: (args, options) =>
        tools.ffmpeg(encoding(args) ? args.map((arg) => (arg === '60' ? '45' : arg)) : args, options),
    };
    const diary = newDiary();
    const [chunk] = made.plan.chunks;
    const run = runStage(transcodeChunk, { ...made.plan, chunk }, { ...world, tools: careless }, {}, diary);
    await expect(run).rejects.toThrow(
      /^480p of chunk 1 of the film is not as planned: frame 45 is or is not a key frame$/,
    );
    expect(diary.checkpoints).toEqual([]);
  });

  test('that cannot be decoded again is not stored, and its encoder is stopped as soon as that is seen', async () => {
    let ended: unknown = 'well';
    const spoilt: Tools = {
      ...tools,
      async ffmpeg(args, options) {
        if (!encoding(args)) return tools.ffmpeg(args, options);
        const noisy = args.flatMap((arg) => (arg === '-c:v' ? ['-bsf:v', 'noise=amount=1000', arg] : [arg]));
        const { signal } = options as { signal: AbortSignal };
        try {
          await tools.ffmpeg(noisy, options);
          // It has come to its end before it was seen; a longer film's has not.
          if (!signal.aborted) await once(signal, 'abort');
          throw signal.reason;
        } catch (error) {
          ended = error;
          throw error;
        }
      },
    };
    const plan = await runStage(transcode, { source: await refOf(film, 'raw'), name: 'the film' }, world);
    const [chunk] = plan.chunks;
    const diary = newDiary();
    const run = runStage(transcodeChunk, { ...plan, chunk }, { ...world, tools: spoilt }, {}, diary);
    const thrown: unknown = await run.catch((error: unknown) => error);
    expect((thrown as Error).message).toMatch(/^ffmpeg ended with exit code/);
    expect(ended).toBe(thrown);
    expect(diary.notes[0]).toBe('ffmpeg, looking at chunk 1 of the film:');
    expect(diary.checkpoints).toEqual([]);
  });

  test('of an announced encoder that puts key frames where it likes is made by software', async () => {
    const stubborn: Tools = {
      ...tools,
      encoders: ['h264_nvenc'],
      ffmpeg: (args, options) => {
        if (!args.includes('h264_nvenc')) return tools.ffmpeg(args, options);
        const before = args.slice(0, args.indexOf('-filter_complex') + 2);
        const folder = dirname((args.at(-1) as string).slice('file:'.length));
        const outputs = made.plan.renditions.flatMap(({ quality }, index) => [
          ...['-map', `[out${index}]`, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '20'],
          ...['-movflags', '+frag_keyframe+empty_moov', join(folder, `${quality}.mp4`)],
        ]);
        return tools.ffmpeg([...before, ...outputs], options);
      },
    };
    const diary = newDiary();
    const [, , chunk] = made.plan.chunks;
    const output = await runStage(transcodeChunk, { ...made.plan, chunk }, { ...world, tools: stubborn }, {}, diary);
    expect(output.encoder).toBe('libx264');
    expect(diary.notes.join('\n')).toMatch(/h264_nvenc failed, going on .*frame 20 is or is not a key frame/);
  });

  test('falls back to software where an announced encoder fails', async () => {
    const broken: Tools = {
      ...tools,
      encoders: ['h264_nvenc'],
      ffmpeg: (args, options) =>
        args.includes('h264_nvenc')
          ? Promise.reject(new ToolError('no device', { code: 'ffmpeg', stderrTail: '' }))
          : tools.ffmpeg(args, options),
    };
    const diary = newDiary();
    const [, , chunk] = made.plan.chunks;
    const output = await runStage(transcodeChunk, { ...made.plan, chunk }, { ...world, tools: broken }, {}, diary);
    expect(output.encoder).toBe('libx264');
    expect(diary.notes.join('\n')).toMatch(/h264_nvenc failed, going on with the software encoder/);
  });
});

describe('the sound', () => {
  test('that an earlier attempt stored is not made again', async () => {
    const diary = newDiary();
    const input = { ...made.plan, tracks: made.plan.sound };
    await runStage(transcodeAudio, input, world, {}, diary);
    const none = { ...world, tools: { ...tools, ffmpeg: () => Promise.reject(new Error('ran')) } as Tools };
    await runStage(transcodeAudio, input, none, { checkpoint: diary.checkpoints[0]?.data });
  });

  test('that starts late or ends early is silence there, and keeps its time', async () => {
    const late = join(root, 'late.mkv');
    await tools.ffmpeg([
      ...[
        '-y',
        '-f',
        'lavfi',
        '-i',
        counter('128x72', '25', 100),
        '-f',
        'lavfi',
        '-itsoffset',
        '1',
        '-i',
        'sine=frequency=1000:d=2',
      ],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'pcm_s16le', late],
    ]);
    const { stream } = await makeStream(world, late);
    const { stderrTail } = await tools.ffmpeg([
      ...['-v', 'info', '-allowed_extensions', 'ALL', '-i', fileURLToPath(stream.sound[0]?.playlist.uri as string)],
      ...['-af', 'silencedetect=n=-40dB:d=0.3', '-f', 'null', '-'],
    ]);
    const times = [...stderrTail.matchAll(/silence_(?:start|end): (-?[\d.]+)/g)].map(([, at]) => Number(at));
    expect(times.some((at) => Math.abs(at - 1) < 0.05)).toBe(true);
    expect(times.some((at) => Math.abs(at - 3) < 0.05)).toBe(true);
    expect(times.at(-1)).toBeCloseTo(4, 0);
  });
});

describe('a manifest', () => {
  const input = () => ({ plan: made.plan, chunks: made.chunks, sound: made.sound });
  const refused = async (change: Partial<ReturnType<typeof input>>) => {
    const error = await runStage(transcodeManifest, { ...input(), ...change }, world).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PermanentError);
    return (error as Error).message;
  };
  const spoilt = (change: (chunk: ChunkOutput) => ChunkOutput) =>
    made.chunks.map((chunk) => (chunk.index === 1 ? change(chunk) : chunk));

  test('is not written when a chunk, a frame, a key frame, a second or a file is missing', async () => {
    expect(await refused({ chunks: made.chunks.slice(1) })).toMatch(/chunk 3 is missing|chunk 1 has frames/);
    expect(await refused({ sound: null })).toMatch(/the sound of the film was not made/);
    const part = (change: (part: ChunkOutput['renditions'][number]) => ChunkOutput['renditions'][number]) =>
      spoilt((chunk) => ({
        ...chunk,
        renditions: chunk.renditions.map((one, index) => (index === 1 ? change(one) : one)),
      }));
    expect(await refused({ chunks: spoilt((chunk) => ({ ...chunk, decoded: chunk.decoded - 1 })) })).toMatch(
      /decoded 179 frames of the source instead of 180/,
    );
    expect(await refused({ chunks: part((one) => ({ ...one, frames: [179] })) })).toMatch(
      /360p has 399 frames instead of 400/,
    );
    expect(await refused({ chunks: part((one) => ({ ...one, keys: 'x' })) })).toMatch(
      /the key frames of 360p are not where those of 480p are/,
    );
    const seconds = part((one) => ({
      ...one,
      set: { ...one.set, segments: one.set.segments.map((member) => ({ ...member, seconds: 5 })) },
    }));
    expect(await refused({ chunks: seconds })).toMatch(/360p lasts \d+\.\d+ s instead of 13\.347 s/);
    const lost = part((one) => ({
      ...one,
      set: { ...one.set, segments: one.set.segments.map((member) => ({ ...member, sizeBytes: 1 })) },
    }));
    expect(await refused({ chunks: lost })).toMatch(/are not there any more, or have other sizes/);
  });

  test('names another header where another encoder took over', async () => {
    const other = made.chunks.map((chunk) =>
      chunk.index === 2
        ? {
            ...chunk,
            renditions: chunk.renditions.map((one) => ({
              ...one,
              set: {
                ...one.set,
                segments: one.set.segments.map((member, at) =>
                  at === 0 ? { ...member, sha256: 'f'.repeat(64) } : member,
                ),
              },
            })),
          }
        : chunk,
    );
    const stream = await runStage(transcodeManifest, { ...input(), chunks: other }, world);
    const text = await readFile(fileURLToPath(stream.renditions[0]?.playlist.uri as string), 'utf8');
    expect(text.match(/#EXT-X-MAP/g)).toHaveLength(2);
  });
});

describe('other codecs', () => {
  for (const [codec, named, decoded] of [
    ['hevc', /^hvc1\.1\.6\.L\d+\.90$/, 'hevc'],
    ['av1', /^av01\.0\.\d\dM\.08$/, 'av1'],
  ] as const) {
    test(`${codec} makes the same stream: every frame once, one header, key frames in their places`, async () => {
      const small = join(root, `small-${codec}.mp4`);
      await tools.ffmpeg([
        '-y',
        '-f',
        'lavfi',
        '-i',
        counter('256x144', '24', 160),
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        small,
      ]);
      const stream = await makeStream(world, small, { codec, chunkSegments: 1 });
      expect(stream.chunks).toHaveLength(2);
      expect(stream.stream.renditions[0]?.codecs).toMatch(named);
      expect((await readFile(stream.playlist(0), 'utf8')).match(/#EXT-X-MAP/g)).toHaveLength(1);
      expect((await probeFile(tools, stream.playlist(0), { trust: 'own' })).video).toMatchObject([{ codec: decoded }]);
      expect(await countedFrames(tools, stream.playlist(0), root)).toEqual(
        Array.from({ length: 160 }, (_, index) => index),
      );
    });
  }
});

test('qualities that the source is too small for, and no others, are one sentence', async () => {
  const asked = runStage(transcode, { source: await refOf(film, 'raw'), name: 'clip', qualities: [1080, 720] }, world);
  await expect(asked).rejects.toThrow(
    'clip: none of the qualities asked for (1080p, 720p) can be made of a source of 854×480; it has enough for 480p, 360p',
  );
});
