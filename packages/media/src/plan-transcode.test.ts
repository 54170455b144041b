import { describe, expect, test } from 'vitest';
import type { Chunk } from './chunks.ts';
import { codecString } from './codec-strings.ts';
import { bitDepth, displaySize, dynamicRange, looksVariable, uprightBy } from './display.ts';
import { encoderFor } from './encoders.ts';
import type { Grid } from './grid.ts';
import { planSound } from './plan-sound.ts';
import { type ChunkPlan, neededFilters, planChunk, timescale } from './plan-transcode.ts';
import { parseProbe } from './probe.ts';

const rung = { quality: '720p', width: 1280, height: 720, maxKbits: 3_200, bufferKbit: 6_400 };
const grid: Grid = { rate: { num: 30_000, den: 1_001 }, frames: 3_600, kind: 'constant', why: '' };
const none = { primaries: null, transfer: null, space: null, range: null };
const source = { frames: 180, digest: '', from: 5.989, to: 11.995, widerFrom: 5.8, widerTo: 12.1, seeks: [3.5, null] };
const chunk: Chunk = { index: 1, startFrame: 180, frames: 180, firstSegment: 1, segments: 1, source };
const plan: ChunkPlan = {
  source: '/in/film.mp4',
  picture: { index: 2, timeBase: { num: 1, den: 90_000 }, dynamicRange: 'sdr', fieldOrder: null, color: none },
  ...{ grid, chunk, rungs: [rung], origin: 900, encoder: encoderFor('h264'), bits: 8, seek: 3.5, seenFile: 'seen.txt' },
  output: ({ quality }) => `${quality}.mp4`,
};
const args = (change: Partial<ChunkPlan> = {}) => planChunk({ ...plan, ...change }).args;
const graph = (change: Partial<ChunkPlan> = {}) => {
  const all = args(change);
  return all[all.indexOf('-filter_complex') + 1] as string;
};

describe('the command of a chunk', () => {
  test('opens the film as a stranger, seeks by its own clock, and cuts by its own times', () => {
    const all = args();
    const input = all.indexOf('-i');
    expect(all.slice(0, input).join(' ')).toContain('-protocol_whitelist file,pipe');
    expect(all.slice(0, input).join(' ')).toContain('-copyts -seek_timestamp 1 -ss 3.5 -noaccurate_seek');
    expect(all[input + 1]).toBe('file:/in/film.mp4');
    expect(graph()).toBe(
      '[0:2]trim=start=5.989:end=11.995,settb=expr=1/90000,metadata=mode=add:key=seen:value=1,metadata=mode=print:file=seen.txt,' +
        'settb=expr=1001/30000,setpts=N,split=1[p0];[p0]scale=1280:720:flags=bicubic,setsar=1,format=yuv420p[out0]',
    );
    expect(args({ seek: null })).not.toContain('-ss');
  });

  test('writes fragments of whole segments at their place in the stream, without an edit list', () => {
    const all = args().join(' ');
    expect(all).toContain('-output_ts_offset 6.006 -f mp4 720p.mp4');
    expect(all).toContain('-video_track_timescale 30000');
    expect(all).toMatch(/-movflags \+cmaf\S*\+frag_discont\+negative_cts_offsets/);
    expect(timescale({ num: 25, den: 1 }) % 25).toBe(0);
    expect(timescale({ num: 25, den: 1 })).toBeGreaterThanOrEqual(10_000);
  });

  test('of unequal times puts frames on the grid, counted from the first frame of the film', () => {
    expect(graph({ grid: { ...grid, kind: 'variable' } })).toContain(
      'setpts=PTS-(900),settb=expr=1001/30000000,fps=fps=30000/1001:start_time=6.006:round=near,tpad=stop=180:stop_mode=clone,trim=end_frame=180,setpts=N',
    );
  });

  test('of two fields lets the deinterlacer see its neighbours before the cut', () => {
    expect(graph({ picture: { ...plan.picture, fieldOrder: 'tt' } })).toContain(
      'trim=start=5.8:end=12.1,bwdif=mode=send_frame:deint=all,settb=expr=1/90000,trim=start=5.989:end=11.995,metadata',
    );
  });

  test('of high dynamic range brings it down once, before the renditions part', () => {
    const hlg = graph({
      picture: { ...plan.picture, dynamicRange: 'hlg' },
      rungs: [rung, { ...rung, quality: '480p' }],
    });
    expect(hlg.match(/tonemap=tonemap/g)).toHaveLength(1);
    expect(hlg.indexOf('tonemap=')).toBeLessThan(hlg.indexOf('split='));
    expect(hlg).toContain('tin=arib-std-b67');
    expect(neededFilters({ dynamicRange: 'pq', fieldOrder: 'bb' })).toEqual(['zscale', 'tonemap', 'bwdif']);
    expect(neededFilters({ dynamicRange: 'sdr', fieldOrder: 'progressive' })).toEqual([]);
  });
});

test('the command of the sound makes every track as long as the picture, in one pass', () => {
  const { args } = planSound({
    ...{ source: '/in/a.mkv', startSeconds: 1.4, seconds: 10 },
    tracks: [
      { index: 1, sampleRate: 44_100 },
      { index: 3, sampleRate: 96_000 },
    ],
    ...{ seenFile: (at) => `heard-${at}.txt`, output: (at) => `${at}.mp4` },
  });
  expect(args.filter((arg) => arg === '-i')).toHaveLength(1);
  const graph = args[args.indexOf('-filter_complex') + 1];
  expect(graph).toMatch(
    /^\[0:1\]atrim=start=1\.4,.*aresample=44100:async=1:first_pts=0,.*apad=whole_len=441000,atrim=end_sample=441000\[a0\];\[0:3\].*480000\[a1\]$/,
  );
});

