import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatList, ffmetadata, planRepeat, readPackets } from './plan-album.ts';
import { planStill, readStillCheck } from './plan-still.ts';
import { decideCut, decideGain, planEncode, readMeasure, readSilences } from './plan-track.ts';
import { lineTail, progressReader } from './progress.ts';
import { layTimeline, PACKET_SAMPLES, SAMPLE_RATE } from './timeline.ts';
import { boundaries, judgeAlbum, planLook } from './verify-album.ts';

describe('a timeline', () => {
  const tracks = fc.array(fc.integer({ min: 100, max: 20_000 }), { minLength: 1, maxLength: 20 });
  test('never lets picture and sound drift: every join is within half a frame, whatever the lengths', () => {
    fc.assert(
      fc.property(tracks, fc.constantFrom(24, 25, 30, 50, 60), (packets, fps) => {
        const timeline = layTimeline(
          packets.map((count, at) => ({ orderIndex: at + 1, title: 't', samples: count * PACKET_SAMPLES })),
          fps,
        );
        for (const entry of timeline.entries)
          expect(Math.abs(entry.startFrame / fps - entry.startSeconds)).toBeLessThanOrEqual(0.5 / fps + 1e-9);
        expect(timeline.entries.reduce((sum, entry) => sum + entry.frames, 0)).toBe(timeline.totalFrames);
        expect(timeline.durationSeconds).toBeCloseTo(
          (packets.reduce((sum, count) => sum + count, 0) * PACKET_SAMPLES) / SAMPLE_RATE,
          6,
        );
      }),
    );
  });

  test('refuses a track shorter than a frame', () => {
    expect(() => layTimeline([{ orderIndex: 1, title: 'Blink', samples: 10 }], 30)).toThrow(
      'track 1 (Blink) is shorter than one frame',
    );
  });
});

describe('the plan of a still', () => {
  const still = { image: '/in.png', output: '/out.mp4', width: 1920, height: 1080, fps: 30 };
  test('writes equal headers for every quantizer, so that segments can follow each other', () => {
    const args = (quantizer: number) => planStill({ ...still, quantizer }).args;
    const withoutRatio = (list: readonly string[]) => list.filter((arg) => !arg.startsWith('ipratio'));
    expect(withoutRatio(args(10))).toEqual(withoutRatio(args(3)));
    expect(args(10).join(' ')).toContain('-g 300 -keyint_min 300 -bf 0 -qp 23 -x264-params ipratio=4.4898');
  });

  test('counts frames and different pictures of a segment', () => {
    const crc = '#tb 0: 1/30\n0, 0, 0, 1, 100, 0xaa\n0, 1, 1, 1, 100, 0xaa\n0, 2, 2, 1, 100, 0xbb\n';
    expect(readStillCheck('frame:0\nlavfi.ssim.All=0.987\n', crc)).toEqual({ ssim: 0.987, frames: 3, pictures: 2 });
  });

  test('repeats its segment just often enough', () => {
    const loops = (frames: number) =>
      planRepeat({ orderIndex: 1, segment: 's', segmentFrames: 300, output: 'o', frames, fps: 30 }).args[2];
    expect([1, 300, 301, 5_400].map(loops)).toEqual(['0', '0', '1', '17']);
  });
});

describe('the plan of a track', () => {
  test('brings it to the target loudness, with the limiter only where peaks ask for it', () => {
    expect(decideGain({ integratedLufs: -20, peakDb: -12, samples: 1 })).toEqual({ gainDb: 6, limit: false });
    expect(decideGain({ integratedLufs: -20, peakDb: -3, samples: 1 })).toEqual({ gainDb: 6, limit: true });
    expect(decideGain({ integratedLufs: -10, peakDb: 0, samples: 1 })).toEqual({ gainDb: -4, limit: false });
    expect(decideGain({ integratedLufs: -50, peakDb: -40, samples: 1 })).toEqual({ gainDb: 20, limit: false });
  });

  test('takes silence for silence', () => {
    expect(decideGain({ integratedLufs: -70, peakDb: Number.NEGATIVE_INFINITY, samples: 1 })).toBeNull();
    expect(decideGain({ integratedLufs: Number.NaN, peakDb: 0, samples: 1 })).toBeNull();
    expect(readMeasure('')).toBeNull();
  });

  test('cuts silent edges and a rest shorter than a packet, and nothing in the middle', () => {
    const second = SAMPLE_RATE;
    const silences = readSilences(
      'lavfi.silence_start=0\nlavfi.silence_end=1\nlavfi.silence_start=5\nlavfi.silence_end=6\nlavfi.silence_start=9\n',
    );
    expect(silences.at(-1)).toEqual({ startSeconds: 9, endSeconds: Number.POSITIVE_INFINITY });
    const cut = decideCut(silences, 10 * second);
    expect(cut.startSample).toBe(second);
    expect(cut.samples).toBe(Math.floor((8 * second) / PACKET_SAMPLES) * PACKET_SAMPLES);
    expect(decideCut([], 5 * PACKET_SAMPLES + 7)).toEqual({ startSample: 0, samples: 5 * PACKET_SAMPLES });
    expect(decideCut([{ startSeconds: 0, endSeconds: Number.POSITIVE_INFINITY }], second).samples).toBe(0);
  });

  test('fixes the length last, whatever the filters before it did', () => {
    const plan = planEncode({ wav: 'w', output: 'o', gainDb: 2.5, limit: true, startSample: 100, samples: 2_048 });
    const filters = plan.args[plan.args.indexOf('-af') + 1];
    expect(filters).toMatch(/volume=2\.5dB,alimiter=.*apad=whole_len=2048,atrim=end_sample=2048$/);
  });
});

describe('the plan of an album', () => {
  const timeline = layTimeline(
    [
      { orderIndex: 1, title: 'A; "b" = c#\\', samples: 44_032 },
      { orderIndex: 2, title: 'Two', samples: 44_032 },
    ],
    30,
  );
  test('puts one chapter per track at its first sample, whatever the title holds', () => {
    expect(ffmetadata({ title: 'T', artist: 'C', description: 'line\nline' }, timeline)).toBe(
      ';FFMETADATA1\ntitle=T\nartist=C\nalbum=T\ndescription=line\\\nline\ncomment=line\\\nline\n' +
        '[CHAPTER]\nTIMEBASE=1/44100\nSTART=0\nEND=44032\ntitle=A\\; "b" \\= c\\#\\\\\n' +
        '[CHAPTER]\nTIMEBASE=1/44100\nSTART=44032\nEND=88064\ntitle=Two\n',
    );
  });

  test('lists only plain names', () => {
    expect(concatList(['a-1.mp4'], { ignore_editlist: '1' })).toBe(
      'ffconcat version 1.0\nfile a-1.mp4\noption ignore_editlist 1\n',
    );
    expect(() => concatList(["a.mp4'\nfile /etc/passwd"])).toThrow('not a plain file name');
  });

  test('looks at both sides of every join, and at start and end', () => {
    const list = boundaries(timeline, ['/a.png', '/b.png']);
    expect(list).toEqual([
      { frame: 0, before: null, after: '/a.png' },
      { frame: 30, before: '/a.png', after: '/b.png' },
      { frame: 60, before: '/b.png', after: null },
    ]);
    const [, join] = list;
    if (join)
      expect(planLook({ file: '/f.mp4', boundary: join, width: 16, height: 16, fps: 30 }).args.slice(0, 4)).toEqual([
        '-ss',
        '0.916667',
        '-i',
        'file:/f.mp4',
      ]);
  });

  test('breaks every promise that can be broken with a sentence', () => {
    const empty = { kind: 'video' as const, headers: '', packets: [] };
    const probe = {
      format: 'mp4',
      startSeconds: null,
      durationSeconds: null,
      sizeBytes: 0,
      tags: {},
      video: [],
      pictures: [],
      audio: [],
      other: [],
      chapters: [],
    };
    const found = {
      probe,
      video: empty,
      audio: empty,
      segments: [empty, empty],
      tracks: [empty, empty],
      silences: [],
      looks: [],
    };
    const problems = judgeAlbum({ timeline, width: 16, height: 16, orderedSeconds: 3_600, preview: false }, found).join(
      '\n',
    );
    for (const said of [
      '0 video streams',
      '0 audio streams',
      'minutes while 60 were ordered',
      'lasts 60 to 90',
      '0 chapters instead of 2',
      '0 frames instead of 60',
    ]) {
      expect(problems).toContain(said);
    }
  });

  test('reads packet lists per stream', () => {
    const text =
      '#extradata 0, 45, abc\n#media_type 0: video\n#media_type 1: audio\n0, 0, 0, 512, 9, aaa\n1, 0, 0, 1024, 9, bbb\n0, 512, 512, 512, 9, ccc\n';
    expect(readPackets(text)).toEqual([
      { kind: 'video', headers: 'abc', packets: ['aaa', 'ccc'] },
      { kind: 'audio', headers: '', packets: ['bbb'] },
    ]);
  });
});

describe('what ffmpeg says', () => {
  test('is read in whole blocks, however it is cut into chunks', () => {
    const text =
      'frame=10\nout_time_us=N/A\nspeed=N/A\nprogress=continue\nframe=20\nout_time_us=1500000\ntotal_size=99\nspeed=12.5x\nprogress=end\n';
    const blocks: unknown[] = [];
    const read = progressReader((block) => blocks.push(block));
    for (const character of text) read(character);
    expect(blocks).toEqual([
      { outTimeSeconds: 0, speed: null, frames: 10, bytes: 0 },
      { outTimeSeconds: 1.5, speed: 12.5, frames: 20, bytes: 99 },
    ]);
  });

  test('is kept by its last lines, with an endless line cut', () => {
    const tail = lineTail(2, 10);
    for (let at = 0; at < 1_000; at += 1) tail.push('x'.repeat(1_000));
    tail.push('\none\ntwo\nthree\n');
    expect(tail.last(5)).toEqual(['two', 'three']);
  });
});