describe('what a viewer sees', () => {
  test('is upright and has square pixels', () => {
    const phone = { width: 1920, height: 1080, sampleAspect: { num: 1, den: 1 }, rotation: 90 as const };
    expect(displaySize(phone)).toEqual({ width: 1080, height: 1920 });
    expect(displaySize({ ...phone, rotation: 0, width: 720, height: 576, sampleAspect: { num: 64, den: 45 } })).toEqual(
      { width: 1024, height: 576 },
    );
    expect(displaySize({ ...phone, rotation: 0, width: 720, height: 480, sampleAspect: { num: 8, den: 9 } })).toEqual({
      width: 720,
      height: 540,
    });
    expect([-90, 90, 180, 0, -270, 450].map(uprightBy)).toEqual([90, 270, 180, 0, 270, 270]);
  });

  test('is told by names: bits, light, frame rates', () => {
    expect(['yuv420p', 'yuv420p10le', 'p010le', 'yuvj422p', 'gray16be', 'rgb48le', 'unknown'].map(bitDepth)).toEqual([
      8, 10, 10, 8, 16, 16, 8,
    ]);
    expect([null, 'bt709', 'smpte2084', 'arib-std-b67'].map(dynamicRange)).toEqual(['sdr', 'sdr', 'pq', 'hlg']);
    const rate = (num: number, den = 1) => ({ num, den });
    expect(looksVariable(rate(30), rate(30), null)).toBe(false);
    expect(looksVariable(rate(24), rate(30), null)).toBe(true);
    expect(looksVariable(rate(25), rate(50), 'tt')).toBe(false);
    expect(looksVariable(rate(25), rate(50), 'progressive')).toBe(true);
    expect(looksVariable(null, rate(50), null)).toBe(false);
  });
});

test('a probe tells film from cover, tracks from each other, and what cannot be sized', () => {
  const video = {
    codec_type: 'video',
    width: 1920,
    height: 1080,
    pix_fmt: 'yuv420p10le',
    time_base: '1/90000',
    start_time: '0.04',
  };
  const seen = parseProbe(
    {
      streams: [
        {
          index: 0,
          codec_name: 'mjpeg',
          codec_type: 'video',
          width: 600,
          height: 600,
          disposition: { attached_pic: 1 },
        },
        {
          ...{
            index: 1,
            codec_name: 'hevc',
            ...video,
            color_transfer: 'smpte2084',
            color_primaries: 'bt2020',
            color_space: 'unknown',
          },
          ...{
            avg_frame_rate: '24000/1001',
            r_frame_rate: '24000/1001',
            sample_aspect_ratio: '4:3',
            field_order: 'progressive',
          },
          side_data_list: [{ side_data_type: 'Display Matrix', rotation: -90 }],
        },
        {
          index: 2,
          codec_name: 'aac',
          codec_type: 'audio',
          sample_rate: '48000',
          channels: 6,
          tags: { language: 'und' },
          disposition: { default: 1 },
        },
        {
          index: 3,
          codec_name: 'opus',
          codec_type: 'audio',
          sample_rate: '48000',
          channels: 2,
          tags: { language: 'deu', title: 'Kommentar' },
        },
        { index: 4, codec_name: 'mjpeg', codec_type: 'video' },
      ],
      format: { format_name: 'matroska', start_time: '0.0', duration: '10.5' },
    },
    'x',
  );
  expect(seen.pictures).toMatchObject([{ codec: 'mjpeg' }]);
  expect(seen.video).toMatchObject([
    {
      ...{
        codec: 'hevc',
        bitDepth: 10,
        dynamicRange: 'pq',
        rotation: 90,
        sampleAspect: { num: 4, den: 3 },
        startSeconds: 0.04,
      },
      color: { primaries: 'bt2020', transfer: 'smpte2084', space: null, range: null },
    },
  ]);
  expect(seen.audio).toMatchObject([
    { channels: 6, language: null, isDefault: true },
    { language: 'deu', title: 'Kommentar', isDefault: false },
  ]);
  expect(seen.other).toEqual([{ type: 'other', index: 4, codec: 'mjpeg', kind: 'video' }]);
});

test('a codec is named by what its header says', () => {
  const header = (name: string, ...bytes: number[]) => Buffer.concat([Buffer.from(`....${name}`), Buffer.from(bytes)]);
  expect(codecString(header('avcC', 1, 0x64, 0, 0x28))).toBe('avc1.640028');
  // Main profile, level 4.0, compatible with Main and Main 10, frames only.
  expect(codecString(header('hvcC', 1, 0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 120))).toBe('hvc1.1.6.L120.90');
  expect(codecString(header('av1C', 0x81, 0x08, 0x40))).toBe('av01.0.08M.10');
  expect(codecString(header('esds'))).toBe('mp4a.40.2');
  expect(() => codecString(Buffer.from('nothing'))).toThrow(/names no codec/);
  expect(() => codecString(header('avcC', 1))).toThrow(/breaks off/);
});
